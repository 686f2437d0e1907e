"""Items of K images and M texts: every outcome against a loop, and the numbers each benchmark prints."""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visual_relations.metrics.intervals import accuracy_interval, mean_interval
from visual_relations.metrics.matching.evaluate import evaluate_matching
from visual_relations.metrics.matching.items import SCORE_SCHEMA, ProbeItem, cell_table
from visual_relations.metrics.matching.outcomes import area_under_roc, best_threshold, item_outcomes
from visual_relations.metrics.matching.protocols import protocol_of


def score_table(benchmark, scores, split="test", model="m", threshold=0.5, variant=""):
    """Scores by item as K × M nested lists; None leaves a cell out."""
    rows = [
        (model, variant, threshold, benchmark, split, item, k, m, value)
        for item, matrix in scores.items()
        for k, row in enumerate(matrix)
        for m, value in enumerate(row)
        if value is not None
    ]
    return pl.DataFrame(rows, schema=SCORE_SCHEMA, orient="row")


def foil(name, piece="existence", image="1.jpg"):
    return ProbeItem(name, (image,), ("a", "b"), ((True, False),), (f"piece:{piece}",))


def value(table, metric, slice_="micro", column="value", **filters):
    rows = table.filter(metric=metric, slice=slice_, **filters)
    assert rows.height == 1, rows
    return rows[column][0]


@given(st.data())
def test_outcomes_are_those_of_a_loop_over_all_cells(data):
    k, m = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    gold = data.draw(st.lists(st.lists(st.booleans(), min_size=m, max_size=m), min_size=k, max_size=k))
    scores = data.draw(st.lists(st.lists(st.integers(0, 3), min_size=m, max_size=m), min_size=k, max_size=k))
    ties_win = data.draw(st.booleans())

    def choose(pairs):
        true = [score for score, is_true in pairs if is_true]
        other = [score for score, is_true in pairs if not is_true]
        if not true or not other:
            return None
        return min(true) >= max(other) if ties_win else min(true) > max(other)

    def all_known(decisions):
        known = [decision for decision in decisions if decision is not None]
        return all(known) if known else None

    rows = [choose(list(zip(scores[i], gold[i], strict=True))) for i in range(k)]
    columns = [choose([(scores[i][j], gold[i][j]) for i in range(k)]) for j in range(m)]
    item = ProbeItem("x", tuple("abc"[:k]), tuple("def"[:m]), tuple(map(tuple, gold)))
    cells = cell_table("winoground", "test", [item]).with_columns(score=pl.Series(np.ravel(scores), dtype=pl.Float64))
    outcome = item_outcomes(cells, ties_win=ties_win).row(0, named=True)
    assert outcome["text"] == all_known(rows)
    assert outcome["image"] == all_known(columns)
    assert outcome["group"] == all_known(rows + columns)


def test_micro_and_macro_are_both_named_with_counts_and_intervals():
    items = [foil("1"), foil("2"), foil("3"), foil("4", "plurals")]
    scores = {"1": [[0.9, 0.1]], "2": [[0.9, 0.1]], "3": [[0.1, 0.9]], "4": [[0.2, 0.8]]}
    table = evaluate_matching(cell_table("valse", "test", items), score_table("valse", scores))
    assert value(table, "pairwise_accuracy") == pytest.approx(2 / 4)
    assert value(table, "pairwise_accuracy", "macro:piece") == pytest.approx((2 / 3 + 0) / 2)
    assert value(table, "pairwise_accuracy", "piece:existence") == pytest.approx(2 / 3)
    assert value(table, "pairwise_accuracy", "piece:plurals", "count") == 1
    row = table.filter(metric="pairwise_accuracy", slice="macro:piece").row(0, named=True)
    assert row["low"] <= row["value"] <= row["high"]


def test_equal_scores_are_wrong_unless_the_original_takes_the_first():
    tie = {"1": [[0.5, 0.5]]}
    wrong = evaluate_matching(cell_table("sugarcrepe", "test", [foil("1")]), score_table("sugarcrepe", tie))
    right = evaluate_matching(cell_table("aro_order", "test", [foil("1")]), score_table("aro_order", tie))
    assert value(wrong, "pairwise_accuracy") == 0
    assert value(right, "precision@1") == 1


