"""Items of K images and M texts with a gold map, and the two tables they are scored in.

A cell is one image with one text. VSR items have 1 × 1 cells, VALSE 1 × 2, SVO-Probes 2 × 1, What'sUp 1 × 4, Winoground
2 × 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import polars as pl

KEY = ["benchmark", "split", "item", "image_index", "text_index"]

CELL_SCHEMA: dict[str, pl.DataType] = {
    "benchmark": pl.String(),  # e.g. "valse", "vsr_random", "sample_world/vsr"; see `protocols.protocol_of`
    "split": pl.String(),
    "item": pl.String(),  # unique within benchmark and split
    "image_index": pl.Int8(),  # 0 … K - 1
    "text_index": pl.Int8(),  # 0 … M - 1
    "image": pl.String(),  # file name
    "box": pl.List(pl.Float32()),  # x1, y1, x2, y2 in pixels of the part that is shown; null: all of it
    "text": pl.String(),
    "gold": pl.Boolean(),  # whether they belong together
    "slices": pl.List(pl.String()),  # "kind:name", e.g. "piece:existence": what the results are broken down by
    "groups": pl.List(pl.String()),  # "kind:name": items that only count when all of the group are right
}

SCORE_SCHEMA: dict[str, pl.DataType] = {
    "model": pl.String(),
    "variant": pl.String(),  # "" or a control, e.g. "blank pictures"
    "threshold": pl.Float64(),  # score from which the model says yes; null: it has none of its own
    **{name: CELL_SCHEMA[name] for name in KEY},
    "score": pl.Float64(),  # cells that could not be scored are absent; published scores need all their digits
}


@dataclass(frozen=True)
class ProbeItem:
    """One question of a benchmark.

    Attributes:
        item: Name, unique within the benchmark and split.
        images: File names of the K images.
        texts: The M texts.
        gold: K rows of M booleans: which image and text belong together.
        slices: "kind:name" labels the results are broken down by.
        groups: "kind:name" labels of sets of items that only count together.
        box: Part of the images that is shown: x1, y1, x2, y2 in pixels.
    """

    item: str
    images: tuple[str, ...]
    texts: tuple[str, ...]
    gold: tuple[tuple[bool, ...], ...]
    slices: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    box: tuple[float, float, float, float] | None = None

    def __post_init__(self) -> None:
        if (len(self.gold), *{len(row) for row in self.gold}) != (len(self.images), len(self.texts)):
            raise ValueError(
                f"item {self.item}: the gold map is not {len(self.images)} images by {len(self.texts)} texts"
            )


def cell_table(benchmark: str, split: str, items: Iterable[ProbeItem]) -> pl.DataFrame:
    """Write items as rows of `CELL_SCHEMA`.

    Raises:
        ValueError: If two items have the same name.
    """
    rows, names = [], set()
    for item in items:
        if item.item in names:
            raise ValueError(f"{benchmark} {split}: two items are called {item.item!r}; names must be unique")
        names.add(item.item)
        for (k, image), (m, text) in product(enumerate(item.images), enumerate(item.texts)):
            place = (benchmark, split, item.item, k, m)
            rows.append((*place, image, item.box, text, item.gold[k][m], item.slices, item.groups))
    return pl.DataFrame(rows, schema=CELL_SCHEMA, orient="row")
