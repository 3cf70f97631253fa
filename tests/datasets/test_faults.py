"""Which boxes cannot serve."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pursuit.datasets.faults import EMPTY, NAN, OUTSIDE, SMALL, box_faults


@pytest.mark.parametrize(
    ("box", "fault"),
    [
        ((0, 0, 100, 50), ""),
        ((-20, -20, 30, 30), ""),  # a part of it shows
        ((90, 40, 500, 500), ""),
        ((0, 0, 8, 8), ""),
        ((0, 0, 7.9, 50), SMALL),
        ((0, 0, 50, 7.9), SMALL),
        ((100, 0, 10, 10), OUTSIDE),  # begins where the frame ends
        ((0, 50, 10, 10), OUTSIDE),
        ((-10, 0, 10, 10), OUTSIDE),
        ((0, -30, 20, 20), OUTSIDE),
        ((5, 5, 0, 10), EMPTY),
        ((5, 5, 10, -3), EMPTY),
        ((5, math.nan, 10, 10), NAN),
        ((5, 5, math.inf, 10), NAN),
    ],
)
def test_box_faults(box: tuple[float, ...], fault: str) -> None:
    faults = box_faults(np.array([(10.0, 10.0, 20.0, 20.0), box]), 100, 50)
    assert faults.tolist() == ["", fault]


def test_no_boxes_have_no_faults() -> None:
    assert box_faults(np.zeros((0, 4)), 100, 50).tolist() == []
