"""Pairs, pseudo labels, heads and reports on hand-made features."""

import numpy as np
import polars as pl
import pytest

from visual_relations.artefacts.feature_bank import FeatureBankWriter
from visual_relations.artefacts.workspace import Workspace
from visual_relations.metrics.table import metric_table
from visual_relations.pipelines.crepe import nodes, reporting
from visual_relations.pipelines.crepe.pairs import of_protocol, working_pairs
from visual_relations.pipelines.crepe.params import ComparisonParams, HeadRecipes, ReportParams

DIM = 6
OBJECTS, PREDICATES = ["man", "dog", "hat"], ["holding", "wearing"]
COMPARISON = ComparisonParams(
    models={"labels_only": "none", "uvtranse_image": "image", "crepe": "learned_prompt", "hand": "handcrafted_prompt"},
    seeds=(0, 1),
)
HEADS = {"hidden": 8, "embedding": 4, "training": {"epochs": 2, "batch_size": 16, "loop": {"device": "cpu"}}}


def bank(folder, ids, seed=0):
    rng = np.random.default_rng(seed)
    with FeatureBankWriter(folder, dim=DIM) as writer:
        writer.append(list(ids), rng.normal(size=(len(ids), DIM)))
        return writer.finish()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """12 images of three objects; the predicate of a pair is its parity."""
    tmp = tmp_path_factory.mktemp("world")
    rows = []
    for image in range(12):
        split = "train" if image < 8 else "test"
        for subject in range(3):
            for other in range(3):
                if subject != other:
                    boxes = {f"{end}{side}": 1.0 for end in "so" for side in ("x1", "y1", "x2", "y2")}
                    rows.append(
                        {"pair_id": f"{image}:{subject}:{other}", "image_id": str(image), "split": split, **boxes}
                        | {"subject_index": subject, "object_index": other, "width": 9, "height": 9}
                        | {"subject_class": subject, "object_class": other}
                    )
    candidates = pl.DataFrame(rows)
    annotated = candidates.filter(pl.col("subject_index") == 0).with_columns(
        predicate_class=(pl.col("object_index") - 1).cast(pl.Int16)
    )
    triplets = pl.DataFrame(
        {
            "subject_class": [0, 0],
            "predicate_class": [0, 1],
            "object_class": [1, 2],
            "text": ["man holding dog", "man wearing hat"],
            "count": [8, 8],
        }
    )
    texts = [f"a photo of a {a} and a {b} ." for a in OBJECTS for b in OBJECTS]
    return {
        "candidates": candidates,
        "annotated": annotated,
        "triplets": triplets,
        "vocabulary": {"objects": OBJECTS, "predicates": PREDICATES, "predicate_counts": [8, 8]},
        "union": bank(tmp / "union", candidates["pair_id"]),
        "object_text": bank(tmp / "objects", OBJECTS),
        "triplet_text": bank(tmp / "triplets", triplets["text"]),
        "learned": bank(tmp / "learned", candidates["pair_id"], 1),
        "hand": bank(tmp / "hand", texts),
        "workspace": Workspace(tmp / "work"),
    }


def run_heads(world, pairs, workspace):
    pseudo = nodes.retrieve_pseudo_labels(
        world["union"], world["triplet_text"], world["triplets"], nodes.PseudoLabelParams()
    )
    recipes = HeadRecipes(ours=HEADS, reference=HEADS)
    features = (world["object_text"], world["triplet_text"], world["union"], world["learned"], world["hand"], pseudo)
    inputs = (pairs, world["vocabulary"], *features, "ours", recipes, COMPARISON)
    trained, calibration, history = nodes.train_relation_heads(*inputs, workspace)
    return nodes.predict_relations(*inputs, world["triplets"], trained), calibration, history


def test_working_pairs_keep_annotations_and_draw_background_from_training_images(world):
    pairs = working_pairs(world["annotated"], world["candidates"], world["union"].ids, COMPARISON)
    assert pairs.filter(pl.col("predicate_class").is_not_null()).height == world["annotated"].height
    background = pairs.filter(pl.col("predicate_class").is_null())
    assert background.filter(split="train").height == 8 * 4  # fewer than asked for exist
    assert background.filter(split="test").height == 4 * 4
    assert of_protocol(pairs, "all_pairs")["target"].max() == 2
    assert of_protocol(pairs, "annotated_pairs").height == world["annotated"].height


