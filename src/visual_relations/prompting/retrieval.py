"""Pseudo labels: for every pair the text of the bank that is nearest to the picture of its union box.

Exact top-1 cosine over the whole bank, not restricted to the pair's own labels (arXiv 2307.04838; confirmed on the
features released with LLNL/CREPE). Memory is bounded by blocks, whatever the number of pairs and texts.

Legend: N pairs, T texts, D width, B pairs of a block, C texts of a block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


class Rows(Protocol):
    """A matrix read by ranges of rows, such as a `FeatureBank`."""

    def __len__(self) -> int: ...

    def rows(self, index: slice) -> npt.NDArray[np.float16]:
        """The rows of a range, (N, D)."""
        ...


def nearest_texts(images: Rows, texts: Rows, block_mb: float = 64) -> tuple[npt.NDArray[np.int32], Floats]:
    """Find the text with the highest cosine for each image; of equal ones the first.

    Args:
        images: Union features, N rows.
        texts: Text features, T rows of the same width.
        block_mb: Memory of one block of similarities; about three times this is used beside the banks.

    Returns:
        Row of `texts` and cosine of each image, both (N,).

    Raises:
        ValueError: If a row is not finite or has length zero (it has no direction), or there is no text.
    """
    if not len(texts):
        raise ValueError("the text bank is empty: no training triplet was found; check the splits of the annotations")
    n_text = min(len(texts), max(1, int(4096 * block_mb / 64)))
    n_image = max(1, int(block_mb * 2**20 / 4 / n_text))
    best_N = np.zeros(len(images), np.int32)
    cosine_N = np.full(len(images), -np.inf, np.float32)
    # The small bank is the inner one: its blocks are normalised once when they all fit.
    kept = list(_unit_blocks(texts, n_text, "text")) if len(texts) <= 4 * n_text else None
    for start, image_BD in _unit_blocks(images, n_image, "pair"):
        rows = slice(start, start + len(image_BD))
        for first, text_CD in kept if kept is not None else _unit_blocks(texts, n_text, "text"):
            similarity_BC = image_BD @ text_CD.T
            index_B = similarity_BC.argmax(1)
            value_B = similarity_BC[np.arange(len(index_B)), index_B]
            better_B = value_B > cosine_N[rows]
            best_N[rows][better_B] = first + index_B[better_B]
            cosine_N[rows][better_B] = value_B[better_B]
    return best_N, cosine_N


def _unit_blocks(bank: Rows, size: int, what: str) -> Iterator[tuple[int, Floats]]:
    for start in range(0, len(bank), size):
        block = bank.rows(slice(start, start + size)).astype(np.float32)
        length = np.linalg.norm(block, axis=1, keepdims=True)
        bad = ~np.isfinite(length[:, 0]) | (length[:, 0] == 0)
        if bad.any():
            raise ValueError(
                f"the features of {what} {start + int(bad.argmax())} (row of its bank) are zero, NaN or infinite; "
                "extract these features again (pipeline clip_features)"
            )
        block /= length
        yield start, block
