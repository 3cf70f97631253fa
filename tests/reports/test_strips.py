"""Film strips: what is cut out, what is drawn where."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import cv2
import numpy as np

from pursuit import load
from pursuit.datasets import Sequence
from pursuit.reports.moments import Moment, lost_in_pass
from pursuit.reports.strips import HEIGHT, WIDTH, strips, view

TRUTH = np.tile([40.0, 30, 20, 16], (30, 1))


def moment() -> Moment:
    boxes = TRUTH.copy()
    boxes[15:, :2] = 90, 70
    (found,) = lost_in_pass("OTB", "t", "s", boxes, TRUTH)
    return found


def films(shade: int = 0) -> dict[str, Sequence]:
    def frames() -> Iterator[np.ndarray]:
        for number in range(30):
            yield np.full((120, 160, 3), 8 * number + shade, np.uint8)

    return {"s": Sequence("s", "s", TRUTH, frames)}


def decoded(uri: str) -> np.ndarray:
    head, data = uri.split(",")
    assert head == "data:image/jpeg;base64"
    image = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image[..., ::-1]


def test_pictures_are_of_the_worst_frames() -> None:
    (strip,), notes = strips([moment()], films(), {})
    assert not notes
    assert [still.frame for still in strip.stills] == [5, 11, 14, 15, 19, 25]
    assert [still.overlap for still in strip.stills] == [1, 1, 1, 0, 0, 0]
    for still in strip.stills:
        picture = decoded(still.picture)
        assert picture.shape == (HEIGHT, WIDTH, 3)
        assert abs(int(np.median(picture)) - 8 * still.frame) <= 2
    assert not strip.has_maps


def test_boxes_are_drawn_where_they_are() -> None:
    one = moment()
    part = view(one, (160, 120))
    scale = WIDTH / part[2]
    assert np.isclose(scale, HEIGHT / part[3])
    (strip,), _ = strips([one], films(), {})
    picture = decoded(strip.stills[3].picture).astype(int)

    def near(x: float, y: float) -> np.ndarray:
        column, row = np.rint((np.array([x, y]) - part[:2]) * scale).astype(int)
        return picture[row, column]

    assert near(50, 30).min() > 200  # the label's upper edge is white
    orange = near(100, 70)  # the tracker's
    assert orange[0] > 200
    assert orange[2] < 130
    assert np.abs(near(60, 60) - 120).max() < 6  # nothing


def test_view_is_in_the_frame_and_holds_all_boxes() -> None:
    part = view(moment(), (160, 120))
    assert (part[:2] >= 0).all()
    assert (part[:2] + part[2:] <= (160, 120)).all()
    assert (part[:2] <= (40, 30)).all()
    assert (part[:2] + part[2:] >= (110, 86)).all()


def test_without_pictures_there_are_boxes_alone() -> None:
    (strip,), _ = strips([moment()], {}, {})
    colours = decoded(strip.stills[0].picture).reshape(-1, 3).astype(int)
    assert np.abs(np.median(colours, axis=0) - (96, 104, 112)).max() < 3
    assert colours.max() > 200


def test_frames_that_end_too_early_are_told_and_boxes_shown() -> None:
    def frames() -> Iterator[np.ndarray]:
        for _ in range(16):
            yield np.full((120, 160, 3), 50, np.uint8)

    (strip,), _ = strips([moment()], {"s": Sequence("s", "s", TRUTH, frames)}, {})
    assert np.median(decoded(strip.stills[3].picture)) == 50
    assert 94 < np.median(decoded(strip.stills[5].picture)) < 114


def test_score_map_is_bright_at_the_target() -> None:
    """The tracker sits beside the target; its score map says where the target is."""
    draw = np.random.default_rng(3)
    target = cv2.resize(draw.integers(0, 256, (6, 6, 3), dtype=np.uint8), (36, 36))
    ground = cv2.resize(draw.integers(60, 120, (9, 12, 3), dtype=np.uint8), (320, 240))

    def frame(x: int) -> np.ndarray:
        picture = ground.copy()
        picture[100:136, x : x + 36] = target
        return picture

    tracker = load("siamfc-slim")
    tracker.init(frame(140), (140, 100, 36, 36))
    before = tracker.targets
    for x in (140, 125, 160):
        seen, (left, top, side, _) = tracker.response(frame(x), np.array([140.0, 100, 36, 36]))
        assert seen.shape == (17, 17)
        row, column = np.unravel_index(seen.argmax(), seen.shape)
        cell = side / 17
        assert abs(left + (column + 0.5) * cell - (x + 18)) < cell
        assert abs(top + (row + 0.5) * cell - 118) < cell
    assert tracker.targets is before
