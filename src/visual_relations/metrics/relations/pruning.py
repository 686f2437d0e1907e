"""Candidate pairs that are worth ranking: fewer of them, with a chosen recall of the annotated ones.

How often two classes are annotated as related, given that they occur together, tells most of the pairs that never are.
The threshold is set on training images: the smallest set of class pairs that keeps the recall.
"""

from __future__ import annotations

import polars as pl

CLASSES = ["subject_class", "object_class"]


def worthwhile_classes(annotated: pl.DataFrame, candidates: pl.DataFrame, recall: float) -> pl.DataFrame:
    """Class pairs to keep.

    Args:
        annotated: Annotated pairs of training images, each once.
        candidates: All ordered pairs of the same images.
        recall: Share of the annotated pairs that has to survive.

    Returns:
        `subject_class`, `object_class`: those most often related when they occur together, as few as keep the recall.
    """
    related = annotated.group_by(CLASSES).agg(pl.len().alias("related"))
    together = candidates.group_by(CLASSES).agg(pl.len().alias("together"))
    rates = related.join(together, on=CLASSES, how="left").with_columns(
        rate=pl.col("related") / pl.max_horizontal("related", "together")
    )
    ranked = rates.sort(["rate", *CLASSES], descending=[True, False, False])
    before = pl.col("related").cum_sum() - pl.col("related")
    return ranked.filter(before < recall * pl.col("related").sum()).select(CLASSES)


def prune(candidates: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """Candidates of the kept class pairs; an image that would lose them all keeps them all."""
    inside = candidates.join(kept, on=CLASSES, how="semi", maintain_order="left")
    emptied = candidates.join(inside, on="image_id", how="anti", maintain_order="left")
    return pl.concat([inside, emptied])
