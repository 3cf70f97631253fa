"""Intervals of means: against SciPy's bootstrap."""

from __future__ import annotations

import numpy as np
import pytest

from pursuit.measures.statistics import (
    bootstrap_interval,
    interval_of_difference,
    interval_of_sums,
    paired_test,
    paired_test_of_sums,
    ratio,
    values_as_sums,
)


def test_the_interval_is_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(3).beta(1.5, 1.2, 22)
    theirs = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=10_000, rng=np.random.default_rng(0)
    ).confidence_interval
    assert bootstrap_interval(values) == pytest.approx((theirs.low, theirs.high), abs=0.006)


def test_the_interval_covers_95_of_100_true_means() -> None:
    rng = np.random.default_rng(0)
    ends = np.array([bootstrap_interval(rng.normal(7, 2, 60)) for _ in range(200)])
    inside = (ends[:, 0] <= 7) & (ends[:, 1] >= 7)
    assert 0.90 <= inside.mean() <= 0.98


def test_few_values() -> None:
    assert bootstrap_interval(np.array([0.5])) == (0.5, 0.5)
    assert bootstrap_interval(np.array([0.0, 1.0])) == (0, 1)
    with pytest.raises(ValueError, match="at least one"):
        bootstrap_interval(np.empty(0))


def test_the_paired_test_is_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(5)
    for count in (9, 40):
        first = rng.normal(0.5, 0.2, count)
        second = first + rng.normal(0.03, 0.1, count)
        theirs = stats.permutation_test(
            (first - second,),
            lambda values, axis: values.mean(axis=axis),
            permutation_type="samples",
            n_resamples=9_999,
            rng=np.random.default_rng(1),
        ).pvalue
        assert paired_test(first, second) == pytest.approx(theirs, abs=0.012)
        assert paired_test(second, first) == paired_test(first, second)


def test_what_luck_alone_gives() -> None:
    same = np.linspace(0, 1, 60)
    assert paired_test(same, same) == 1
    assert paired_test(same + 0.2, same) == 1 / 10_001  # never by 10,000 draws
    assert paired_test(same[:5] + 0.2, same[:5]) == 2 / 2**5
    with pytest.raises(ValueError, match="pairs"):
        paired_test(same[:0], same[:0])
    with pytest.raises(ValueError, match="pairs"):
        paired_test(same, same[:5])


def test_a_ratio_of_sums() -> None:
    sums = np.array([[30.0, 100], [5, 10], [0, 0]])
    assert ratio(sums.sum(axis=0)) == pytest.approx(35 / 110)
    assert np.isnan(ratio(sums[2]))
    # Of the mean of values they are what is said of the values.
    values = np.random.default_rng(2).random(30)
    found = interval_of_sums(values_as_sums(values), ratio)
    assert found == pytest.approx(bootstrap_interval(values), abs=1e-12)
    other = values_as_sums(values - 0.25)
    low, high = interval_of_difference(values_as_sums(values), other, ratio)
    assert (low, high) == pytest.approx((0.25, 0.25))


def test_pairs_of_sums_by_hand() -> None:
    # Two sequences of 100 and 10 frames: a long one counts more. Ways to change places, and how
    # far apart the ratios are then: none or both (50 - 20 + 8 - 2) / 110, one (50 - 20 - 6) / 110.
    first, second = np.array([[50.0, 100], [8, 10]]), np.array([[20.0, 100], [2, 10]])
    assert paired_test_of_sums(first, second, ratio) == 2 / 4
    second = np.array([[20.0, 100], [9, 10]])  # now 29 or 31: all ways are as far, or farther
    assert paired_test_of_sums(first, second, ratio) == 1
    assert np.isnan(paired_test_of_sums(0 * first, second, ratio))
