"""SiamFC's online algorithm, with a network whose answers are known (see conftest)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from pursuit.errors import BoxError, EngineError, FrameError, PursuitError
from pursuit.frames import Frame
from pursuit.trackers.base import Result, State, Tracker
from pursuit.trackers.settings import SiamFCSettings
from pursuit.trackers.siamfc import SiamFCTracker

Scene = Callable[..., Frame]
BOX = (180.0, 130.0, 40.0, 40.0)  # centre 200, 150


def centre(result: Result) -> np.ndarray[Any, np.dtype[np.float64]]:
    return result.box[..., :2] + result.box[..., 2:] / 2


def test_it_is_a_tracker(beacon: Any) -> None:
    assert isinstance(SiamFCTracker(beacon), Tracker)


def test_results_of_one_target(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon, name="mine")
    first = tracker.init(scene((200, 150)), BOX)
    assert first.box.tolist() == list(BOX)
    assert (first.score, first.state, first.ids) == (1.0, State.TRACKED, 0)
    result = tracker.update(scene((203, 149)))
    assert result.box.shape == (4,)
    assert isinstance(result.score, float) and 0.5 < result.score <= 1
    assert result.state is State.TRACKED
    assert result.ids == 0 and 0 < result.seconds < 10


@pytest.mark.parametrize("shift", [(0.3, 0), (0, -0.7), (2.6, 1.4), (-9, 6), (17, -15)])
def test_a_shift_is_found_without_bias(
    beacon: Any, scene: Scene, shift: tuple[float, float]
) -> None:
    tracker = SiamFCTracker(beacon, SiamFCSettings(window_influence=0.0))
    tracker.init(scene((200, 150)), BOX)
    result = tracker.update(scene((200 + shift[0], 150 + shift[1])))
    # A cell of the map is 5 pixels of this frame; the spline may miss 1/60 cell.
    assert centre(result) == pytest.approx(np.array([200, 150]) + shift, abs=0.1)
    assert result.box[2:].tolist() == [40, 40]


def test_a_chase_at_any_scale(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon)
    tracker.init(scene((100, 80)), (80, 60, 40, 40))
    for i in range(1, 30):
        radius = 10 * 1.02**i
        result = tracker.update(scene((100 + 6 * i, 80 + 3 * i), radius=radius))
    assert centre(result) == pytest.approx(np.array([274, 167]), abs=1)
    assert result.box[2] == pytest.approx(40 * 1.02**29, rel=0.03)
    assert result.box[3] == pytest.approx(result.box[2])


def test_one_growing_frame_follows_the_formula(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon, SiamFCSettings(scale_step=1.05, scale_damping=0.6))
    tracker.init(scene((200, 150)), (180, 120, 40, 60))
    result = tracker.update(scene((200, 150), radius=10 * 1.05))
    # (1 - 0.6) + 0.6 a for sides and search window alike.
    assert result.box[2:] == pytest.approx(np.array([40, 60]) * 1.03)
    assert centre(result) == pytest.approx(np.array([200, 150]), abs=0.05)
    assert tracker.targets.side == pytest.approx(np.sqrt(90 * 110) * 255 / 127 * 1.03)


def test_displacement_counts_in_the_scale_it_was_seen_at(beacon: Any, scene: Scene) -> None:
    settings = SiamFCSettings(scale_step=1.2, window_influence=0.0, scale_damping=0.0)
    tracker = SiamFCTracker(beacon, settings)
    tracker.init(scene((200, 150)), BOX)
    result = tracker.update(scene((224, 150), radius=12))
    assert centre(result)[0] == pytest.approx(224, abs=0.15)


def test_many_targets_are_followed_as_each_alone(beacon: Any, scene: Scene) -> None:
    starts = np.array([[80.0, 60], [300, 80], [200, 240]])
    steps = np.array([[3.0, 1], [-2, 4], [0.5, -3]])
    boxes = np.concatenate([starts - 15, np.full((3, 2), 30.0)], axis=1)
    settings = SiamFCSettings()
    together = SiamFCTracker(beacon, settings)
    alone = [SiamFCTracker(beacon, settings) for _ in range(3)]
    frame = scene(*starts, radius=6)
    first = together.init(frame, boxes)
    assert first.box.shape == (3, 4) and first.score.tolist() == [1, 1, 1]  # type: ignore[union-attr]
    for tracker, box in zip(alone, boxes, strict=True):
        tracker.init(frame, box)
    for i in range(1, 6):
        frame = scene(*(starts + i * steps), radius=6)
        result = together.update(frame)
        singles = [tracker.update(frame) for tracker in alone]
        assert result.box == pytest.approx(np.stack([single.box for single in singles]), abs=1e-3)
    assert result.ids.tolist() == [0, 1, 2]  # type: ignore[union-attr]
    assert centre(result) == pytest.approx(starts + 5 * steps, abs=0.5)


def test_one_network_call_a_frame(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon, SiamFCSettings(scales=5))
    places = [(60 + 60 * i, 100) for i in range(4)]
    frame = scene(*places, radius=6)
    tracker.init(frame, [(x - 15, y - 15, 30, 30) for x, y in places])
    assert beacon.embedded == [4, 20]  # exemplars, and what their own frame's maps look like
    tracker.update(frame)
    assert beacon.embedded == [4, 20, 20]
    assert beacon.scored == 2


def test_targets_come_and_go_and_keep_their_numbers(beacon: Any, scene: Scene) -> None:
    places = [(80, 80), (200, 200), (320, 80)]
    boxes = [(x - 15, y - 15, 30, 30) for x, y in places]
    frame = scene(*places, radius=6)
    tracker = SiamFCTracker(beacon)
    tracker.init(frame, boxes[0])
    assert tracker.add(frame, boxes[1:]).tolist() == [1, 2]
    result = tracker.update(frame)
    assert result.box.shape == (3, 4) and result.ids.tolist() == [0, 1, 2]  # type: ignore[union-attr]
    tracker.drop([0])
    tracker.drop(2)
    result = tracker.update(frame)
    assert result.ids.tolist() == [1]  # type: ignore[union-attr]
    assert centre(result)[0] == pytest.approx(np.array([200, 200]), abs=0.1)
    assert tracker.add(frame, boxes[0]).tolist() == [3]
    assert tracker.update(frame).ids.tolist() == [1, 3]  # type: ignore[union-attr]
    with pytest.raises(PursuitError, match="no target 2"):
        tracker.drop([1, 2])
    tracker.drop([1, 3])
    nothing = tracker.update(frame)
    assert nothing.box.shape == (0, 4) and nothing.score.shape == (0,)  # type: ignore[union-attr]
    assert tracker.add(frame, boxes[2]).tolist() == [4]
    assert tracker.update(frame).box.shape == (1, 4)
    tracker.init(frame, boxes[1])
    assert tracker.update(frame).ids == 0


def test_a_lost_target_says_so(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon, score_scale=5, score_offset=0.4)
    tracker.init(scene((200, 150)), BOX)
    seen = tracker.update(scene((200, 150)))
    # As high as in the first frame: 1; where nothing is, the map is -10 for 10 there.
    assert seen.score == pytest.approx(1 / (1 + np.exp(-5 * (1 - 0.4))), abs=0.01)
    gone = tracker.update(scene())
    assert gone.score == pytest.approx(1 / (1 + np.exp(-5 * (-1 - 0.4))), abs=0.001)
    assert gone.state is State.LOST
    assert gone.box == pytest.approx(seen.box)  # a flat map moves nothing


def test_gray_and_bgr_frames_give_the_same_boxes(beacon: Any, scene: Scene) -> None:
    rng = np.random.default_rng(0)
    frames = [scene((200 + 4 * i, 150)) // 2 + rng.integers(0, 9, (300, 400, 3)) for i in range(3)]
    frames = [frame.astype(np.uint8) for frame in frames]
    rgb, bgr = SiamFCTracker(beacon), SiamFCTracker(beacon)
    rgb.init(frames[0], BOX)
    bgr.init(frames[0][:, :, ::-1], BOX, colour="bgr")
    for frame in frames[1:]:
        expected = rgb.update(frame)
        assert bgr.update(frame[:, :, ::-1], colour="bgr").box.tolist() == expected.box.tolist()
    gray = SiamFCTracker(beacon)
    gray.init(scene((200, 150))[:, :, 0], BOX)
    assert centre(gray.update(scene((206, 150))[:, :, :1]))[0] == pytest.approx(206, abs=0.2)


def test_the_callers_arrays_are_not_changed(beacon: Any, scene: Scene) -> None:
    tracker, other = SiamFCTracker(beacon), SiamFCTracker(beacon)
    boxes = np.array([BOX, (80, 80, 30, 30)])
    frames = [scene((200 + i, 150), (95, 95 + i), radius=6) for i in range(3)]
    kept_boxes, kept_frame = boxes.copy(), frames[1].copy()
    frames[1].flags.writeable = boxes.flags.writeable = False
    first = tracker.init(frames[0], boxes)
    result = tracker.update(frames[1])
    assert (boxes == kept_boxes).all() and (frames[1] == kept_frame).all()
    # Nor does the tracker change when a caller writes into a result.
    other.init(frames[0], boxes)
    other.update(frames[1])
    for mine in (first, result):
        mine.box[:] = 0
        mine.ids[:] = 7  # type: ignore[index]
    expected, found = other.update(frames[2]), tracker.update(frames[2])
    assert found.box.tolist() == expected.box.tolist()
    assert found.ids.tolist() == [0, 1]  # type: ignore[union-attr]


def test_warming_up_leaves_no_trace(beacon: Any, scene: Scene) -> None:
    tracker, cold = SiamFCTracker(beacon), SiamFCTracker(beacon)
    tracker.warm_up()
    assert len(beacon.embedded) == 3  # the first frame's two calls, and an update's
    with pytest.raises(PursuitError, match="call init"):
        tracker.update(scene())
    for one in (tracker, cold):
        assert one.init(scene((200, 150)), BOX).ids == 0
    frame = scene((207, 151))
    assert tracker.update(frame).box.tolist() == cold.update(frame).box.tolist()


def test_warming_up_lasts_until_the_network_has_looked(beacon: Any) -> None:
    SiamFCTracker(beacon, SiamFCSettings(sides_every=4, frames_every=3)).warm_up()
    assert beacon.embedded == [1, 3, 1]


def test_update_before_init_is_a_clear_error(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon)
    for call in (
        lambda: tracker.update(scene()),
        lambda: tracker.add(scene(), BOX),
        lambda: tracker.drop(0),
    ):
        with pytest.raises(PursuitError, match=r"call init\(frame, box\) first"):
            call()


def test_bad_input_leaves_the_tracker_as_it_was(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon)
    frame = scene((200, 150))
    tracker.init(frame, BOX)
    for bad in ((500, 0, 10, 10), (0, 0, 0, 5), [[[1, 2, 3, 4]]], (0, 0, np.nan, 1)):
        with pytest.raises(BoxError):
            tracker.init(frame, bad)
        with pytest.raises(BoxError):
            tracker.add(frame, bad)
    with pytest.raises(FrameError):
        tracker.update(frame.astype(float))
    assert centre(tracker.update(frame)) == pytest.approx(np.array([200, 150]), abs=0.1)


def test_a_frame_of_another_size_is_the_same_picture_scaled(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon)
    tracker.init(scene((200, 150)), BOX)
    tracker.update(scene((204, 150)))
    result = tracker.update(scene((102, 75), radius=5, width=200, height=150))
    assert result.box == pytest.approx(np.array([92, 65, 20, 20]), abs=0.3)


def test_scene_is_where_it_says(scene: Scene) -> None:
    light = scene((120.25, 80.5))[:, :, 0].astype(float)
    x = (light.sum(0) * (np.arange(400) + 0.5)).sum() / light.sum()
    assert x == pytest.approx(120.25, abs=0.02)


def test_a_device_that_is_full_is_told_in_a_line(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon)
    boxes = [(60, 50, 24, 24), (100, 80, 24, 24)]

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    tracker.init(scene((200, 150)), boxes)
    beacon.embed = full
    with pytest.raises(EngineError, match="too little memory to follow 2 targets: follow fewer"):
        tracker.update(scene((200, 150)))
    with pytest.raises(EngineError, match="too little memory to follow 1 target:"):
        tracker.init(scene((200, 150)), boxes[0])
