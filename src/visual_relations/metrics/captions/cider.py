"""CIDEr-D (Vedantam et al. 2015), which COCO's evaluation prints as "CIDEr".

Document frequencies come from the references being scored, so values on different image sets are not comparable, and
a single image scores 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visual_relations.metrics.captions.ngrams import Captions, NGramCounts, look_up

SIGMA = 6.0  # tokens of length difference at which the penalty sets in
Floats = NDArray[np.float64]


def cider(captions: Captions, counts: list[NGramCounts]) -> Floats:
    """CIDEr-D of every image; the corpus score is their mean.

    Args:
        captions: N tokenised images.
        counts: Their n-grams, from `count_ngrams`.

    Returns:
        Scores (N,), at most 10.
    """
    n_images, image = len(captions.hypotheses), captions.image_of_reference
    similarity_R4 = np.stack([_similarity(captions, order) for order in counts], axis=1)
    # The reference implementation measures length in bigrams; a one-word caption has none.
    lengths = np.maximum(captions.lengths - 1, 0)
    penalty_R = np.exp(-((lengths[image] - lengths[n_images:]) ** 2) / (2 * SIGMA**2))
    score_R = (similarity_R4 * penalty_R[:, None]).mean(axis=1)
    n_references = np.bincount(image, minlength=n_images)
    scores: Floats = 10 * np.bincount(image, weights=score_R, minlength=n_images) / n_references
    return scores


def _similarity(captions: Captions, counts: NGramCounts) -> Floats:
    """Clipped cosine between each reference and the hypothesis of its image (R,)."""
    n_images, n_sentences = len(captions.hypotheses), len(captions.image_of_sentence)
    grams = counts.n_grams
    key = captions.image_of_sentence[counts.sentence] * grams + counts.gram
    mine = counts.sentence < n_images
    documents = np.bincount(np.unique(key[~mine]) % grams, minlength=grams)
    weight = counts.count * (np.log(n_images) - np.log(np.maximum(documents, 1)))[counts.gram]
    norm_S = np.sqrt(np.bincount(counts.sentence, weights=weight**2, minlength=n_sentences))
    reference_weight = weight[~mine]
    overlap = np.minimum(look_up(key[mine], weight[mine], key[~mine]), reference_weight) * reference_weight
    dot_R = np.bincount(counts.sentence[~mine] - n_images, weights=overlap, minlength=n_sentences - n_images)
    scale_R = norm_S[captions.image_of_reference] * norm_S[n_images:]
    similarity: Floats = np.divide(dot_R, scale_R, out=np.zeros(len(dot_R)), where=scale_R > 0)
    return similarity
