"""From cells and scores to rows of the metric table: every slice, micro and macro, with intervals and coverage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from visual_relations.metrics.intervals import accuracy_interval
from visual_relations.metrics.matching.outcomes import (
    area_under_roc,
    best_threshold,
    group_outcomes,
    item_outcomes,
    with_scores,
)
from visual_relations.metrics.matching.protocols import Macro, Protocol, protocol_of
from visual_relations.metrics.table import metric_table

DEVELOPMENT = "dev"
Row = dict[str, Any]


def evaluate_matching(cells: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """Measure every model and variant on every benchmark and split.

    Args:
        cells: `CELL_SCHEMA` of any number of benchmarks.
        scores: `SCORE_SCHEMA` of any number of models and variants.

    Returns:
        A metric table. Slices: "micro" is the mean over items (or cells), "macro:<kind>" the unweighted mean over the
        slices of a kind, "<kind>:<name>" one slice. `count` is the number of items with all their scores and the
        metric "coverage" their share; `low` and `high` bound 95 % of bootstrap resamples.

    Raises:
        ValueError: If a benchmark has no protocol, or scores are about unknown cells.
    """
    tables = []
    for (model, variant, threshold), part in scores.group_by("model", "variant", "threshold", maintain_order=True):
        for (benchmark,), own in part.group_by("benchmark", maintain_order=True):
            scored = with_scores(cells.filter(pl.col("benchmark") == benchmark), own)
            shared = {"benchmark": benchmark, "model": model, "variant": variant}
            rows = _benchmark_rows(protocol_of(str(benchmark)), scored, threshold)
            tables += [{**shared, **row} for row in rows]
    return metric_table(tables)


def _benchmark_rows(protocol: Protocol, scored: pl.DataFrame, threshold: float | None) -> Iterator[Row]:
    """Rows of one model on one benchmark, split by split."""
    development = scored.filter(pl.col("split") == DEVELOPMENT).drop_nulls("score")
    for (split,), part in scored.group_by("split", maintain_order=True):
        if not part["score"].count():
            continue
        items = item_outcomes(part, ties_win=protocol.ties_win)
        rows = list(_comparison_rows(protocol, items))
        if protocol.thresholds:
            # No threshold is judged by the items it was chosen on.
            others = development.clear() if split == DEVELOPMENT else development
            rows += _threshold_rows(protocol, part, others, threshold)
        covered = part.group_by("item").agg(pl.col("score").is_not_null().all())["score"]
        rows.append({"protocol": "coverage", **_mean_row("coverage", "micro", [covered])})
        yield from ({"split": split, **row} for row in rows if row["count"])


def _comparison_rows(protocol: Protocol, items: pl.DataFrame) -> Iterator[Row]:
    parts = _parts(items)
    for metric, outcome in protocol.comparisons.items():
        decisions = {name: part[outcome] for name, part in parts.items()}
        rows = list(_sliced_rows(metric, decisions, protocol.macro))
        for kind in protocol.groups:
            groups = group_outcomes(items, outcome).filter(pl.col("kind") == kind)
            rows.append(_mean_row(f"{kind}_accuracy", "micro", [groups["right"]]))
        yield from ({"protocol": "comparison", **row} for row in rows)


def _threshold_rows(
    protocol: Protocol, scored: pl.DataFrame, development: pl.DataFrame, threshold: float | None
) -> Iterator[Row]:
    """Judge every cell on its own. A model without a threshold takes the one that is best on the development split."""
    if (auc := area_under_roc(scored)) is not None:
        shared = {"protocol": "ranking", "metric": "AUROC", "slice": "micro"}
        yield {**shared, "value": auc, "count": scored["score"].count()}
    named = f"threshold {threshold:g}" if threshold is not None else f"threshold from {DEVELOPMENT}"
    if threshold is None:
        if not development.height:
            return
        threshold = best_threshold(development)
    judged = scored.with_columns(right=(pl.col("score") >= threshold) == pl.col("gold"))
    true, other = (
        {name: part.filter(pl.col("gold") == gold)["right"] for name, part in _parts(judged, protocol.distinct).items()}
        for gold in (True, False)
    )
    rows = [*_sliced_rows("p_c", true, protocol.macro), *_sliced_rows("p_f", other, protocol.macro)]
    both = {name: pl.concat([true[name], other[name]]) for name in true}
    rows += _sliced_rows("accuracy", both, protocol.macro)
    rows += [_mean_row("balanced_accuracy", name, [true[name], other[name]]) for name in true]
    yield from ({"protocol": named, **row} for row in rows)


def _parts(table: pl.DataFrame, distinct: str | None = None) -> dict[str, pl.DataFrame]:
    """The whole table ("micro") and each of its slices.

    Args:
        table: Items or cells with `slices`.
        distinct: Keep only slices of this kind, what is in one of them, and every picture with its text once.
    """
    sliced = table.explode("slices").drop_nulls("slices")
    whole = table
    if distinct:
        pair = ["image", "box", "text", "gold"]
        sliced = sliced.filter(pl.col("slices").str.starts_with(f"{distinct}:")).unique(
            [*pair, "slices"], maintain_order=True
        )
        whole = sliced.unique(pair, maintain_order=True)
    slices = {str(name): part for (name,), part in sliced.group_by("slices", maintain_order=True)}
    return {"micro": whole} | slices


def _sliced_rows(metric: str, decisions: dict[str, pl.Series], macros: tuple[Macro, ...]) -> Iterator[Row]:
    """One row per part, and one per kind of slices for their unweighted mean."""
    for macro in macros:
        parts = [part for name, part in decisions.items() if name.startswith(f"{macro.kind}:")]
        yield _mean_row(metric, f"macro:{macro.kind}", [part for part in parts if part.len() >= macro.at_least])
    for name, part in decisions.items():
        yield _mean_row(metric, name, [part])


def _mean_row(metric: str, name: str, parts: list[pl.Series]) -> Row:
    """The unweighted mean of the accuracies of several parts; what is not known does not count."""
    known = [part.drop_nulls() for part in parts if part.count()]
    row: Row = {"metric": metric, "slice": name, "value": None, "count": sum(part.len() for part in known)}
    if known:
        right, count = [int(part.sum()) for part in known], [part.len() for part in known]
        row["value"] = sum(r / n for r, n in zip(right, count, strict=True)) / len(known)
        row["low"], row["high"] = accuracy_interval(right, count)
    return row
