"""Timing trackers in turn: order, frames, numbers; on a clock that is wound by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from pursuit.bench import speed
from pursuit.bench.contenders import OPENCV, Contender
from pursuit.bench.speed import Clip, Timing, measure, read_clip, spread, times
from pursuit.errors import BoxError, VideoError
from pursuit.trackers.base import Result, State


class Hands:
    """A clock that stands still until it is moved."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now


class Pacer:
    """A tracker whose updates take so long for each target; says when it was asked."""

    def __init__(self, name: str, ms: float, hands: Hands, diary: list[str]) -> None:
        self.name = name
        self._seconds, self._hands, self._diary = ms / 1000, hands, diary

    def init(self, frame: object, box: object, *, colour: str = "rgb") -> Result:
        self._targets = np.atleast_2d(np.asarray(box)).shape[0]
        self._hands.now += 99  # a start is not counted
        self._diary.append(f"{self.name}{self._targets} starts")
        return self._result()

    def update(self, frame: object, *, colour: str = "rgb") -> Result:
        self._hands.now += self._seconds * self._targets
        self._diary.append(f"{self.name}{self._targets}@{np.asarray(frame).flat[0]}")
        return self._result()

    def _result(self) -> Result:
        return Result(np.zeros(4), 1.0, State.TRACKED, 0, 0.0)


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    clock = Hands()
    monkeypatch.setattr(speed, "time", SimpleNamespace(perf_counter=clock.perf_counter))
    return clock


def film(number: int) -> Clip:
    frames = [np.full((60, 80, 3), index, np.uint8) for index in range(number)]
    return Clip("film", frames, np.array([10.0, 10, 20, 20]), 2.5)


def test_turns_are_taken_one_after_the_other_on_the_same_frames(hands: Hands) -> None:
    diary: list[str] = []
    both = [Contender(name, OPENCV, Pacer(name, 1, hands, diary)) for name in "AB"]
    measure(both, film(4), targets=(1, 2), rounds=2, seconds=10)
    warm = [f"{name}{n}{what}" for n in (1, 2) for name in "AB" for what in (" starts", "@1", "@2")]
    # Three updates a turn: on from frame 2, and from the start again after the last.
    first, second = ["@3", " starts", "@1", "@2"], ["@3", " starts", "@1", "@2"]
    turns = [
        f"{name}{n}{what}"
        for n in (1, 2)
        for part in (first, second)
        for name in "AB"
        for what in part
    ]
    assert diary == warm + turns


def test_numbers(hands: Hands) -> None:
    told: list[tuple[int, int]] = []
    both = [
        Contender(name, OPENCV, Pacer(name, ms, hands, [])) for name, ms in (("A", 2), ("B", 5))
    ]
    timings = measure(
        both, film(5), targets=(1, 8), rounds=3, seconds=1, tell=lambda *at: told.append(at)
    )
    assert [(one.tracker, one.targets, one.median_ms) for one in timings] == [
        ("A", 1, pytest.approx(2)), ("B", 1, pytest.approx(5)),
        ("A", 8, pytest.approx(16)), ("B", 8, pytest.approx(40)),
    ]  # fmt: skip
    assert timings[0].pace.fps == pytest.approx(500)
    assert timings[0].pace.decode_ms == 2.5
    assert len(timings[0].milliseconds) == 3 * 4
    assert timings[0].stage_ms == {}
    assert times(timings[0], timings[1]) == pytest.approx(0.4)
    assert told[0] == (0, 16)
    assert told[-1] == (16, 16)


def test_a_turn_ends_in_time_but_has_an_update(hands: Hands) -> None:
    def updates(ms: float) -> int:
        (timing,) = measure(
            [Contender("A", OPENCV, Pacer("A", ms, hands, []))],
            film(50), targets=(1,), rounds=1, seconds=1,
        )  # fmt: skip
        return len(timing.milliseconds)

    assert updates(100.5) == 10
    assert updates(5000) == 1
    assert updates(1) == 49


