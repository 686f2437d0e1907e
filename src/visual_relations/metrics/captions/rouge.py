"""ROUGE-L (Lin 2004) as COCO's evaluation computes it: precision and recall take their best reference separately."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from visual_relations.metrics.captions.ngrams import Captions

BETA = 1.2  # how much recall outweighs precision


def rouge_l(captions: Captions) -> NDArray[np.float64]:
    """ROUGE-L of every image; the corpus score is their mean.

    Args:
        captions: N tokenised images.

    Returns:
        F scores (N,) between 0 and 1.
    """
    n_images = len(captions.hypotheses)
    precision_N, recall_N = np.zeros(n_images), np.zeros(n_images)
    places = [_places(tokens) for tokens in captions.hypotheses]
    for image, reference in zip(captions.image_of_reference, captions.references, strict=True):
        hypothesis = captions.hypotheses[image]
        if not hypothesis or not reference:
            continue
        common = _longest_common_subsequence(places[image], len(hypothesis), reference)
        precision_N[image] = max(precision_N[image], common / len(hypothesis))
        recall_N[image] = max(recall_N[image], common / len(reference))
    weighted_N = recall_N + BETA**2 * precision_N
    scores: NDArray[np.float64] = np.divide(
        (1 + BETA**2) * precision_N * recall_N, weighted_N, out=np.zeros(n_images), where=weighted_N > 0
    )
    return scores


def _places(tokens: Sequence[str]) -> dict[str, int]:
    """Positions of every token as the bits of an integer."""
    places: dict[str, int] = {}
    for position, token in enumerate(tokens):
        places[token] = places.get(token, 0) | 1 << position
    return places


def _longest_common_subsequence(places: dict[str, int], length: int, other: Sequence[str]) -> int:
    """Length of the longest common subsequence, all positions at once in the bits of one integer (Hyyrö 2004)."""
    everything = (1 << length) - 1
    row = everything
    for token in other:
        match = row & places.get(token, 0)
        row = ((row + match) | (row - match)) & everything
    return length - row.bit_count()
