"""What stands beside the standard protocol: twins that may not agree, and candidates that are not worth ranking."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visual_relations.metrics.relations import Candidates, SceneGraphs, evaluate_relations
from visual_relations.metrics.relations.frequency import FrequencyPrior
from visual_relations.metrics.relations.nms import rel_nms
from visual_relations.metrics.relations.pruning import prune, worthwhile_classes

MAN, SHIRT = 1, 2
BOXES = {MAN: (0.0, 0.0, 100.0, 200.0), SHIRT: (10.0, 50.0, 90.0, 150.0)}
TWIN_SHIRT = (12.0, 52.0, 92.0, 152.0)


def nms(scores: list[list[float]], subjects: list[tuple], objects: list[tuple], classes: list[tuple[int, int]]):
    ends = tuple(np.array(end) for end in zip(*classes, strict=True))
    boxes = tuple(np.array(side) for side in (subjects, objects))
    return rel_nms(np.array(scores, np.float32), np.array([0, len(scores)]), ends, boxes)


def test_of_two_twin_pairs_only_the_better_keeps_a_predicate() -> None:
    left = nms(
        [[0.9, 0.1], [0.8, 0.2]],
        [BOXES[MAN]] * 2,
        [BOXES[SHIRT], TWIN_SHIRT],
        [(MAN, SHIRT)] * 2,
    )
    np.testing.assert_allclose(left, [[0.9, 0.1], [0.0, 0.2]], rtol=1e-6)


@pytest.mark.parametrize(
    ("classes", "objects"),
    [
        ([(MAN, SHIRT), (MAN, 3)], [BOXES[SHIRT], TWIN_SHIRT]),
        ([(MAN, SHIRT)] * 2, [BOXES[SHIRT], (200.0, 200.0, 300.0, 300.0)]),
    ],
)
def test_pairs_of_other_classes_or_places_are_no_twins(classes: list, objects: list) -> None:
    scores = [[0.9, 0.1], [0.8, 0.2]]
    np.testing.assert_allclose(nms(scores, [BOXES[MAN]] * 2, objects, classes), scores, rtol=1e-6)


def test_pruning_keeps_the_recall_with_the_fewest_class_pairs() -> None:
    # (1, 2) is related 9 of 10 times, (1, 3) 1 of 10, (3, 1) never.
    related = pl.DataFrame({"subject_class": [1] * 10, "object_class": [2] * 9 + [3]})
    together = pl.DataFrame({"subject_class": [1] * 20 + [3] * 10, "object_class": [2] * 10 + [3] * 10 + [1] * 10})
    assert worthwhile_classes(related, together, 0.9).rows() == [(1, 2)]
    assert sorted(worthwhile_classes(related, together, 1.0).rows()) == [(1, 2), (1, 3)]


def test_an_image_that_pruning_would_empty_keeps_its_candidates() -> None:
    candidates = pl.DataFrame({"image_id": ["a", "a", "b"], "subject_class": [1, 3, 3], "object_class": [2, 1, 1]})
    kept = prune(candidates, pl.DataFrame({"subject_class": [1], "object_class": [2]}))
    assert kept.rows() == [("a", 1, 2), ("b", 3, 1)]


@given(st.floats(0.05, 1.0), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_pruning_never_falls_short_of_the_recall_it_was_asked_for(recall: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    classes = {"subject_class": rng.integers(0, 5, 60), "object_class": rng.integers(0, 5, 60)}
    together = pl.DataFrame(classes)
    related = together.head(25)
    kept = related.join(worthwhile_classes(related, together, recall), on=["subject_class", "object_class"], how="semi")
    assert kept.height >= recall * related.height - 1e-9


def test_the_frequency_prior_gives_training_shares_and_falls_back_on_those_of_all_pairs() -> None:
    subject, target, predicate = np.array([0, 0, 0, 1]), np.array([1, 1, 1, 0]), np.array([0, 0, 1, 1])
    prior = FrequencyPrior.fit(subject, target, predicate, n_objects=2, n_classes=2)
    seen, unseen = prior.probabilities(np.array([0, 1]), np.array([1, 1]))
    np.testing.assert_allclose(seen, [2 / 3, 1 / 3], atol=2e-3)
    np.testing.assert_allclose(unseen, [0.5, 0.5], atol=2e-3)


def scene(scores: np.ndarray, pairs: list[tuple[int, int]]) -> tuple[SceneGraphs, Candidates]:
    boxes = np.array([[0, 0, 10, 10], [50, 50, 60, 60]], float)
    graphs = SceneGraphs(np.array([0, 2]), boxes, np.array([0, 1]), np.array([0, 1]), np.array([[0, 1, 0]]))
    return graphs, Candidates(np.array([0, len(pairs)]), np.array(pairs), scores, background=False)


@pytest.mark.parametrize(
    ("scores", "pairs", "message"),
    [
        (np.array([[np.nan, 1.0]]), [(0, 1)], "candidate 0 are NaN"),
        (np.ones((2, 2)), [(0, 1), (0, 1)], "lists a pair its image lists again"),
        (np.ones((1, 2)), [(0, 5)], "candidate 0 names an object its image does not have"),
        (np.ones((3, 2)), [(0, 1)], "1 pairs but 3 rows"),
    ],
)
def test_candidates_that_make_no_sense_are_refused(scores: np.ndarray, pairs: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate_relations(*scene(scores, pairs))


def test_ties_go_to_the_earlier_pair_and_predicate() -> None:
    graphs, candidates = scene(np.full((2, 2), 0.5), [(1, 0), (0, 1)])
    report = evaluate_relations(graphs, candidates, [1, 2, 3])
    assert report.values["R"].tolist() == [0, 1, 1]
    assert report.values["ng-R"].tolist() == [0, 0, 1]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_recall_never_falls_with_k_and_chunks_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_images, n_objects, n_predicates = 6, 4, 3
    pairs = np.array([(i, j) for i in range(n_objects) for j in range(n_objects) if i != j])
    chosen = pairs[rng.integers(0, len(pairs), n_images * 3)]
    boxes = rng.uniform(0, 100, (n_images * n_objects, 2))
    graphs = SceneGraphs(
        np.arange(n_images + 1) * n_objects,
        np.concatenate([boxes, boxes + rng.uniform(1, 80, boxes.shape)], 1),
        rng.integers(0, 2, n_images * n_objects),
        np.arange(n_images + 1) * 3,
        np.column_stack([chosen, rng.integers(0, n_predicates, len(chosen))]),
    )
    scores = rng.integers(0, 4, (n_images * len(pairs), n_predicates)) / 4  # many ties
    candidates = Candidates(
        np.arange(n_images + 1) * len(pairs), np.tile(pairs, (n_images, 1)), scores, background=False
    )
    whole = evaluate_relations(graphs, candidates, [1, 3, 10, 40])
    parts = evaluate_relations(graphs, candidates, [1, 3, 10, 40], max_pairs=1)
    for name, values in whole.values.items():
        np.testing.assert_array_equal(values, parts.values[name])
        if "z" not in name:
            assert (np.diff(values) >= 0).all()
    assert (whole.values["ng-R"][-1:] == 1).all()  # 36 entries: all of them are taken
