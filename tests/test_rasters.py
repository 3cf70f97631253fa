"""Overlaps on pixels: numbers that the toolkits gave, and a slow drawing of every pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pursuit import boxes as bx
from pursuit.rasters import Raster, overlap

ALL = list(Raster)


def of_boxes(a: list[float], b: list[float], raster: Raster, last: float) -> float:
    one, two = (bx.corners(np.array([box], float), last=last) for box in (a, b))
    return float(overlap(one, two, raster)[0])


@pytest.mark.parametrize(
    ("a", "b", "raster", "last", "expected"),
    [
        # What the MATLAB toolkit gave before and after its boxes lost their extra pixel.
        ([1, 1, 100, 100], [50, 50, 100, 100], Raster.TRAX, 0, 52**2 / (2 * 101**2 - 52**2)),
        ([1, 1, 100, 100], [50, 50, 100, 100], Raster.TRAX, 1, 51**2 / (2 * 100**2 - 51**2)),
        ([1, 1, 100, 100], [50, 50, 100, 100], Raster.LEGACY, 0, 51**2 / (2 * 100**2 - 51**2)),
        # TraX's old error of the y axis gave 0.9 here.
        ([0, 0, 10, 10], [0, 1, 10, 10], Raster.LEGACY, 0, 90 / 110),
        ([0, 0, 10, 10], [0, 1, 10, 10], Raster.TRAX, 1, 90 / 110),
        ([0, 0, 10, 10], [0, 1, 10, 10], Raster.PYTHON, 1, 90 / 110),
        ([0, 0, 10, 10], [0, 1, 10, 10], Raster.PYSOT, 0, 110 / 132),
        # They share a column of pixels, but their bounds only touch.
        ([0, 0, 10, 10], [10, 0, 10, 10], Raster.TRAX, 0, 0),
        ([0, 0, 10, 10], [10, 0, 10, 10], Raster.PYTHON, 0, 11 / 231),
        # Halves: away from 0, or to the even pixel. 0 to 3 and 0 to 2 of the same rows.
        ([0, 0, 2.5, 4], [0, 0, 2, 4], Raster.TRAX, 0, 15 / 20),
        ([0, 0, 2.5, 4], [0, 0, 2, 4], Raster.PYTHON, 0, 1),
        ([0, 0, 4, 0], [0, 0, 9, 0], Raster.PYTHON, 0, 1),  # thinner than two pixels
        ([0, 0, 1e3, 1e3], [0, 0, 1e-3, 1e-3], Raster.LEGACY, 0, 0),
    ],
)
def test_known_overlaps(
    a: list[float], b: list[float], raster: Raster, last: float, expected: float
) -> None:
    assert of_boxes(a, b, raster, last) == pytest.approx(expected, abs=1e-12)


def test_a_tip_is_drawn_today_but_not_by_pysot() -> None:
    tip = np.array([[[5.0, 0], [10, 5], [5, 10], [0, 5]]])
    wide = bx.corners(np.array([[0.0, 0, 10, 10]]))
    # Rows 0 to 10 of the diamond have 1, 3, ... 11, ... 1 pixels: 61; pysot leaves out two.
    assert overlap(tip, wide, Raster.TRAX)[0] == 61 / 121
    assert overlap(tip, wide, Raster.PYSOT)[0] == 59 / 121


def test_pixels_outside_the_picture_do_not_count() -> None:
    one, two = bx.corners(np.array([[-5.0, 0, 10, 9]])), bx.corners(np.array([[0.0, 0, 5, 9]]))
    assert overlap(one, two, Raster.PYSOT)[0] == 6 / 11
    assert overlap(one, two, Raster.PYSOT, (20, 20))[0] == 1
    outside = bx.corners(np.array([[30.0, 0, 10, 9]]))
    assert overlap(outside, two, Raster.PYSOT, (20, 20))[0] == 0
    # TraX counts the pixel at x = width too, the Python toolkit does not.
    one, two = bx.corners(np.array([[0.0, 0, 30, 9]])), bx.corners(np.array([[0.0, 0, 9, 9]]))
    assert overlap(one, two, Raster.PYSOT, (19, 20))[0] == 10 / 20
    assert overlap(one, two, Raster.PYTHON, (19, 20))[0] == 10 / 19


def test_nothing_overlaps_by_nan_and_corners_may_be_few() -> None:
    none = np.full((1, 4, 2), np.nan)
    box = bx.corners(np.array([[0.0, 0, 8, 8]]))
    assert np.isnan(overlap(none, box, Raster.TRAX))[0]
    three = np.array([[[0.0, 0], [8, 0], [8, 8], [np.nan, np.nan]]])
    assert overlap(three, box, Raster.TRAX)[0] == overlap(three[:, :3], box, Raster.TRAX)[0]
    assert overlap(three, box, Raster.TRAX)[0] == 45 / 81


def mask(corners: np.ndarray, raster: Raster, width: int, height: int) -> np.ndarray:
    """Draw a polygon with whole corners inside the picture, row by row and pixel by pixel."""
    found = np.zeros((height, width), bool)
    pairs = list(zip(corners, np.roll(corners, 1, axis=0), strict=True))
    for y in range(height):
        crossings = []
        for (x1, y1), (x2, y2) in pairs:
            if raster is Raster.LEGACY:
                if min(y1, y2) < y <= max(y1, y2):
                    share = np.float32(y - y1) / np.float32(y2 - y1)  # single, as TraX
                    crossings.append(int(np.float32(x1) + share * np.float32(x2 - x1)))
            elif y1 == y2 == y and raster is not Raster.PYSOT:
                crossings.append(int(x1))
            elif y1 != y2 and min(y1, y2) <= y <= max(y1, y2):
                crossings.append(math.trunc(x1 + (y - y1) / (y2 - y1) * (x2 - x1)))
        crossings.sort()
        at = 0
        while at + 1 < len(crossings):
            first, last = crossings[at], crossings[at + 1]
            more = raster is Raster.PYSOT or at + 2 < len(crossings)
            if raster is not Raster.LEGACY and first == last and more:
                at += 1
                continue
            found[y, first : last if raster is Raster.LEGACY else last + 1] = True
            at += 2
    return found


@pytest.mark.parametrize("raster", ALL)
@given(arrays(np.int64, (2, 5, 2), elements=st.integers(0, 16)))
def test_as_a_slow_drawing_has_it(raster: Raster, both: np.ndarray) -> None:
    # A common frame, so that all are drawn: a thin triangle at two corners of the picture.
    polygons = np.concatenate([both, [[[0, 0], [16, 16], [16, 0], [0, 16], [8, 3]]]])
    drawn = [mask(one, raster, 17, 17) for one in polygons]
    pairs = [(0, 2), (1, 2)]
    for i, j in pairs:
        union = (drawn[i] | drawn[j]).sum()
        sides = np.ptp(polygons[i], axis=0)
        if not sides.all():
            continue  # without area: known before anything is drawn
        expected = (drawn[i] & drawn[j]).sum() / union
        found = overlap(polygons[[i]].astype(float), polygons[[j]].astype(float), raster)
        assert found[0] == pytest.approx(expected, abs=1e-12)


@given(arrays(np.float64, (20, 4), elements=st.floats(1, 300)))
def test_of_large_boxes_it_is_near_the_overlap_in_real_numbers(found: np.ndarray) -> None:
    a, b = found[:10] + [0, 0, 200, 200], found[10:] + [0, 0, 200, 200]
    exact = bx.overlap(a, b)
    for raster in ALL:
        last = 0 if raster in (Raster.LEGACY, Raster.PYSOT) else 1
        drawn = overlap(bx.corners(a, last=last), bx.corners(b, last=last), raster)
        np.testing.assert_allclose(drawn, exact, atol=0.02)
