"""Drawing: on a copy, where the box is, readable, and never failing on odd boxes."""

from __future__ import annotations

import numpy as np
import pytest

from pursuit.trackers.base import Result, State
from pursuit.video import Trails, draw, drawing, with_ruler
from pursuit.video.drawing import PALETTE, line_width


def result(*boxes: tuple[float, ...], states: tuple[State, ...] | None = None) -> Result:
    count = len(boxes)
    given = states or (State.TRACKED,) * count
    return Result(
        np.array(boxes, dtype=float), np.full(count, 0.87), np.array(given), np.arange(count), 0.0
    )


def gray(height: int = 240, width: int = 320, value: int = 128) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_states_are_the_trackers() -> None:
    # The layer of video may not import trackers, so it has its own copy.
    assert (drawing._LOST, drawing._UNSURE) == (State.LOST, State.UNSURE)


def test_the_frame_is_not_changed() -> None:
    frame = gray()
    drawn = draw(frame, result((50, 60, 40, 30)), Trails())
    assert (frame == 128).all()
    assert drawn.shape == frame.shape
    assert (drawn != 128).any()


def test_the_line_lies_on_the_pixels_of_the_boxs_edge() -> None:
    drawn = draw(gray(), result((50, 160, 40, 30)))
    assert line_width(drawn) == 1
    for y, x in ((160, 70), (189, 70), (175, 50), (175, 89)):
        assert tuple(drawn[y, x]) == PALETTE[0]
    for y, x in ((159, 70), (190, 70), (175, 49), (175, 90)):
        assert drawn[y, x].max() < 40  # the dark rim
    assert (drawn[162:188, 52:88] == 128).all()  # the target itself stays free


@pytest.mark.parametrize(("height", "width"), [(240, 1), (720, 3), (1080, 4), (2160, 8)])
def test_lines_grow_with_the_frame(height: int, width: int) -> None:
    assert line_width(gray(height, height)) == width


def test_a_colour_for_each_target() -> None:
    assert len(set(PALETTE)) == len(PALETTE) >= 10
    far = [(20, 100, 30, 30), (100, 100, 30, 30), (200, 100, 30, 30)]
    drawn = draw(gray(), result(*far))
    for number, (x, y, _, h) in enumerate(far):
        assert tuple(drawn[y + h - 1, x + 10]) == PALETTE[number]


def test_lost_is_gray_and_dashed() -> None:
    drawn = draw(gray(), result((50, 100, 80, 60), states=(State.LOST,)))
    edge = {tuple(pixel) for pixel in drawn[159, 50:130].tolist()}
    assert edge == {drawing._GRAY, drawing._DARK}
    assert not (drawn == PALETTE[0]).all(axis=2).any()


def test_unsure_is_dashed_in_its_colour() -> None:
    drawn = draw(gray(), result((50, 100, 80, 60), states=(State.UNSURE,)))
    edge = {tuple(pixel) for pixel in drawn[159, 50:130].tolist()}
    assert edge == {PALETTE[0], drawing._DARK}


def test_the_trail_fades_and_ends_when_the_target_is_lost() -> None:
    trails = Trails(length=20)
    for x in range(0, 200, 5):
        drawn = draw(gray(), result((x, 100, 40, 40)), trails)
    assert len(trails.of(0)) == 20
    row = drawn[120].astype(int)
    old, new = abs(row[122] - 128).sum(), abs(row[190] - 128).sum()
    assert new > 1.5 * old > 0
    assert (drawn[120, :90] == 128).all()
    draw(gray(), result((200, 100, 40, 40), states=(State.LOST,)), trails)
    assert trails.of(0) == []


@pytest.mark.parametrize(
    "box",
    [
        (-500, -500, 20, 20),
        (1e9, 1e9, 5, 5),
        (-1e12, -1e12, 2e12, 2e12),
        (0, 0, 320, 240),
        (310, 230, 50, 50),
        (-30, -30, 40, 40),
        (100, 100, 0, 0),
        (100, 100, 1e-3, 1e-3),
        (100.4, 100.6, 3, 3),
        (np.nan, 0, 1, 1),
        (0, 0, np.inf, 1),
    ],
)
@pytest.mark.parametrize("state", list(State))
def test_any_box_can_be_drawn(box: tuple[float, ...], state: State) -> None:
    trails = Trails()
    for size in ((240, 320), (8, 8), (1, 1)):
        for _ in range(2):
            assert draw(gray(*size), result(box, states=(state,)), trails).shape == (*size, 3)


def test_one_target_and_none() -> None:
    single = Result(np.array([50.0, 60, 40, 30]), 0.5, State.TRACKED, 0, 0.0)
    assert (draw(gray(), single) != 128).any()
    empty = Result(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int), np.zeros(0, int), 0.0)
    assert (draw(gray(), empty, Trails()) == 128).all()


@pytest.mark.parametrize("size", [(240, 320), (720, 1280), (1, 1), (2160, 3840), (90, 17)])
def test_the_ruler_frames_the_whole_picture(size: tuple[int, int]) -> None:
    frame = gray(*size, value=120)
    page = with_ruler(frame)
    zoom = max(1, 1280 // max(size))
    inside = (page[..., 0] >= 80) & (page[..., 0] <= 170)
    rows, columns = np.flatnonzero(inside.mean(axis=1) > 0.5), np.flatnonzero(inside.mean(0) > 0.5)
    assert len(rows) >= size[0] * zoom * 0.97
    assert len(columns) >= size[1] * zoom * 0.97
    assert (frame == 120).all()


def test_ticks_stand_at_every_ten_pixels() -> None:
    page = with_ruler(gray(240, 320, value=250))
    zoom = 4
    # The row of pixels just above the picture has a dark tick at each tenth pixel.
    left = (page.shape[1] - 320 * zoom) // 2
    edge = (page.shape[0] - 240 * zoom) // 2
    ticks = np.flatnonzero(page[edge - 2, left:-left, 0] < 60)
    assert ticks.tolist() == [10 * zoom * number for number in range(32)]
    down = np.flatnonzero(page[edge:-edge, left - 2, 0] < 60)
    assert down.tolist() == [10 * zoom * number for number in range(24)]
