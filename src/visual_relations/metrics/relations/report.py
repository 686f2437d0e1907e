"""From hits to metrics: the means of Scene-Graph-Benchmark, per image, per predicate and overall.

Legend: I images, M relations, R predicates, K cut-offs, E evaluated images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from visual_relations.metrics.table import metric_table

Values = npt.NDArray[np.float64]
# recall, mean recall, zero-shot recall, and the hits they are made of
FAMILIES = (("R", "mR", "zR", "constrained"), ("ng-R", "ng-mR", "ng-zR", "unconstrained"))


@dataclass(frozen=True)
class Tally:
    """Which relations of some images were found, with which predictions, at each K: `hits[...]` are (M, K)."""

    image_M: npt.NDArray[np.int64]
    predicate_M: npt.NDArray[np.int64]
    unseen_M: npt.NDArray[np.bool_]
    has_candidates_I: npt.NDArray[np.bool_]
    hits: dict[str, npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class RelationReport:
    """Metrics of one model on one set of images.

    Attributes:
        ks: Cut-offs, ascending.
        values: Metric ("R", "mR", "ng-R", "ng-mR", "zR", "ng-zR", "A") to its value at every K; NaN where undefined.
        predicate_values: "mR" and "ng-mR" of every predicate, (R, K); 0 for a predicate that does not occur.
        predicate_images: Images that contain each predicate, (R,).
        per_image: "R", "ng-R", "A_hit" of the evaluated images and "zR", "ng-zR" of the zero-shot images, (E, K).
        relation_counts: Annotated relations of each evaluated image.
        evaluated_images: Their numbers.
        zero_shot_images: Numbers of the images with at least one relation unseen in training.
    """

    ks: tuple[int, ...]
    values: dict[str, Values]
    predicate_values: dict[str, Values]
    predicate_images: npt.NDArray[np.int64]
    per_image: dict[str, Values] = field(repr=False)
    relation_counts: npt.NDArray[np.int64] = field(repr=False)
    evaluated_images: npt.NDArray[np.int64] = field(repr=False)
    zero_shot_images: npt.NDArray[np.int64] = field(repr=False)

    @classmethod
    def from_tallies(cls, ks: tuple[int, ...], n_predicates: int, tallies: Sequence[Tally]) -> RelationReport:
        """Average the hits of all images."""
        tally = _evaluated(_concatenate(tallies, len(ks)))
        everything = np.ones(len(tally.image_M), bool)
        values: dict[str, Values] = {}
        predicate_values: dict[str, Values] = {}
        per_image: dict[str, Values] = {}
        for recall, mean_recall, zero_shot_recall, kind in FAMILIES:
            hits_MK = tally.hits[kind]
            per_image[recall] = _per_image(tally, hits_MK, everything)
            per_image[zero_shot_recall] = _per_image(tally, hits_MK, tally.unseen_M)
            predicate_values[mean_recall] = _per_predicate(tally, hits_MK, n_predicates)
            values[recall], values[zero_shot_recall] = _mean(per_image[recall]), _mean(per_image[zero_shot_recall])
            values[mean_recall] = predicate_values[mean_recall].mean(0)
        evaluated, counts = np.unique(tally.image_M, return_counts=True)
        per_image["A_hit"] = _sums(tally.hits["annotated"], tally.image_M)[evaluated]
        with np.errstate(invalid="ignore"):
            values["A"] = per_image["A_hit"].sum(0) / np.float64(counts.sum())
        image_predicate = np.unique(np.column_stack([tally.image_M, tally.predicate_M]), axis=0)
        predicate_images = np.bincount(image_predicate[:, 1], minlength=n_predicates)
        zero_shot_images = np.unique(tally.image_M[tally.unseen_M])
        return cls(ks, values, predicate_values, predicate_images, per_image, counts, evaluated, zero_shot_images)

    def value(self, metric: str, k: int) -> float:
        """One metric at one of the cut-offs, e.g. `value("mR", 20)`."""
        return float(self.values[metric][self.ks.index(k)])

    def summary(self, **labels: Any) -> pl.DataFrame:
        """All metrics at all cut-offs as a metric table; `labels` fill its other columns (benchmark, model, ...)."""
        n_images, n_zero_shot = len(self.evaluated_images), len(self.zero_shot_images)
        rows = [
            {"metric": f"{name}@{k}", "value": value, "count": n_zero_shot if "zR" in name else n_images, **labels}
            for name, values in self.values.items()
            for k, value in zip(self.ks, values.tolist(), strict=True)
            if not np.isnan(value)
        ]
        return metric_table(rows)

    def per_predicate(self, names: Sequence[str], **labels: Any) -> pl.DataFrame:
        """Recall of every predicate as a metric table with the predicate as slice and its images as count."""
        rows = [
            {"metric": f"{metric}@{k}", "slice": name, "value": value, "count": int(n_images), **labels}
            for metric, values_RK in self.predicate_values.items()
            for name, values, n_images in zip(names, values_RK.tolist(), self.predicate_images, strict=True)
            for k, value in zip(self.ks, values, strict=True)
        ]
        return metric_table(rows)


def _concatenate(tallies: Sequence[Tally], n_k: int) -> Tally:
    """One tally of all images, numbered through."""
    firsts = np.cumsum([0] + [len(tally.has_candidates_I) for tally in tallies])
    none = np.zeros(0, np.int64)
    return Tally(
        image_M=np.concatenate([none, *(tally.image_M + first for tally, first in zip(tallies, firsts, strict=False))]),
        predicate_M=np.concatenate([none, *(tally.predicate_M for tally in tallies)]),
        unseen_M=np.concatenate([none.astype(bool), *(tally.unseen_M for tally in tallies)]),
        has_candidates_I=np.concatenate([none.astype(bool), *(tally.has_candidates_I for tally in tallies)]),
        hits={
            kind: np.concatenate([np.zeros((0, n_k), bool), *(tally.hits[kind] for tally in tallies)])
            for kind in ("constrained", "unconstrained", "annotated")
        },
    )


def _evaluated(tally: Tally) -> Tally:
    """The relations of images that have candidates; Scene-Graph-Benchmark skips the others."""
    kept = tally.has_candidates_I[tally.image_M]
    hits = {kind: hits_MK[kept] for kind, hits_MK in tally.hits.items()}
    return Tally(tally.image_M[kept], tally.predicate_M[kept], tally.unseen_M[kept], tally.has_candidates_I, hits)


def _sums(hits_MK: npt.NDArray[np.bool_], group_M: npt.NDArray[np.int64]) -> Values:
    """Hits per group and K; groups are numbered from 0."""
    n_groups = int(group_M.max(initial=-1)) + 1
    columns = [np.bincount(group_M, hits_M, n_groups) for hits_M in hits_MK.T]
    return np.stack(columns, axis=1).astype(np.float64)


def _per_image(tally: Tally, hits_MK: npt.NDArray[np.bool_], counted_M: npt.NDArray[np.bool_]) -> Values:
    """Share of the counted relations that were found, for every image that has any."""
    image = tally.image_M[counted_M]
    images, counts = np.unique(image, return_counts=True)
    return _sums(hits_MK[counted_M], image)[images] / counts[:, None]


def _per_predicate(tally: Tally, hits_MK: npt.NDArray[np.bool_], n_predicates: int) -> Values:
    """Recall of a predicate in each image that contains it, averaged over these images; 0 where there is none."""
    group_M = tally.image_M * n_predicates + tally.predicate_M
    groups, place_M, counts = np.unique(group_M, return_inverse=True, return_counts=True)
    recalls_GK = _sums(hits_MK, place_M) / counts[:, None]
    predicate_G = groups % n_predicates
    totals_RK = np.stack([np.bincount(predicate_G, recall, n_predicates) for recall in recalls_GK.T], axis=1)
    n_images_R = np.bincount(predicate_G, minlength=n_predicates)
    return totals_RK / np.maximum(n_images_R, 1)[:, None]


def _mean(values_EK: Values) -> Values:
    """Mean over images; NaN when there are none."""
    return values_EK.mean(0) if len(values_EK) else np.full(values_EK.shape[1], np.nan)
