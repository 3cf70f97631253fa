"""The pace of a tracker from the times of its frames."""

from __future__ import annotations

import numpy as np
import pytest

from pursuit.measures.speed import speed


def test_pace_is_that_of_the_median_update() -> None:
    # One slow frame in a hundred moves neither the median nor the 95th percentile.
    update = np.array([10.0] * 90 + [20.0] * 9 + [5000.0])
    found = speed(update, np.full(100, 2.0))
    assert found is not None
    assert found.fps == pytest.approx(100)
    assert found.p95_ms == pytest.approx(20)
    assert found.decode_ms == pytest.approx(2)


def test_no_updates_have_no_pace() -> None:
    assert speed(np.array([]), np.array([])) is None


def test_a_time_of_zero_stays_finite() -> None:
    found = speed(np.zeros(3), np.zeros(3))
    assert found is not None
    assert np.isfinite(found.fps)
