"""Steps that turn relation predictions into metric tables, with the controls every model stands beside.

Legend: P pairs, C score columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from visual_relations.metrics import calibration
from visual_relations.metrics.relations import RelationReport, evaluate_relations
from visual_relations.metrics.relations.frequency import FrequencyPrior
from visual_relations.metrics.relations.tables import PairLayout
from visual_relations.pipelines.evaluation.relations_params import RelationEvaluationParams

ALL_PAIRS = "all_pairs"
UNCALIBRATED = "none"
TRIPLET = ["subject_class", "object_class", "predicate_class"]
PREDICTION_SCHEMA = {
    "model": pl.String(),
    "protocol": pl.String(),
    "seed": pl.Int32(),
    "pair_id": pl.String(),
    "scores": pl.List(pl.Float32()),
}


def predict_controls(
    relation_pairs: pl.DataFrame,
    candidate_pairs: pl.DataFrame,
    vocabulary: dict[str, Any],
    params: RelationEvaluationParams,
) -> pl.DataFrame:
    """Predictions without a model: the training frequencies of predicates given both labels, and chance.

    Args:
        relation_pairs: Annotated pairs of all splits.
        candidate_pairs: All ordered pairs of all splits.
        vocabulary: Class names.
        params: Which split and protocols.

    Returns:
        `relation_predictions` of the models "frequency_prior" and "chance".
    """
    parts = []
    for protocol in params.protocols:
        background = protocol == ALL_PAIRS
        pairs = _protocol_pairs(relation_pairs, candidate_pairs, protocol, params.split)
        prior = _frequency_prior(relation_pairs, candidate_pairs, vocabulary, background=background)
        scores_PC = prior.probabilities(pairs["subject_class"].to_numpy(), pairs["object_class"].to_numpy())
        parts.append(prediction_table("frequency_prior", protocol, params.control_seed, pairs["pair_id"], scores_PC))
        rng = np.random.default_rng(params.control_seed)
        random_PC = rng.standard_exponential(scores_PC.shape, dtype=np.float32)
        random_PC /= random_PC.sum(1, keepdims=True)
        parts.append(prediction_table("chance", protocol, params.control_seed, pairs["pair_id"], random_PC))
    return pl.concat(parts)


def prediction_table(
    model: str, protocol: str, seed: int, pair_ids: pl.Series, scores_PC: npt.NDArray[np.float32]
) -> pl.DataFrame:
    """One model's uncalibrated softmax as rows of `relation_predictions`."""
    scores = pl.Series("scores", scores_PC, dtype=pl.Array(pl.Float32, scores_PC.shape[1])).cast(pl.List(pl.Float32))
    constants = {"model": model, "protocol": protocol, "seed": seed}
    table = pl.DataFrame({"pair_id": pair_ids, "scores": scores})
    return table.with_columns(pl.lit(value).alias(name) for name, value in constants.items()).select(
        pl.col(name).cast(dtype) for name, dtype in PREDICTION_SCHEMA.items()
    )


def score_matrix(scores: pl.Series) -> npt.NDArray[np.float32]:
    """The scores column of one run as a matrix, (P, C).

    Raises:
        ValueError: If rows have different lengths or there is none.
    """
    if scores.dtype != pl.List:
        scores = scores.cast(pl.List(pl.Float32))
    widths = scores.list.len().unique().to_list()
    if len(widths) != 1:
        raise ValueError(f"scores of one run must all have one length, not {sorted(widths)}")
    return scores.explode().to_numpy().reshape(len(scores), widths[0]).astype(np.float32, copy=False)


