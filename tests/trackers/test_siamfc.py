"""SiamFC's online algorithm, with a network whose answers are known (see conftest)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

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


def test_zero_motion_gives_zero_drift(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon)
    frame = scene((200, 150), width=320, height=240)
    tracker.init(frame, BOX)
    for _ in range(1000):
        result = tracker.update(frame)
    assert centre(result) == pytest.approx(np.array([200, 150]), abs=0.01)
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


def test_other_sizes_are_searched_in_one_of_so_many_frames(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon, SiamFCSettings(sides_every=3))
    tracker.init(scene((200, 150)), BOX)
    sizes = []
    for i in range(1, 7):
        result = tracker.update(scene((200 + 3 * i, 150), radius=10 * 1.012**i))
        sizes.append(result.box[2])
        assert centre(result) == pytest.approx(np.array([200 + 3 * i, 150]), abs=0.5)
    assert beacon.embedded[2:] == [1, 1, 3, 1, 1, 3]
    assert sizes[0] == sizes[1] == 40 < sizes[2] == sizes[3] == sizes[4] < sizes[5]


def test_all_sizes_are_searched_while_a_target_is_not_sure(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon, SiamFCSettings(sides_every=25))
    tracker.init(scene((200, 150)), BOX)
    for frame in (scene((200, 150)), scene(), scene(), scene((200, 150)), scene((200, 150))):
        tracker.update(frame)
    # The frame that shows nothing is looked at as if all were well; the next ones are not.
    assert beacon.embedded[2:] == [1, 1, 3, 3, 1]


@pytest.mark.parametrize(("fall", "windows"), [(1.0, [1, 1, 1, 1, 1]), (0.1, [1, 1, 3, 1, 1])])
def test_all_sizes_are_searched_after_a_score_fell(
    beacon: Any, scene: Scene, fall: float, windows: list[int]
) -> None:
    tracker = SiamFCTracker(beacon, SiamFCSettings(sides_every=25, sides_fall=fall))
    tracker.init(scene((200, 150)), BOX)
    # Larger by 8 %: its score is lower, but not so low that it is not TRACKED.
    found = [tracker.update(scene((200, 150), radius=radius)) for radius in (10, *[10.8] * 4)]
    assert beacon.embedded[2:] == windows
    assert found[1].score < found[0].score - 0.1 and found[1].state is State.TRACKED  # type: ignore[operator]
    grown = 40 * (1 + 0.59 * 0.0375) if fall < 1 else 40
    assert [result.box[2] for result in found] == pytest.approx([40, 40, *[grown] * 3])


def test_a_fall_is_measured_from_the_last_look_at_all_sizes(beacon: Any, scene: Scene) -> None:
    # Sizes so near to each other that none is better.
    tracker = SiamFCTracker(
        beacon, SiamFCSettings(sides_every=25, sides_fall=0.1, scale_step=1.0001)
    )
    tracker.init(scene((200, 150)), BOX)
    for radius in (10, 10.8, 10.8, 10.8, 10, 10.8, 10.8):
        tracker.update(scene((200, 150), radius=radius))
    assert beacon.embedded[2:] == [1, 1, 3, 1, 1, 1, 1]


def test_where_the_score_of_one_fell_all_are_searched(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon, SiamFCSettings(sides_every=25, sides_fall=0.1))
    frame = scene((80, 80), (280, 200), radius=6)
    tracker.init(frame, [(65, 65, 30, 30), (265, 185, 30, 30)])
    later = np.maximum(scene((80, 80), radius=6), scene((280, 200), radius=6.5))
    for one in (frame, later, later, later):
        tracker.update(one)
    assert beacon.embedded[2:] == [2, 2, 6, 2]
    assert tracker.targets.zoom == pytest.approx([1, 1 + 0.59 * 0.0375])


def test_boxes_stand_still_in_frames_that_are_not_looked_at(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon, SiamFCSettings(frames_every=3))
    tracker.init(scene((200, 150)), BOX)
    found = [tracker.update(scene((200 + 2 * i, 150))) for i in range(1, 8)]
    assert beacon.embedded[2:] == [3, 3]
    places = [round(centre(result)[0]) for result in found]
    assert places == [200, 200, 206, 206, 206, 212, 212]
    assert found[0].score == 1.0
    assert found[3].score == found[2].score and found[3].state is State.TRACKED


def test_targets_that_came_later_have_turns_of_their_own(beacon: Any, scene: Scene) -> None:
    places = [(80, 80), (200, 200)]
    boxes = [(x - 15, y - 15, 30, 30) for x, y in places]
    frame, moved = scene(*places, radius=6), scene((84, 80), (204, 200), radius=6)
    tracker = SiamFCTracker(beacon, SiamFCSettings(frames_every=2))
    tracker.init(frame, boxes[0])
    tracker.update(frame)
    tracker.add(frame, boxes[1])
    start = len(beacon.embedded)
    first, second = tracker.update(moved), tracker.update(moved)
    assert beacon.embedded[start:] == [3, 3]
    assert centre(first)[:, 0] == pytest.approx([84, 200], abs=0.1)
    assert centre(second)[:, 0] == pytest.approx([84, 204], abs=0.1)
    assert second.ids.tolist() == [0, 1]  # type: ignore[union-attr]


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


class Noise:
    """Stands in for a network that says anything."""

    name = "noise"
    device = torch.device("cpu")

    def __init__(self, seed: int, scale: float) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.scale = scale

    def embed(self, windows: Any) -> torch.Tensor:
        assert windows.shape[1:] in ((127, 127, 3), (255, 255, 3))
        return torch.zeros(len(windows), 1, 6, 6)

    def score(self, exemplar: torch.Tensor, search: torch.Tensor) -> torch.Tensor:
        number = len(exemplar)
        maps = torch.randn(number, len(search) // number, 17, 17, generator=self.generator)
        return maps * self.scale


@given(
    seed=st.integers(0, 1000),
    scale=st.sampled_from([0.0, 1.0, 1e30, float("nan"), float("inf")]),
    kinds=st.lists(st.sampled_from(["black", "noise", "small", "wide", "pixel"]), max_size=12),
    box=st.tuples(
        st.floats(-20, 150), st.floats(-20, 110), st.floats(0.01, 160), st.floats(0.01, 120)
    ),
)
@settings(deadline=None, max_examples=40)
def test_boxes_stay_sane_whatever_comes(
    seed: int, scale: float, kinds: list[str], box: tuple[float, ...]
) -> None:
    rng = np.random.default_rng(seed)
    frames = {
        "black": np.zeros((120, 160, 3), np.uint8),
        "noise": rng.integers(0, 256, (120, 160, 3), dtype=np.uint8),
        "small": np.full((30, 20, 3), 255, np.uint8),
        "wide": np.zeros((10, 500), np.uint8),
        "pixel": np.zeros((1, 1, 3), np.uint8),
    }
    tracker = SiamFCTracker(Noise(seed, scale))
    try:
        tracker.init(frames["noise"], box)
    except BoxError:
        return  # wholly outside: `start_boxes` has its own tests
    for kind in kinds + ["black"] * 5:
        frame = frames[kind]
        result = tracker.update(frame)
        height, width = frame.shape[:2]
        x, y, w, h = result.box
        assert np.isfinite(result.box).all()
        assert 0 < w <= width + 1e-9 and 0 < h <= height + 1e-9
        assert 0 <= x + w / 2 <= width and 0 <= y + h / 2 <= height
        assert 0 <= result.score <= 1


class Wish(Noise):
    """Stands in for a network that likes one of three scales, after the first frame."""

    def __init__(self) -> None:
        super().__init__(0, 1)
        self.scale_liked = 1
        self.place = 8

    def score(self, exemplar: torch.Tensor, search: torch.Tensor) -> torch.Tensor:
        maps = torch.zeros(1, 3, 17, 17)
        maps[0, :, 8, self.place] = 4
        maps[0, self.scale_liked] *= 2
        return maps


@pytest.mark.parametrize(
    ("liked", "box", "size"),
    [
        (2, (300, 200, 50, 40), (250, 200)),
        (0, (300, 200, 50, 40), (10, 8)),
        (0, (300, 200, 5, 8), (2, 3.2)),  # no side below 2 pixels
        (0, (300, 200, 1, 8), (1, 8)),  # but where it started below
        (2, (100, 100, 400, 200), (800, 400)),  # nor above the frame's
    ],
)
def test_sizes_stay_within_their_bounds(
    liked: int, box: tuple[float, ...], size: tuple[float, ...]
) -> None:
    network = Wish()
    tracker = SiamFCTracker(network)
    frame = np.zeros((600, 800, 3), np.uint8)
    tracker.init(frame, box)
    network.scale_liked = liked
    for _ in range(120):
        result = tracker.update(frame)
    assert result.box[2:] == pytest.approx(size)


def test_a_bias_of_the_first_frame_is_taken_off() -> None:
    # A network that likes a larger scale and a place 0.4 cells right of the target's: always.
    network = Wish()
    network.scale_liked = 2
    real = network.score

    def shifted(exemplar: torch.Tensor, search: torch.Tensor) -> torch.Tensor:
        maps = real(exemplar, search)
        maps[..., 9] += 0.7 * maps[..., network.place]
        return maps

    network.score = shifted  # type: ignore[method-assign]
    tracker = SiamFCTracker(network)
    frame = np.zeros((600, 800, 3), np.uint8)
    tracker.init(frame, (300, 200, 50, 40))
    assert tracker.targets.zero[0, 0] > 0.2
    for _ in range(1000):
        result = tracker.update(frame)
    assert result.box.tolist() == [300, 200, 50, 40]


def test_a_peak_elsewhere_is_no_bias_of_the_first_frame() -> None:
    network = Wish()
    network.place = 12
    tracker = SiamFCTracker(network)
    tracker.init(np.zeros((600, 800, 3), np.uint8), (300, 200, 50, 40))
    assert tracker.targets.zero.tolist() == [[0, 0]]


def test_scene_is_where_it_says(scene: Scene) -> None:
    light = scene((120.25, 80.5))[:, :, 0].astype(float)
    x = (light.sum(0) * (np.arange(400) + 0.5)).sum() / light.sum()
    assert x == pytest.approx(120.25, abs=0.02)


def test_what_a_still_target_is_off_by_is_taken_off_while_it_looks_the_same(
    beacon: Any, scene: Scene
) -> None:
    strength = 1.0
    cells = torch.arange(17.0) - 8
    leaning = torch.exp(-((cells[None] - 0.4) ** 2 + cells[:, None] ** 2) / (2 * 1.5**2))
    beacon._map = lambda z, x: 10 * strength * leaning.double()
    tracker = SiamFCTracker(beacon, SiamFCSettings(scales=1))
    frame = scene((200, 150))
    tracker.init(frame, BOX)
    for strength in (1.0, 0.75, 0.5):
        before = tracker.targets.centre[0, 0]
        moved = tracker.update(frame).box[0] + BOX[2] / 2 - before
        # In cells; a window has 255 pixels for the 80 of the exemplar's 127, a cell 8.
        assert moved / (8 * 80 / 127) == pytest.approx(0.4 * (2 - 2 * strength), abs=0.01)


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
