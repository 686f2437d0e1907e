"""Ranks and recalls of whole collections against sorting, with the originals' tie rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visual_relations.metrics.matching import retrieval


@st.composite
def collections(draw):
    n, m = draw(st.integers(1, 5)), draw(st.integers(1, 8))
    scores = draw(st.lists(st.integers(0, 3), min_size=n * m, max_size=n * m))
    owners = draw(st.lists(st.integers(0, n - 1), min_size=m, max_size=m))
    return np.array(scores, dtype=np.float32).reshape(n, m), np.array(owners)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(retrieval, "CHUNK_CELLS", 7)


@given(collections())
def test_ranks_are_those_of_sorting_and_reversing(collection):
    scores, owners = collection
    for image, rank in enumerate(retrieval.text_ranks(scores, owners)):
        order = np.argsort(scores[image], kind="stable")[::-1]
        places = [place for place, text in enumerate(order) if owners[text] == image]
        assert rank == min(places, default=-1)
    for text, rank in enumerate(retrieval.image_ranks(scores, owners)):
        order = np.argsort(scores[:, text], kind="stable")[::-1]
        assert rank == list(order).index(owners[text])


@given(collections(), st.integers(1, 4))
def test_reranking_scores_only_the_best_of_every_query(collection, best):
    first, _ = collection
    second = np.arange(first.size, dtype=np.float32).reshape(first.shape)
    for by, axis in (("image", 1), ("text", 0)):
        final = retrieval.rerank(first, best, lambda i, t: second[i, t], by=by)
        kept = final != retrieval.NOT_RERANKED
        assert (kept.sum(axis=axis) == min(best, first.shape[axis])).all()
        assert (final[kept] == second[kept]).all()
        worst_kept = np.where(kept, first, np.inf).min(axis=axis)
        best_left = np.where(kept, -np.inf, first).max(axis=axis)
        assert (worst_kept >= best_left).all()


def test_recall_rows_name_both_directions():
    rows = retrieval.recall_rows(np.array([0, 4, -1]), np.array([0, 0, 9, 20]), ks=(1, 5))
    values = {row["metric"]: row["value"] for row in rows}
    assert values == {"TR@1": 0.5, "TR@5": 1, "TR median rank": 3, "IR@1": 0.5, "IR@5": 0.5, "IR median rank": 5.5}
    assert {row["count"] for row in rows if row["metric"].startswith("TR")} == {2}


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="do not fit"):
        retrieval.text_ranks(np.zeros((2, 3), np.float32), np.array([0, 1]))
    with pytest.raises(ValueError, match="one of the 2 images"):
        retrieval.image_ranks(np.zeros((2, 2), np.float32), np.array([0, 2]))
