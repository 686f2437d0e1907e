"""Where a prediction stands among those of its image; ties go to what is listed first.

A rank is the number of better entries, and only the entries that stand on an annotated pair need one: their betters are
counted by binary search among the best values of their image, over dense blocks of images with equally many candidates.

Legend: P candidate pairs, R predicates, G images of a block, E entries of an image, Q entries asked for, L best.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from visual_relations.metrics.relations.flat import Floats, Ints

UNRANKED = np.iinfo(np.int32).max


def ranks(
    values_PR: Floats,
    pair_offsets: Ints,
    row_Q: npt.NDArray[np.int64],
    column_Q: npt.NDArray[np.int64],
    limit: int | None = None,
) -> npt.NDArray[np.int64]:
    """Rank of some entries among all (row, column) entries of their image.

    Args:
        values_PR: The value each entry is ordered by.
        pair_offsets: Rows of each image.
        row_Q: Row of each entry asked for.
        column_Q: Its column.
        limit: How many entries of an image count; beyond, an entry is `UNRANKED`.
    """
    n_columns, sizes = values_PR.shape[1], np.diff(pair_offsets)
    image_Q = np.searchsorted(pair_offsets, row_Q, side="right") - 1
    entry_Q = (row_Q - pair_offsets[image_Q]) * n_columns + column_Q
    value_Q, size_Q = values_PR[row_Q, column_Q], sizes[image_Q]
    rank_Q, tied_Q = np.full(len(row_Q), UNRANKED, np.int64), np.zeros(len(row_Q), bool)
    for size in np.flatnonzero(np.bincount(size_Q)):
        asked = np.flatnonzero(size_Q == size)
        images, place = np.unique(image_Q[asked], return_inverse=True)
        rows_GP = pair_offsets[images][:, None] + np.arange(size)
        best_GL = _best(values_PR[rows_GP].reshape(len(images), size * n_columns), limit)
        rank_Q[asked], tied_Q[asked] = _count_larger(best_GL, place, value_Q[asked], size * n_columns)
    tied = np.flatnonzero(tied_Q)
    for query, image in zip(tied, image_Q[tied], strict=True):
        entries = values_PR[pair_offsets[image] : pair_offsets[image + 1]].ravel()
        rank_Q[query] += np.count_nonzero(entries[: entry_Q[query]] == value_Q[query])
    return rank_Q if limit is None else np.where(rank_Q < limit, rank_Q, UNRANKED)


def _best(block_GE: Floats, limit: int | None) -> Floats:
    """The `limit` largest values of each row, ascending. The block is used up."""
    cut = max(block_GE.shape[1] - limit, 0) if limit else 0
    if cut:
        block_GE.partition(cut, axis=1)
    return np.sort(block_GE[:, cut:], axis=1)


def _count_larger(
    best_GL: Floats, row_Q: npt.NDArray[np.int64], value_Q: Floats, n_entries: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """How many entries are larger, and whether equal ones may come earlier; outside the best, all of the best are."""
    up_to_Q = _place(best_GL, row_Q, value_Q, np.less_equal)
    below_Q = _place(best_GL, row_Q, value_Q, np.less)
    n_best = best_GL.shape[1]
    # One that equals the last of the best may have more of its like outside.
    tied_Q = (up_to_Q - below_Q > 1) | ((below_Q == 0) & (up_to_Q > 0) & (n_best < n_entries))
    return n_best - up_to_Q, tied_Q


def _place(sorted_GL: Floats, row_Q: npt.NDArray[np.int64], value_Q: Floats, before: np.ufunc) -> npt.NDArray[np.int64]:
    """Binary search in many sorted rows at once: how many entries of the row are `before` the value."""
    n_columns = sorted_GL.shape[1]
    flat, start_Q = sorted_GL.ravel(), row_Q * n_columns
    count_Q = np.zeros(len(row_Q), np.int64)
    for bit in reversed(range(n_columns.bit_length())):
        tried_Q = count_Q + (1 << bit)
        fits_Q = tried_Q <= n_columns
        fits_Q &= before(flat[start_Q + np.minimum(tried_Q, n_columns) - 1], value_Q)
        count_Q = np.where(fits_Q, tried_Q, count_Q)
    return count_Q
