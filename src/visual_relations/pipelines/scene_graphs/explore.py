"""The reporting nodes: counts, figures, and one page that shows them with examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from plotly.graph_objects import Figure

from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.artefacts.images import ImageError
from visual_relations.graphs.summary import rejected_table, summarise, summary_table
from visual_relations.graphs.vocabulary import Vocabulary
from visual_relations.pipelines.scene_graphs.params import ExamplesParams, SceneGraphsParams
from visual_relations.plots import report
from visual_relations.plots import scene_graphs as plots


def summarise_scene_graphs(
    images: pl.DataFrame,
    objects: pl.DataFrame,
    relations: pl.DataFrame,
    rejected_records: pl.DataFrame,
    relation_pairs: pl.DataFrame,
    vocabulary: Vocabulary,
) -> dict[str, Any]:
    """Count what was found and what was dropped."""
    return summarise(images, objects, relations, rejected_records, relation_pairs, vocabulary)


def plot_scene_graphs(
    images: pl.DataFrame,
    objects: pl.DataFrame,
    relations: pl.DataFrame,
    triplet_vocabulary: pl.DataFrame,
    vocabulary: Vocabulary,
) -> tuple[Figure, Figure, Figure, Figure]:
    """Draw the long tail of predicates, the related classes, graph sizes and box sizes."""
    return (
        plots.predicate_long_tail(vocabulary),
        plots.object_pair_heat_map(triplet_vocabulary, vocabulary),
        plots.graph_sizes(images, objects, relations),
        plots.box_sanity(images, objects),
    )


def build_scene_graph_page(
    images: pl.DataFrame,
    objects: pl.DataFrame,
    relations: pl.DataFrame,
    summary: dict[str, Any],
    long_tail: Figure,
    heat_map: Figure,
    sizes: Figure,
    boxes: Figure,
    params: SceneGraphsParams,
) -> str:
    """Lay counts, figures and examples out as one page."""
    figures = "".join(map(report.figure_html, (long_tail, heat_map, sizes, boxes)))
    sections = [
        report.Section("Counts", report.table_html(summary_table(summary))),
        report.Section("Rejected records", report.table_html(rejected_table(summary))),
        report.Section("Figures", figures),
        report.Section("Examples", report.gallery_html(_examples(images, objects, relations, params.examples))),
    ]
    lead = f"{images.height:,} images, {objects.height:,} objects, {relations.height:,} relations"
    return report.render_page("Scene graphs", sections, lead)


def _examples(
    images: pl.DataFrame, objects: pl.DataFrame, relations: pl.DataFrame, params: ExamplesParams
) -> list[report.Card]:
    """Cards of images drawn among those with relations."""
    folder = ImageFolder(Path(params.photos), params.subfolders)

    def open_photo(file_name: str) -> Any:
        try:
            return folder.open(file_name)
        except ImageError:
            return None

    shown = images.join(relations, on="image_id", how="semi", maintain_order="left")
    shown = shown.sample(min(params.number, shown.height), seed=params.seed)
    return plots.example_cards(
        shown,
        objects.join(shown, on="image_id", how="semi", maintain_order="left"),
        relations.join(shown, on="image_id", how="semi", maintain_order="left"),
        open_photo,
    )
