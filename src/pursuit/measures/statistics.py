"""How far a mean can be trusted.

What is no mean of its sequences, such as a ratio of two sums or a curve of them, is told by
`Sums`: the numbers (N, K) that each of N sequences adds, and a function of the K totals.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEVEL = 0.95
_DRAWS = 10_000
_AT_ONCE = 500  # draws; all at once need too much memory where K is large

Statistic = Callable[[Array], Array]
"""Of totals (..., K), the figures (...)."""


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


def ratio(totals: Array) -> Array:
    """Return the first of two totals (..., 2) by the second; NaN where that is 0."""
    found = np.full(totals.shape[:-1], np.nan)
    return np.divide(totals[..., 0], totals[..., 1], out=found, where=totals[..., 1] > 0)


def values_as_sums(values: Array) -> Array:
    """Return sums (N, 2) whose `ratio` is the mean of values (N,)."""
    return np.stack([values, np.ones_like(values)], axis=1)


def interval_of_sums(sums: Array, statistic: Statistic, *, seed: int = 0) -> tuple[float, float]:
    """Return the two ends of the 95 % bootstrap interval of a statistic of sums (N, K).

    Raises:
        ValueError: no sequences.
    """
    return interval(_drawn(sums, statistic, seed))


def interval_of_difference(
    first: Array, second: Array, statistic: Statistic, *, seed: int = 0
) -> tuple[float, float]:
    """Return the interval of the first's statistic less the second's, of sums (N, K) of pairs.

    Raises:
        ValueError: no sequences.
    """
    return interval(_drawn(first, statistic, seed) - _drawn(second, statistic, seed))


def paired_test(first: Array, second: Array, *, seed: int = 0) -> float:
    """Return how often luck alone makes two means differ as much as those of pairs (N,) do.

    See `paired_test_of_sums`.

    Raises:
        ValueError: no pairs, or not as many of both.
    """
    if first.shape != second.shape or not len(first):
        raise ValueError("a paired test needs pairs")
    return paired_test_of_sums(values_as_sums(first), values_as_sums(second), ratio, seed=seed)


def paired_test_of_sums(
    first: Array, second: Array, statistic: Statistic, *, seed: int = 0
) -> float:
    """Return how often luck alone makes two statistics differ as much as those of sums (N, K) do.

    The two rows of a pair change places or not, by chance, 10,000 times (Fisher's test by
    randomisation, two-sided); up to 13 pairs, all ways are counted. 1 where no pair differs; NaN
    where one of the statistics is.

    Raises:
        ValueError: no pairs, or not as many of both.
    """
    if first.shape != second.shape or not len(first):
        raise ValueError("a paired test needs pairs")
    count = len(first)
    seen = abs(float(statistic(first.sum(axis=0)) - statistic(second.sum(axis=0))))
    if math.isnan(seen):
        return math.nan
    seen -= 1e-12  # ways that differ by rounding alone are the same
    every = 2**count <= _DRAWS
    if every:
        flips = np.asarray(np.arange(2**count)[:, None] >> np.arange(count) & 1, dtype=np.int8)
    else:
        flips = np.random.default_rng(seed).integers(2, size=(_DRAWS, count), dtype=np.int8)
    as_far = 0
    for some in _portions(flips):
        moved = some @ (second - first)
        apart = statistic(first.sum(axis=0) + moved) - statistic(second.sum(axis=0) - moved)
        as_far += int(np.sum(np.abs(apart) >= seen))
    # What was seen is one of the ways: no chance is 0.
    return as_far / len(flips) if every else (as_far + 1) / (_DRAWS + 1)


def _drawn(sums: Array, statistic: Statistic, seed: int) -> Array:
    """Return the statistic of each draw (D,) of sums (N, K)."""
    draws = bootstrap_draws(len(sums), seed=seed)
    places = draws + len(sums) * np.arange(len(draws))[:, None]
    times = np.bincount(places.ravel(), minlength=draws.size).reshape(draws.shape)
    return np.concatenate([statistic(some @ sums) for some in _portions(times)])


def _portions(rows: NDArray[np.integer]) -> list[Array]:
    return [rows[at : at + _AT_ONCE].astype(np.float64) for at in range(0, len(rows), _AT_ONCE)]
