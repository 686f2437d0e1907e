"""Captions as tables, bars and picture cards."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go
import polars as pl
from PIL import Image

from visual_relations.plots.report import Card, Line
from visual_relations.plots.style import BLUE, GREY, styled

SHOWN = ("CIDEr", "BLEU-4", "BLEU-3", "BLEU-2", "BLEU-1", "ROUGE-L", "METEOR", "SPICE")
REFERENCES = 2  # true captions shown under a picture


def summarise_captions(metrics: pl.DataFrame) -> pl.DataFrame:
    """One row per captioner and slice, best CIDEr first: means over seeds, ± half the distance of the extremes.

    Args:
        metrics: Metric table with rows of single seeds and means over seeds (`low`, `high` set).
    """
    table = _final(metrics)
    spread = (pl.col("high") - pl.col("low")) / 2
    cell = (
        pl.when(spread.is_null() | (spread == 0))
        .then(_number("value"))
        .otherwise(_number("value") + " ±" + _number(spread))
    )
    names = [name for name in SHOWN if name in table["metric"].unique()]
    wide = table.with_columns(cell=cell).pivot("metric", index=["model", "slice"], values="cell", maintain_order=True)
    order = table.filter(metric="CIDEr").select("model", "slice", cider="value")
    ordered = wide.join(order, on=["model", "slice"]).sort("slice", "cider", descending=[False, True])
    keys = ["model", "slice"] if table["slice"].n_unique() > 1 else ["model"]
    return ordered.select(*keys, *names)


def caption_overview(metrics: pl.DataFrame, metric: str = "CIDEr") -> go.Figure:
    """Bars of one metric: captioners (blue, with the spread over seeds) above the controls (grey).

    Args:
        metrics: As for `summarise_captions`.
        metric: Which one.
    """
    table = _final(metrics).filter(metric=metric, slice="all").sort("value")
    trained = table["low"].is_not_null()
    figure = go.Figure(
        go.Bar(
            x=table["value"],
            y=table["model"],
            orientation="h",
            marker_color=[BLUE if own else GREY for own in trained],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": (table["high"] - table["value"]).fill_null(0).to_list(),
                "arrayminus": (table["value"] - table["low"]).fill_null(0).to_list(),
            },
        )
    )
    figure.update_xaxes(title_text=metric)
    return styled(figure, height=120 + 34 * table.height)


def caption_cards(gallery: pl.DataFrame, pictures: Mapping[str, Image.Image]) -> list[Card]:
    """One card per picture: what every model says, and what people say.

    Args:
        gallery: image_id, file_name, model, caption, CIDEr, references; one row per picture and model.
        pictures: By file name.
    """
    cards = []
    for (image_id,), rows in gallery.group_by("image_id", maintain_order=True):
        said = [Line(f"{row['model']}: {row['caption']} [{row['CIDEr']:.2f}]") for row in rows.iter_rows(named=True)]
        true = [Line(f"people: {text}", mark="right") for text in rows["references"][0].head(REFERENCES)]
        cards.append(Card(pictures[rows["file_name"][0]], f"image {image_id}", [*said, *true]))
    return cards


def _final(metrics: pl.DataFrame) -> pl.DataFrame:
    """Means over seeds, and rows of models that have none."""
    return metrics.filter(pl.col("seed").is_null())


def _number(value: str | pl.Expr) -> pl.Expr:
    column = pl.col(value) if isinstance(value, str) else value
    return column.map_elements(lambda number: f"{number:.3f}", return_dtype=pl.String)
