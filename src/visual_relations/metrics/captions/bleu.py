"""BLEU-1..4 (Papineni et al. 2002) with the constants of COCO's evaluation, for a corpus and for each image.

No smoothing; the reference length of an image is the one closest to the hypothesis, the shorter of two equally close.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visual_relations.metrics.captions.ngrams import ORDERS, Captions, NGramCounts, look_up

# Both appear in the published scores: a perfect BLEU-1 prints 0.99999999975 because of SMALL.
TINY = 1e-15
SMALL = 1e-9


def bleu(captions: Captions, counts: list[NGramCounts]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """BLEU-1..4.

    Args:
        captions: N tokenised images.
        counts: Their n-grams, from `count_ngrams`.

    Returns:
        Corpus scores (4,), whose counts are summed before dividing, and scores per image (N, 4).
    """
    n_images = len(captions.hypotheses)
    hypothesis_N = captions.lengths[:n_images].astype(float)
    reference_N = _closest_lengths(captions)
    correct_N4 = np.stack([_clipped_matches(captions, order) for order in counts], axis=1)
    guesses_N4 = np.maximum(hypothesis_N[:, None] - (np.array(ORDERS) - 1), 0)
    corpus = _score(
        correct_N4.sum(0, keepdims=True),
        guesses_N4.sum(0, keepdims=True),
        hypothesis_N.sum(keepdims=True),
        reference_N.sum(keepdims=True),
    )
    return corpus[0], _score(correct_N4, guesses_N4, hypothesis_N, reference_N)


def _score(
    correct_N4: NDArray[np.float64],
    guesses_N4: NDArray[np.float64],
    hypothesis_N: NDArray[np.float64],
    reference_N: NDArray[np.float64],
) -> NDArray[np.float64]:
    precision_N4 = (correct_N4 + TINY) / (guesses_N4 + SMALL)
    mean_N4 = np.cumprod(precision_N4, axis=1) ** (1 / np.array(ORDERS))
    ratio_N = (hypothesis_N + TINY) / (reference_N + SMALL)
    brevity_N = np.where(ratio_N < 1, np.exp(np.minimum(1 - 1 / ratio_N, 0)), 1.0)
    scores: NDArray[np.float64] = mean_N4 * brevity_N[:, None]
    return scores


def _closest_lengths(captions: Captions) -> NDArray[np.float64]:
    n_images = len(captions.hypotheses)
    lengths = captions.lengths
    image = captions.image_of_reference
    reference, distance = lengths[n_images:], np.abs(lengths[n_images:] - lengths[image])
    order = np.lexsort((reference, distance, image))
    first = np.unique(image[order], return_index=True)[1]
    return reference[order][first].astype(float)


def _clipped_matches(captions: Captions, counts: NGramCounts) -> NDArray[np.float64]:
    """Matches of each hypothesis, an n-gram counting at most as often as in the reference that has it most (N,)."""
    n_images = len(captions.hypotheses)
    key = captions.image_of_sentence[counts.sentence] * counts.n_grams + counts.gram
    mine = counts.sentence < n_images
    order = np.lexsort((counts.count[~mine], key[~mine]))
    keys, last = np.unique(key[~mine][order][::-1], return_index=True)
    most = counts.count[~mine][order][::-1][last].astype(float)
    matches = np.minimum(counts.count[mine].astype(float), look_up(keys, most, key[mine]))
    return np.bincount(counts.sentence[mine], weights=matches, minlength=n_images).astype(float)
