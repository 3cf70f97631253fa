"""A tracker for a number of frames a second: which is taken, and what is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from pursuit import budget, weights
from pursuit.budget import LADDER, choose, trial
from pursuit.errors import SettingsError
from pursuit.runtimes.cutting import Windows
from pursuit.trackers.base import State, Tracker
from pursuit.trackers.registry import load
from pursuit.trackers.settings import PRESETS, WEIGHTS_OF, SiamFCSettings
from pursuit.trackers.siamfc import SiamFCTracker

BOX = (60.0, 40.0, 30.0, 30.0)
SIZE = (160, 120)
SPEEDS = {
    "siamfc-3s": 20.0,
    "siamfc-slim": 40.0,
    "siamfc-slim-quick": 80.0,
    "siamfc-slim-single": 100.0,
    "siamfc-slim-half": 150.0,
    "opencv-csrt": 30.0,
}


def measure(tracker: Tracker, box: object, size: tuple[int, int]) -> float:
    assert (box, size) == (BOX, SIZE)
    return SPEEDS[tracker.name]


def chosen(wanted: float, name: str, path: Path | None = None) -> budget.Choice:
    return choose(wanted, name, path, "cpu", "auto", BOX, SIZE, redetect=True, measure=measure)


@pytest.mark.parametrize(
    ("wanted", "name", "taken", "given_up"),
    [
        (40, "siamfc-slim", "siamfc-slim", "nothing is given up"),
        (20, "siamfc-3s", "siamfc-3s", "nothing is given up"),
        (41, "siamfc-slim", "siamfc-slim-quick", "given up: siamfc-slim itself, other sizes are "
         "searched in one of 4 looks"),
        (30, "siamfc-3s", "siamfc-slim", "given up: siamfc-3s itself"),
        (81, "siamfc-slim-quick", "siamfc-slim-single", "searched in one of 24 looks"),
        (101, "siamfc-3s", "siamfc-slim-half", "one frame of 2 is looked at"),
        (35, "opencv-csrt", "siamfc-slim", "given up: opencv-csrt itself"),
    ],
)  # fmt: skip
def test_the_first_that_holds(wanted: float, name: str, taken: str, given_up: str) -> None:
    found = chosen(wanted, name)
    assert found.tracker.name == taken and found.holds
    assert found.told.startswith(f"budget of {wanted} fps: {taken} follows {SPEEDS[taken]:.0f} ")
    assert given_up in found.told and "\n" not in found.told


def test_where_nothing_holds_the_fastest_is_taken_and_it_says_so() -> None:
    found = chosen(1000, "siamfc-slim")
    assert found.tracker.name == "siamfc-slim-half" and not found.holds
    assert "nothing is so fast here; siamfc-slim-half follows 150 frames a second" in found.told


def test_own_weights_go_with_every_siamfc(monkeypatch: pytest.MonkeyPatch) -> None:
    path = weights.find("siamfc")
    asked: list[tuple[str, object]] = []

    def keep(name: str, files: object, *_: object, **__: object) -> Tracker:
        asked.append((name, files))
        return load("opencv-csrt")

    monkeypatch.setattr(budget, "load_follower", keep)
    chosen(1000, "siamfc-slim", path)
    assert asked == [(name, path) for name in LADDER]
    asked.clear()
    chosen(1000, f"siamfc-3s:{path}")
    assert asked == [(f"siamfc-3s:{path}", None), *((name, path) for name in LADDER)]
    asked.clear()
    chosen(1000, "goturn:w.caffemodel")
    assert asked[1:] == [(name, None) for name in LADDER]


def test_an_unknown_tracker_is_an_error() -> None:
    with pytest.raises(SettingsError, match="no tracker 'none'"):
        chosen(1, "none")


def test_each_rung_gives_up_more_than_the_one_before() -> None:
    rows = [PRESETS[name] for name in LADDER]
    assert all(WEIGHTS_OF[name] == "siamfc-slim" for name in LADDER)
    assert all(isinstance(row, SiamFCSettings) for row in rows)
    cost = [(2 / row.sides_every + 1) / row.frames_every for row in rows]  # type: ignore[union-attr]
    assert cost == sorted(cost, reverse=True) and len(set(cost)) == len(cost)
    turns = {row.sides_every * row.frames_every for row in rows}  # type: ignore[union-attr]
    assert all(budget._FRAMES % turn == 0 for turn in turns)


class Slow:
    """Takes 20 ms for a frame, on a clock of its own."""

    name = "slow"
    updates = 0
    now = 0.0

    def init(self, frame: np.ndarray, box: object) -> None:
        assert frame.shape == (120, 160, 3)

    def update(self, frame: object) -> None:
        self.updates += 1
        self.now += 0.02

    def perf_counter(self) -> float:
        return self.now


def test_a_trial_counts_frames_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow()
    monkeypatch.setattr(budget, "time", slow)
    assert trial(slow, BOX, SIZE) == pytest.approx(50)  # type: ignore[arg-type]
    assert slow.updates == 28  # four of them to warm up
    monkeypatch.setattr(budget, "_PATIENCE", 0.01)
    impatient = Slow()
    monkeypatch.setattr(budget, "time", impatient)
    assert trial(impatient, BOX, SIZE) == pytest.approx(50)  # type: ignore[arg-type]
    assert impatient.updates == 5


class Looking(Slow):
    """A SiamFC's windows in each look, and those before the time was first asked for."""

    def __init__(self, name: str) -> None:
        tracker = load(name)
        assert isinstance(tracker, SiamFCTracker)
        self.tracker, self.looks, self.before = tracker, list[int](), list[int]()
        self.embed = tracker._network.embed
        vars(tracker._network)["embed"] = self.look

    def look(self, crops: Windows) -> Tensor:
        self.looks.append(len(crops))
        return self.embed(crops)

    def perf_counter(self) -> float:
        self.before = self.before or self.looks.copy()
        self.now += 1.0
        return self.now


@pytest.mark.parametrize("name", LADDER)
def test_a_trial_is_timed_once_the_network_has_looked(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = Looking(name)
    monkeypatch.setattr(budget, "time", looking)
    trial(looking.tracker, BOX, SIZE)
    one, looks = looking.before[:2], looking.before
    # Twice the start, exemplar and three sizes, and as often what a frame's look takes.
    assert one == [1, 3] and looks == 2 * looks[: len(looks) // 2] and len(looks) > 4


def test_the_target_of_a_trial_is_seen() -> None:
    # One that were LOST would be looked for all over the frame, and make every tracker slow.
    tracker = load("siamfc-slim-quick", redetect=True)
    trial(tracker, BOX, SIZE)
    assert isinstance(tracker, SiamFCTracker)
    assert tracker.targets.state.tolist() == [State.TRACKED]
