"""Image-text retrieval over a whole collection: TR@K and IR@K from a score matrix, and re-ranking.

Ties follow the original programs, which sort in ascending order and reverse: of equal scores the higher index comes
first.

Legend: N images, M texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visual_relations.metrics.intervals import accuracy_interval

NOT_RERANKED = -100.0  # what the originals give to pairs outside the first stage's best
CHUNK_CELLS = 4_000_000  # cells compared at once: some 20 MB beside the matrix itself

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def text_ranks(scores_NM: Floats, image_of_text_M: Ints) -> Ints:
    """For every image the rank of its best true text, 0 the best; -1 for an image without text (N,).

    Args:
        scores_NM: Higher is more alike.
        image_of_text_M: Index of the image that each text is about.

    Raises:
        ValueError: If the shapes do not fit.
    """
    _check(scores_NM, image_of_text_M)
    truth_M = scores_NM[image_of_text_M, np.arange(len(image_of_text_M))]
    order = np.lexsort((np.arange(len(truth_M)), truth_M, image_of_text_M))  # best true text last, of equal ones too
    owners, last = np.unique(image_of_text_M[order][::-1], return_index=True)
    best = order[::-1][last]
    ranks_N = np.full(len(scores_NM), -1, dtype=np.int64)
    columns_M = np.arange(scores_NM.shape[1])
    for rows in _chunks(len(owners), scores_NM.shape[1]):
        scores, own = scores_NM[owners[rows]], best[rows, None]
        truth = truth_M[own]
        ranks_N[owners[rows]] = ((scores > truth) | ((scores == truth) & (columns_M > own))).sum(axis=1)
    return ranks_N


def image_ranks(scores_NM: Floats, image_of_text_M: Ints) -> Ints:
    """For every text the rank of its image, 0 the best (M,).

    Args:
        scores_NM: Higher is more alike.
        image_of_text_M: Index of the image that each text is about.

    Raises:
        ValueError: If the shapes do not fit.
    """
    _check(scores_NM, image_of_text_M)
    truth_M = scores_NM[image_of_text_M, np.arange(len(image_of_text_M))]
    ranks_M = np.zeros(len(image_of_text_M), dtype=np.int64)
    for rows in _chunks(*scores_NM.shape):
        scores = scores_NM[rows]
        ahead = np.arange(rows.start, rows.stop)[:, None] > image_of_text_M
        ranks_M += ((scores > truth_M) | ((scores == truth_M) & ahead)).sum(axis=0)
    return ranks_M


def rerank(first_NM: Floats, best: int, score_pairs: Callable[[Ints, Ints], Floats], *, by: str) -> Floats:
    """Score again what the first stage finds most alike; everything else gets `NOT_RERANKED`.

    Args:
        first_NM: Scores of the first stage.
        best: How many candidates each query keeps.
        score_pairs: Image indices (P,) and text indices (P,) to scores (P,).
        by: "image" to keep the best texts of every image, "text" to keep the best images of every text.

    Returns:
        The second stage's scores (N, M).
    """
    queries_QC = first_NM if by == "image" else first_NM.T
    keep = min(best, queries_QC.shape[1])
    final_NM = np.full(first_NM.shape, NOT_RERANKED, dtype=np.float32)
    for rows in _chunks(*queries_QC.shape):
        candidates = np.argpartition(-queries_QC[rows], keep - 1, axis=1)[:, :keep]
        query = np.repeat(np.arange(rows.start, rows.stop), keep)
        image, text = (query, candidates.ravel()) if by == "image" else (candidates.ravel(), query)
        final_NM[image, text] = score_pairs(image, text)
    return final_NM


def recall_rows(text_ranks_N: Ints, image_ranks_M: Ints, ks: Sequence[int] = (1, 5, 10)) -> list[dict[str, Any]]:
    """Rows of the metric table: TR@K over images (image to text), IR@K over texts (text to image), and median ranks.

    Args:
        text_ranks_N: From `text_ranks`.
        image_ranks_M: From `image_ranks`.
        ks: Cut-offs.
    """
    rows = []
    for name, ranks in (("TR", text_ranks_N[text_ranks_N >= 0]), ("IR", image_ranks_M)):
        for k in ks:
            found = int((ranks < k).sum())
            low, high = accuracy_interval([found], [len(ranks)])
            rows.append(
                {"metric": f"{name}@{k}", "value": found / len(ranks), "count": len(ranks), "low": low, "high": high}
            )
        rows.append({"metric": f"{name} median rank", "value": float(np.median(ranks)) + 1, "count": len(ranks)})
    return [{"protocol": "retrieval", **row} for row in rows]


def _check(scores_NM: Floats, image_of_text_M: Ints) -> None:
    if scores_NM.ndim != 2 or scores_NM.shape[1] != len(image_of_text_M):
        raise ValueError(f"scores of shape {scores_NM.shape} do not fit {len(image_of_text_M)} texts")
    if len(image_of_text_M) == 0 or image_of_text_M.min() < 0 or image_of_text_M.max() >= len(scores_NM):
        raise ValueError(f"every text must name one of the {len(scores_NM)} images")


def _chunks(rows: int, columns: int) -> Iterator[slice]:
    size = max(1, CHUNK_CELLS // max(columns, 1))
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))
