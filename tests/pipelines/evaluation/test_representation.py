"""Probes of relation models: exchanged boxes and pseudo labels by predicate."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from visual_relations.pipelines.evaluation.relations import prediction_table
from visual_relations.pipelines.evaluation.relations_params import RelationEvaluationParams
from visual_relations.pipelines.evaluation.representation import (
    EXCHANGED,
    SHUFFLED,
    exchange_boxes,
    measure_position_probes,
    measure_pseudo_labels_by_predicate,
)

PARAMS = RelationEvaluationParams(benchmark="world", ks=(1, 5))
VOCABULARY = {"objects": ["cat", "dog", "man"], "predicates": ["near", "riding"]}


@pytest.fixture
def pairs():
    rows = [
        ("1:0:1", "1", "test", 0, 1, 0),
        ("1:0:1", "1", "test", 0, 1, 1),  # one pair with two predicates
        ("1:1:2", "1", "test", 1, 2, 1),
        ("2:0:1", "2", "test", 2, 1, 0),
        ("3:0:1", "3", "test", 2, 0, 1),
        ("3:1:0", "3", "test", 0, 2, None),
        ("9:0:1", "9", "train", 0, 1, 0),
    ]
    columns = ["pair_id", "image_id", "split", "subject_class", "object_class", "predicate_class"]
    types = dict.fromkeys(columns[3:], pl.Int16)
    table = pl.DataFrame(rows, schema=columns, orient="row", schema_overrides=types)
    return table.with_columns(readable=pl.lit(value=True))


def test_every_pair_is_shown_another_box_once(pairs):
    shuffled, exchanged = exchange_boxes(pairs, PARAMS)
    for table in (shuffled, exchanged):
        shown = table.filter(split="test")
        assert shown["own_id"].to_list() == ["1:0:1", "1:0:1", "1:1:2", "2:0:1", "3:0:1"]
        assert (shown["own_id"] != shown["pair_id"]).all()
        assert shown.select("own_id", "pair_id").unique()["pair_id"].is_unique().all()
        assert shown.select("subject_class", "predicate_class").rows() == [(0, 0), (0, 1), (1, 1), (2, 0), (2, 1)]
        assert table.filter(split="train").select("own_id", "pair_id").rows() == [("9:0:1", "9:0:1")]
    within = shuffled.filter(image_id="1").select("own_id", "pair_id").unique().sort("own_id")
    assert within["pair_id"].to_list() == ["1:1:2", "1:0:1"]
    picture = pl.col("pair_id").str.split(":").list.first()
    assert exchanged.filter(split="test").filter(picture == pl.col("image_id")).height == 0


def test_predictions_for_exchanged_boxes_are_judged_by_the_pairs_own_labels(pairs):
    boxes = {name: pl.lit(float(n // 2 % 2), pl.Float32) for n, name in enumerate(("sx1", "sy1", "sx2", "sy2"))}
    boxes |= {name.replace("s", "o", 1): value for name, value in boxes.items()}
    relation_pairs = pairs.filter(pl.col("predicate_class").is_not_null()).with_columns(
        subject_index=pl.col("pair_id").str.split(":").list.get(1).cast(pl.Int32),
        object_index=pl.col("pair_id").str.split(":").list.get(2).cast(pl.Int32),
        width=pl.lit(10, pl.Int32),
        height=pl.lit(10, pl.Int32),
        **boxes,
    )
    triplets = pl.DataFrame(schema=dict.fromkeys(("subject_class", "predicate_class", "object_class"), pl.Int16))
    tables = exchange_boxes(pairs, PARAMS)
    predictions = []
    for table in tables:
        # Right for every pair, in the order in which the pairs are shown.
        shown = table.filter(split="test").unique("pair_id", keep="first", maintain_order=True)
        scores = np.eye(2, dtype=np.float32)[shown["predicate_class"].to_numpy()]
        predictions.append(prediction_table("model", "annotated_pairs", 0, shown["pair_id"], scores))
    candidates = relation_pairs.drop("predicate_class").unique("pair_id", maintain_order=True)
    table = measure_position_probes(
        relation_pairs, candidates, VOCABULARY, triplets, tables[0], predictions[0], tables[1], predictions[1], PARAMS
    )
    assert set(table["variant"]) == {SHUFFLED, EXCHANGED}
    # Only the second predicate of the pair that has two is missed.
    recall = table.filter(metric="R@5", seed=0)["value"].to_list()
    assert recall == pytest.approx([(2 / 3 + 1 + 1) / 3] * 2)


def test_pseudo_labels_are_counted_by_predicate(pairs):
    triplets = pl.DataFrame({"predicate_class": [0, 1]}, schema={"predicate_class": pl.Int16})
    pseudo_labels = pl.DataFrame({"pair_id": ["1:0:1", "1:1:2", "2:0:1", "3:0:1", "9:0:1"], "triplet": [0, 1, 1, 1, 0]})
    pseudo_labels = pseudo_labels.with_columns(pl.col("triplet").cast(pl.UInt32))
    table = measure_pseudo_labels_by_predicate(pairs, pseudo_labels, triplets, VOCABULARY, PARAMS)
    test = table.filter(split="test", variant="")
    values = dict(test.select("slice", "value").rows())
    assert values == pytest.approx(
        {"predicate:near": 1 / 2, "predicate:riding": 2 / 3, "macro:predicate": (1 / 2 + 2 / 3) / 2}
    )
    assert dict(test.select("slice", "count").rows())["macro:predicate"] == 5
    assert set(table["variant"]) == {"", "shuffled"}
