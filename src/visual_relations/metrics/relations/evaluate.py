"""Recall of scored pairs against annotated relations, as Scene-Graph-Benchmark computes it, vectorised over images.

Legend: I images, M relations, P candidate pairs, R predicates, K cut-offs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from visual_relations.metrics.relations.flat import Candidates, Floats, Ints, SceneGraphs, image_of
from visual_relations.metrics.relations.matching import Index, first_ranks, match
from visual_relations.metrics.relations.ranking import ranks
from visual_relations.metrics.relations.report import RelationReport, Tally

DEFAULT_K = (5, 10, 15, 20, 50, 100)
MAX_PAIRS = 65_536
UNCONSTRAINED_LIMIT = 100  # entries per image that the original ranks without graph constraint


def evaluate_relations(
    graphs: SceneGraphs,
    candidates: Candidates,
    ks: Sequence[int] = DEFAULT_K,
    zero_shot: Ints | None = None,
    max_pairs: int = MAX_PAIRS,
) -> RelationReport:
    """Evaluate scored candidate pairs.

    The protocol is in the candidates: all ordered pairs (standard PredCls), or the annotated ones only (CREPE's).
    Images without annotation or without candidates are left out of every mean.

    Args:
        graphs: Ground truth of I images.
        candidates: Scored pairs of the same images.
        ks: Cut-offs.
        zero_shot: (Z, 3) subject class, object class, predicate: the triplets unseen in training.
        max_pairs: Candidates handled at a time; bounds the memory.

    Raises:
        ValueError: If graphs and candidates do not fit together, or a score is NaN.
    """
    if graphs.n_images != candidates.n_images:
        raise ValueError(f"{graphs.n_images} annotated images but candidates of {candidates.n_images}")
    if len(graphs.relations) and graphs.relations[:, 2].max() >= candidates.n_predicates:
        raise ValueError(
            f"predicate {graphs.relations[:, 2].max()} is annotated but only {candidates.n_predicates} are scored"
        )
    k = np.array(sorted({int(value) for value in ks}))
    if len(k) == 0 or k[0] < 1:
        raise ValueError(f"cut-offs must be positive, not {list(ks)}")
    unseen = _UnseenTriplets(zero_shot)
    tallies = [
        _tally(graphs.images(*chunk), candidates.images(*chunk), k, unseen) for chunk in candidates.chunks(max_pairs)
    ]
    return RelationReport.from_tallies(tuple(k.tolist()), candidates.n_predicates, tallies)


def _tally(graphs: SceneGraphs, candidates: Candidates, k: npt.NDArray[np.int64], unseen: _UnseenTriplets) -> Tally:
    """Hits of every relation of some images at every K."""
    predicate_M = graphs.relations[:, 2].astype(np.int64)
    matches, foreground_PR = match(graphs, candidates), candidates.foreground()
    best_P1 = foreground_PR.max(1, keepdims=True)
    _check_finite(best_P1)
    offsets, limit = candidates.pair_offsets, max(UNCONSTRAINED_LIMIT, int(k[-1]))

    def found(relation: Index, rank: Index) -> npt.NDArray[np.bool_]:
        return first_ranks(relation, rank, len(predicate_M))[:, None] < k

    wanted = predicate_M[matches.relation]
    unconstrained = found(matches.relation, ranks(foreground_PR, offsets, matches.row, wanted, limit))
    # Graph constraint: a pair predicts its best predicate only, the first of equals.
    right = foreground_PR[matches.row].argmax(1) == wanted
    relation, row = matches.relation[right], matches.row[right]
    constrained = found(relation, ranks(best_P1, offsets, row, np.zeros_like(row)))
    # Pair accuracy: the same list without the pairs that are not annotated.
    annotated = np.zeros(len(best_P1), bool)
    annotated[matches.row_of_M[matches.row_of_M >= 0]] = True
    kept = annotated[row]
    only_annotated = np.where(annotated[:, None], best_P1, -np.inf)
    pair_hits = found(relation[kept], ranks(only_annotated, offsets, row[kept], np.zeros_like(row[kept])))
    return Tally(
        image_M=image_of(graphs.relation_offsets),
        predicate_M=predicate_M,
        unseen_M=unseen(graphs),
        has_candidates_I=np.diff(offsets) > 0,
        hits={"constrained": constrained, "unconstrained": unconstrained, "annotated": pair_hits},
    )


def _check_finite(best_P1: Floats) -> None:
    if (bad := np.isnan(best_P1)).any():
        raise ValueError(f"scores of candidate {int(bad.argmax())} are NaN; check the model that produced them")


class _UnseenTriplets:
    """Whether a relation's triplet is in the zero-shot list, by one number per triplet."""

    def __init__(self, triplets: Ints | None) -> None:
        self._codes = np.unique(self._code(triplets.astype(np.int64))) if triplets is not None else None

    @staticmethod
    def _code(triplets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return (triplets[:, 0] << 42) | (triplets[:, 1] << 21) | triplets[:, 2]

    def __call__(self, graphs: SceneGraphs) -> npt.NDArray[np.bool_]:
        if self._codes is None:
            return np.zeros(len(graphs.relations), bool)
        first = graphs.box_offsets[image_of(graphs.relation_offsets)]
        subject, object_ = (graphs.classes[first + graphs.relations[:, side]] for side in (0, 1))
        triplets = np.column_stack([subject, object_, graphs.relations[:, 2]]).astype(np.int64)
        return np.isin(self._code(triplets), self._codes)
