"""Pictures with what was predicted about them: as cards of a page, and as one contact sheet.

A gallery table has one row per shown pair: `title`, `subject`, `object` (names), boxes `sx1 … sy2`, `ox1 … oy2` (pixels
of the picture), `truths` (annotated predicates), `names` and `shares` (the best predictions, the best first).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import polars as pl
from matplotlib.figure import Figure
from PIL import Image

from visual_relations.plots.boxes import Box, draw_boxes
from visual_relations.plots.report import Card, Line
from visual_relations.plots.style import OBJECT, RIGHT, SUBJECT, WRONG

WIDTH = 360


def relation_cards(gallery: pl.DataFrame, pictures: Sequence[Image.Image]) -> list[Card]:
    """One card per pair: the boxes, the truth, and the best predictions as bars.

    Args:
        gallery: See the module.
        pictures: The picture of each row.
    """
    return [_card(row, picture) for row, picture in zip(gallery.iter_rows(named=True), pictures, strict=True)]


def contact_sheet(gallery: pl.DataFrame, pictures: Sequence[Image.Image], columns: int = 4) -> Figure:
    """The same as one picture, e.g. for a README.

    Args:
        gallery: See the module.
        pictures: The picture of each row.
        columns: Pictures side by side.
    """
    rows = max(1, -(-gallery.height // columns))
    figure = Figure(figsize=(3.4 * columns, 3.5 * rows), layout="constrained", dpi=100)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, row, picture in zip(axes, gallery.iter_rows(named=True), pictures, strict=False):
        axis.imshow(_drawn(row, picture))
        axis.set_title(f"{row['subject']} {' / '.join(row['truths'])} {row['object']}", fontsize=10, fontweight="bold")
        for place, (name, share) in enumerate(zip(row["names"], row["shares"], strict=True)):
            right = name in row["truths"]
            axis.text(
                0.0,
                -0.07 - 0.08 * place,
                f"{'✓' if right else '✗'} {name}  {share:.0%}",
                transform=axis.transAxes,
                fontsize=9,
                color=RIGHT if right else (WRONG if place == 0 else "#555555"),
                family=mpl.rcParams["font.family"],
            )
    return figure


def _drawn(row: dict[str, Any], picture: Image.Image) -> Image.Image:
    boxes = [
        Box(tuple(row[f"{end}{side}"] for side in ("x1", "y1", "x2", "y2")), row[name], colour)
        for end, name, colour in (("o", "object", OBJECT), ("s", "subject", SUBJECT))
    ]
    return draw_boxes(picture, boxes, WIDTH)


def _card(row: dict[str, Any], picture: Image.Image) -> Card:
    lines = [Line(f"annotated: {', '.join(row['truths'])}")]
    for name, share in zip(row["names"], row["shares"], strict=True):
        lines.append(Line(name, share, "right" if name in row["truths"] else "wrong"))
    return Card(_drawn(row, picture), row["title"], lines)
