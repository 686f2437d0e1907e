"""Bootstrap confidence intervals of means: percentile intervals over resampled items."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

RESAMPLES = 2_000
LEVEL = 0.95
Interval = tuple[float, float]


def accuracy_interval(right: Sequence[int], count: Sequence[int], seed: int = 0) -> Interval:
    """Interval of the unweighted mean of several accuracies; of one accuracy when there is one.

    Resampling n items of which k are right draws Binomial(n, k / n) right ones, so no item has to be touched.

    Args:
        right: Items that are right, per group.
        count: Items, per group; none may be 0.
        seed: Of the resampling.

    Returns:
        Low and high end of the 95 % interval.
    """
    n_G = np.asarray(count)
    draws_RG = np.random.default_rng(seed).binomial(n_G, np.asarray(right) / n_G, size=(RESAMPLES, len(n_G)))
    return _percentiles((draws_RG / n_G).mean(axis=1))


def mean_interval(values: ArrayLike, seed: int = 0) -> Interval:
    """Interval of the mean of any values (N,)."""
    values_N = np.asarray(values, dtype=float)
    rng = np.random.default_rng(seed)
    draws = [values_N[rng.integers(0, len(values_N), len(values_N))].mean() for _ in range(RESAMPLES // 2)]
    return _percentiles(np.array(draws))


def _percentiles(draws: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Interval:
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
