"""Controls, metrics and pictures: what the captions are worth. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from visual_relations.artefacts.feature_bank import FeatureBank
from visual_relations.captioning.captions import references_of
from visual_relations.captioning.neighbours import borrow_captions, most_typical
from visual_relations.metrics.captions.report import CaptionReport, caption_metrics, caption_metrics_by_domain
from visual_relations.metrics.table import metric_table
from visual_relations.pipelines.clipcap.params import EvaluationParams, ReportParams

CONTROL_SCHEMA = pl.Schema({"model": pl.String(), "image_id": pl.String(), "caption": pl.String()})
TYPICAL = "typical_caption"


def caption_by_controls(
    image_captions: pl.DataFrame, caption_image_features: FeatureBank, params: EvaluationParams
) -> pl.DataFrame:
    """Caption the evaluated images without a language model: by neighbours, and without looking.

    Returns:
        Columns model, image_id, caption; no row where there are no training captions to borrow.
    """
    known, asked = references_of(image_captions, "train"), list(references_of(image_captions, params.split))
    if not known:
        return pl.DataFrame(schema=CONTROL_SCHEMA)
    vectors = caption_image_features
    query_ND, bank_MD = vectors.select(asked), vectors.select(list(known))
    borrowed = {
        neighbours_name(k): borrow_captions(query_ND, bank_MD, list(known.values()), k) for k in params.neighbours
    }
    borrowed[TYPICAL] = [most_typical(known)] * len(asked)
    rows = [(model, *row) for model, texts in borrowed.items() for row in zip(asked, texts, strict=True)]
    return pl.DataFrame(rows, schema=CONTROL_SCHEMA, orient="row")


def neighbours_name(k: int) -> str:
    """Name of the control with k neighbours."""
    return "nearest_neighbour" if k == 1 else f"consensus_of_{k}_neighbours"


def measure_captions(
    captions: pl.DataFrame, control_captions: pl.DataFrame, image_captions: pl.DataFrame, params: EvaluationParams
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Score every captioner and control; nocaps by domain too.

    Returns:
        A metric table (each seed, and the mean over seeds with the extremes as its interval), and the scores of every
        image: model, seed, image_id, one column per metric.
    """
    references = references_of(image_captions, params.split)
    domains = dict(image_captions.filter(pl.col("domain").is_not_null()).select("image_id", "domain").iter_rows())
    everyone = pl.concat([captions.select("model", "seed", "image_id", "caption"), control_captions], how="diagonal")
    rows: list[dict[str, Any]] = []
    scores = []
    for (model, seed), part in everyone.group_by("model", "seed", maintain_order=True):
        texts = dict(part.select("image_id", "caption").iter_rows())
        reports = _score(texts, references, domains, params)
        shared = {"benchmark": params.benchmark, "model": str(model), "split": params.split, "seed": seed}
        for slice_, report in reports.items():
            rows += report.rows(**shared, slice=slice_)
        names = [pl.lit(model, pl.String).alias("model"), pl.lit(seed, pl.Int64).alias("seed")]
        scores.append(reports["all"].per_image.select(*names, pl.all()))
    return metric_table([*rows, *_over_seeds(rows)]), pl.concat(scores)


def choose_caption_gallery(
    captions: pl.DataFrame,
    control_captions: pl.DataFrame,
    caption_scores: pl.DataFrame,
    image_captions: pl.DataFrame,
    images: pl.DataFrame,
    params: ReportParams,
) -> pl.DataFrame:
    """Draw images, with the captions of one seed's captioners and of the controls, and their scores.

    Returns:
        image_id, file_name, model, caption, CIDEr, references; one row per image and model.
    """
    ours = captions.filter(seed=params.gallery_seed).select("model", "seed", "image_id", "caption")
    shown = pl.concat([ours, control_captions.filter(pl.col("model") != TYPICAL)], how="diagonal")
    drawn = (
        ours["image_id"]
        .unique()
        .sort()
        .sample(min(params.gallery_images, ours["image_id"].n_unique()), shuffle=True, seed=params.gallery_seed)
    )
    texts = image_captions.group_by("image_id", maintain_order=True).agg(references=pl.col("caption"))
    return (
        drawn.to_frame()
        .join(shown, on="image_id", maintain_order="left_right")
        .join(caption_scores, on=["model", "seed", "image_id"], nulls_equal=True, how="left", maintain_order="left")
        .join(images.select("image_id", "file_name"), on="image_id", maintain_order="left")
        .join(texts, on="image_id", maintain_order="left")
        .select("image_id", "file_name", "model", "caption", "CIDEr", "references")
    )


def _score(
    texts: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    domains: Mapping[str, str],
    params: EvaluationParams,
) -> dict[str, CaptionReport]:
    if domains:
        return caption_metrics_by_domain(texts, references, domains, java_metrics=params.java_metrics)
    return {"all": caption_metrics(texts, references, java_metrics=params.java_metrics)}


def _over_seeds(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means over the seeds of each captioner."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        if row["seed"] is not None:
            groups.setdefault((row["model"], row["metric"], row["slice"]), []).append(row)
    means = []
    for group in groups.values():
        values = [row["value"] for row in group]
        summary = {"seed": None, "value": sum(values) / len(values), "low": min(values), "high": max(values)}
        means.append(group[0] | summary)
    return means
