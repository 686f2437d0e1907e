"""Published numbers and our own in one table, in which every cell that is no fair comparison says so."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import polars as pl

from visual_relations.metrics.table import METRIC_SCHEMA

MEASURED = "measured"
COLUMN = ["benchmark", "split", "task", "metric", "slice"]  # what has one column in the scoreboard
ROW = ["model", "variant"]

SCOREBOARD_SCHEMA: dict[str, pl.DataType] = {
    **METRIC_SCHEMA,
    "task": pl.String(),  # the protocol, where models are measured under several that are different tasks; else ""
    "kind": pl.String(),  # "published", "measured" or "control"
    "coverage": pl.Float64(),  # share of the benchmark that was measured; null when it has no such notion
    "remark": pl.String(),  # why the value is not to be compared with its column; "" when it is
}


def scoreboard(measured: pl.DataFrame, published: pl.DataFrame, controls: Collection[str] = ()) -> pl.DataFrame:
    """Set measured values beside published ones.

    A column's protocol is the one most of its published values share, or of its measured ones where none is published.
    A value gets a remark if its protocol is another one, if it covers only a part of the benchmark, or if it was
    measured on another number of items than all published values of the column that state theirs.

    Args:
        measured: Metric table of our own runs. Single seeds are left out where there is a row over all of them.
        published: Metric table of published values, each with its source.
        controls: Models and variants that are controls: no pictures, labels only, chance.

    Returns:
        `SCOREBOARD_SCHEMA`.
    """
    ours = measured.join(_coverage(measured), on=["benchmark", "split", *ROW], how="left", nulls_equal=True)
    is_control = pl.any_horizontal(pl.col(name).is_in(list(controls)) for name in ROW)
    ours = ours.filter(pl.col("metric") != "coverage").with_columns(
        kind=pl.when(is_control).then(pl.lit("control")).otherwise(pl.lit(MEASURED))
    )
    theirs = published.with_columns(coverage=pl.lit(None, pl.Float64), kind=pl.lit("published"))
    several = _with_several_protocols(measured)
    task = pl.when(pl.col("benchmark").is_in(several)).then(pl.col("protocol")).otherwise(pl.lit(""))
    table = _over_seeds(pl.concat([theirs, ours.select(theirs.columns)]).with_columns(task=task))
    columns = table.group_by(COLUMN).agg(_common("protocol").alias("common_protocol"), _common_count())
    with_columns = table.join(columns, on=COLUMN, how="left", maintain_order="left")
    remarks = [_remark(row) for row in with_columns.iter_rows(named=True)]
    return table.with_columns(remark=pl.Series(remarks, dtype=pl.String)).select(list(SCOREBOARD_SCHEMA))


def _with_several_protocols(measured: pl.DataFrame) -> list[str]:
    """Benchmarks that some model was measured on under more than one protocol: they are different tasks."""
    keys = [name for name in COLUMN if name != "task"] + ROW
    counted = measured.group_by(keys).agg(pl.col("protocol").n_unique())
    return counted.filter(pl.col("protocol") > 1)["benchmark"].unique().to_list()


def _over_seeds(table: pl.DataFrame) -> pl.DataFrame:
    """Leave single seeds out where there is a row over all of them."""
    keys = [*COLUMN, *ROW, "protocol", "kind"]
    has_mean = pl.col("seed").is_null().any().over(keys)
    return table.filter(pl.col("seed").is_null() | ~has_mean)


def _coverage(measured: pl.DataFrame) -> pl.DataFrame:
    rows = measured.filter(pl.col("metric") == "coverage")
    return rows.group_by("benchmark", "split", *ROW).agg(coverage=pl.col("value").first())


def _common(name: str) -> pl.Expr:
    """The most frequent value among published rows, or among all if there are none; of equal ones the first."""
    published = pl.col("kind") == "published"
    chosen = pl.when(published.any()).then(pl.col(name).filter(published).mode(maintain_order=True).first())
    return chosen.otherwise(pl.col(name).mode(maintain_order=True).first())


def _common_count() -> pl.Expr:
    """The number of items that all published values of a column state; null if they state none or several."""
    counts = pl.col("count").filter(pl.col("kind") == "published").drop_nulls()
    return pl.when(counts.n_unique() == 1).then(counts.first()).alias("common_count")


def _remark(row: dict[str, Any]) -> str:
    reasons = []
    if row["protocol"] != row["common_protocol"]:
        common = row["common_protocol"] or "not stated"
        reasons.append(f"protocol: {row['protocol'] or 'not stated'}, the column's is {common}")
    if row["coverage"] is not None and row["coverage"] < 1:
        reasons.append(f"covers {row['coverage']:.1%} of the items")
    elif row["count"] is not None and row["common_count"] not in (None, row["count"]):
        reasons.append(f"{row['count']:,} items, the published values have {row['common_count']:,}")
    return "; ".join(reasons)
