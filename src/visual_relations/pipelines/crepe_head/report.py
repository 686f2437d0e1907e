"""What a run of the grid says: one tidy table, one JSON, one plot, a summary in the log."""

from __future__ import annotations

import logging
from typing import Any

import plotly.graph_objects as go
import polars as pl

from visual_relations.pipelines.crepe_head.params import ReportParams
from visual_relations.plots.relations import model_overview

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
    logger.info("Heads on %s, %s:\n%s", params.benchmark, shown.replace("_", " "), _summary(table, shown, params.k))
    return report, figure


def _summary(table: pl.DataFrame, protocol: str, k: int) -> str:
    """Mean and standard deviation of mR and R in percent, one line per head and calibration."""
    lines = [f"{'head':28s} {'calibration':18s} {f'mR@{k}':>12s} {f'R@{k}':>12s} {'seconds':>8s}"]
    rows = table.filter(pl.col("protocol") == protocol)
    for (model, calibration), part in rows.group_by(["model", "calibration"], maintain_order=True):
        cells = {name: (mean, std) for name, mean, std in part.select("metric", "mean", "std").iter_rows()}
        shown = ["{:5.1f} ± {:3.1f}".format(*(100 * value for value in cells[f"{name}@{k}"])) for name in ("mR", "R")]
        seconds = part["seconds"][0]
        cost = "" if seconds is None else f"{seconds:8.1f}"
        lines.append(f"{model!s:28s} {calibration!s:18s} {shown[0]:>12s} {shown[1]:>12s} {cost}")
    return "\n".join(lines)
