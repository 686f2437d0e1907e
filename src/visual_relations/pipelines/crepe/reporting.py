"""Tables about a run of CREPE: quality of the pseudo labels, confusions, pictures to show, a summary of the models.

Legend: N pairs, C score columns, K best predictions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from visual_relations.metrics import calibration
from visual_relations.metrics.table import metric_table
from visual_relations.pipelines.crepe.params import ReportParams

ANNOTATED = "annotated_pairs"
TITLES = {"annotated_pairs": "GT", "all_pairs": "all"}
PARTS = ("subject", "predicate", "object")
SHOWN = {"annotated_pairs": ("mR@20", "R@20", "A@20"), "all_pairs": ("mR@50", "R@50", "ng-R@50", "zR@50")}


def measure_pseudo_labels(
    crepe_pairs: pl.DataFrame, pseudo_labels: pl.DataFrame, triplet_vocabulary: pl.DataFrame, params: ReportParams
) -> pl.DataFrame:
    """How often the retrieved triplet names what is annotated.

    Returns:
        Metric table: share of annotated relations whose subject, predicate, object or all three were retrieved
        (variant "retrieved"), and the same with the retrieved triplets shuffled among the pairs (variant "chance").
    """
    found = triplet_vocabulary.with_row_index("triplet").select("triplet", *(f"{part}_class" for part in PARTS))
    joined = (
        crepe_pairs.filter(pl.col("predicate_class").is_not_null(), "readable")
        .join(pseudo_labels, on="pair_id")
        .join(found, on="triplet", suffix="_found")
    )
    rows: list[dict[str, Any]] = []
    for (split,), part in joined.group_by("split", maintain_order=True):
        measured = {name: [f"{name}_class"] for name in PARTS} | {"triplet": [f"{name}_class" for name in PARTS]}
        for name, columns in measured.items():
            values = {"retrieved": _agreement(part, columns), "chance": _chance_agreement(part, columns)}
            labels = {"benchmark": params.benchmark, "split": split, "model": "pseudo_labels", "metric": name}
            rows += [{**labels, "variant": v, "value": value, "count": part.height} for v, value in values.items()]
    return metric_table(rows)


def count_confusions(
    crepe_pairs: pl.DataFrame,
    relation_predictions: pl.DataFrame,
    predicate_calibration: pl.DataFrame,
    vocabulary: dict[str, Any],
    params: ReportParams,
) -> pl.DataFrame:
    """Annotated against predicted predicate on annotated pairs, all seeds: `truth`, `predicted`, `count`."""
    best = _best(relation_predictions, predicate_calibration, params, 1)
    truth = crepe_pairs.filter(pl.col("predicate_class").is_not_null()).select("pair_id", "predicate_class")
    joined = truth.join(best.explode("classes"), on="pair_id")
    named = joined.select(
        truth=_names(joined["predicate_class"], vocabulary["predicates"]),
        predicted=_names(joined["classes"], vocabulary["predicates"]),
    )
    return named.group_by("truth", "predicted").agg(count=pl.len()).sort("truth", "predicted")


def choose_gallery(
    crepe_pairs: pl.DataFrame,
    relation_pairs: pl.DataFrame,
    images: pl.DataFrame,
    relation_predictions: pl.DataFrame,
    predicate_calibration: pl.DataFrame,
    vocabulary: dict[str, Any],
    params: ReportParams,
) -> pl.DataFrame:
    """Draw pairs of predicted images, one per image and in turn over the predicates, with their best predictions.

    Returns:
        The gallery table of `plots/gallery.py` with `file_name`.
    """
    readable = crepe_pairs.filter("readable").select("pair_id").unique()
    best = _best(relation_predictions, predicate_calibration, params, 3).unique("pair_id", keep="first")
    pairs = relation_pairs.join(readable, on="pair_id", how="semi").join(best, on="pair_id", maintain_order="left")
    truths = pairs.group_by("pair_id").agg(truths=pl.col("predicate_class").unique(maintain_order=True))
    drawn = (
        pairs.sample(fraction=1.0, shuffle=True, seed=params.gallery_seed)
        .unique("image_id", keep="first", maintain_order=True)
        .with_columns(turn=pl.int_range(pl.len()).over("predicate_class"))
        .sort("turn", maintain_order=True)
        .head(params.gallery_images)
        .join(truths, on="pair_id", maintain_order="left")
        .join(images.select("image_id", "file_name"), on="image_id", maintain_order="left")
    )
    return drawn.select(
        "file_name",
        "shares",
        *(f"{end}{side}" for end in "so" for side in ("x1", "y1", "x2", "y2")),
        title=pl.format("image {}", "image_id"),
        subject=_names(drawn["subject_class"], vocabulary["objects"]),
        object=_names(drawn["object_class"], vocabulary["objects"]),
        truths=_name_lists(drawn["truths"], vocabulary["predicates"]),
        names=_name_lists(drawn["classes"], vocabulary["predicates"]),
    )


def summarise_models(relation_metrics: pl.DataFrame) -> pl.DataFrame:
    """One row per model and calibration: means over seeds, ± half the distance between the extreme seeds."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for row in relation_metrics.filter(pl.col("seed").is_null()).iter_rows(named=True):
        if row["metric"] in SHOWN.get(row["protocol"], ()):
            cells = rows.setdefault((row["model"], row["variant"]), {})
            cells[f"{TITLES[row['protocol']]} {row['metric']}"] = (
                f"{row['value']:.3f}{_spread(row['low'], row['high'])}"
            )
    columns = [f"{TITLES[protocol]} {name}" for protocol, names in SHOWN.items() for name in names]
    records = [
        {"model": model, "calibration": variant, **{name: cells.get(name) for name in columns}}
        for (model, variant), cells in rows.items()
    ]
    return pl.DataFrame(records, schema=dict.fromkeys(["model", "calibration", *columns], pl.String))


