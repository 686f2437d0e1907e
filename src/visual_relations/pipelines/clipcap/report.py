"""Figures, the report of a run of ClipCap, and its summary on the terminal. No torch."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import polars as pl

from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.pipelines.clipcap.params import ClipcapParams, ReportParams
from visual_relations.plots.captions import caption_cards, caption_overview, summarise_captions
from visual_relations.plots.report import Section, figure_html, gallery_html, render_page, table_html
from visual_relations.plots.terminal import text_table
from visual_relations.plots.training import training_curves

logger = logging.getLogger(__name__)

MODELS_INTRO = (
    "BLEU, ROUGE-L and CIDEr as COCO's evaluation computes them (fractions; CIDEr goes up to 10). Means over seeds, ± "
    "half the distance between the extreme seeds. nearest_neighbour borrows a caption of the most similar training "
    "image, consensus_of_… the one its nearest images agree on, typical_caption says the same of every image."
)
PUBLISHED_INTRO = (
    "What others report on COCO's Karpathy test split, Conceptual Captions and nocaps. Not comparable with the table "
    "above: other images, another CLIP, another language model."
)
READOUT_INTRO = (
    "The token nearest to each prefix vector, by cosine. The paper finds words in it when the language model was "
    "tuned, and hardly any when it was frozen."
)
CURVES_INTRO = "Loss in nats per token; CIDEr and BLEU-4 of greedy captions of validation images. Mean over seeds."


def draw_caption_figures(caption_metrics: pl.DataFrame, captioner_history: pl.DataFrame) -> tuple[go.Figure, go.Figure]:
    """CIDEr of all captioners and controls, and the training curves."""
    return caption_overview(caption_metrics), training_curves(captioner_history)


def write_clipcap_report(
    caption_metrics: pl.DataFrame,
    caption_gallery: pl.DataFrame,
    prefix_readout: pl.DataFrame,
    published_results: pl.DataFrame,
    image_folder: ImageFolder,
    caption_overview_plot: go.Figure,
    caption_curves_plot: go.Figure,
    params: ClipcapParams,
) -> str:
    """The report: one page that stands alone."""
    pictures = {name: image_folder.open(name) for name in caption_gallery["file_name"].unique()}
    sections = [
        Section(
            "Captioners and controls",
            table_html(summarise_captions(caption_metrics)) + figure_html(caption_overview_plot),
            MODELS_INTRO,
        ),
        Section(
            "Pictures", gallery_html(caption_cards(caption_gallery, pictures)), "CIDEr of each caption in brackets."
        ),
        Section("Training", figure_html(caption_curves_plot), CURVES_INTRO),
        Section("What the prefixes say", table_html(_readable(prefix_readout)), READOUT_INTRO),
        Section("Published results", table_html(_published(published_results)), PUBLISHED_INTRO),
    ]
    seeds = ", ".join(map(str, params.comparison.seeds))
    lead = f"{params.evaluation.benchmark}, split {params.evaluation.split}, recipe {params.recipe}, seeds {seeds}."
    return render_page("ClipCap: captions from CLIP vectors", sections, lead)


def log_caption_summary(
    caption_metrics: pl.DataFrame,
    clipcap_report: str,  # noqa: ARG001 - so that it runs last
    params: ReportParams,
) -> None:
    """Log the table of captioners and where the report lies."""
    logger.info("Captions:\n%s", text_table(summarise_captions(caption_metrics)))
    versions = sorted(Path(params.place).glob("*/*.html"))
    logger.info("Report: %s", versions[-1] if versions else params.place)


def _readable(prefix_readout: pl.DataFrame) -> pl.DataFrame:
    return prefix_readout.select(
        "model",
        "image_id",
        prefix=pl.col("tokens").list.eval(pl.element().str.strip_chars()).list.join(" · "),
        cosine=pl.col("cosines").list.mean(),
    )


def _published(published_results: pl.DataFrame) -> pl.DataFrame:
    """The published caption results as one row per model, benchmark and slice."""
    chosen: Any = published_results.filter(pl.col("protocol") == "captions_ptb")
    if not chosen.height:
        return pl.DataFrame({"model": []}, schema={"model": pl.String})
    return chosen.pivot(
        "metric", index=["model", "variant", "benchmark", "split", "slice", "source"], values="value"
    ).sort("benchmark", "slice", maintain_order=True)
