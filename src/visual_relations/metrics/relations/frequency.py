"""The control every relation model has to beat: how often each predicate joins two classes in training ("FREQ").

Zellers et al., Neural Motifs (rowanz/neural-motifs): log of the training share of a predicate given both classes, plus
1e-3; the background is counted from pairs whose boxes overlap but that carry no annotation, plus one.

Legend: N pairs, C classes (column 0 is the background, if there is one).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer]
SMOOTHING = 1e-3


@dataclass(frozen=True)
class FrequencyPrior:
    """Counts of predicates by subject and object class, (subjects x objects, C)."""

    counts: npt.NDArray[np.float64]
    n_objects: int

    @classmethod
    def fit(
        cls,
        subject_N: Ints,
        object_N: Ints,
        class_N: Ints,
        n_objects: int,
        n_classes: int,
    ) -> FrequencyPrior:
        """Count training pairs.

        Args:
            subject_N: Subject classes.
            object_N: Object classes.
            class_N: Column of each pair's predicate, or 0 for an unannotated pair when there is a background.
            n_objects: Object classes in all.
            n_classes: Columns C.
        """
        cell_N = (subject_N.astype(np.int64) * n_objects + object_N) * n_classes + class_N
        counts = np.bincount(cell_N, minlength=n_objects * n_objects * n_classes).reshape(-1, n_classes)
        return cls(counts.astype(np.float64), n_objects)

    def with_background(self) -> FrequencyPrior:
        """One more background pair everywhere, so that pairs of classes never seen together are background."""
        counts = self.counts.copy()
        counts[:, 0] += 1
        return FrequencyPrior(counts, self.n_objects)

    def probabilities(self, subject_N: Ints, object_N: Ints) -> npt.NDArray[np.float32]:
        """Softmax of the log shares, (N, C); classes never seen together take the shares of all pairs."""
        total = self.counts.sum(1, keepdims=True)
        overall = self.counts.sum(0) / max(float(total.sum()), 1.0)
        share = np.where(total > 0, self.counts / np.maximum(total, 1), overall) + SMOOTHING
        share /= share.sum(1, keepdims=True)
        return share.astype(np.float32)[subject_N.astype(np.int64) * self.n_objects + object_N]
