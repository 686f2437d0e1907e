"""Relation metrics against Scene-Graph-Benchmark's, calibrations against their authors' (goldens/relation_metrics)."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visual_relations.metrics import calibration
from visual_relations.metrics.relations import Candidates, RelationReport, SceneGraphs, evaluate_relations
from visual_relations.metrics.relations.ranking import ranks

EXACT = 1e-12
SETS = ("random", "real", "edge")
GOLDEN_NAMES = {"ng_R": "ng-R", "ng_mR": "ng-mR", "ng_zR": "ng-zR"}
METRICS = ("R", "mR", "zR", "A", "ng_R", "ng_mR", "ng_zR")
Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def folder(goldens: Path) -> Path:
    return goldens / "relation_metrics"


@pytest.fixture(scope="module")
def arrays(folder: Path) -> Arrays:
    with np.load(folder / "goldens.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "expected.json").read_text())


def zero_based(relations: np.ndarray) -> np.ndarray:
    return relations.astype(np.int64) - np.array([0, 0, 1])


def scene_graphs(arrays: Arrays, name: str) -> SceneGraphs:
    fields = ("box_offsets", "boxes", "labels", "relation_offsets")
    return SceneGraphs(*(arrays[f"{name}_{field}"] for field in fields), zero_based(arrays[f"{name}_relations"]))


def candidates(arrays: Arrays, name: str, scores: np.ndarray | None = None) -> Candidates:
    scores = arrays[f"{name}_probs"] if scores is None else scores
    return Candidates(arrays[f"{name}_pair_offsets"], arrays[f"{name}_pairs"], scores, background=True)


def zero_shot(arrays: Arrays, name: str) -> np.ndarray:
    return zero_based(arrays[f"{name}_zero_shot_triplets"])


def cutoffs(golden: dict[str, Any]) -> list[int]:
    return [int(k) for k in golden["R"]]


def assert_report(report: RelationReport, golden: dict[str, Any]) -> None:
    for name in METRICS:
        for k, value in golden[name].items():
            ours = report.value(GOLDEN_NAMES.get(name, name), int(k))
            assert math.isnan(ours) if value is None else ours == pytest.approx(value, abs=EXACT), (name, k)
    for name, by_k in golden.get("per_predicate", {}).items():
        for k, values in by_k.items():
            ours_R = report.predicate_values[GOLDEN_NAMES.get(name, name)][:, report.ks.index(int(k))]
            np.testing.assert_allclose(ours_R, values, rtol=0, atol=EXACT, err_msg=f"{name}@{k}")
    if "evaluated_images" in golden:
        assert report.evaluated_images.tolist() == golden["evaluated_images"]
        assert report.zero_shot_images.tolist() == golden["zero_shot_images"]
        assert report.predicate_images.tolist() == golden["per_predicate_images"]
    for name, by_k in golden.get("per_image", {}).items():
        if name == "A_count":
            assert report.relation_counts.tolist() == by_k
            continue
        for k, values in by_k.items():
            ours_E = report.per_image[GOLDEN_NAMES.get(name, name)][:, report.ks.index(int(k))]
            np.testing.assert_allclose(ours_E, values, rtol=0, atol=EXACT, err_msg=f"{name}@{k}")


@pytest.mark.parametrize("max_pairs", [1, 500, 65_536])
@pytest.mark.parametrize("name", SETS)
def test_every_metric_equals_the_original(arrays: Arrays, expected: dict[str, Any], name: str, max_pairs: int) -> None:
    golden = expected["edge"]["all"] if name == "edge" else expected[name]
    report = evaluate_relations(
        scene_graphs(arrays, name), candidates(arrays, name), cutoffs(golden), zero_shot(arrays, name), max_pairs
    )
    assert_report(report, golden)


def test_every_edge_case_taken_alone(arrays: Arrays, expected: dict[str, Any]) -> None:
    graphs, pairs = scene_graphs(arrays, "edge"), candidates(arrays, "edge")
    for case, golden in expected["edge"]["cases"].items():
        first, last = golden["images"][0], golden["images"][-1] + 1
        assert golden["images"] == list(range(first, last)), case
        report = evaluate_relations(
            graphs.images(first, last), pairs.images(first, last), cutoffs(golden), zero_shot(arrays, "edge")
        )
        assert_report(report, golden)


def test_the_order_of_candidates_does_not_matter(arrays: Arrays, expected: dict[str, Any]) -> None:
    given, rng = candidates(arrays, "real"), np.random.default_rng(0)
    order = np.concatenate([rng.permutation(np.arange(a, b)) for a, b in pairwise(given.pair_offsets)])
    shuffled = Candidates(given.pair_offsets, given.pairs[order], given.scores[order], background=True)
    golden = expected["real"]
    report = evaluate_relations(scene_graphs(arrays, "real"), shuffled, cutoffs(golden), zero_shot(arrays, "real"))
    assert_report(report, golden)


def test_ranking_equals_the_originals(arrays: Arrays) -> None:
    for name in ("random", "real"):  # edge has exact ties, whose order is arbitrary in the original
        given = candidates(arrays, name)
        best = given.foreground().max(1, keepdims=True)
        rank = ranks(best, given.pair_offsets, np.arange(len(best)), np.zeros(len(best), np.int64))
        first = np.repeat(given.pair_offsets[:-1], np.diff(given.pair_offsets))
        theirs = first + arrays[f"{name}_order"]
        ours = np.empty_like(theirs)
        ours[first + rank] = np.arange(len(best))
        np.testing.assert_array_equal(best[ours], best[theirs])


def annotated(arrays: Arrays, columns: slice) -> Candidates:
    """CREPE's protocol: the annotated pairs of the real images, with 50-way or 51-way probabilities."""
    offsets, pairs = arrays["gt_pairs_pair_offsets"], arrays["gt_pairs_pairs"]
    return Candidates(offsets, pairs, arrays["gt_pairs_probs"][:, columns], background=columns.start is None)