def test_winoground_scores_follow_its_paper():
    crossed = ((True, False), (False, True))
    items = [ProbeItem(n, ("i0", "i1"), ("c0", "c1"), crossed) for n in "abc"]
    scores = {"a": [[3, 1], [2, 4]], "b": [[3, 1], [4, 5]], "c": [[3, 4], [2, 5]]}
    table = evaluate_matching(cell_table("winoground", "test", items), score_table("winoground", scores))
    # text: s(c0,i0) > s(c1,i0) and s(c1,i1) > s(c0,i1); image: s(c0,i0) > s(c0,i1) and s(c1,i1) > s(c1,i0)
    assert value(table, "text_score") == pytest.approx(2 / 3)
    assert value(table, "image_score") == pytest.approx(2 / 3)
    assert value(table, "group_score") == pytest.approx(1 / 3)


def test_both_captions_of_sugarcrepe_pp_must_beat_the_negative():
    item = ProbeItem("1", ("i",), ("p", "q", "n"), ((True, True, False),))
    for scores, expected in (([[3, 2, 1]], 1), ([[3, 1, 2]], 0)):
        table = evaluate_matching(
            cell_table("sugarcrepe_pp", "test", [item]), score_table("sugarcrepe_pp", {"1": scores})
        )
        assert value(table, "both_positives_win") == expected


def test_pairs_and_sets_of_whatsup_need_all_their_items():
    def item(name, pair):
        return ProbeItem(name, ("i",), ("t", "f"), ((True, False),), groups=(f"pair:{pair}", "set:x"))

    items = [item("1", "a"), item("2", "a"), item("3", "b"), item("4", "b")]
    scores = {"1": [[2, 1]], "2": [[2, 1]], "3": [[2, 1]], "4": [[1, 2]]}
    table = evaluate_matching(cell_table("whatsup", "test", items), score_table("whatsup", scores))
    assert value(table, "accuracy", protocol="comparison") == 3 / 4
    assert value(table, "pair_accuracy") == 1 / 2
    assert value(table, "set_accuracy") == 0


def test_svo_probes_judges_a_picture_with_its_sentence_once():
    def item(name, positive, negative, *slices):
        return ProbeItem(name, (positive, negative), ("s",), ((True,), (False,)), slices)

    items = [
        item("1", "p", "n", "type:subj", "exchanged:subj"),
        item("2", "p", "o", "type:verb", "exchanged:verb"),  # the same true picture again
        item("3", "q", "r", "type:verb"),  # two parts exchanged: not in the original metric
    ]
    scores = {"1": [[0.9], [0.6]], "2": [[0.9], [0.1]], "3": [[0.1], [0.9]]}
    table = evaluate_matching(cell_table("svo_probes", "test", items), score_table("svo_probes", scores))
    assert value(table, "pairwise_accuracy") == pytest.approx(2 / 3)
    assert value(table, "pairwise_accuracy", "macro:type") == pytest.approx((1 + 1 / 2) / 2)
    assert (value(table, "p_c", column="count"), value(table, "p_f", column="count")) == (1, 2)
    assert value(table, "balanced_accuracy") == pytest.approx((1 + 1 / 2) / 2)


def test_items_with_a_missing_picture_lower_the_coverage_and_nothing_else():
    items = [foil("1"), foil("2"), foil("3", "plurals")]
    scores = {"1": [[0.9, 0.1]], "2": [[0.9, None]]}
    table = evaluate_matching(cell_table("valse", "test", items), score_table("valse", scores))
    assert value(table, "coverage") == pytest.approx(1 / 3)
    assert value(table, "coverage", column="count") == 3
    assert (value(table, "pairwise_accuracy"), value(table, "pairwise_accuracy", column="count")) == (1, 1)
    assert not table.filter(slice="piece:plurals").height


def vsr(split, labels):
    items = [ProbeItem(str(n), ("i",), (f"t{n}",), ((label,),)) for n, label in enumerate(labels)]
    return cell_table("vsr_random", split, items)