def test_pairs_without_a_picture_are_not_trained_on_and_get_equal_scores(world, tmp_path):
    kept = world["union"].ids.filter(~world["union"].ids.is_in(["0:0:1", "9:0:1"]))
    pairs = working_pairs(world["annotated"], world["candidates"], kept, COMPARISON)
    assert pairs.filter(~pl.col("readable"), pl.col("predicate_class").is_not_null())["pair_id"].to_list() == [
        "0:0:1",
        "9:0:1",
    ]
    predictions, _, _ = run_heads(world, pairs, Workspace(tmp_path))
    scores = predictions.filter(pair_id="9:0:1", model="crepe", protocol="annotated_pairs")["scores"]
    assert scores.to_list() == [[0.5, 0.5], [0.5, 0.5]]


def test_every_model_protocol_and_seed_predicts_every_pair_once(world):
    pairs = working_pairs(world["annotated"], world["candidates"], world["union"].ids, COMPARISON)
    predictions, calibration, history = run_heads(world, pairs, world["workspace"])
    counts = predictions.group_by("model", "protocol", "seed").agg(pl.len(), pl.col("pair_id").n_unique())
    assert (counts["len"] == counts["pair_id"]).all()
    assert set(counts.filter(protocol="annotated_pairs")["len"]) == {8}
    assert set(counts.filter(protocol="all_pairs")["len"]) == {24}
    sums = predictions.filter(pl.col("model") != "retrieval_top1")["scores"].list.sum()
    np.testing.assert_allclose(sums, 1.0, atol=1e-5)
    assert calibration.height == len(COMPARISON.models) * 2 * 2
    assert set(history["model"]) == set(COMPARISON.models)


def test_heads_do_not_depend_on_the_test_split(world, tmp_path):
    pairs = working_pairs(world["annotated"], world["candidates"], world["union"].ids, COMPARISON)
    predicate = pl.when(pl.col("split") == "test").then(1 - pl.col("predicate_class")).otherwise("predicate_class")
    flipped = pairs.with_columns(predicate_class=predicate)
    ours, calibration, _ = run_heads(world, pairs, Workspace(tmp_path / "a"))
    other, other_calibration, _ = run_heads(world, flipped, Workspace(tmp_path / "b"))
    assert ours.equals(other)
    assert calibration.equals(other_calibration)


def test_the_more_frequent_of_two_triplets_that_read_the_same_stands_for_the_text(world):
    twice = pl.concat([world["triplets"], world["triplets"].with_columns(pl.col("count") * 2)])
    found = nodes.retrieve_pseudo_labels(world["union"], world["triplet_text"], twice, nodes.PseudoLabelParams())
    assert set(found["triplet"]) <= {2, 3}
    assert found.height == len(world["union"])


def test_pseudo_label_quality_and_its_chance_by_hand(world):
    pairs = pl.DataFrame(
        {
            "pair_id": ["a", "b"],
            "image_id": ["a", "b"],
            "split": ["test", "test"],
            "subject_class": [0, 0],
            "object_class": [1, 2],
            "predicate_class": [0, 1],
            "readable": [True, True],
        }
    )
    pseudo = pl.DataFrame({"pair_id": ["a", "b"], "text": ["", ""], "triplet": [0, 0], "similarity": [0.3, 0.3]})
    params = ReportParams(benchmark="toy", place="nowhere")
    table = reporting.measure_pseudo_labels(pairs, pseudo, world["triplets"], params)
    values = {(row["metric"], row["variant"]): row["value"] for row in table.iter_rows(named=True)}
    assert values["subject", "retrieved"] == values["subject", "chance"] == 1.0
    assert values["predicate", "retrieved"] == 0.5
    assert values["triplet", "retrieved"] == values["triplet", "chance"] == 0.5


def test_the_summary_has_one_row_per_model_and_calibration():
    row = {"benchmark": "toy", "model": "crepe", "variant": "none", "protocol": "annotated_pairs"}
    metrics = metric_table(
        [
            {**row, "metric": "mR@20", "value": 0.5, "low": 0.4, "high": 0.6},
            {**row, "metric": "mR@20", "value": 0.4, "seed": 0},
        ]
    )
    summary = reporting.summarise_models(metrics)
    assert summary.height == 1
    assert summary["GT mR@20"].item() == "0.500±.100"
    assert summary["all R@50"].item() is None
