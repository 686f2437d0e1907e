"""The report of a run: table of the models, the 2 x 2, figures and curves; and its summary on the terminal."""

from __future__ import annotations

import logging

import plotly.graph_objects as go
import polars as pl

from visual_relations.pipelines.relation_pretraining.nodes import LAST
from visual_relations.pipelines.relation_pretraining.params import ArmParams, PretrainingParams
from visual_relations.pipelines.relation_pretraining.reporting import COLUMNS, EFFECTS, effects, summarise
from visual_relations.plots.report import Section, figure_html, render_page, table_html
from visual_relations.plots.style import PALETTE, styled
from visual_relations.plots.terminal import text_table
from visual_relations.plots.training import training_curves

logger = logging.getLogger(__name__)

MODELS_INTRO = (
    "Foils: how often a caption matches its picture better than the same caption with one thing, attribute or relation "
    "exchanged (chance 50). TR@1 and IR@1: one caption per test picture, candidates by similarity, ranked by matching. "
    "MRC: relation of two entities that are each seen with everything else hidden; beside it the same model with boxes "
    "of other entities, the most frequent relation of the two labels, and the most frequent relation. Means over seeds "
    "in per cent, ± half the distance of the extreme seeds."
)
EFFECTS_INTRO = (
    "Differences between the four models in points, ± standard error over seeds. {recipe} What lies within two "
    "standard errors of zero is not shown to help or to harm."
)
OWN_RECIPES = (
    "Each model follows its own recipe (teacher, head, betas), so localisation differs in more than localisation; "
    "one_recipe gives all four the same."
)
ONE_RECIPE = "All four follow one recipe, so they differ in localisation and relations only."
CURVES_INTRO = "Losses per batch of their stream, mean over seeds; retrieval of validation pictures by similarity."


def draw_figures(metrics: pl.DataFrame, history: pl.DataFrame) -> tuple[go.Figure, go.Figure]:
    """Foil accuracy by what is exchanged, and the curves."""
    chosen = metrics.filter(pl.col("metric") == "foil_accuracy", pl.col("variant") == LAST)
    figure = go.Figure()
    for index, (model,) in enumerate(chosen.select("model").unique(maintain_order=True).iter_rows()):
        part = (
            chosen.filter(pl.col("model") == model)
            .group_by("slice", maintain_order=True)
            .agg(pl.col("value").mean(), low=pl.col("value").min(), high=pl.col("value").max())
        )
        figure.add_bar(
            name=model,
            x=part["slice"].to_list(),
            y=part["value"].to_list(),
            error_y={
                "array": (part["high"] - part["value"]).to_list(),
                "arrayminus": (part["value"] - part["low"]).to_list(),
            },
            marker_color=PALETTE[index % len(PALETTE)],
        )
    figure.add_hline(y=0.5, line_dash="dot", annotation_text="chance")
    figure.update_yaxes(tickformat=".0%", range=[0, 1])
    shown = [name for name in history["name"].unique(maintain_order=True) if not name.endswith("/share")]
    return styled(figure, "Captions against foils"), training_curves(
        history, [name for name in shown if name not in ("learning_rate", "gradient_norm")]
    )


def write_report(
    metrics: pl.DataFrame,
    coverage: pl.DataFrame,
    foil_figure: go.Figure,
    curves: go.Figure,
    common: PretrainingParams,
    albef: ArmParams,
    realbef: ArmParams,
    x_vlm: ArmParams,
    rex_vlm: ArmParams,
) -> str:
    """The report: one page that stands alone."""
    recipe = ONE_RECIPE if common.one_recipe else OWN_RECIPES
    two_by_two = effects(metrics, [albef, realbef, x_vlm, rex_vlm], LAST)
    models = table_html(summarise(metrics)) + figure_html(foil_figure)
    sections = [
        Section("Models", models, MODELS_INTRO),
        Section("Relations and localisation", table_html(two_by_two), EFFECTS_INTRO.format(recipe=recipe)),
        Section("Curves", figure_html(curves), CURVES_INTRO),
        Section("Captions", table_html(coverage), "Records of each source, and why some are not used."),
    ]
    steps = common.run_training(common.seeds[0]).steps
    lead = f"{steps} steps, seeds {', '.join(map(str, common.run_seeds()))}{', quick run' if common.quick else ''}."
    return render_page("Pretraining with localisation and relations", sections, lead)


def log_summary(
    metrics: pl.DataFrame,
    report: str,  # noqa: ARG001
    albef: ArmParams,
    realbef: ArmParams,
    x_vlm: ArmParams,
    rex_vlm: ArmParams,
) -> None:
    """Log the tables; runs last and every time."""
    summary = summarise(metrics)
    empty = [name for name in COLUMNS if summary[name].null_count() == summary.height]
    logger.info("Pretrained models, per cent:\n%s", text_table(summary.drop(empty)))
    found = effects(metrics, [albef, realbef, x_vlm, rex_vlm], LAST)
    if found.height:
        logger.info("What changes what, points:\n%s", text_table(found.select("effect", *EFFECTS)))
