"""N-gram counts of many captions at once, as flat integer arrays: what BLEU and CIDEr are computed from.

Legend: S sentences; E entries, one per distinct (sentence, n-gram).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ORDERS = (1, 2, 3, 4)
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Captions:
    """Tokenised hypotheses and references of the same images.

    Attributes:
        hypotheses: One token list per image.
        references: Token lists of all images, one after the other.
        image_of_reference: Image index of every reference; every image has one or more.
    """

    hypotheses: Sequence[Sequence[str]]
    references: Sequence[Sequence[str]]
    image_of_reference: Ints

    @property
    def image_of_sentence(self) -> Ints:
        """Image of every sentence (S,), hypotheses first."""
        return np.concatenate([np.arange(len(self.hypotheses)), self.image_of_reference])

    @property
    def lengths(self) -> Ints:
        """Tokens of every sentence (S,), hypotheses first."""
        return np.array([len(tokens) for tokens in (*self.hypotheses, *self.references)], dtype=np.int64)


@dataclass(frozen=True)
class NGramCounts:
    """The n-grams of one order: `gram[e]`, one of `n_grams`, occurs `count[e]` times in sentence `sentence[e]`.

    Entries are sorted by sentence, then by n-gram.
    """

    sentence: Ints
    gram: Ints
    count: Ints
    n_grams: int


def count_ngrams(captions: Captions) -> list[NGramCounts]:
    """Count the n-grams of every sentence, hypotheses first, for n = 1 … 4.

    An n-gram is numbered from its first n - 1 tokens and its last one, so an order costs one sort.

    Returns:
        One `NGramCounts` per order.
    """
    vocabulary: dict[str, int] = {}
    lengths = captions.lengths
    tokens = np.fromiter(
        (
            vocabulary.setdefault(token, len(vocabulary))
            for sentence in (*captions.hypotheses, *captions.references)
            for token in sentence
        ),
        dtype=np.int64,
        count=int(lengths.sum()),
    )
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    owner = np.append(sentence, -1)  # of every token, and of none past the last
    gram, end, counts = tokens, np.arange(len(tokens)), []  # `end`: position of each n-gram's last token
    for order in ORDERS:
        if order > 1:
            longer = owner[end + 1] == owner[end]
            end = end[longer] + 1
            gram = gram[longer] * len(vocabulary) + tokens[end]
        distinct, gram = np.unique(gram, return_inverse=True)
        counts.append(_entries(sentence[end], gram, max(len(distinct), 1)))
    return counts


def _entries(sentence: Ints, gram: Ints, n_grams: int) -> NGramCounts:
    keys, count = np.unique(sentence * n_grams + gram, return_counts=True)
    return NGramCounts(keys // n_grams, keys % n_grams, count, n_grams)


def look_up(keys: Ints, values: NDArray[np.float64], wanted: Ints) -> NDArray[np.float64]:
    """Value of every wanted key; 0 where it is absent.

    Args:
        keys: Distinct keys in ascending order (K,).
        values: Their values (K,).
        wanted: Keys to look up (W,).
    """
    if not len(keys):
        return np.zeros(len(wanted))
    position = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[position] == wanted, values[position], 0.0)
