"""Captions without a language model: borrowed from similar training images. The control a captioner has to beat.

Shapes: N images to caption, M training images, D image vector width, K neighbours.
Source of the consensus: Devlin et al., arXiv 1505.04467.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]


def nearest_images(query_ND: Floats, bank_MD: Floats, n_neighbours: int, block: int = 1024) -> npt.NDArray[np.int64]:
    """Rows of the K most similar vectors by cosine (N, K), the best first."""
    query_ND, bank_MD = _normalized(query_ND), _normalized(bank_MD)
    n_neighbours = min(n_neighbours, len(bank_MD))
    found = [np.empty((0, n_neighbours), np.int64)]
    for start in range(0, len(query_ND), block):
        cosine_BM = query_ND[start : start + block] @ bank_MD.T
        best_BK = np.argpartition(-cosine_BM, n_neighbours - 1, axis=1)[:, :n_neighbours]
        order_BK = np.argsort(-np.take_along_axis(cosine_BM, best_BK, 1), axis=1, kind="stable")
        found.append(np.take_along_axis(best_BK, order_BK, 1))
    return np.concatenate(found)


def borrow_captions(
    query_ND: Floats, bank_MD: Floats, captions_M: Sequence[Sequence[str]], n_neighbours: int
) -> list[str]:
    """Caption images with the caption that agrees best with all captions of their nearest training images.

    Args:
        query_ND: Vectors of the images to caption.
        bank_MD: Vectors of the training images.
        captions_M: Captions of the training images.
        n_neighbours: K; with 1 the captions of the nearest image vote among themselves.
    """
    nearest_NK = nearest_images(query_ND, bank_MD, n_neighbours)
    return [consensus([text for row in rows for text in captions_M[row]]) for rows in nearest_NK]


def consensus(captions: Sequence[str]) -> str:
    """The caption that shares most words and pairs of words with the others (mean Jaccard); ties: the first."""
    grams = [_grams(caption) for caption in captions]
    agreement = [sum(len(own & other) / max(len(own | other), 1) for other in grams) for own in grams]
    return captions[int(np.argmax(agreement))]


def most_typical(captions: Mapping[str, Sequence[str]]) -> str:
    """The most frequent caption of a collection: what can be said without looking; ties: the first."""
    counts: dict[str, int] = {}
    for texts in captions.values():
        for text in texts:
            counts[text] = counts.get(text, 0) + 1
    return max(counts, key=lambda text: counts[text])


def _grams(caption: str) -> set[str | tuple[str, str]]:
    words = caption.lower().rstrip(".").split()
    return {*words, *pairwise(words)}


def _normalized(vectors: Floats) -> npt.NDArray[np.float32]:
    vectors = np.asarray(vectors, np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
