"""The steps around the models: items made from relations, chance, and all tables into one scoreboard."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from visual_relations.metrics.matching.items import CELL_SCHEMA, SCORE_SCHEMA, ProbeItem, cell_table
from visual_relations.metrics.table import METRIC_SCHEMA, metric_table
from visual_relations.pipelines.evaluation import nodes
from visual_relations.pipelines.evaluation.params import EvaluationParams, SwappedParams
from visual_relations.pipelines.evaluation.stored import stored

SWAPPED = SwappedParams(benchmark="sample_world/swapped", per_predicate=2)
PARAMS = EvaluationParams(swapped=SWAPPED, controls=("chance",))
VOCABULARY = {"objects": ["cat", "dog", "man"], "predicates": ["near", "riding"]}


def pairs(*rows):
    columns = ["image_id", "subject_class", "predicate_class", "object_class", "split"]
    table = pl.DataFrame([(*row, "test")[:5] for row in rows], schema=columns, orient="row")
    return table.with_columns(pair_id=pl.concat_str("image_id", pl.int_range(pl.len()), separator=":"))


IMAGES = pl.DataFrame({"image_id": ["1", "2", "3"], "file_name": ["1.jpg", "2.jpg", "3.jpg"]})


def texts(cells):
    return {(image, text) for image, text, gold in cells.select("image", "text", "gold").rows() if gold}


def test_swapped_items_exchange_subject_and_object_of_relations_that_hold_one_way_only():
    relations = pairs(
        ("1", 2, 1, 1),  # man riding dog
        ("1", 0, 0, 1),  # cat near dog, and the other way round: not asked
        ("1", 1, 0, 0),
        ("2", 0, 0, 2),  # cat near man
        ("2", 0, 0, 2),  # the same again: asked once
        ("2", 1, 0, 1),  # dog near dog: nothing to exchange
        ("3", 0, 1, 1, "train"),
    )
    cells = nodes.make_swapped_probes(relations, IMAGES, VOCABULARY, SWAPPED)
    assert dict(cells.schema) == CELL_SCHEMA
    assert texts(cells) == {("1.jpg", "man riding dog"), ("2.jpg", "cat near man")}
    assert set(cells.filter(~pl.col("gold"))["text"]) == {"dog riding man", "man near cat"}


def test_swapped_items_are_limited_per_predicate_and_repeatable():
    relations = pairs(*((image, 0, 0, 1) for image in ("1", "2", "3")))
    cells = nodes.make_swapped_probes(relations, IMAGES, VOCABULARY, SWAPPED)
    assert cells["item"].n_unique() == 2
    assert cells.equals(nodes.make_swapped_probes(relations, IMAGES, VOCABULARY, SWAPPED))


@pytest.fixture
def cells():
    items = [ProbeItem(str(n), (f"{n}.jpg",), ("a", "b"), ((True, False),), ("piece:x",)) for n in range(400)]
    return cell_table("valse", "test", items)


def test_chance_is_right_half_of_the_time(cells):
    scores = nodes.score_by_chance(cells, PARAMS)
    assert dict(scores.schema) == SCORE_SCHEMA
    table = nodes.measure_matching(cells, scores)
    value = table.filter(metric="pairwise_accuracy", slice="micro")["value"][0]
    assert value == pytest.approx(0.5, abs=4 * 0.5 / len(cells["item"].unique()) ** 0.5)


def test_scores_that_do_not_exist_yet_are_no_hindrance(cells):
    chance = nodes.score_by_chance(cells, PARAMS)
    retrieval = metric_table([{"benchmark": "flickr30k", "model": "m", "metric": "TR@1", "value": 0.5}])
    empty = (pl.DataFrame(schema=SCORE_SCHEMA), pl.DataFrame(schema=METRIC_SCHEMA))
    table = nodes.measure_matching(cells, chance, retrieval, *empty)
    assert table.equals(nodes.measure_matching(cells, chance, retrieval))
    assert "TR@1" in table["metric"].to_list()


def test_the_scoreboard_is_written_in_four_ways(cells):
    measured = nodes.measure_matching(cells, nodes.score_by_chance(cells, PARAMS))
    published = metric_table(
        [{"benchmark": "valse", "model": "them", "metric": "pairwise_accuracy", "slice": "micro", "value": 0.9}]
    )
    table = nodes.compare_with_published(PARAMS, published, measured)
    page, csv, markdown, latex = nodes.write_scoreboard(table, PARAMS)
    assert "them" in page
    assert pl.read_csv(csv.encode()).height == table.height
    assert "| chance | controls |" in markdown
    assert r"\begin{tabular}" in latex


def test_stored_work_is_checked_for_its_size(tmp_path):
    with pytest.raises(ValueError, match="1 rows of x for 2 inputs"):
        stored(tmp_path, 4, 2, lambda rows: {"x": np.zeros(1)}, "things", "things")
    assert stored(tmp_path / "none", 0, 2, lambda rows: {"x": np.zeros(1)}, "things", "things") == {}