def _spread(low: float | None, high: float | None) -> str:
    """Half the distance between the extreme seeds; nothing where there is but one."""
    if low is None or high is None or low == high:
        return ""
    return f"±{(high - low) / 2:.3f}".replace("±0.", "±.")


def _agreement(pairs: pl.DataFrame, columns: list[str]) -> float:
    same = pl.all_horizontal(pl.col(name) == pl.col(f"{name}_found") for name in columns)
    return float(pairs.select(same.mean()).item() or 0.0)


def _chance_agreement(pairs: pl.DataFrame, columns: list[str]) -> float:
    """Expected agreement when the retrieved triplets are dealt out at random."""
    annotated = pairs.group_by(columns).agg(share=pl.len() / pairs.height)
    found = pairs.group_by(pl.col(f"{name}_found").alias(name) for name in columns).agg(
        share_found=pl.len() / pairs.height
    )
    return float(annotated.join(found, on=columns).select((pl.col("share") * pl.col("share_found")).sum()).item())


def _best(
    relation_predictions: pl.DataFrame, predicate_calibration: pl.DataFrame, params: ReportParams, k: int
) -> pl.DataFrame:
    """The k best predicates of every annotated pair, by every seed: `pair_id`, `classes`, `shares`, the best first."""
    chosen = {"model": params.model, "protocol": ANNOTATED}
    parts = []
    for (seed,), rows in relation_predictions.filter(**chosen).group_by("seed", maintain_order=True):
        scores_NC = np.stack(rows["scores"].to_list())
        if params.calibration != "none":
            stored = predicate_calibration.filter(**chosen, seed=seed, method=params.calibration)
            scores_NC = calibration.apply(params.calibration, scores_NC, np.array(stored["frequency"].item()))
        order_NK = np.argsort(-scores_NC, axis=1, kind="stable")[:, :k]
        shares_NK = np.take_along_axis(scores_NC, order_NK, 1)
        parts.append(
            pl.DataFrame({"pair_id": rows["pair_id"], "classes": order_NK.tolist(), "shares": shares_NK.tolist()})
        )
    if not parts:
        raise ValueError(
            f"no predictions of {params.model!r}: crepe.report.model must be one of crepe.comparison.models"
        )
    return pl.concat(parts)


def _names(classes: pl.Series, names: list[str]) -> pl.Series:
    return pl.Series(names).gather(classes.cast(pl.UInt32))


def _name_lists(classes: pl.Series, names: list[str]) -> pl.Series:
    return pl.Series([[names[index] for index in row] for row in classes], dtype=pl.List(pl.String))
