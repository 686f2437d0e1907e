"""Training curves from the histories of the training loop."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from visual_relations.plots.style import PALETTE, styled

DASHES = {"train": "solid", "val": "dot"}


def training_curves(history: pl.DataFrame, names: list[str] | None = None) -> go.Figure:
    """Draw reported values over the steps: one panel per value, one line per model, the mean over seeds.

    Args:
        history: Columns step, split, name, value, model, seed.
        names: Values to draw, in order; None: all but the learning rate.
    """
    names = names or [
        n for n in history["name"].unique(maintain_order=True) if n not in ("learning_rate", "gradient_norm")
    ]
    figure = make_subplots(rows=len(names), cols=1, subplot_titles=names, vertical_spacing=0.35 / max(len(names), 2))
    models = history["model"].unique(maintain_order=True).to_list()
    drawn = set()
    for row, name in enumerate(names, 1):
        for (model, split), curve in _curves(history.filter(pl.col("name") == name)):
            figure.add_scatter(
                x=curve["step"],
                y=curve["value"],
                name=model if split == "train" else f"{model} ({split})",
                legendgroup=f"{model}{split}",
                showlegend=(model, split) not in drawn,
                line={"color": PALETTE[models.index(model) % len(PALETTE)], "dash": DASHES.get(split, "dash")},
                mode="lines" if curve.height > 1 else "markers",
                row=row,
                col=1,
            )
            drawn.add((model, split))
    figure.update_xaxes(title_text="step", row=len(names))
    return styled(figure, height=120 + 260 * len(names)).update_layout(legend={"y": -0.12, "yanchor": "top"})


def _curves(history: pl.DataFrame) -> list[tuple[tuple[str, str], pl.DataFrame]]:
    means = history.group_by("model", "split", "step", maintain_order=True).agg(pl.col("value").mean()).sort("step")
    return [
        ((str(model), str(split)), curve)
        for (model, split), curve in means.group_by("model", "split", maintain_order=True)
    ]
