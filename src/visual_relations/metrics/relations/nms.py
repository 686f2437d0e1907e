"""`rel_nms`: twin pairs may not take the same predicate. Not part of the standard protocol: always a row of its own.

As PE-Net's and RA-SGG's public code does in PredCls (VL-Group/PENET): predictions are taken greedily, the best (pair,
predicate) entry first; the pairs that are twins of it (same classes, both boxes overlap by IoU >= 0.6) then lose that
predicate.

Legend: P candidate pairs, R predicates.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from visual_relations.metrics.relations.flat import Floats, Ints
from visual_relations.metrics.relations.matching import iou

TWIN_IOU = 0.6


def rel_nms(
    scores_PR: Floats,
    pair_offsets: Ints,
    ends: tuple[Ints, ...],
    boxes: tuple[Floats, ...],
    threshold: float = TWIN_IOU,
) -> npt.NDArray[np.float32]:
    """Take from pairs the predicates that their better twins have taken.

    Args:
        scores_PR: Foreground scores.
        pair_offsets: Rows of each image.
        ends: Subject and object classes of the pairs, (P,) each.
        boxes: Subject and object boxes, (P, 4) each.
        threshold: Least IoU of both boxes.

    Returns:
        The scores with those entries set to 0, so that the ordinary protocol ranks what is left.
    """
    left_PR = scores_PR.astype(np.float32, copy=True)
    for first, last in pairwise(pair_offsets):
        rows = np.arange(first, last)
        twins_NN = _twins(rows, ends, boxes, threshold)
        some = np.flatnonzero(twins_NN.any(1))  # pairs without a twin keep what they have
        if len(some):
            left_PR[rows[some]] = _greedy(left_PR[rows[some]], twins_NN[np.ix_(some, some)])
    return left_PR


def _twins(
    rows: npt.NDArray[np.int64], ends: tuple[Ints, ...], boxes: tuple[Floats, ...], threshold: float
) -> npt.NDArray[np.bool_]:
    """Which other pairs of an image are twins, (N, N)."""
    twins_NN = ~np.eye(len(rows), dtype=bool)
    for side in (0, 1):
        classes_N, boxes_N4 = ends[side][rows], boxes[side][rows]
        twins_NN &= classes_N[:, None] == classes_N
        a, b = np.nonzero(twins_NN)
        twins_NN[a, b] = iou(boxes_N4[a], boxes_N4[b]) >= threshold
    return twins_NN


def _greedy(scores_NR: npt.NDArray[np.float32], twins_NN: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    left_NR, open_NR = scores_NR.copy(), scores_NR.copy()
    for _ in range(len(scores_NR)):
        pair, predicate = np.unravel_index(open_NR.argmax(), open_NR.shape)
        losers = twins_NN[pair] & (open_NR[:, predicate] >= 0)  # those already settled stay as they are
        left_NR[losers, predicate] = open_NR[losers, predicate] = 0
        open_NR[pair] = -1
    return left_NR