def test_stages_and_the_rest_make_up_the_time() -> None:
    stages = np.array([[1.0, 5, 0.5, 0.25], [2, 5, 0.5, 0.25], [3, 6, 0.5, 0.25]])
    one = Timing("t", "tuned", 1, np.array([7.0, 8, 10]), stages, (7.0, 10.0, 8.0), 0)
    assert one.stage_ms == {"cut": 2, "trunk": 5, "head": 0.5, "decode": 0.25, "rest": 0.25}
    assert sum(one.stage_ms.values()) == one.median_ms == 8
    assert one.unrest == pytest.approx(10 / 7 - 1)


def test_lost_targets_are_counted(hands: Hands) -> None:
    class Loser(Pacer):
        def update(self, frame: object, *, colour: str = "rgb") -> Result:
            super().update(frame)
            state = np.array([State.LOST, State.UNSURE, State.TRACKED, State.LOST])
            return Result(np.zeros((4, 4)), np.zeros(4), state, np.arange(4), 0.0)

    loser = Contender("A", OPENCV, Loser("A", 1, hands, []))
    assert measure([loser], film(3), targets=(4,))[0].lost == 0.5


def test_ratios_are_taken_round_by_round() -> None:
    mine = Timing("a", "x", 1, np.ones(1), None, (1.0, 2.0, 3.0), 0)
    its = Timing("b", "x", 1, np.ones(1), None, (2.0, 4.0, 30.0), 0)
    assert times(mine, its) == 0.5


def test_opencv_has_the_threads_of_torch_and_gets_its_own_back(hands: Hands) -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    seen: list[int] = []

    class Counter(Pacer):
        def update(self, frame: object, *, colour: str = "rgb") -> Result:
            seen.append(cv2.getNumThreads())
            return super().update(frame)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        measure([Contender("A", OPENCV, Counter("A", 1, hands, []))], film(3), targets=(1,))
        assert set(seen) == {1}
        assert cv2.getNumThreads() == 2
    finally:
        torch.set_num_threads(threads)
        cv2.setNumThreads(before)


@pytest.mark.parametrize("count", [1, 8, 32])
def test_boxes_are_spread_over_the_frame(count: int) -> None:
    box = np.array([3.0, 5, 40, 30])
    boxes = spread(box, count, 640, 360)
    assert boxes.shape == (count, 4)
    assert boxes[0].tolist() == box.tolist()
    assert (boxes[:, 2:] == box[2:]).all()
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, :2] + boxes[:, 2:] <= [640, 360]).all()
    assert len(np.unique(boxes, axis=0)) == count


def test_boxes_as_large_as_the_frame_lie_on_each_other() -> None:
    assert spread(np.array([0.0, 0, 80, 60]), 3, 80, 60).tolist() == [[0, 0, 80, 60]] * 3


def test_the_clip_inside() -> None:
    clip = read_clip()
    assert clip.name == "demo.mp4"
    assert len(clip.frames) == speed.FRAMES
    assert clip.box == pytest.approx([294.88, 158.53, 50.25, 42.95])  # the first of demo.csv
    assert clip.decode_ms > 0


def test_a_clip_of_ones_own(write_clip: Callable[..., Path], tmp_path: Path) -> None:
    path = write_clip(tmp_path / "own.mp4", 5)
    clip = read_clip(path, (150, 100, 20, 40))
    assert len(clip.frames) == 5
    assert clip.box.tolist() == [150, 100, 10, 20]  # what lies outside is cut off
    with pytest.raises(BoxError):
        read_clip(path, (500, 500, 20, 40))


def test_a_clip_of_one_frame_has_no_speed(write_clip: Callable[..., Path], tmp_path: Path) -> None:
    path = write_clip(tmp_path / "one.mp4", 1)
    with pytest.raises(VideoError, match="one frame"):
        read_clip(path, (10, 40, 20, 20))


def test_large_frames_do_not_fill_the_memory(
    write_clip: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed, "_MEMORY", 3 * 160 * 120 * 3)
    assert len(read_clip(write_clip(tmp_path / "a.mp4", 9), (10, 40, 20, 20)).frames) == 3