@pytest.mark.parametrize("columns", [slice(None), slice(1, None)], ids=["background column", "foreground only"])
def test_annotated_pairs_with_a_softmax_over_the_foreground(
    arrays: Arrays, expected: dict[str, Any], columns: slice
) -> None:
    golden = expected["gt_pairs"]["annotated_candidates_softmax50"]
    report = evaluate_relations(
        scene_graphs(arrays, "real"), annotated(arrays, columns), cutoffs(golden), zero_shot(arrays, "real")
    )
    assert_report(report, golden)


def test_annotated_pairs_with_a_softmax_over_background_too(arrays: Arrays, expected: dict[str, Any]) -> None:
    everything, kept = candidates(arrays, "real"), annotated(arrays, slice(None))
    rows = []
    for i in range(everything.n_images):
        first, last = everything.pair_offsets[i], everything.pair_offsets[i + 1]
        row_of = {tuple(pair): first + place for place, pair in enumerate(everything.pairs[first:last].tolist())}
        wanted = kept.pairs[kept.pair_offsets[i] : kept.pair_offsets[i + 1]].tolist()
        rows += [row_of[tuple(pair)] for pair in wanted]
    pairs = Candidates(kept.pair_offsets, kept.pairs, everything.scores[rows], background=True)
    golden = expected["gt_pairs"]["annotated_candidates_softmax51"]
    report = evaluate_relations(scene_graphs(arrays, "real"), pairs, cutoffs(golden), zero_shot(arrays, "real"))
    assert_report(report, golden)


def test_pair_accuracy_of_every_set(arrays: Arrays, expected: dict[str, Any]) -> None:
    for name, golden in expected["gt_pairs"]["A"].items():
        report = evaluate_relations(scene_graphs(arrays, name), candidates(arrays, name), [int(k) for k in golden])
        for k, value in golden.items():
            assert report.value("A", int(k)) == pytest.approx(value, abs=EXACT)


def test_train_est_chooses_and_averages_the_originals_examples(arrays: Arrays) -> None:
    part = "calibration_train_"
    rows, labels = calibration.distinct_examples(
        *(arrays[part + name] for name in ("relation_offsets", "relations", "pair_offsets", "pairs"))
    )
    theirs = np.column_stack([arrays[part + "rows"], arrays[part + "labels"]])
    ours = np.column_stack([rows, labels])
    np.testing.assert_array_equal(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)])
    estimate = calibration.train_est(arrays[part + "probs"][rows], labels, background=True)
    np.testing.assert_array_equal(estimate.count_C[1:], arrays["calibration_count"][1:])
    np.testing.assert_allclose(estimate.raw_C, arrays["calibration_c_raw"], rtol=EXACT)
    np.testing.assert_allclose(estimate.filled_C, arrays["calibration_c_filled"], rtol=EXACT)
    np.testing.assert_allclose(estimate.frequency, arrays["calibration_c_used"], rtol=EXACT)
    corrected = calibration.correct(arrays["calibration_test_probs"], estimate.frequency)
    np.testing.assert_allclose(corrected, arrays["calibration_test_train_est"], rtol=1e-6)


def test_dlfe_follows_the_originals_running_frequencies(arrays: Arrays) -> None:
    offsets, theirs = arrays["dlfe_batch_offsets"], arrays["dlfe_c"]
    frequency = calibration.dlfe_start(theirs.shape[1], background=True)
    np.testing.assert_array_equal(frequency, theirs[0])
    for batch, (first, last) in enumerate(pairwise(offsets)):
        probabilities, labels = arrays["dlfe_probs"][first:last], arrays["dlfe_labels"][first:last]
        frequency = calibration.dlfe_update(frequency, probabilities, labels, background=True)
        np.testing.assert_allclose(frequency, theirs[batch + 1], rtol=1e-6)
    test = arrays["calibration_test_probs"]
    np.testing.assert_allclose(calibration.correct_dlfe(test, frequency), arrays["calibration_test_dlfe"], rtol=1e-6)
    rest = calibration.correct_dlfe(test, frequency, background_as_rest=True)
    np.testing.assert_allclose(rest, arrays["calibration_test_dlfe_normalized"], rtol=1e-6, atol=1e-5)


def test_metrics_after_both_corrections(arrays: Arrays, expected: dict[str, Any]) -> None:
    golden, probabilities = expected["calibration"]["random_metrics"], arrays["random_probs"]
    corrected = {
        "uncorrected": probabilities,
        "train_est": calibration.correct(probabilities, arrays["calibration_c_used"]),
        "dlfe": calibration.correct_dlfe(probabilities, arrays["dlfe_c"][-1]),
    }
    assert set(golden) == set(corrected)
    for name, scores in corrected.items():
        report = evaluate_relations(
            scene_graphs(arrays, "random"), candidates(arrays, "random", scores), cutoffs(golden[name]),
            zero_shot(arrays, "random"),
        )  # fmt: skip
        assert_report(report, golden[name])
