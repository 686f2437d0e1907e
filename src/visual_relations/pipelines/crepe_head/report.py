"""What a run of the grid says: one tidy table, one JSON, one plot, a summary in the log."""

from __future__ import annotations

import logging
from typing import Any

import plotly.graph_objects as go
import polars as pl

from visual_relations.pipelines.crepe_head.params import ReportParams
from visual_relations.plots.relations import model_overview
from visual_relations.plots.terminal import text_table

logger = logging.getLogger(__name__)
RUN = ["model", "protocol"]
CONTROLS = ("chance", "frequency_prior")
HEADLINE = "annotated_pairs"


def tabulate_grid(metrics: pl.DataFrame, costs: pl.DataFrame) -> pl.DataFrame:
    """One row per head, protocol, calibration and metric: mean, standard deviation and extremes over seeds, and cost.

    Args:
        metrics: `crepe_head_metrics`.
        costs: Parameters and seconds of every training.

    Returns:
        model, control, protocol, calibration, metric, mean, std, low, high, seeds, parameters, seconds.
    """
    keys = [*RUN, "variant", "metric"]
    value = pl.col("value")
    runs = metrics.filter(pl.col("seed").is_not_null(), pl.col("slice") == "all")
    spread = runs.group_by(keys, maintain_order=True).agg(
        value.mean().alias("mean"),
        value.std().fill_null(0.0).alias("std"),
        value.min().alias("low"),
        value.max().alias("high"),
        pl.len().alias("seeds"),
    )
    cost = costs.group_by(RUN).agg(pl.col("parameters").first(), pl.col("seconds").mean())
    table = spread.join(cost, on=RUN, how="left", maintain_order="left").rename({"variant": "calibration"})
    control = pl.col("model").is_in(CONTROLS).alias("control")
    return table.select("model", control, *(name for name in table.columns if name != "model"))


def report_grid(table: pl.DataFrame, metrics: pl.DataFrame, params: ReportParams) -> tuple[dict[str, Any], go.Figure]:
    """The table as nested values, and the plot.

    Returns:
        {"benchmark": …, "protocols": {protocol: {model: {"control": …, "calibrations": {method: {metric: {"mean",
        "std", "low", "high", "seeds"}}}, "parameters": …, "seconds": …}}}}, and a figure of mR and R of every head.
    """
    protocols: dict[str, Any] = {}
    for row in table.iter_rows(named=True):
        model = protocols.setdefault(row["protocol"], {}).setdefault(
            row["model"],
            {"control": row["control"], "parameters": row["parameters"], "seconds": row["seconds"], "calibrations": {}},
        )
        values = {name: row[name] for name in ("mean", "std", "low", "high", "seeds")}
        model["calibrations"].setdefault(row["calibration"], {})[row["metric"]] = values
    report = {"benchmark": params.benchmark, "k": params.k, "protocols": protocols}
    means = metrics.filter(pl.col("seed").is_null(), pl.col("slice") == "all")
    shown = HEADLINE if HEADLINE in protocols else next(iter(protocols))
    figure = model_overview(means.filter(pl.col("protocol") == shown), [f"mR@{params.k}", f"R@{params.k}"])
    summary = text_table(_summary(table, shown, params.k))
    logger.info("Heads on %s, %s:\n%s", params.benchmark, shown.replace("_", " "), summary)
    return report, figure


def _summary(table: pl.DataFrame, protocol: str, k: int) -> pl.DataFrame:
    """Mean and standard deviation of mR and R over seeds, one row per head and calibration."""
    rows = table.filter(pl.col("protocol") == protocol, pl.col("metric").is_in([f"mR@{k}", f"R@{k}"]))
    rows = rows.with_columns(pl.col("metric").replace({f"mR@{k}": "mR", f"R@{k}": "R"}))
    wide = rows.pivot("metric", index=["model", "calibration", "seconds"], values=["mean", "std"], maintain_order=True)
    named = {f"mR@{k}": "mean_mR", "±": "std_mR", f"R@{k}": "mean_R", "± ": "std_R"}
    return wide.select("model", "calibration", **{name: pl.col(column) for name, column in named.items()}, s="seconds")
