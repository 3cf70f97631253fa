"""GOT-10k's measures, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pursuit.measures import got10k
from pursuit.measures.got10k import Figures


def test_overlaps_that_count() -> None:
    truth = np.tile([0.0, 0, 10, 10], (4, 1))
    boxes = np.array([[50.0, 50, 1, 1], [0, 0, 10, 5], [-10, 0, 20, 10], [0, 0, 10, 10]])
    # The first frame does not count, and what lies outside the frame neither.
    np.testing.assert_allclose(got10k.overlaps(boxes, truth, (100, 100)), [0.5, 1, 1])
    seen = np.array([True, False, True, True])
    np.testing.assert_allclose(got10k.overlaps(boxes, truth, (100, 100), seen), [1, 1])
    assert seen[0]


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
