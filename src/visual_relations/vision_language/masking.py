"""Which words are hidden for masked language modelling, and what stands in their place.

Shapes: B texts, L tokens.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visual_relations.vision_language.losses.ignored import IGNORED

Ids = NDArray[np.int64]
Flags = NDArray[np.bool_]

NO_WORD = -1  # word number of special tokens and padding


def choose_tokens(rng: np.random.Generator, maskable_BL: Flags, probability: float) -> Flags:
    """Hide each token by itself (ALBEF)."""
    return maskable_BL & (rng.random(maskable_BL.shape) < probability)


def choose_words(rng: np.random.Generator, word_of_BL: Ids, probability: float, most: int | None = None) -> Flags:
    """Hide whole words (X-VLM, arXiv 2305.14281): drawn until their tokens are a given share of the text's.

    Args:
        rng: Source of chance.
        word_of_BL: Number of the word each token belongs to; `NO_WORD` for special tokens and padding.
        probability: Share of a text's tokens to hide; at least one word is hidden.
        most: Most tokens hidden per text.
    """
    chosen = np.zeros(word_of_BL.shape, dtype=np.bool_)
    for row, words in enumerate(word_of_BL):
        numbers, lengths = np.unique(words[words != NO_WORD], return_counts=True)
        if not len(numbers):
            continue
        wanted = max(1, round(probability * int(lengths.sum())))
        wanted = wanted if most is None else min(wanted, most)
        order = rng.permutation(len(numbers))
        fits = np.cumsum(lengths[order]) <= wanted
        fits[0] = True
        chosen[row] = np.isin(words, numbers[order][fits])
    return chosen


def hide(
    ids_BL: Ids, chosen_BL: Flags, use_mask_BL: Flags, use_random_BL: Flags, random_BL: Ids, mask_id: int
) -> tuple[Ids, Ids]:
    """Replace chosen tokens: by [MASK] where `use_mask`, else by a random token where `use_random`, else not at all.

    Returns:
        Ids with words hidden, and labels: the original id where a token was chosen, `IGNORED` elsewhere.
    """
    labels = np.where(chosen_BL, ids_BL, IGNORED)
    replaced = np.where(use_mask_BL, mask_id, np.where(use_random_BL, random_BL, ids_BL))
    return np.where(chosen_BL, replaced, ids_BL), labels


def draw_and_hide(
    rng: np.random.Generator, ids_BL: Ids, chosen_BL: Flags, vocabulary: int, mask_id: int
) -> tuple[Ids, Ids]:
    """`hide` with BERT's shares: 80 % [MASK], 10 % a random token, 10 % unchanged."""
    use_mask, use_random = rng.random(ids_BL.shape) < 0.8, rng.random(ids_BL.shape) < 0.5
    return hide(ids_BL, chosen_BL, use_mask, use_random, rng.integers(0, vocabulary, ids_BL.shape), mask_id)
