"""How far a mean can be trusted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEVEL = 0.95
_DRAWS = 10_000


def bootstrap_interval(values: Array, *, seed: int = 0) -> tuple[float, float]:
    """Return the two ends of the 95 % bootstrap interval of the mean of values (N,).

    As many values are drawn again, with replacement, 10,000 times; the ends are the 2.5th and
    97.5th percentile of the means (Efron and Tibshirani's percentile interval).

    Raises:
        ValueError: no values.
    """
    if not len(values):
        raise ValueError("an interval needs at least one value")
    drawn = np.random.default_rng(seed).integers(len(values), size=(_DRAWS, len(values)))
    ends = [50 * (1 - LEVEL), 50 * (1 + LEVEL)]
    low, high = np.percentile(values[drawn].mean(axis=1), ends)
    return float(low), float(high)
