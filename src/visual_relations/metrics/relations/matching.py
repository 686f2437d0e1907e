"""Which predictions find which annotated relations: by class and overlap of the boxes, not by their index.

Scene-Graph-Benchmark's rule: a prediction matches an annotation iff both classes and the predicate are equal and both
boxes overlap by IoU >= 0.5, with inclusive pixels. In PredCls a twin of the annotated box therefore counts.

Legend: N boxes, M relations, P candidate pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from visual_relations.metrics.relations.flat import Candidates, Floats, Ints, SceneGraphs, image_of
from visual_relations.metrics.relations.ranking import UNRANKED

IOU_THRESHOLD = 0.5
Index = npt.NDArray[np.int64]


def iou(boxes_N4: Floats, others_N4: Floats) -> npt.NDArray[np.float64]:
    """IoU of boxes row by row, counting both border pixels (x2 - x1 + 1)."""
    a, b = boxes_N4.astype(np.float64), others_N4.astype(np.float64)
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]) + 1
    inter = np.clip(sides, 0, None).prod(1)
    area_a, area_b = (a[:, 2:] - a[:, :2] + 1).prod(1), (b[:, 2:] - b[:, :2] + 1).prod(1)
    return inter / (area_a + area_b - inter)


def expand(counts: Ints) -> tuple[Index, Index]:
    """Owner and position of each item, when owner k has `counts[k]` items: ([0, 0, 1], [0, 1, 0]) for [2, 1]."""
    owner = np.repeat(np.arange(len(counts)), counts)
    starts = np.cumsum(counts) - counts
    return owner, np.arange(len(owner)) - np.repeat(starts, counts)


@dataclass(frozen=True)
class Twins:
    """For each box, the boxes of its image that pass for it (itself included): `to[start[b]:start[b] + count[b]]`."""

    start_N: Index
    count_N: Index
    to: Index


def find_twins(graphs: SceneGraphs, threshold: float = IOU_THRESHOLD) -> Twins:
    """Same class and enough overlap."""
    size_N = np.diff(graphs.box_offsets)[image_of(graphs.box_offsets)]
    box, place = expand(size_N)
    other = graphs.box_offsets[:-1][image_of(graphs.box_offsets)][box] + place
    same = graphs.classes[box] == graphs.classes[other]
    box, other = box[same], other[same]
    passes = (box == other) | (iou(graphs.boxes[box], graphs.boxes[other]) >= threshold)
    box, other = box[passes], other[passes]
    count_N = np.bincount(box, minlength=len(graphs.boxes))
    return Twins(np.cumsum(count_N) - count_N, count_N, other)


@dataclass(frozen=True)
class Matches:
    """Candidate rows on an annotated relation's boxes or on twins of them; `row_of_M` is its own pair, or -1."""

    relation: Index
    row: Index
    row_of_M: Index


def match(graphs: SceneGraphs, candidates: Candidates) -> Matches:
    """Join annotations and candidates by place (classes and boxes); predicates are compared by the caller.

    Raises:
        ValueError: If a pair is listed twice or names an object its image does not have.
    """
    twins, table = find_twins(graphs), _PairTable(graphs, candidates)
    image_M = image_of(graphs.relation_offsets)
    subject_M, object_M = (graphs.box_offsets[image_M] + graphs.relations[:, side] for side in (0, 1))
    relation, place = expand(twins.count_N[subject_M] * twins.count_N[object_M])
    n_objects = twins.count_N[object_M[relation]]
    subject = twins.to[twins.start_N[subject_M[relation]] + place // n_objects]
    object_ = twins.to[twins.start_N[object_M[relation]] + place % n_objects]
    row = table.rows(image_M[relation], subject, object_)
    listed = row >= 0
    return Matches(relation[listed], row[listed], table.rows(image_M, subject_M, object_M))


def first_ranks(relation: Index, ranks: Index, n_relations: int) -> Index:
    """Rank of the best prediction that finds each relation, (M,); `UNRANKED` when none does."""
    first_M = np.full(n_relations, UNRANKED, np.int64)
    np.minimum.at(first_M, relation, ranks)
    return first_M


class _PairTable:
    """Candidate row of an (image, subject box, object box), by a dense table of all pairs."""

    def __init__(self, graphs: SceneGraphs, candidates: Candidates) -> None:
        self._offsets = graphs.box_offsets
        self._sizes = np.diff(graphs.box_offsets)
        self._starts = np.concatenate([[0], np.cumsum(self._sizes**2)])
        image_P = image_of(candidates.pair_offsets)
        pairs = candidates.pairs.astype(np.int64)
        if (bad := ((pairs >= self._sizes[image_P, None]) | (pairs < 0)).any(1)).any():
            raise ValueError(f"candidate {int(bad.argmax())} names an object its image does not have")
        cell_P = self._starts[image_P] + pairs[:, 0] * self._sizes[image_P] + pairs[:, 1]
        self._row = np.full(self._starts[-1], -1, np.int64)
        self._row[cell_P] = np.arange(len(pairs))
        if (twice := self._row[cell_P] != np.arange(len(pairs))).any():
            raise ValueError(f"candidate {int(twice.argmax())} lists a pair its image lists again; keep one of them")

    def rows(self, image: Index, subject: Index, object_: Index) -> Index:
        first = self._offsets[image]
        return self._row[self._starts[image] + (subject - first) * self._sizes[image] + (object_ - first)]
