"""Figures of a study. The one that answers the question, metric against one parameter, comes with its spread."""

from __future__ import annotations

from collections.abc import Mapping

import optuna
import plotly.graph_objects as go
import polars as pl
from optuna.study import Study
from optuna.trial import TrialState

from visual_relations.plots.style import BLUE, GREY, styled
from visual_relations.tuning.params import StudyParams


def answer_and_figures(
    study: Study, trials: pl.DataFrame, params: StudyParams, titles: Mapping[str, str]
) -> tuple[go.Figure, go.Figure, go.Figure, go.Figure, go.Figure]:
    """The figure that answers the question of a study, then history, importances, slice and parallel coordinates.

    Args:
        study: The study.
        trials: Its table.
        params: Its parameters; without a sweep the first searched parameter is on the axis.
        titles: Of searched parameters, by name.
    """
    parameter = params.sweep.parameter if params.sweep else next(iter(params.search_space))
    answer = sweep_figure(trials, parameter, params.metric, titles.get(parameter, parameter))
    figures = study_figures(study, params.metric)
    return answer, figures["history"], figures["importances"], figures["slice"], figures["parallel"]


def sweep_figure(trials: pl.DataFrame, parameter: str, metric: str, title: str = "") -> go.Figure:
    """Metric against one parameter.

    Args:
        trials: Table of trials. Those of kind "baseline" and "sweep" differ in this parameter only: their median and
            every single seed are drawn strong; those of the search, which differ in everything, faint.
        parameter: Name of the searched parameter.
        metric: For the axis.
        title: Of the parameter, for the axis.
    """
    column = f"params.{parameter}"
    complete = trials.filter(pl.col("state") == "complete")
    alone = complete.filter(pl.col("kind").is_in(["baseline", "sweep"])).sort(column)
    search = complete.filter(pl.col("kind") == "search")
    seeds = alone.explode("values")
    figure = go.Figure()
    figure.add_scatter(
        x=search[column],
        y=search["value"],
        mode="markers",
        name="search (all else differs too)",
        marker_color=GREY,
        opacity=0.5,
    )
    figure.add_scatter(
        x=seeds[column],
        y=seeds["values"],
        mode="markers",
        name="one seed",
        marker={"color": BLUE, "size": 5},
        opacity=0.6,
    )
    spread = alone.select(
        high=pl.col("values").list.max() - pl.col("value"), low=pl.col("value") - pl.col("values").list.min()
    )
    figure.add_scatter(
        x=alone[column],
        y=alone["value"],
        mode="lines+markers",
        name="median, range over seeds",
        marker={"size": 10, "color": BLUE},
        error_y={"type": "data", "array": spread["high"].to_list(), "arrayminus": spread["low"].to_list()},
    )
    ticks = alone[column].unique().sort().to_list()
    figure.update_xaxes(title_text=title or parameter, tickvals=ticks)
    figure.update_yaxes(title_text=f"{metric} (validation)", range=_around(seeds["values"]))
    if ticks and all(isinstance(tick, int) and tick > 0 for tick in ticks):
        figure.update_xaxes(type="log")
    return styled(figure, height=420).update_layout(legend={"y": -0.2, "yanchor": "top"})


def _around(values: pl.Series) -> list[float] | None:
    """Axis range that shows all values; a failed configuration of the search must not flatten the curve."""
    if values.is_empty():
        return None
    low, high = float(values.min()), float(values.max())  # type: ignore[arg-type]
    margin = 0.1 * (high - low) or 0.05
    return [low - margin, high + margin]


def study_figures(study: Study, metric: str) -> dict[str, go.Figure]:
    """Optuna's own figures: history, importances, slice, parallel; those that need more trials say so."""
    visualization = optuna.visualization
    makers = {
        "history": visualization.plot_optimization_history,
        "importances": visualization.plot_param_importances,
        "slice": visualization.plot_slice,
        "parallel": visualization.plot_parallel_coordinate,
    }
    n_complete = len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    figures = {}
    for name, maker in makers.items():
        if n_complete < 2:
            figures[name] = styled(go.Figure(), f"{name}: needs two complete trials, there are {n_complete}")
            continue
        keywords = {} if name == "importances" else {"target_name": metric}
        try:
            figures[name] = styled(maker(study, **keywords), "")
        except RuntimeError as error:  # importances need values that differ
            figures[name] = styled(go.Figure(), f"{name}: {error}")
    return figures
