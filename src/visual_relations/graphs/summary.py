"""Counts that say at a glance what a collection holds and what was dropped on the way."""

from __future__ import annotations

from typing import Any

import polars as pl

from visual_relations.graphs.vocabulary import Vocabulary


def summarise(
    images: pl.DataFrame,
    objects: pl.DataFrame,
    relations: pl.DataFrame,
    rejected: pl.DataFrame,
    pairs: pl.DataFrame,
    vocabulary: Vocabulary,
) -> dict[str, Any]:
    """Count.

    Args:
        images: Clean images.
        objects: Clean objects.
        relations: Clean relations.
        rejected: Rejected records.
        pairs: Relations between classes.
        vocabulary: The classes.

    Returns:
        Nested counts, ready for JSON.
    """
    with_relations = relations["image_id"].n_unique()
    reasons = rejected.group_by("kind", "reason").len().sort("len", descending=True)
    return {
        "images": {"all": images.height, **_by_split(images), "without relations": images.height - with_relations},
        "objects": {
            "all": objects.height,
            "distinct names": objects["name"].n_unique(),
            "classes": len(vocabulary["objects"]),
            "per image": _mean(objects.height, images.height),
            "boxes that crossed the edge": int(objects["outside"].sum()),
        },
        "relations": {
            "all": relations.height,
            "distinct predicates": relations["predicate"].n_unique(),
            "classes": len(vocabulary["predicates"]),
            "per image": _mean(relations.height, images.height),
            "between classes": {"all": pairs.height, **_by_split(pairs)},
            "of an object with itself": int((relations["subject_index"] == relations["object_index"]).sum()),
        },
        "rejected": {f"{kind}: {reason}": count for kind, reason, count in reasons.head(30).iter_rows()},
    }


def summary_table(summary: dict[str, Any]) -> pl.DataFrame:
    """The counts as rows `of`, `what`, `value`."""
    rows = []
    for kind in ("images", "objects", "relations"):
        for name, value in summary[kind].items():
            nested = value if isinstance(value, dict) else {"": value}
            rows += [(kind, f"{name} {part}".strip(), f"{number:,}") for part, number in nested.items()]
    return pl.DataFrame(rows, schema=["of", "what", "value"], orient="row")


def rejected_table(summary: dict[str, Any]) -> pl.DataFrame:
    """What was dropped, by reason."""
    rows = [(*key.split(": ", 1), count) for key, count in summary["rejected"].items()]
    schema = {"kind": pl.String, "reason": pl.String, "records": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _by_split(table: pl.DataFrame) -> dict[str, int]:
    counts = dict(table["split"].value_counts().iter_rows())
    return {name or "in no split": counts[name] for name in ("train", "val", "test", "") if name in counts}


def _mean(total: int, images: int) -> float:
    return round(total / images, 2) if images else 0.0
