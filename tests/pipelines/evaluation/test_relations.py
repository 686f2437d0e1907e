"""From tables to metric tables: the hand-computed example, seeds, calibration and controls."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from visual_relations.metrics.table import METRIC_SCHEMA
from visual_relations.pipelines.evaluation.relations import (
    evaluate_relation_predictions,
    over_seeds,
    predict_controls,
    prediction_table,
)
from visual_relations.pipelines.evaluation.relations_params import RelationEvaluationParams

PARAMS = RelationEvaluationParams(benchmark="hand", ks=(1, 2))
N_PREDICATES = 50
VOCABULARY = {"objects": [f"thing {i}" for i in range(4)], "predicates": [f"relation {i}" for i in range(N_PREDICATES)]}
# Image A: a man and two shirts, one the twin of the other; image B: a man and a dog. x1, y1, x2, y2, class.
IMAGES = {
    "A": [(0, 0, 100, 200, 1), (10, 50, 90, 150, 2), (12, 52, 92, 152, 2)],
    "B": [(0, 0, 50, 50, 1), (200, 200, 260, 260, 3)],
}
TRUTH = [("A", 0, 1, 48), ("A", 0, 1, 20), ("A", 0, 1, 48), ("B", 0, 1, 48)]
SCORES = {("A", 0, 2): (48, 0.9), ("A", 0, 1): (20, 0.8), ("B", 0, 1): (31, 0.6), ("B", 1, 0): (48, 0.5)}


def pair(image: str, subject: int, target: int, split: str) -> dict[str, object]:
    row: dict[str, object] = {"pair_id": f"{image}:{subject}:{target}", "image_id": image, "split": split}
    row |= {"subject_index": subject, "object_index": target}
    for side, index in (("s", subject), ("o", target)):
        *box, class_id = IMAGES[image][index]
        row |= dict(zip((f"{side}x1", f"{side}y1", f"{side}x2", f"{side}y2"), box, strict=True))
        row["subject_class" if side == "s" else "object_class"] = class_id
    return row


def tables(split: str = "test") -> tuple[pl.DataFrame, pl.DataFrame]:
    relations = [pair(i, s, o, split) | {"predicate_class": p - 1} for i, s, o, p in TRUTH]
    candidates = [
        pair(image, s, o, split)
        for image, objects in IMAGES.items()
        for s in range(len(objects))
        for o in range(len(objects))
        if s != o
    ]
    small = dict.fromkeys(("subject_class", "object_class", "predicate_class"), pl.Int16)
    return pl.DataFrame(relations, schema_overrides=small), pl.DataFrame(candidates).cast(
        dict.fromkeys(("subject_class", "object_class"), pl.Int16)
    )


def hand_scores(candidates: pl.DataFrame) -> np.ndarray:
    scores = np.zeros((candidates.height, N_PREDICATES + 1), np.float32)
    for row, (image, s, o) in enumerate(candidates.select("image_id", "subject_index", "object_index").iter_rows()):
        predicate, score = SCORES.get((image, s, o), (31, 0.1))
        scores[row, predicate] = score
    return scores


def triplets(relations: pl.DataFrame) -> pl.DataFrame:
    return relations.select("subject_class", "predicate_class", "object_class").unique()


NO_CALIBRATION = pl.DataFrame(
    schema={
        "model": pl.String,
        "protocol": pl.String,
        "seed": pl.Int32,
        "method": pl.String,
        "frequency": pl.List(pl.Float64),
    }
)


def value(metrics: pl.DataFrame, metric: str, **where: object) -> float:
    rows = metrics.filter(pl.col("metric") == metric, *(pl.col(k).eq_missing(pl.lit(v)) for k, v in where.items()))
    assert rows.height == 1, rows
    return rows["value"][0]


def evaluate(
    predictions: pl.DataFrame, calibration: pl.DataFrame = NO_CALIBRATION
) -> tuple[pl.DataFrame, pl.DataFrame]:
    relations, candidates = tables()
    return evaluate_relation_predictions(
        relations, candidates, VOCABULARY, triplets(relations), predictions, predictions.clear(), calibration, PARAMS
    )


def test_the_hand_computed_example_through_the_tables() -> None:
    _, candidates = tables()
    shuffled = candidates.sample(fraction=1, shuffle=True, seed=3)
    predictions = prediction_table("hand", "all_pairs", 0, shuffled["pair_id"], hand_scores(shuffled))
    overall, per_predicate = evaluate(predictions)
    assert dict(overall.schema) == METRIC_SCHEMA
    expected = {"R@1": 1 / 3, "R@2": 0.5, "mR@1": 0.01, "mR@2": 0.03, "A@1": 0.25, "A@2": 0.25}
    for metric, number in expected.items():
        assert value(overall, metric, seed=0) == pytest.approx(number)
    # Predicate 48 (position 47): half of image A and nothing of image B at first, everything of A later.
    assert value(per_predicate, "mR@1", seed=0, slice="relation 47") == pytest.approx(0.5)


def test_seeds_are_averaged_with_their_extremes_and_single_runs_stay() -> None:
    rows = {"benchmark": "b", "model": "m", "metric": "R@1", "slice": "all"}
    from visual_relations.metrics.table import metric_table

    table = over_seeds(metric_table([rows | {"seed": seed, "value": seed / 10, "count": 7} for seed in (1, 2, 6)]))
    mean = table.filter(pl.col("seed").is_null())
    assert mean.select("value", "low", "high", "count").row(0) == pytest.approx((0.3, 0.1, 0.6, 7))
    assert table.filter(pl.col("seed").is_not_null()).height == 3


def test_a_stored_calibration_adds_a_variant_that_changes_the_prediction() -> None:
    _, candidates = tables()
    scores = hand_scores(candidates)
    scores[:, 20] += 0.05
    predictions = prediction_table("hand", "all_pairs", 0, candidates["pair_id"], scores)
    frequency = np.ones(N_PREDICATES + 1)
    frequency[20] = 1e-3
    calibration = pl.DataFrame(
        {"model": ["hand"], "protocol": ["all_pairs"], "seed": [0], "method": ["train_est"], "frequency": [frequency]},
        schema=NO_CALIBRATION.schema,
    )
    overall, _ = evaluate(predictions, calibration)
    assert value(overall, "R@2", seed=0, variant="none") == pytest.approx(0.5)
    assert value(overall, "R@2", seed=0, variant="train_est") == pytest.approx(1 / 6)


def test_controls_of_both_protocols_use_training_pairs_only() -> None:
    relations, candidates = tables("train")
    test_relations, test_candidates = tables("test")
    both = pl.concat([relations, test_relations.with_columns(predicate_class=pl.lit(5, pl.Int16))])
    controls = predict_controls(both, pl.concat([candidates, test_candidates]), VOCABULARY, PARAMS)
    prior = controls.filter(pl.col("model") == "frequency_prior")
    annotated = prior.filter(pl.col("protocol") == "annotated_pairs")
    assert annotated["pair_id"].to_list() == ["A:0:1", "B:0:1"]
    best = annotated["scores"].list.arg_max().to_list()
    assert best == [47, 47]  # 48 twice and 20 once in training; the test pairs' 5 never counts
    everything = prior.filter(pl.col("protocol") == "all_pairs")
    assert everything["scores"].list.len().unique().to_list() == [N_PREDICATES + 1]
    assert set(controls["model"]) == {"frequency_prior", "chance"}


def test_a_pair_without_scores_is_named() -> None:
    _, candidates = tables()
    one = candidates.filter(pl.col("pair_id") == "A:0:1")
    predictions = prediction_table("hand", "annotated_pairs", 0, one["pair_id"], hand_scores(one)[:, 1:])
    with pytest.raises(ValueError, match=r"1 pairs have no scores, e\.g\. B:0:1"):
        evaluate(predictions)
