"""How far a mean can be trusted."""

from __future__ import annotations

import math

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
    return interval(values[bootstrap_draws(len(values), seed=seed)].mean(axis=1))


def bootstrap_draws(count: int, *, seed: int = 0) -> NDArray[np.int64]:
    """Return which of `count` things are drawn, (10,000, count), with replacement.

    For statistics that are no mean of values, such as a ratio of two sums.

    Raises:
        ValueError: there are none.
    """
    if count < 1:
        raise ValueError("an interval needs at least one value")
    return np.random.default_rng(seed).integers(count, size=(_DRAWS, count))


def interval(drawn: Array) -> tuple[float, float]:
    """Return the 2.5th and 97.5th percentile of what the draws (D,) gave; NaN are left out."""
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return math.nan, math.nan
    low, high = np.percentile(known, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return float(low), float(high)


def paired_test(first: Array, second: Array, *, seed: int = 0) -> float:
    """Return how often luck alone makes two means differ as much as those of pairs (N,) do.

    The two values of a pair change places or not, by chance, 10,000 times (Fisher's test by
    randomisation, two-sided); up to 13 pairs, all ways are counted. 1 where no pair differs.

    Raises:
        ValueError: no pairs, or not as many of both.
    """
    if first.shape != second.shape or not len(first):
        raise ValueError("a paired test needs pairs")
    apart = first - second
    seen = abs(apart.sum()) * (1 - 1e-12)  # ways that differ by rounding alone are the same
    if 2 ** len(apart) <= _DRAWS:
        flips = np.arange(2 ** len(apart))[:, None] >> np.arange(len(apart)) & 1
        return float(np.mean(abs((1 - 2 * flips) @ apart) >= seen))
    flips = np.random.default_rng(seed).integers(2, size=(_DRAWS, len(apart)), dtype=np.int8)
    as_far = int(np.sum(abs((1.0 - 2.0 * flips) @ apart) >= seen))
    # What was seen is one of the ways: no chance is 0.
    return (as_far + 1) / (_DRAWS + 1)
