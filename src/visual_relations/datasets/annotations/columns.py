"""From lists of decoded records to columns: the hot path of reading, one pass per column."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any

import msgspec
import numpy as np
import polars as pl

from visual_relations.datasets.annotations.records import Id
from visual_relations.graphs.tables import lists_of

Records = Sequence[msgspec.Struct]


def field(records: Records, name: str) -> list[Any]:
    """One field of all records."""
    return list(map(attrgetter(name), records))


def ids(values: Sequence[Id | None]) -> pl.Series:
    """Ids as strings, whether published as numbers or as strings."""
    try:
        return pl.Series(values, dtype=pl.Int64, strict=True).cast(pl.String)
    except (TypeError, OverflowError):
        return pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)


def repeated(values: Sequence[Id | None], counts: Sequence[int]) -> pl.Series:
    """Each value as often as its count: the image of every object."""
    return ids(values).gather(np.repeat(np.arange(len(counts)), counts))


def numbers(records: Records, name: str) -> np.ndarray:
    """Coordinates as float32; what float32 cannot hold becomes infinite and is rejected when cleaning."""
    with np.errstate(over="ignore"):
        return np.fromiter(map(attrgetter(name), records), np.float64, len(records)).astype(np.float32)


def texts(values: Sequence[str | None]) -> pl.Series:
    """Strings; null stays null."""
    return pl.Series(values, dtype=pl.String)


def first_texts(values: Sequence[Sequence[str]]) -> pl.Series:
    """The first of each record's names; null where there is none."""
    try:
        return texts(list(map(itemgetter(0), values)))
    except IndexError:
        return texts([value[0] if value else None for value in values])


def lists(values: Sequence[Sequence[str] | None]) -> pl.Series:
    """Lists of strings; null becomes the empty list. Row by row, polars would take ten times as long."""
    try:
        lengths = np.fromiter(map(len, values), np.int64, len(values))  # type: ignore[arg-type]
    except TypeError:
        return lists([value or () for value in values])
    return lists_of(texts(list(chain.from_iterable(values))), lengths)  # type: ignore[arg-type]


def rest(values: Sequence[Sequence[str]]) -> pl.Series:
    """All but the first of each record's names."""
    if max(map(len, values), default=0) < 2:
        return pl.repeat([], len(values), dtype=pl.List(pl.String), eager=True)
    return lists([value[1:] for value in values])
