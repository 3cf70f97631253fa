"""Trackers beside the best of them."""

from __future__ import annotations

import numpy as np
import pytest

from pursuit.measures.statistics import ratio
from pursuit.reports import comparison
from pursuit.reports.comparison import Contender


def contender(label: str, overlaps: list[float], whole: bool = True) -> Contender:
    sums = {f"s{at}": np.array([10 * value, 10]) for at, value in enumerate(overlaps)}
    return Contender(label, sums, whole)


def test_the_best_has_all_its_results() -> None:
    part = contender("part", [0.9, 0.9], whole=False)
    best, worse = contender("best", [0.5, 0.5, 0.8]), contender("worse", [0.4, 0.2, 0.6])
    nothing = contender("nothing", [])
    found = comparison.comparisons([part, best, worse, nothing], ratio)
    assert sorted(found) == ["part", "worse"]
    assert found["worse"].best == found["part"].best == "best"
    assert found["worse"].difference == pytest.approx(-0.2)
    assert found["worse"].interval == pytest.approx((-0.3, -0.1), abs=0.02)
    assert found["worse"].p == 2 / 8
    assert found["part"].difference == pytest.approx(0.4)  # on the two that both have
    as_json = comparison.as_json(found["worse"])
    assert as_json is not None and sorted(as_json) == ["best", "difference", "interval", "p"]
    assert comparison.as_json(None) is None
    assert comparison.comparisons([nothing], ratio) == {}


def test_without_numbers() -> None:
    assert comparison.interval({}, ratio) == ()
    assert comparison.interval({"a": np.zeros(2)}, ratio) == ()
    # One sequence says nothing of how others would differ.
    assert comparison.interval({"a": np.array([1.0, 2])}, ratio) == ()
    two = {"a": np.array([1.0, 2]), "b": np.array([2.0, 4])}
    assert comparison.interval(two, ratio) == (0.5, 0.5)
    assert comparison.interval_cell(()) == comparison.p_cell(None) == "-"
    zero = [Contender(name, {"a": np.zeros(2)}, True) for name in "ab"]
    assert comparison.comparisons(zero, ratio) == {}
