"""Windows: the geometry of the cut, its border, its cost, and the two forms against each other."""

from __future__ import annotations

import time
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pursuit.windows import cut, cut_batch, cut_many, cut_sizes, in_units, sample

BORDER = (255.0, 0.0, 40.0)


WAVE = 50.0  # pixels, its length


def waves(width: int, height: int) -> NDArray[np.uint8]:
    """Return a frame of waves: red along x, green along y (pixel i is i + 0.5), blue both."""
    y, x = 2 * np.pi * (np.mgrid[0:height, 0:width] + 0.5) / WAVE
    bands = np.stack([np.sin(x), np.sin(y), np.sin(x) * np.sin(y)], axis=-1)
    return (128 + 100 * bands).round().astype(np.uint8)


def points(centre: tuple[float, float], side: float, size: int) -> tuple[Any, Any]:
    """Return the frame x (size,) and y (size,) that the window's pixels should show."""
    steps = (np.arange(size) + 0.5) * side / size - side / 2
    return centre[0] + steps, centre[1] + steps


@pytest.mark.parametrize("side", [37.3, 127.0, 200.9, 255.0, 310.0, 400.0])
@pytest.mark.parametrize("centre", [(400.0, 220.0), (361.27, 219.61)])
def test_waves_are_where_they_were(centre: tuple[float, float], side: float) -> None:
    window = cut(waves(800, 450), centre, side, 127, BORDER).astype(float)
    for channel, axis in enumerate(points(centre, side, 127)):
        phase = 2 * np.pi * axis / WAVE
        profile = window[:, :, channel].mean(axis=channel)
        assert np.abs(profile - (128 + 100 * np.sin(phase))).max() < 3
        # The part of the difference that a shift explains, in pixels of the frame.
        slope = 100 * np.cos(phase) * 2 * np.pi / WAVE
        shift = ((profile - 128 - 100 * np.sin(phase)) * slope).sum() / (slope**2).sum()
        assert abs(shift) < 0.03


def test_a_window_of_its_own_size_is_the_frame() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    window = cut(frame, (40, 30), 20, 20, BORDER)
    assert (window == frame[20:40, 30:50]).all()


def test_whole_blocks_are_averaged_when_shrinking() -> None:
    # A chessboard of single pixels is gray from afar; plain bilinear sampling would alias.
    frame = (np.indices((512, 512)).sum(axis=0) % 2 * 200).astype(np.uint8)[..., None].repeat(3, 2)
    window = cut(frame, (256, 256), 512, 128, BORDER)
    assert np.abs(window.astype(int) - 100).max() <= 1


def test_outside_is_the_border_colour() -> None:
    frame = np.full((50, 60, 3), 100, np.uint8)
    window = cut(frame, (0, 0), 40, 80, BORDER)
    assert (window[:38, :38] == BORDER).all()
    assert (window[42:, 42:] == 100).all()
    assert (cut(frame, (30, 25), 200, 100, BORDER)[:30] == BORDER).all()


@pytest.mark.parametrize("centre", [(-5000, 20), (1e300, 0), (30, -1e9), (1e6, 1e6)])
def test_far_outside_is_only_border(centre: tuple[float, float]) -> None:
    frame = np.full((50, 60, 3), 100, np.uint8)
    assert (cut(frame, centre, 40, 33, BORDER) == BORDER).all()


@pytest.mark.parametrize("sides", [(400.0, 60.0), (37.3, 310.0), (255.0, 600.0)])
def test_each_axis_of_a_rectangle_is_where_it_was(sides: tuple[float, float]) -> None:
    centre = (460.27, 519.61)
    window = cut(waves(1000, 1000), centre, sides, 127, BORDER).astype(float)
    for channel in (0, 1):
        axis = points(centre, sides[channel], 127)[channel]
        phase = 2 * np.pi * axis / WAVE
        profile = window[:, :, channel].mean(axis=channel)
        # The longest sides see their waves averaged: lower, but not shifted.
        slope = 100 * np.cos(phase) * 2 * np.pi / WAVE
        shift = ((profile - 128 - 100 * np.sin(phase)) * slope).sum() / (slope**2).sum()
        assert abs(shift) < 0.03
        assert np.abs(profile - (128 + 100 * np.sin(phase))).max() < 9


def test_a_square_is_a_rectangle_of_equal_sides() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    for side in (30.7, 90.0, 600.0):
        square = cut(frame, (50.3, 40), side, 127, BORDER)
        assert (square == cut(frame, (50.3, 40), (side, side), 127, BORDER)).all()


def test_only_the_axis_that_shrinks_is_averaged() -> None:
    # Columns in turn 0 and 200: gray where the window is wide, themselves where it is not.
    frame = np.broadcast_to((np.arange(512) % 2 * 200)[None, :, None], (512, 512, 3))
    frame = frame.astype(np.uint8)
    assert np.abs(cut(frame, (256, 256), (512, 128), 128, BORDER).astype(int) - 100).max() <= 1
    plain = cut(frame, (256, 256), (128, 512), 128, BORDER)
    assert (plain == frame[:128, 192:320]).all()


