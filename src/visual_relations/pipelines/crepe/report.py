"""Figures, gallery page and the report of a run of CREPE, and its summary on the terminal."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import polars as pl
from matplotlib.figure import Figure

from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.pipelines.crepe.params import CrepeParams, ReportParams
from visual_relations.pipelines.crepe.reporting import ANNOTATED, SHOWN, summarise_models
from visual_relations.plots import gallery, relations, training
from visual_relations.plots.report import Section, figure_html, gallery_html, render_page, table_html
from visual_relations.plots.terminal import text_table

logger = logging.getLogger(__name__)
SHEET = 12  # pictures of the contact sheet

MODELS_INTRO = (
    "GT: only annotated pairs are ranked, as in CREPE's released evaluation; all: every ordered pair of "
    "objects, as in PredCls. The two are never comparable. Means over seeds of the heads, ± half the distance between "
    "the extreme seeds. All heads are the same UVTransE; they differ in what stands for the union of the two objects. "
    "frequency_prior knows only the training counts of the two labels, chance guesses, retrieval_top1 is the predicate "
    "of the retrieved pseudo label."
)
GALLERY_INTRO = "Subject in orange, object in blue; the three best predicates with their probability."
PSEUDO_INTRO = (
    "Share of annotated relations whose part is named by the retrieved triplet text, and what remains when the "
    "retrieved texts are dealt out at random."
)
LOGGED = ("GT mR@20", "GT R@20", "all mR@50")  # as much as fits into 80 columns


def draw_figures(
    relation_metrics: pl.DataFrame,
    relation_predicate_metrics: pl.DataFrame,
    crepe_confusions: pl.DataFrame,
    pseudo_label_metrics: pl.DataFrame,
    prompt_history: pl.DataFrame,
    head_history: pl.DataFrame,
    vocabulary: dict[str, Any],
    params: ReportParams,
) -> tuple[go.Figure, go.Figure, go.Figure, go.Figure, go.Figure, go.Figure]:
    """Models, recall by predicate, confusions, pseudo labels, and the curves of both stages."""
    means = relation_metrics.filter(pl.col("seed").is_null(), pl.col("protocol") == ANNOTATED)
    counts = dict(zip(vocabulary["predicates"], vocabulary["predicate_counts"], strict=True))
    recalls = relation_predicate_metrics.filter(
        pl.col("seed").is_null(),
        pl.col("protocol") == ANNOTATED,
        pl.col("metric") == SHOWN[ANNOTATED][0],
        pl.col("variant") == params.calibration,
    )
    order = sorted(vocabulary["predicates"], key=lambda name: -counts[name])
    heads = head_history.filter(pl.col("protocol") == ANNOTATED)
    return (
        relations.model_overview(means, list(SHOWN[ANNOTATED][:2])),
        relations.predicate_recall(recalls, counts, list(params.charted)),
        relations.confusion_matrix(crepe_confusions, order),
        relations.pseudo_label_quality(pseudo_label_metrics),
        training.training_curves(prompt_history),
        training.training_curves(heads),
    )


def draw_gallery(crepe_gallery: pl.DataFrame, image_folder: ImageFolder) -> tuple[str, Figure]:
    """The gallery as a page, and its first pictures as one picture."""
    pictures = [image_folder.open(name) for name in crepe_gallery["file_name"]]
    cards = gallery_html(gallery.relation_cards(crepe_gallery, pictures))
    page = render_page("CREPE: test pictures", [Section("Predicted relations", cards, GALLERY_INTRO)])
    return page, gallery.contact_sheet(crepe_gallery.head(SHEET), pictures[:SHEET])


def write_report(
    relation_metrics: pl.DataFrame,
    crepe_gallery: pl.DataFrame,
    image_folder: ImageFolder,
    params: CrepeParams,
    *figures: go.Figure,
) -> str:
    """The report: one page that stands alone. `figures` are those of `draw_figures`, in its order."""
    models, predicates, confusions, pseudo_labels, prompt_curves, head_curves = map(figure_html, figures)
    summary = table_html(summarise_models(relation_metrics))
    pictures = [image_folder.open(name) for name in crepe_gallery["file_name"]]
    cards = gallery_html(gallery.relation_cards(crepe_gallery, pictures))
    about = f"model {params.report.model}, calibration {params.report.calibration}"
    sections = [
        Section("Models and controls", summary + models, MODELS_INTRO),
        Section("Recall by predicate", predicates, "The most frequent predicates of the training images on top."),
        Section("Pictures", cards, f"{GALLERY_INTRO} Annotated pairs of test images; {about}."),
        Section("Confusions", confusions, f"Annotated pairs, all seeds; {about}."),
        Section("Pseudo labels", pseudo_labels, PSEUDO_INTRO),
        Section("Learning the prompt", prompt_curves, "Stage 1 sees no predicate label."),
        Section("Training the heads", head_curves, "Stage 2, annotated pairs, mean over seeds."),
    ]
    lead = f"{params.report.benchmark}, recipe {params.recipe}, seeds {', '.join(map(str, params.comparison.seeds))}."
    return render_page("CREPE: predicting relations with learned prompts", sections, lead)


def log_summary(relation_metrics: pl.DataFrame, crepe_report: str, params: ReportParams) -> None:  # noqa: ARG001
    """Log the table of models and where the report lies; runs last and every time."""
    summary = summarise_models(relation_metrics).filter(calibration="none").select("model", *LOGGED)
    logger.info("CREPE on %s, uncalibrated:\n%s", params.benchmark, text_table(summary))
    versions = sorted(Path(params.place).glob("*/*.html"))
    logger.info("Report: %s", versions[-1] if versions else params.place)
