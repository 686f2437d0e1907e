"""From lists of decoded records to columns: the hot path of reading, one pass per column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from visual_relations.datasets.annotations.records import Id


def ids(values: Sequence[Id | None]) -> pl.Series:
    """Ids as strings, whether published as numbers or as strings."""
    try:
        return pl.Series(values, dtype=pl.Int64, strict=True).cast(pl.String)
    except (TypeError, OverflowError):
        return pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)


def repeated(values: Sequence[Id | None], counts: Sequence[int]) -> pl.Series:
    """Each value as often as its count: the image of every object, the object of every relation."""
    return ids(values).gather(np.repeat(np.arange(len(counts)), counts))


def numbers(values: Sequence[float]) -> np.ndarray:
    """Coordinates as float32; what float32 cannot hold becomes infinite and is rejected when cleaning."""
    with np.errstate(over="ignore"):
        return np.array(values, dtype=np.float64).astype(np.float32)


def texts(values: Sequence[str | None]) -> pl.Series:
    """Strings; null stays null."""
    return pl.Series(values, dtype=pl.String)


def lists(values: Sequence[Sequence[str] | None]) -> pl.Series:
    """Lists of strings, most of them empty. Building them by rows is ten times slower than by group."""
    rows = [row for row, value in enumerate(values) if value]
    flat = [text for row in rows for text in values[row] or ()]
    counts = [len(values[row] or ()) for row in rows]
    filled = (
        pl.DataFrame({"row": np.repeat(np.array(rows, dtype=np.int64), counts), "value": texts(flat)})
        .group_by("row", maintain_order=True)
        .agg("value")
    )
    everything = pl.DataFrame({"row": np.arange(len(values))}).join(filled, on="row", how="left", maintain_order="left")
    return everything["value"].fill_null(pl.Series([[]], dtype=pl.List(pl.String)))


def attribute(records: Sequence[Any], name: str) -> list[Any]:
    """One field of all records."""
    return [getattr(record, name) for record in records]