def programs_crop(
    frame: NDArray[np.uint8], box: tuple[float, float, float, float], size: int
) -> tuple[NDArray[np.uint8], tuple[float, float, float, float]]:
    """Return GOTURN's crop around x, y, w, h as its program cuts it, and what of the frame it is.

    The latter is left, top, width and height in pixels of the frame: whole numbers all.
    """
    height, width = frame.shape[:2]
    centre = (box[0] + box[2] / 2, box[1] + box[3] / 2)
    canvas_size, first, paste, taken = [], [], [], []
    for middle, side, limit in zip(centre, box[2:], (width, height), strict=True):
        out = max(1.0, 2 * side)
        start = max(0.0, middle - out / 2)
        visible = max(1.0, min(out / 2, middle) + min(out / 2, limit - middle))
        first.append(int(min(start, limit - 1)))
        taken.append(int(min(limit, max(1, np.ceil(visible)))))
        canvas_size.append(int(max(np.ceil(out), taken[-1])))
        paste.append(int(min(max(0.0, out / 2 - middle), canvas_size[-1] - 1)))
    (x, y), (w, h) = first, taken
    canvas = np.zeros((canvas_size[1], canvas_size[0], 3), np.uint8)
    region = frame[y : y + h, x : x + w]
    canvas[paste[1] : paste[1] + region.shape[0], paste[0] : paste[0] + region.shape[1]] = region
    crop = cv2.resize(canvas, (size, size))
    return np.asarray(crop), (x - paste[0], y - paste[1], canvas_size[0], canvas_size[1])


@pytest.mark.parametrize(
    "box",
    [
        (200.0, 100.0, 60.0, 40.0),  # whole numbers: nothing to round
        (203.7, 101.4, 60.0, 41.3),
        (12.6, 8.2, 47.1, 60.9),  # a part lies left and above: black there
        (741.3, 402.8, 55.5, 40.2),  # and right and below
    ],
)
def test_windows_are_the_programs_crops_but_for_its_rounding(
    box: tuple[float, float, float, float],
) -> None:
    frame, black = waves(800, 450), (0, 0, 0)
    theirs, (left, top, width, height) = programs_crop(frame, box, 227)
    # Where the program's whole numbers are the window, the two are the same picture but for its
    # edge, where the program has nothing to interpolate with.
    same = cut(frame, (left + width / 2, top + height / 2), (width, height), 227, black)
    difference = np.abs(same.astype(int) - theirs)
    assert np.quantile(difference, 0.98) <= 2
    assert difference.mean() < 1
    # Ours has the box itself in its middle; the program's is off it by less than a pixel of the
    # frame on each side, and that is all.
    ours = (box[0] - box[2] / 2, box[1] - box[3] / 2, 2 * box[2], 2 * box[3])
    for axis in (0, 1):
        assert abs(ours[axis] - (left, top)[axis]) < 1
        assert 0 <= (width, height)[axis] - ours[2 + axis] < 1
    exact = cut(frame, (box[0] + box[2] / 2, box[1] + box[3] / 2), ours[2:], 227, black)
    rounded = box != tuple(map(round, box))
    assert (np.abs(exact.astype(int) - same).mean() > 1) == rounded


