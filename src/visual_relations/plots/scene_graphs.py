"""What a collection of scene graphs looks like: long tail, pairs, sizes, boxes, examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import polars as pl
from PIL import Image

from visual_relations.graphs.tables import BOX
from visual_relations.graphs.vocabulary import Vocabulary
from visual_relations.plots.boxes import Box, draw_boxes
from visual_relations.plots.report import Card, Line
from visual_relations.plots.style import BLUE, ORANGE, PALETTE, SEQUENTIAL, VERMILLION, styled

OpenPhoto = Callable[[str], Image.Image | None]
"""Opens a photo by file name; None when it is not there."""

Row = dict[str, Any]


def predicate_long_tail(vocabulary: Vocabulary, most: int = 60) -> go.Figure:
    """Training count of each predicate, most frequent first, on a logarithmic axis.

    Args:
        vocabulary: Predicates with counts.
        most: How many bars.
    """
    ranked = sorted(zip(vocabulary["predicate_counts"], vocabulary["predicates"], strict=True), reverse=True)
    counts, names = zip(*ranked[:most], strict=True) if ranked else ((), ())
    shares = np.array(counts) / max(1, sum(vocabulary["predicate_counts"]))
    hover = "%{x}: %{y:,} (%{customdata:.1%} of all)<extra></extra>"
    figure = go.Figure(go.Bar(x=names, y=counts, customdata=shares, marker_color=BLUE, hovertemplate=hover))
    figure.update_yaxes(type="log", title="relations in training images")
    figure.update_xaxes(tickangle=-60)
    left_out = len(ranked) - len(names)
    return styled(figure, f"Predicates, {left_out:,} rarer ones not shown" if left_out else "Predicates")


def object_pair_heat_map(triplets: pl.DataFrame, vocabulary: Vocabulary, most: int = 30) -> go.Figure:
    """How often a class is related to another: rows are subjects, columns objects, colour is the count.

    Args:
        triplets: The triplet vocabulary, with training counts.
        vocabulary: Names of the classes.
        most: How many of the most related classes to show.
    """
    pairs = triplets.group_by("subject_class", "object_class").agg(pl.col("count").sum())
    counts = np.zeros((len(vocabulary["objects"]),) * 2, dtype=np.int64)
    counts[pairs["subject_class"].to_numpy(), pairs["object_class"].to_numpy()] = pairs["count"].to_numpy()
    shown = np.argsort(-(counts.sum(0) + counts.sum(1)), kind="stable")[:most]
    names = [vocabulary["objects"][index] for index in shown]
    values = counts[np.ix_(shown, shown)]
    figure = go.Figure(
        go.Heatmap(
            x=names,
            y=names,
            z=np.log10(values + 1).round(3).tolist(),
            customdata=values.tolist(),
            colorscale=SEQUENTIAL,
            showscale=False,
            hovertemplate="%{y} … %{x}: %{customdata:,}<extra></extra>",
        )
    )
    figure.update_yaxes(title="subject", autorange="reversed")
    figure.update_xaxes(title="object", tickangle=-60)
    return styled(figure, "Related classes (colour: logarithm of the count)", height=640)


def graph_sizes(images: pl.DataFrame, objects: pl.DataFrame, relations: pl.DataFrame) -> go.Figure:
    """How many objects and relations an image has."""
    figure = go.Figure()
    for name, table, colour in (("objects", objects, BLUE), ("relations", relations, ORANGE)):
        counts = images.select("image_id").join(table.group_by("image_id").len(), on="image_id", how="left")
        sizes = counts["len"].fill_null(0).value_counts().sort("len")
        figure.add_trace(go.Scatter(x=sizes["len"].to_list(), y=sizes["count"].to_list(), name=name, line_color=colour))
    figure.update_xaxes(title="per image", rangemode="tozero")
    figure.update_yaxes(title="images", rangemode="tozero")
    return styled(figure, "Graph sizes")


def box_sanity(images: pl.DataFrame, objects: pl.DataFrame) -> go.Figure:
    """Share of the image that boxes cover, those that crossed its edge as published set apart."""
    sized = objects.join(images.select("image_id", "width", "height"), on="image_id")
    area = (pl.col("x2") - pl.col("x1")) * (pl.col("y2") - pl.col("y1"))
    shares = sized.select("outside", share=(area / (pl.col("width") * pl.col("height"))).clip(1e-5, 1)).drop_nulls()
    edges = np.linspace(-5, 0, 51)
    middles = ((edges[1:] + edges[:-1]) / 2).round(3).tolist()
    figure = go.Figure()
    for outside, name, colour in ((False, "inside the image", BLUE), (True, "crossed the edge", VERMILLION)):
        values = np.log10(shares.filter(pl.col("outside") == outside)["share"].to_numpy())
        counts, _ = np.histogram(values, bins=edges)
        figure.add_trace(go.Bar(x=middles, y=counts.tolist(), name=name, marker_color=colour))
    ticks = {-4: "0.01 %", -3: "0.1 %", -2: "1 %", -1: "10 %", 0: "100 %"}
    figure.update_xaxes(title="share of the image", tickvals=list(ticks), ticktext=list(ticks.values()))
    figure.update_yaxes(title="boxes")
    return styled(figure.update_layout(barmode="stack", bargap=0.02), "Box sizes")


def example_cards(
    images: pl.DataFrame, objects: pl.DataFrame, relations: pl.DataFrame, open_photo: OpenPhoto, most_relations: int = 6
) -> list[Card]:
    """Pictures with the boxes of their relations; a photo that is not there is an empty sheet of its size.

    Args:
        images: The images to show.
        objects: Their objects.
        relations: Their relations.
        open_photo: Opens a photo by file name.
        most_relations: Relations shown per image.
    """
    cards = []
    for image in images.iter_rows(named=True):
        own = pl.col("image_id") == image["image_id"]
        items = objects.filter(own).rows(named=True)
        related = relations.filter(own).head(most_relations).rows(named=True)
        photo = open_photo(image["file_name"]) or _empty_sheet(image, items)
        cards.append(_card(f"image {image['image_id']}", photo, items, related))
    return cards


def _card(title: str, photo: Image.Image, objects: Sequence[Row], relations: Sequence[Row]) -> Card:
    mentioned = sorted({row[end] for row in relations for end in ("subject_index", "object_index")})
    boxes = []
    for place, index in enumerate(mentioned):
        x1, y1, x2, y2 = (objects[index][name] for name in BOX)
        boxes.append(Box((x1, y1, x2, y2), objects[index]["name"], PALETTE[place % len(PALETTE)]))
    lines = [
        Line(f"{objects[row['subject_index']]['name']} {row['predicate']} {objects[row['object_index']]['name']}")
        for row in relations
    ]
    return Card(draw_boxes(photo, boxes), title, lines)


def _empty_sheet(image: Row, objects: Sequence[Row]) -> Image.Image:
    furthest = [max((item[corner] for item in objects), default=1) for corner in ("x2", "y2")]
    width, height = image["width"] or furthest[0], image["height"] or furthest[1]
    return Image.new("RGB", (max(1, int(width)), max(1, int(height))), "#f4f4f4")
