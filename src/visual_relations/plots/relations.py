"""Figures about relation prediction; their tables are metric tables (`metrics/table.py`) unless a docstring says so."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from visual_relations.plots.style import GREY, ORANGE, PALETTE, SEQUENTIAL, styled

ROW = 26  # pixels of one line of a horizontal chart


def model_overview(metrics: pl.DataFrame, names: list[str]) -> go.Figure:
    """Compare models: one panel per metric, a dot for the mean over seeds, a line from the worst to the best seed.

    Args:
        metrics: Rows of one protocol without seed (means); `low` and `high` are the extremes.
        names: Metrics, one panel each, e.g. ["mR@20", "R@20"].
    """
    figure = make_subplots(rows=1, cols=len(names), subplot_titles=names, shared_yaxes=True, horizontal_spacing=0.03)
    models = metrics["model"].unique(maintain_order=True).to_list()
    for column, name in enumerate(names, 1):
        rows = metrics.filter(pl.col("metric") == name)
        for index, ((variant,), part) in enumerate(rows.group_by("variant", maintain_order=True)):
            figure.add_scatter(
                x=part["value"],
                y=part["model"],
                error_x={
                    "type": "data",
                    "array": (part["high"] - part["value"]).fill_null(0.0).to_list(),
                    "arrayminus": (part["value"] - part["low"]).fill_null(0.0).to_list(),
                },
                mode="markers",
                marker={"size": 9, "color": PALETTE[index], "symbol": ("circle", "diamond", "square", "x")[index % 4]},
                name="uncalibrated" if variant in ("", "none") else str(variant),
                legendgroup=str(variant),
                showlegend=column == 1,
                row=1,
                col=column,
            )
    figure.update_yaxes(categoryorder="array", categoryarray=models[::-1])
    figure.update_xaxes(rangemode="tozero")
    return styled(figure, height=150 + ROW * len(models)).update_layout(legend={"y": -0.16, "yanchor": "top"})


def predicate_recall(recalls: pl.DataFrame, training_counts: dict[str, int], models: list[str]) -> go.Figure:
    """Recall of every predicate beside its training frequency, the most frequent on top.

    Args:
        recalls: Metric rows with the predicate as slice, one metric and calibration, no seed.
        training_counts: Training pairs of each predicate.
        models: Which models to draw, in order.
    """
    order = sorted(training_counts, key=lambda name: training_counts[name])
    figure = make_subplots(
        rows=1,
        cols=2,
        shared_yaxes=True,
        column_widths=[0.28, 0.72],
        horizontal_spacing=0.03,
        subplot_titles=["training pairs", str(recalls["metric"].first())],
    )
    counts = [training_counts[name] for name in order]
    figure.add_bar(y=order, x=counts, orientation="h", marker_color=GREY, name="training pairs", showlegend=False)
    for index, model in enumerate(models):
        rows = recalls.filter(pl.col("model") == model)
        figure.add_bar(
            y=rows["slice"],
            x=rows["value"],
            orientation="h",
            name=model,
            marker_color=PALETTE[index % len(PALETTE)],
            customdata=rows["count"],
            hovertemplate="%{y}: %{x:.3f} (%{customdata} test images)",
            row=1,
            col=2,
        )
    figure.update_yaxes(categoryorder="array", categoryarray=order)
    figure.update_xaxes(type="log", row=1, col=1)
    figure.update_xaxes(range=[0, 1], row=1, col=2)
    height = 150 + len(order) * max(ROW, 9 * len(models) + 8)
    return styled(figure, height=height).update_layout(barmode="group", bargap=0.25, legend={"y": 1.0 + 60 / height})


def confusion_matrix(confusions: pl.DataFrame, names: list[str]) -> go.Figure:
    """Predicted predicates of every annotated one, as shares of its row.

    Args:
        confusions: Columns truth, predicted (names) and count.
        names: Predicates in the order of the axes.
    """
    place = {name: index for index, name in enumerate(names)}
    count = np.zeros((len(names), len(names)))
    for truth, predicted, n in confusions.select("truth", "predicted", "count").iter_rows():
        count[place[truth], place[predicted]] += n
    totals = count.sum(1, keepdims=True)
    share = np.divide(count, totals, out=np.zeros_like(count), where=totals > 0)
    figure = go.Figure(
        go.Heatmap(
            z=share.round(4),
            x=names,
            y=names,
            zmin=0,
            zmax=1,
            colorscale=[list(stop) for stop in SEQUENTIAL],
            customdata=count,
            hovertemplate="annotated %{y}, predicted %{x}: %{z:.0%} (%{customdata})<extra></extra>",
            colorbar={"title": "share", "thickness": 12},
        )
    )
    figure.update_yaxes(autorange="reversed", title_text="annotated")
    figure.update_xaxes(title_text="predicted", tickangle=-60, side="bottom")
    return styled(figure, height=200 + 18 * len(names))


def pseudo_label_quality(quality: pl.DataFrame) -> go.Figure:
    """How often the retrieved triplet names what is annotated, beside chance.

    Args:
        quality: Metric rows with the split in `split`, the part (subject, predicate, object, triplet) as metric and
            "retrieved" or "chance" as variant.
    """
    figure = go.Figure()
    for index, ((split,), part) in enumerate(
        quality.filter(variant="retrieved").group_by("split", maintain_order=True)
    ):
        figure.add_bar(x=part["metric"], y=part["value"], name=str(split), marker_color=PALETTE[index])
    chance = quality.filter(pl.col("variant") == "chance", pl.col("split") == quality["split"].last())
    figure.add_scatter(
        x=chance["metric"],
        y=chance["value"],
        mode="markers",
        name="chance",
        marker={"symbol": "line-ew", "size": 46, "line": {"width": 3, "color": ORANGE}},
    )
    figure.update_yaxes(title_text="share of pairs", range=[0, 1], tickformat=".0%")
    return styled(figure, height=380).update_layout(barmode="group")
