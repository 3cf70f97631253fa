"""GOT-10k's measures, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pursuit.measures import got10k
from pursuit.measures.got10k import Figures


def test_overlaps_that_count() -> None:
    truth = np.tile([0.0, 0, 10, 10], (4, 1))
    boxes = np.array([[50.0, 50, 1, 1], [0, 0, 10, 5], [5, 0, 20, 10], [0, 0, 10, 10]])
    # The first frame does not count; in a frame of 10 x 10 the third is cut to 5 x 10.
    np.testing.assert_allclose(got10k.overlaps(boxes, truth, (10, 10)), [0.5, 0.5, 1])
    np.testing.assert_allclose(got10k.overlaps(boxes, truth, None), [0.5, 50 / 250, 1])
    seen = np.array([True, False, True, True])
    np.testing.assert_allclose(got10k.overlaps(boxes, truth, (10, 10), seen), [0.5, 1])
    assert seen[0]
    truth[2] = np.nan
    np.testing.assert_allclose(got10k.overlaps(boxes, truth, (10, 10)), [0.5, 1])


def test_a_box_that_starts_outside_is_moved_and_not_cut() -> None:
    # [-10, 0, 20, 10] becomes [0, 0, 20, 10] in the toolkit, not [0, 0, 10, 10].
    truth = np.tile([0.0, 0, 10, 10], (2, 1))
    boxes = np.tile([-10.0, 0, 20, 10], (2, 1))
    np.testing.assert_allclose(got10k.overlaps(boxes, truth, (100, 100)), [0.5])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_boxes_of_no_numbers_fail(bad: float) -> None:
    truth = np.tile([0.0, 0, 10, 10], (3, 1))
    boxes = truth.copy()
    boxes[1, 2] = bad
    assert got10k.overlaps(boxes, truth, (100, 100)).tolist() == [0, 1]


def test_success_is_above_each_threshold() -> None:
    curve = got10k.success_curve([np.array([1.0, 0.5]), np.array([0.0, 0.75])])
    assert curve.shape == (101,)
    assert curve[[0, 49, 50, 74, 75, 99, 100]].tolist() == [0.75, 0.75, 0.5, 0.5, 0.25, 0.25, 0]
    assert np.isnan(got10k.success_curve([])).all()


def test_speed_is_the_mean_of_paces() -> None:
    assert got10k.speed_fps(np.array([0.5, 0.1, 0, np.nan])) == pytest.approx(6)
    assert np.isnan(got10k.speed_fps(np.array([0.0, np.nan])))


def test_frames_are_pooled_or_classes_count_the_same() -> None:
    parts = [np.array([1.0, 1, 1, 0.75]), np.array([0.5, 0.6]), np.array([0.0]), np.empty(0)]
    pooled = got10k.pooled(parts)
    assert (pooled.ao, pooled.sr50, pooled.sr75) == pytest.approx((4.85 / 7, 5 / 7, 3 / 7))
    classes = ["cat", "dog", "dog", "bird"]  # nothing is known of birds
    found = got10k.class_balanced(parts, classes)
    expected = ((0.9375 + 0.275) / 2, (1 + 0.25) / 2, 0.75 / 2)
    assert (found.ao, found.sr50, found.sr75) == pytest.approx(expected)
    nothing = got10k.pooled([])
    assert isinstance(nothing, Figures) and np.isnan(nothing.ao)
    assert np.isnan(got10k.class_balanced([np.empty(0)], ["cat"]).ao)
