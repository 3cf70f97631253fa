"""Figure 8 of GOTURN: objects split by how often training showed their class."""

from __future__ import annotations

import numpy as np
import pytest

from pursuit.measures.goturn import errors_by_class, seen_often


def test_25_videos_of_a_class_are_often() -> None:
    training = ["person"] * 40 + ["car"] * 25 + ["ball"] * 24
    found = seen_often(["car", "ball", "person", "fish", "car"], training)
    assert found.tolist() == [True, False, True, False, True]
    with pytest.raises(ValueError, match="no class"):
        seen_often(["car", ""], training)


def test_each_side_pools_its_own_objects() -> None:
    # Two networks on three objects; the second halves the failures and overlaps more.
    counted = np.array([[100.0, 100, 50]] * 2)
    overlap = np.array([[50.0, 40, 20], [70, 60, 20]])
    failures = np.array([[2.0, 4, 0], [1, 2, 0]])
    frames = np.array([[300.0, 300, 100]] * 2)
    often, others = errors_by_class(
        overlap, counted, failures, frames, np.array([True, True, False])
    )
    np.testing.assert_allclose(
        often, [1 - (0.45 + np.exp(-30 * 6 / 600)) / 2, 1 - (0.65 + np.exp(-30 * 3 / 600)) / 2]
    )
    np.testing.assert_allclose(others, [1 - (0.4 + 1) / 2] * 2)


def test_a_side_without_objects() -> None:
    row = np.ones((2, 1))
    often, others = errors_by_class(row, row, 0 * row, row, np.array([False]))
    assert np.isnan(often).all()
    assert others.tolist() == [0, 0]
