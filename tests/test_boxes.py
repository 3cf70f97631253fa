"""Box arithmetic: known numbers, and what must hold for every box."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pursuit import boxes
from pursuit.errors import BoxError

places = st.floats(-1e4, 1e4, allow_nan=False)
sides = st.floats(0.01, 1e4, allow_nan=False)
a_box = st.tuples(places, places, sides, sides).map(np.array)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1.0),
        ((0, 0, 10, 10), (5, 0, 10, 10), 1 / 3),
        ((0, 0, 10, 10), (10, 0, 10, 10), 0.0),
        ((0, 0, 10, 10), (2, 2, 5, 5), 0.25),
        ((0, 0, 0, 0), (0, 0, 0, 0), 0.0),
        ((-5, -5, 10, 10), (0, 0, 10, 10), 25 / 175),
    ],
)
def test_overlap_of_known_boxes(
    first: tuple[float, ...], second: tuple[float, ...], expected: float
) -> None:
    found = boxes.overlap(np.array(first, float), np.array(second, float))
    assert found == pytest.approx(expected, abs=1e-12)


@given(a_box, a_box, places, places, st.floats(0.1, 10))
def test_overlap_is_symmetric_and_ignores_shift_and_scale(
    a: Any, b: Any, dx: float, dy: float, factor: float
) -> None:
    value = boxes.overlap(a, b)
    assert 0 <= value <= 1 + 1e-9
    assert boxes.overlap(b, a) == pytest.approx(value, abs=1e-12)
    shift = np.array([dx, dy, 0, 0])
    assert boxes.overlap(a * factor, b * factor) == pytest.approx(value, rel=1e-6, abs=1e-6)
    # Corners of far boxes lose digits below a hundredth of a pixel.
    if min(a[2:].min(), b[2:].min()) > 1:
        assert boxes.overlap(a + shift, b + shift) == pytest.approx(value, rel=1e-4, abs=1e-6)


def test_overlap_broadcasts_rows_against_columns() -> None:
    many = np.array([[0, 0, 10, 10], [5, 0, 10, 10]], float)
    found = boxes.overlap(many[:, None], many[None])
    assert found == pytest.approx(np.array([[1, 1 / 3], [1 / 3, 1]]))


@given(arrays(np.float64, (3, 4), elements=st.floats(-1e3, 1e3)))
def test_corners_and_centres_round_trip(values: Any) -> None:
    assert boxes.from_xyxy(boxes.xyxy(values)) == pytest.approx(values, abs=1e-9)
    again = boxes.from_centres(boxes.centres(values), values[..., 2:])
    assert again == pytest.approx(values, abs=1e-9)


def test_centre_has_no_minus_one() -> None:
    # The first pixel covers 0 to 1, so the middle of a 4-pixel box at 0 is 2, not 1.5.
    assert boxes.centres(np.array([0.0, 10.0, 4.0, 6.0])).tolist() == [2.0, 13.0]


@given(a_box, st.integers(1, 5000), st.integers(1, 5000))
def test_clip_stays_in_the_frame_and_in_the_box(box: Any, width: int, height: int) -> None:
    x0, y0, x1, y1 = boxes.xyxy(boxes.clip(box, width, height))
    assert 0 <= x0 <= x1 <= width
    assert 0 <= y0 <= y1 <= height
    low, high = boxes.xyxy(box)[:2], boxes.xyxy(box)[2:]
    if x1 > x0 and y1 > y0:
        assert (np.array([x0, y0]) >= low - 1e-6).all()
        assert (np.array([x1, y1]) <= high + 1e-6).all()


@given(sides, sides, st.floats(0.1, 10))
def test_context_side_grows_with_the_target(w: float, h: float, factor: float) -> None:
    size = np.array([w, h])
    side = boxes.context_side(size)
    assert side == pytest.approx(boxes.context_side(size[::-1]), rel=1e-9)
    assert boxes.context_side(size * factor) == pytest.approx(side * factor, rel=1e-9)
    assert side >= np.sqrt(w * h)


def test_context_side_of_known_targets() -> None:
    # A square target of side a has context a / 2 on each side: 2a in all.
    assert boxes.context_side(np.array([60.0, 60.0])) == pytest.approx(120)
    # Its search window, 255 / 127 as wide: REFERENCE 1.4 gives 240.94.
    assert boxes.context_side(np.array([60.0, 60.0])) * 255 / 127 == pytest.approx(240.94, abs=0.01)
    # w 30, h 90: p = 30, sqrt((30 + 60) (90 + 60)).
    assert boxes.context_side(np.array([30.0, 90.0])) == pytest.approx(np.sqrt(90 * 150))


@pytest.mark.parametrize(
    ("given_boxes", "expectation"),
    [
        ((1, 2, 3, 4), nullcontext()),
        ([[1, 2, 3, 4], [5, 6, 7, 8]], nullcontext()),
        ((1, 2, 3), pytest.raises(BoxError, match="four numbers")),
        ((), pytest.raises(BoxError, match="four numbers")),
        (5, pytest.raises(BoxError, match="four numbers")),
        ("1,2,3,4", pytest.raises(BoxError, match="four numbers")),
        (("a", 2, 3, 4), pytest.raises(BoxError, match="four numbers")),
        ([[1, 2, 3, 4], [1, 2]], pytest.raises(BoxError, match="four numbers")),
        ((1, 2, float("nan"), 4), pytest.raises(BoxError, match="finite")),
        ((1, 2, float("inf"), 4), pytest.raises(BoxError, match="finite")),
        ((1, 2, 0, 4), pytest.raises(BoxError, match="positive")),
        ((1, 2, 3, -4), pytest.raises(BoxError, match="positive")),
    ],
)
def test_as_boxes_takes_boxes_only(
    given_boxes: Any, expectation: AbstractContextManager[Any]
) -> None:
    with expectation:
        found = boxes.as_boxes(given_boxes)
        assert found.dtype == np.float64


def test_as_boxes_copies() -> None:
    mine = np.array([1.0, 2.0, 3.0, 4.0])
    boxes.as_boxes(mine)[0] = 9
    assert mine[0] == 1


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((10, 10, 20, 20), (10, 10, 20, 20)),
        ((0, 0, 100, 50), (0, 0, 100, 50)),
        ((-5, 40, 20, 20), (0, 40, 15, 10)),
        ((0, 0, 101, 10), "larger than the frame"),
        ((100, 0, 10, 10), "outside the frame"),
        ((-10, 0, 10, 10), "outside the frame"),
        ((0, 50, 10, 10), "outside the frame"),
    ],
)
def test_start_boxes_fit_the_frame(box: tuple[float, ...], expected: Any) -> None:
    if isinstance(expected, str):
        with pytest.raises(BoxError, match=expected):
            boxes.start_boxes(box, 100, 50)
    else:
        assert boxes.start_boxes(box, 100, 50).tolist() == list(expected)


def test_fills_is_above_the_share_in_either_direction() -> None:
    found = boxes.fills(
        np.array([[0, 0, 66, 10], [0, 0, 66.1, 10], [9, 9, 10, 33.1], [0, 0, 66, 33]]),
        np.array([100, 50]),
        0.66,
    )
    assert found.tolist() == [False, True, True, False]
    each = boxes.fills(np.array([[1.0, 1, 8, 8]] * 2), np.array([[10, 20], [20, 20]]), 0.5)
    assert each.tolist() == [True, False]


def test_corners_and_the_box_around_them() -> None:
    box = np.array([[1.0, 2, 10, 20]])
    found = boxes.corners(box)
    assert found.tolist() == [[[1, 2], [11, 2], [11, 22], [1, 22]]]
    assert boxes.corners(box, last=1)[0, 2].tolist() == [10, 21]
    np.testing.assert_array_equal(boxes.around(found), box)
    padded = np.array([[[0.0, 0], [4, 1], [2, 5], [np.nan, np.nan]], np.full((4, 2), np.nan)])
    assert boxes.around(padded)[0].tolist() == [0, 0, 4, 5]
    assert np.isnan(boxes.around(padded)[1]).all()


@given(arrays(np.float64, (6, 4), elements=st.floats(1, 100)))
def test_polygons_that_are_boxes_overlap_as_boxes_do(found: np.ndarray) -> None:
    pytest.importorskip("shapely")
    a, b = found[:3], found[3:]
    polygons = boxes.corners(a), boxes.corners(b)
    np.testing.assert_allclose(boxes.polygon_overlap(*polygons), boxes.overlap(a, b), atol=1e-9)
    cut = boxes.overlap(boxes.clip(a, 60, 50), boxes.clip(b, 60, 50))
    np.testing.assert_allclose(boxes.polygon_overlap(*polygons, (60, 50)), cut, atol=1e-9)


def test_overlap_of_known_polygons() -> None:
    pytest.importorskip("shapely")
    square = boxes.corners(np.array([[0.0, 0, 10, 10]]))
    diamond = np.array([[[5.0, 0], [10, 5], [5, 10], [0, 5]]])
    assert boxes.polygon_overlap(diamond, square)[0] == pytest.approx(0.5)
    triangle = np.array([[[0.0, 0], [10, 0], [0, 10], [np.nan, np.nan]]])
    assert boxes.polygon_overlap(triangle, square)[0] == pytest.approx(0.5)
    crossed = np.array([[[0.0, 0], [10, 0], [0, 10], [10, 10]]])  # two triangles of 25
    assert boxes.polygon_overlap(crossed, square)[0] == pytest.approx(0.5)
    none = np.full((1, 4, 2), np.nan)
    assert np.isnan(boxes.polygon_overlap(none, square))[0]
    point = np.zeros((1, 4, 2))
    assert boxes.polygon_overlap(point, point)[0] == 0


def test_regions_are_boxes_polygons_or_nothing() -> None:
    polygons = np.full((3, 3, 2), np.nan)
    polygons[1] = [[0, 0], [4, 0], [0, 4]]
    rows = np.array([[0, 0, 5, 5], [np.nan] * 4, [np.nan] * 4])
    found = boxes.Regions(rows, polygons)
    assert found.known.tolist() == [True, True, False]
    assert found.corners(last=1)[0].tolist() == [[0, 0], [4, 0], [4, 4], [0, 4]]
    assert np.isnan(found.corners()[1, 3]).all() and np.isnan(found.corners()[2]).all()
    assert found.where(np.array([False, True, True])).known.tolist() == [True, False]