def evaluate_relation_predictions(
    relation_pairs: pl.DataFrame,
    candidate_pairs: pl.DataFrame,
    vocabulary: dict[str, Any],
    triplet_vocabulary: pl.DataFrame,
    relation_predictions: pl.DataFrame,
    control_predictions: pl.DataFrame,
    predicate_calibration: pl.DataFrame,
    params: RelationEvaluationParams,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Measure every model, calibration, seed and protocol.

    Args:
        relation_pairs: Annotated pairs of all splits.
        candidate_pairs: All ordered pairs of all splits.
        vocabulary: Class names.
        triplet_vocabulary: Training triplets; the others are the zero-shot triplets.
        relation_predictions: Uncalibrated scores of the models.
        control_predictions: Those of the controls.
        predicate_calibration: Label frequencies by model, protocol, seed and method.
        params: Split and cut-offs.

    Returns:
        Metric tables: overall, and per predicate (with the predicate as slice). Rows with a seed are single runs; rows
        without are the mean over seeds, with `low` and `high` the smallest and largest seed.
    """
    annotated = relation_pairs.filter(pl.col("split") == params.split)
    unseen = annotated.join(triplet_vocabulary, on=TRIPLET, how="anti").select(TRIPLET).unique()
    overall, per_predicate = [], []
    for part in (relation_predictions, control_predictions):
        for labels, predictions in _runs(part):
            pairs = _protocol_pairs(relation_pairs, candidate_pairs, labels["protocol"], params.split)
            reports = _reports(annotated, pairs, unseen, predictions, predicate_calibration, labels, params)
            for variant, report in reports:
                named = {"benchmark": params.benchmark, "split": params.split, "variant": variant, **labels}
                overall.append(report.summary(**named))
                per_predicate.append(report.per_predicate(vocabulary["predicates"], **named))
    return over_seeds(pl.concat(overall)), over_seeds(pl.concat(per_predicate))


def over_seeds(metrics: pl.DataFrame) -> pl.DataFrame:
    """Add a row without seed for the mean over seeds, `low` and `high` being the smallest and largest."""
    keys = [name for name in metrics.columns if name not in ("seed", "value", "count", "low", "high")]
    value = pl.col("value")
    means = metrics.group_by(keys, maintain_order=True).agg(
        value.mean(), pl.col("count").first(), value.min().alias("low"), value.max().alias("high")
    )
    return pl.concat([means.with_columns(seed=pl.lit(None, pl.Int64)).select(metrics.columns), metrics])


def _frequency_prior(
    relation_pairs: pl.DataFrame, candidate_pairs: pl.DataFrame, vocabulary: dict[str, Any], *, background: bool
) -> FrequencyPrior:
    counted = relation_pairs.filter(pl.col("split") == "train").select(
        "subject_class", "object_class", pl.col("predicate_class").cast(pl.Int64) + int(background)
    )
    if background:
        overlapping = candidate_pairs.filter(
            pl.col("split") == "train",
            pl.min_horizontal("sx2", "ox2") > pl.max_horizontal("sx1", "ox1"),
            pl.min_horizontal("sy2", "oy2") > pl.max_horizontal("sy1", "oy1"),
        ).join(relation_pairs, on="pair_id", how="anti")
        empty = overlapping.select("subject_class", "object_class", predicate_class=pl.lit(0, pl.Int64))
        counted = pl.concat([counted, empty])
    subject, target, predicate = (counted[n].to_numpy() for n in ("subject_class", "object_class", "predicate_class"))
    n_objects, n_classes = len(vocabulary["objects"]), len(vocabulary["predicates"]) + background
    prior = FrequencyPrior.fit(subject, target, predicate, n_objects, n_classes)
    return prior.with_background() if background else prior


def _protocol_pairs(
    relation_pairs: pl.DataFrame, candidate_pairs: pl.DataFrame, protocol: str, split: str
) -> pl.DataFrame:
    """Candidates of a protocol, each once."""
    if protocol == ALL_PAIRS:
        return candidate_pairs.filter(pl.col("split") == split)
    pairs = relation_pairs.filter(pl.col("split") == split, pl.col("subject_index") != pl.col("object_index"))
    return pairs.unique("pair_id", keep="first", maintain_order=True).drop("predicate_class")


def _runs(predictions: pl.DataFrame) -> Iterator[tuple[dict[str, Any], pl.DataFrame]]:
    keys = ["model", "protocol", "seed"]
    for values, rows in predictions.group_by(keys, maintain_order=True):
        yield dict(zip(keys, values, strict=True)), rows


def _reports(
    annotated: pl.DataFrame,
    pairs: pl.DataFrame,
    unseen: pl.DataFrame,
    predictions: pl.DataFrame,
    predicate_calibration: pl.DataFrame,
    labels: dict[str, Any],
    params: RelationEvaluationParams,
) -> Iterator[tuple[str, RelationReport]]:
    """One report without and one with each stored calibration of this run."""
    if labels["protocol"] == ALL_PAIRS:  # a model may prune candidates; what it did not score is not ranked
        pairs = pairs.join(predictions.select("pair_id"), on="pair_id", how="semi")
    layout, background = PairLayout.from_tables(annotated, pairs), labels["protocol"] == ALL_PAIRS
    scores_PC = score_matrix(predictions["scores"])
    stored = predicate_calibration.filter(*(pl.col(name) == value for name, value in labels.items()))
    variants = {UNCALIBRATED: scores_PC} | {
        row["method"]: calibration.apply(row["method"], scores_PC, np.array(row["frequency"]))
        for row in stored.iter_rows(named=True)
    }
    triplets = unseen.to_numpy().astype(np.int64)
    for variant, scores in variants.items():
        candidates = layout.candidates(predictions["pair_id"], scores, background=background)
        yield variant, evaluate_relations(layout.graphs, candidates, params.ks, triplets)
