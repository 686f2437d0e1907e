"""Published and measured numbers in one table: what is no fair comparison says so."""

from __future__ import annotations

import polars as pl

from visual_relations.metrics.scoreboard import SCOREBOARD_SCHEMA, scoreboard
from visual_relations.metrics.table import metric_table


def row(model, value, source="measured", **fields):
    shared = {"benchmark": "valse", "protocol": "comparison", "metric": "pairwise_accuracy", "slice": "micro"}
    return {**shared, "model": model, "value": value, "source": source, **fields}


def board(measured, published=(), controls=()):
    return scoreboard(metric_table(measured), metric_table(published), controls)


def remark(table, model, **filters):
    return table.filter(model=model, **filters).row(0, named=True)["remark"]


def test_equal_protocol_and_count_need_no_remark():
    table = board([row("ours", 0.6, count=100)], [row("theirs", 0.7, "paper", count=100)])
    assert dict(table.schema) == SCOREBOARD_SCHEMA
    assert table["kind"].to_list() == ["published", "measured"]
    assert table["remark"].to_list() == ["", ""]


def test_another_protocol_is_named_in_the_cell_that_differs():
    published = [
        row("a", 0.6, "paper", protocol="threshold 0.5"),
        row("b", 0.7, "paper", protocol="threshold 0.5"),
        row("c", 0.8, "paper", protocol="fine-tuned"),
    ]
    table = board([row("ours", 0.5, protocol="threshold from dev")], published)
    assert remark(table, "a") == ""
    assert remark(table, "c") == "protocol: fine-tuned, the column's is threshold 0.5"
    assert remark(table, "ours") == "protocol: threshold from dev, the column's is threshold 0.5"


def test_partial_coverage_and_another_number_of_items_are_named():
    coverage = row("ours", 0.031, protocol="coverage", metric="coverage", count=5518)
    measured = [row("ours", 0.6, count=171), coverage, row("full", 0.6, count=90)]
    table = board(measured, [row("theirs", 0.7, "paper", count=7702)])
    assert remark(table, "ours") == "covers 3.1% of the items"
    assert remark(table, "full") == "90 items, the published values have 7,702"
    assert "coverage" not in table["metric"].to_list()
    assert table.filter(model="ours")["coverage"].to_list() == [0.031]


def test_seeds_give_way_to_their_mean():
    measured = [row("ours", v, seed=s) for s, v in enumerate((0.5, 0.7))] + [row("ours", 0.6, low=0.5, high=0.7)]
    assert board([*measured, row("once", 0.4, seed=3)])["value"].to_list() == [0.6, 0.4]


def test_protocols_that_one_model_was_measured_under_are_different_tasks():
    measured = [row("ours", v, protocol=p) for p, v in (("annotated_pairs", 0.9), ("all_pairs", 0.3))]
    table = board(measured, [row("theirs", 0.8, "paper", protocol="annotated_pairs")])
    assert set(table["task"]) == {"annotated_pairs", "all_pairs"}
    assert table["remark"].unique().to_list() == [""]


def test_controls_are_told_by_model_or_variant():
    measured = [row("ours", 0.6), row("ours", 0.5, variant="blank pictures"), row("chance", 0.5)]
    table = board(measured, controls=["chance", "blank pictures"])
    assert table["kind"].to_list() == ["measured", "control", "control"]


def test_an_empty_board_has_the_schema():
    assert dict(board([]).schema) == SCOREBOARD_SCHEMA
    assert pl.concat([board([]), board([row("ours", 1.0)])]).height == 1