@given(
    side=st.floats(1e-6, 1e9),
    x=st.floats(-1e9, 1e9),
    y=st.floats(-1e9, 1e9),
    size=st.sampled_from([1, 17, 127]),
    gray=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_any_window_of_a_flat_frame_holds_only_its_two_colours(
    side: float, x: float, y: float, size: int, gray: bool
) -> None:
    frame = np.full((40, 70, 3), 100, np.uint8)
    if gray:
        frame = np.broadcast_to(frame[:, :, :1], (40, 70, 3))
    window = cut(frame, (x, y), side, size, (200, 200, 200))
    assert window.shape == (size, size, 3)
    assert window.dtype == np.uint8
    assert window.min() >= 100 and window.max() <= 200


@given(
    side=st.floats(20, 370),
    x=st.floats(0, 1),
    y=st.floats(0, 1),
    size=st.sampled_from([31, 60, 127]),
)
@settings(deadline=None, max_examples=60)
def test_no_border_inside_the_frame(side: float, x: float, y: float, size: int) -> None:
    frame = np.full((400, 500, 3), 100, np.uint8)
    room = side + 2 + 2 * side / size  # interpolation at the frame's edge looks over it
    centre = room / 2 + x * (500 - room), room / 2 + y * (400 - room)
    assert (cut(frame, centre, side, size, BORDER) == 100).all()


def test_the_frame_is_not_changed_and_may_have_any_strides() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    kept = frame.copy()
    plain = cut(frame, (50, 40), 60, 127, BORDER)
    assert (frame == kept).all()
    turned = cut(frame[:, :, ::-1], (50, 40), 60, 127, BORDER[::-1])
    assert (turned[:, :, ::-1] == plain).all()
    frame.flags.writeable = False
    assert (cut(frame, (50, 40), 60, 127, BORDER) == plain).all()


def test_cost_does_not_grow_with_the_frame() -> None:
    def fastest(frame: NDArray[np.uint8], centre: tuple[float, float]) -> float:
        times = []
        for _ in range(30):
            start = time.process_time()
            for _ in range(10):
                cut(frame, centre, 200, 255, BORDER)
            times.append(time.process_time() - start)
        return min(times)

    small = np.zeros((300, 300, 3), np.uint8)
    large = np.zeros((3000, 4000, 3), np.uint8)
    base = fastest(small, (150, 150))
    assert fastest(large, (2000, 1500)) < 2 * base + 1e-3
    assert fastest(large, (3995, 10)) < 2 * base + 1e-3
    assert fastest(large, (50000, 10)) < 2 * base + 1e-3


@pytest.mark.parametrize(("centre", "side"), [((60.0, 50.0), 70.0), ((12.3, 80.6), 47.1)])
def test_the_two_forms_agree(centre: tuple[float, float], side: float) -> None:
    rng = np.random.default_rng(1)
    frame = rng.integers(0, 256, (13, 15, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    single = cut(frame, centre, side, 64, BORDER).astype(float)
    matrix = np.array([[[side / 2, 0, centre[0]], [0, side / 2, centre[1]]]])
    images = torch.from_numpy(frame).permute(2, 0, 1)[None]
    batch = cut_batch(images, matrix, 64, torch.tensor([BORDER]))
    difference = np.abs(batch[0].permute(1, 2, 0).numpy() - single)
    # OpenCV places samples on a grid of 1/32 pixel in one form and not in the other.
    assert difference.mean() < 0.5
    assert np.quantile(difference, 0.99) <= 8


def test_turned_windows_of_a_device_are_those_of_the_cpu() -> None:
    images = torch.from_numpy(np.stack([smooth_frame(120, 90), smooth_frame(120, 90)[::-1]]))
    images = images.permute(0, 3, 1, 2)
    turned = np.array([[[30.0, -12.0, 61.3], [17.0, 25.0, 44.2]], [[-40.0, 5, 8], [9, 50, 80]]])
    border = torch.tensor([BORDER, (3.0, 90.0, 200.0)])
    expected = cut_batch(images, turned, 64, border)
    shifted = images.float() - border[:, :, None, None]
    places = torch.from_numpy(in_units(turned, 120, 90))
    found = sample(shifted, places, 64) + border[:, :, None, None]
    assert (found - expected).abs().max() < 2
    assert (found - expected).abs().mean() < 0.5
    # One image that both windows are of.
    same = torch.cat([sample(shifted[:1], places[i : i + 1], 64) for i in range(2)])
    assert torch.equal(sample(shifted[:1], places, 64), same)


def smooth_frame(width: int = 400, height: int = 300) -> Any:
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 17 + y / 31), np.cos(x / 23), np.sin(y / 19)]
    return np.stack([128 + 90 * wave for wave in waves], 2).astype(np.uint8)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("side", "most"), [(90.0, 1), (250.0, 1), (509.0, 2), (900.0, 4)])
def test_several_sizes_at_once_are_the_windows_alone(side: float, most: int, turned: bool) -> None:
    frame = smooth_frame()[:, :, :: -1 if turned else 1]
    border = (10.0, 20.0, 30.0)
    sides = side * 1.0375 ** np.array([-1.0, 0, 1])
    for centre in ((200.3, 140.7), (5.0, 290.0), (-900.0, 50.0)):
        out = np.empty((3, 255, 255, 3), np.uint8)
        cut_sizes(frame, centre, np.repeat(sides[:, None], 2, axis=1), border, out)
        for one, each in zip(out, sides, strict=True):
            alone = cut(frame, centre, float(each), 255, border)
            # Another corner of what is read rounds otherwise; averaged blocks lie elsewhere.
            assert np.abs(one.astype(int) - alone).max() <= most


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("number", [1, 2, 7])
def test_many_places_in_threads_are_the_places_alone(
    threads: int, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = waves(400, 300)
    rng = np.random.default_rng(number)
    centres = rng.uniform(-20, 320, (number, 2))
    sides = rng.uniform(40, 700, (number, 1, 2)) * np.array([0.96, 1, 1.0375])[:, None]
    borders = rng.uniform(0, 255, (number, 3))
    out = np.zeros((number, 3, 255, 255, 3), np.uint8)
    monkeypatch.setattr(cv2, "getNumThreads", lambda: threads)
    cut_many(frame, centres, sides, borders, out)
    alone = np.ones_like(out)
    for row in range(number):
        cut_sizes(frame, centres[row], sides[row], borders[row], alone[row])
    assert np.array_equal(out, alone)