def test_a_model_without_a_threshold_takes_the_best_one_of_the_development_split():
    cells = pl.concat([vsr("dev", [True, True, False]), vsr("test", [True, False])])
    parts = [
        score_table("vsr_random", {"0": [[3.0]], "1": [[2.0]], "2": [[1.0]]}, split="dev", threshold=None),
        score_table("vsr_random", {"0": [[2.5]], "1": [[2.4]]}, threshold=None),
    ]
    both = evaluate_matching(cells, pl.concat(parts))
    table = both.filter(split="test")
    assert value(table, "accuracy", protocol="threshold from dev") == 1 / 2
    assert "accuracy" not in both.filter(split="dev")["metric"]
    assert value(table, "AUROC") == 1
    without_development = evaluate_matching(cells.filter(split="test"), parts[1])
    assert set(without_development["metric"]) == {"AUROC", "coverage"}


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=12))
def test_the_best_threshold_has_the_highest_accuracy(cells):
    scored = pl.DataFrame(cells, schema={"score": pl.Float64, "gold": pl.Boolean}, orient="row")

    def accuracy(threshold):
        return np.mean([(score >= threshold) == gold for score, gold in cells])

    assert accuracy(best_threshold(scored)) == max(accuracy(t) for t in (*range(5), np.inf))


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=12))
def test_area_under_roc_counts_ordered_pairs(cells):
    true = [score for score, gold in cells if gold]
    other = [score for score, gold in cells if not gold]
    scored = pl.DataFrame(cells, schema={"score": pl.Float64, "gold": pl.Boolean}, orient="row")
    pairs = [(a > b) + (a == b) / 2 for a, b in itertools.product(true, other)]
    assert area_under_roc(scored) == (pytest.approx(np.mean(pairs)) if pairs else None)


def test_a_small_slice_can_be_left_out_of_the_macro_mean():
    items = [
        ProbeItem(f"{name}{n}", ("i",), ("t", "f"), ((True, False),), (f"attributes:{name}",))
        for name, size in (("common", 25), ("rare", 24))
        for n in range(size)
    ]
    scores = {item.item: [[1, 0]] if "common" in item.item else [[0, 1]] for item in items}
    table = evaluate_matching(cell_table("aro_attribution", "test", items), score_table("aro_attribution", scores))
    assert value(table, "pairwise_accuracy", "macro:attributes") == 1
    assert value(table, "pairwise_accuracy") == 25 / 49


def test_wrong_input_is_named():
    cells = cell_table("valse", "test", [foil("1")])
    with pytest.raises(ValueError, match="not in the benchmark"):
        evaluate_matching(cells, score_table("valse", {"2": [[1, 0]]}))
    twice = score_table("valse", {"1": [[1, 0]]})
    with pytest.raises(ValueError, match="scored twice"):
        evaluate_matching(cells, pl.concat([twice, twice]))
    with pytest.raises(ValueError, match="names must be unique"):
        cell_table("valse", "test", [foil("1"), foil("1")])
    with pytest.raises(ValueError, match="gold map"):
        ProbeItem("1", ("i",), ("a", "b"), ((True,),))
    with pytest.raises(ValueError, match="no protocol"):
        protocol_of("nothing_known")


def test_a_benchmarks_name_leads_to_its_protocol():
    assert protocol_of("vsr_random_v1") is protocol_of("vsr")
    assert protocol_of("sample_world/sugarcrepe_pp") is protocol_of("sugarcrepe_pp") is not protocol_of("sugarcrepe")


def test_intervals_cover_the_mean_and_shrink_with_more_items():
    assert accuracy_interval([10], [10]) == (1, 1)
    few, many = accuracy_interval([5], [10]), accuracy_interval([500], [1000])
    assert few[0] < many[0] < 0.5 < many[1] < few[1]
    # Two groups of a thousand: the standard error of their mean is sqrt(2 * p * (1 - p) / 1000) / 2.
    low, high = accuracy_interval([300, 700], [1000, 1000])
    assert (high - low) / 2 == pytest.approx(1.96 * np.sqrt(2 * 0.21 / 1000) / 2, rel=0.1)
    low, high = mean_interval(np.random.default_rng(0).normal(size=400))
    assert (high - low) / 2 == pytest.approx(1.96 / 20, rel=0.15)
