"""Classes of masked relation classification: the most frequent relation strings (facts: V = 310 for GQA)."""

from __future__ import annotations

import polars as pl


def relation_classes(predicates: pl.Series, top: int | None) -> pl.DataFrame:
    """Rank relation strings of the training images by frequency.

    Args:
        predicates: Clean predicates, one per relation.
        top: How many to keep (V); null keeps all.

    Returns:
        `class_id` (int16, 0 is the most frequent), `name`, `count`; ties by name.
    """
    counts = predicates.drop_nulls().alias("name").value_counts(name="count")
    ranked = counts.sort(["count", "name"], descending=[True, False])
    kept = ranked if top is None else ranked.head(top)
    return kept.with_row_index("class_id").with_columns(pl.col("class_id").cast(pl.Int16))
