"""Label-frequency correction of predicate probabilities: Train-Est, DLFE, and logit adjustment.

Annotators name few of the relations that hold: p(annotated as r | x) = c_r p(r | x) with a label frequency c_r that
depends on the predicate only (Chiou et al., "Recovering the Unbiased Scene Graphs from the Biased Ones", arXiv
2107.02112). Dividing by an estimate of c undoes it. Estimates come from training data alone.

Legend: N examples, C classes (column 0 is the background where `background` is true), I images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]

DLFE_START = 0.03
DLFE_MOMENTUM = 0.1
DLFE_EPSILON = 1e-5


@dataclass(frozen=True)
class TrainEst:
    """Label frequencies by averaging: `raw_C` is NaN for classes without examples, `filled_C` their upper median."""

    count_C: npt.NDArray[np.int64]
    raw_C: npt.NDArray[np.float64]
    filled_C: npt.NDArray[np.float64]
    background: bool

    @property
    def frequency(self) -> npt.NDArray[np.float64]:
        """The c to divide by: background 1, and the single smallest replaced by the second smallest.

        The replacement guards against one class with next to no examples (VG150's "flying in"), as the original does.
        """
        used_C = self.filled_C.copy()
        if self.background:
            used_C[0] = 1.0
        if len(used_C) > 1:
            smallest, second = np.argsort(used_C, kind="stable")[:2]
            used_C[smallest] = used_C[second]
        return used_C


def train_est(probabilities_NC: Floats, labels_N: Ints, *, background: bool) -> TrainEst:
    """Estimate c_r as the mean probability of r over the training examples annotated r.

    Args:
        probabilities_NC: Softmax of the trained model in evaluation mode, one row per annotated training example (see
            `distinct_examples`).
        labels_N: Column of each example's label.
        background: Whether column 0 is the background, which has no examples.

    Raises:
        ValueError: If a label is not a column, a probability is NaN, or there is no example at all.
    """
    n_classes = probabilities_NC.shape[1]
    if len(labels_N) == 0:
        raise ValueError("Train-Est needs at least one annotated training example")
    if labels_N.min() < background or labels_N.max() >= n_classes:
        raise ValueError(
            f"labels {labels_N.min()}..{labels_N.max()} do not fit {n_classes} columns (background={background})"
        )
    own_N = probabilities_NC[np.arange(len(labels_N)), labels_N].astype(np.float64)
    if np.isnan(own_N).any():
        raise ValueError(f"the model gives NaN for training example {int(np.isnan(own_N).argmax())}")
    count_C = np.bincount(labels_N, minlength=n_classes)
    with np.errstate(invalid="ignore"):
        raw_C = np.bincount(labels_N, own_N, n_classes) / count_C
    known = np.sort(raw_C[count_C > 0])
    filled_C = np.where(count_C > 0, raw_C, known[len(known) // 2])
    return TrainEst(count_C, raw_C, filled_C, background)


def distinct_examples(
    relation_offsets: Ints, relations: Ints, pair_offsets: Ints, pairs: Ints
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The examples Train-Est averages over, as its authors choose them.

    Each distinct (subject, object, predicate) of an image counts once. An image with a relation on no candidate pair
    (in PredCls: a self relation) is left out whole.

    Args:
        relation_offsets: (I + 1,) rows of `relations` per image.
        relations: (M, 3) subject index, object index, label.
        pair_offsets: (I + 1,) rows of `pairs` per image.
        pairs: (P, 2) candidate pairs.

    Returns:
        Row of `pairs` and label of each example, both (N,), ordered by image, subject, object, label.
    """
    n_images = len(relation_offsets) - 1
    image_M = np.repeat(np.arange(n_images), np.diff(relation_offsets))
    distinct = np.unique(np.column_stack([image_M, relations.astype(np.int64)]), axis=0)
    width = 1 + int(max(pairs.max(initial=0), distinct[:, 1:3].max(initial=0)))
    image_P = np.repeat(np.arange(n_images), np.diff(pair_offsets))
    key_P = (image_P * width + pairs[:, 0].astype(np.int64)) * width + pairs[:, 1]
    order = np.argsort(key_P, kind="stable")
    key = (distinct[:, 0] * width + distinct[:, 1]) * width + distinct[:, 2]
    place = np.minimum(np.searchsorted(key_P, key, sorter=order), max(len(key_P) - 1, 0))
    rows = order[place] if len(order) else np.zeros(len(key), np.int64)
    found = key_P[rows] == key if len(order) else np.zeros(len(key), bool)
    complete = ~np.isin(distinct[:, 0], distinct[~found, 0])
    return rows[complete], distinct[complete, 3]


def correct(probabilities_NC: Floats, frequency_C: Floats, *, renormalise: bool = True) -> npt.NDArray[np.float32]:
    """Divide by the label frequency (Train-Est), by default renormalised to rows that sum to 1."""
    divisor_C = frequency_C.astype(np.float32)
    corrected_NC: npt.NDArray[np.float32] = np.divide(probabilities_NC, divisor_C, dtype=np.float32)
    if renormalise:
        corrected_NC /= corrected_NC.sum(1, keepdims=True)
    return corrected_NC


def dlfe_start(n_classes: int, *, background: bool) -> npt.NDArray[np.float32]:
    """The running label frequencies before the first batch of DLFE."""
    frequency_C = np.full(n_classes, DLFE_START, np.float32)
    if background:
        frequency_C[0] = 1.0
    return frequency_C


def dlfe_update(
    frequency_C: npt.NDArray[np.float32], probabilities_NC: Floats, labels_N: Ints, *, background: bool
) -> npt.NDArray[np.float32]:
    """One training batch of DLFE: move the c of the classes present towards their mean probability in the batch.

    Args:
        frequency_C: Running label frequencies.
        probabilities_NC: Softmax of the batch, all its images together.
        labels_N: Labels; background examples (0, if there is a background) are ignored.
        background: Whether column 0 is the background.
    """
    foreground_N = labels_N > 0 if background else np.ones(len(labels_N), bool)
    labels = labels_N[foreground_N]
    own = probabilities_NC[foreground_N, labels].astype(np.float32)
    count_C = np.bincount(labels, minlength=len(frequency_C))
    mean_C = (np.bincount(labels, own, len(frequency_C)) / np.maximum(count_C, 1)).astype(np.float32)
    moved_C = np.float32(DLFE_MOMENTUM) * mean_C + np.float32(1 - DLFE_MOMENTUM) * frequency_C
    return np.where(count_C > 0, moved_C, frequency_C).astype(np.float32)


def correct_dlfe(
    probabilities_NC: Floats, frequency_C: Floats, *, background_as_rest: bool = False
) -> npt.NDArray[np.float32]:
    """Divide by DLFE's label frequency; scores are not renormalised and may exceed 1.

    Args:
        probabilities_NC: Softmax.
        frequency_C: Final running label frequencies.
        background_as_rest: Set column 0 to 1 - sum of the others (an option of the original; it may be negative).
    """
    corrected_NC = probabilities_NC.astype(np.float32) / (frequency_C.astype(np.float32) + np.float32(DLFE_EPSILON))
    if background_as_rest:
        corrected_NC[:, 0] = 1 - corrected_NC[:, 1:].sum(1)
    return corrected_NC


def adjustment_divisor(count_C: Ints, *, tau: float = 1.0, background: bool = False) -> npt.NDArray[np.float64]:
    """What post-hoc logit adjustment divides by: share^tau (Menon et al., arXiv 2007.07314).

    Args:
        count_C: Training examples per class; classes without any are treated as having one.
        tau: Strength; 0 changes nothing, 1 aims at the balanced error.
        background: Column 0 is the background: it is left as it is, and shares are those among the others.
    """
    count_C = np.maximum(count_C, 1).astype(np.float64)
    foreground = count_C[1:] if background else count_C
    divisor_C = (count_C / foreground.sum()) ** tau
    if background:
        divisor_C[0] = 1.0
    return divisor_C


METHODS = ("train_est", "dlfe", "logit_adjustment")


def apply(method: str, probabilities_NC: Floats, frequency_C: Floats) -> npt.NDArray[np.float32]:
    """Correct probabilities by the name of a method and the divisors it stored.

    Raises:
        ValueError: If the method is unknown.
    """
    if method not in METHODS:
        raise ValueError(f"unknown calibration {method!r}; known are {', '.join(METHODS)}")
    if method == "dlfe":
        return correct_dlfe(probabilities_NC, frequency_C)
    return correct(probabilities_NC, frequency_C)
