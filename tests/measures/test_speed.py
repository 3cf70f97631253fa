"""The pace of a tracker from the times of its frames."""

from __future__ import annotations

import numpy as np
import pytest

from pursuit.measures.speed import efo, speed


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


def test_speed_in_filter_operations() -> None:
    # A filter of 180 ms and GOTURN's 6.05 ms a frame: 29.75 frames in a filter operation.
    assert efo(6.05, 180) == pytest.approx(29.752, abs=5e-4)
    for bad in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="above 0"):
            efo(bad, 180)
        with pytest.raises(ValueError, match="above 0"):
            efo(6, bad)
