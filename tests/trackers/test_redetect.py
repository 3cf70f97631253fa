"""Losing targets and finding them again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pursuit.boxes import centres
from pursuit.errors import SettingsError
from pursuit.frames import Frame
from pursuit.trackers.base import State
from pursuit.trackers.redetect import next_states, wide_centres
from pursuit.trackers.settings import SiamFCSettings
from pursuit.trackers.siamfc import SiamFCTracker

Scene = Callable[..., Frame]
BOX = (50 - 15, 60 - 15, 30, 30)


@pytest.mark.parametrize(
    ("score", "before", "after"),
    [
        (0.9, State.TRACKED, State.TRACKED),
        (0.3, State.TRACKED, State.UNSURE),
        (0.15, State.UNSURE, State.UNSURE),
        (0.15, State.LOST, State.LOST),  # it must rise higher than it fell
        (0.3, State.LOST, State.UNSURE),
        (0.05, State.TRACKED, State.LOST),
        (0.5, State.LOST, State.TRACKED),
    ],
)
def test_states(score: float, before: State, after: State) -> None:
    settings = SiamFCSettings(lost_below=0.1, found_above=0.25, sure_above=0.5)
    assert next_states(np.array([score]), np.array([before]), settings).tolist() == [after]


def test_states_must_follow_each_other() -> None:
    with pytest.raises(SettingsError, match="must not fall"):
        SiamFCSettings(lost_below=0.4, found_above=0.3)
    with pytest.raises(SettingsError, match="redetect must be True or False"):
        SiamFCSettings(redetect=1)  # type: ignore[arg-type]


def test_the_circle_grows_from_the_place_last_seen() -> None:
    middle, frame = np.array([320.0, 240.0]), np.array([640.0, 480.0])
    first = wide_centres(middle, 100, frame, age=1, number=4)
    assert first[0].tolist() == [320, 240]
    assert np.hypot(*(first - middle).T).max() <= 100
    far = [
        np.hypot(*(wide_centres(middle, 100, frame, age, 4) - middle).T).max() for age in (1, 30)
    ]
    assert far[1] > 2 * far[0]


@given(
    middle=st.tuples(st.floats(0, 640), st.floats(0, 480)),
    side=st.floats(60, 2000),
    number=st.integers(1, 8),
)
def test_every_place_of_the_frame_is_looked_at(
    middle: tuple[float, float], side: float, number: int
) -> None:
    frame = np.array([640.0, 480.0])
    seen: set[tuple[float, float]] = set()
    cells = (640 / side * 2 + 3) * (480 / side * 2 + 3)
    rounds = int(2 * max(640, 480) / (side / 2)) + int(2 * cells / number) + 4
    for age in range(1, rounds):
        found = wide_centres(np.array(middle), side, frame, age, number)
        assert len(found) <= number
        assert ((found >= 0) & (found <= frame)).all()
        seen |= {(float(x), float(y)) for x, y in found}
    # Any point is within half a spacing of a window's centre: inside its score map.
    points = np.random.default_rng(0).uniform(0, 1, (50, 2)) * frame
    near = np.abs(points[:, None] - np.array(sorted(seen))[None]).max(axis=2).min(axis=1)
    assert near.max() <= side / 4 + 1e-6


def lost_and_back(tracker: SiamFCTracker, scene: Scene, back: tuple[int, int]) -> list[Any]:
    tracker.init(scene((50, 60)), BOX)
    gone = [tracker.update(scene()) for _ in range(3)]
    assert [result.state for result in gone] == [State.LOST] * 3
    return [tracker.update(scene(back)) for _ in range(12)]


def test_a_target_that_comes_back_far_away_is_taken_up(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon, SiamFCSettings(redetect=True))
    last = lost_and_back(tracker, scene, (330, 240))[-1]
    assert last.state is State.TRACKED
    assert centres(last.box) == pytest.approx(np.array([330, 240]), abs=1)
    assert last.box[2:] == pytest.approx([30, 30], rel=0.1)


def test_without_redetect_it_is_not(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon)
    last = lost_and_back(tracker, scene, (330, 240))[-1]
    assert last.state is State.LOST


def test_windows_a_frame_are_few_and_in_one_call(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon, SiamFCSettings(redetect=True, redetect_windows=3))
    tracker.init(scene((50, 60)), BOX)
    tracker.update(scene())
    before = len(beacon.embedded)
    tracker.update(scene())
    assert beacon.embedded[before:] == [3 + 3]


def test_a_lost_target_does_not_take_anothers_place(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon, SiamFCSettings(redetect=True))
    other = (330 - 15, 240 - 15, 30, 30)
    tracker.init(scene((50, 60), (330, 240)), [BOX, other])
    for _ in range(12):
        result = tracker.update(scene((330, 240)))
    assert result.state.tolist() == [State.LOST, State.TRACKED]
    assert centres(result.box[1]) == pytest.approx(np.array([330, 240]), abs=1)


def test_it_is_taken_up_in_the_size_it_had(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon, SiamFCSettings(redetect=True))
    tracker.init(scene((50, 60)), BOX)
    for radius in np.linspace(10, 15, 40):
        grown = tracker.update(scene((50, 60), radius=radius)).box[2]
    assert grown > 40
    for _ in range(3):
        assert tracker.update(scene()).state is State.LOST
    for _ in range(12):
        result = tracker.update(scene((330, 240), radius=15))
        if result.state is State.TRACKED:
            break
    assert result.box[2] == pytest.approx(grown, rel=1e-9)


def test_only_a_sure_place_is_gone_back_to(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon)
    tracker.init(scene((50, 60)), BOX)
    tracker.update(scene((52, 60)))
    assert tracker.targets.sure_centre[0] == pytest.approx(np.array([52, 60]), abs=0.3)
    result = tracker.update(scene((58, 60), radius=11.5))  # looks less like it
    assert result.state is State.UNSURE
    assert centres(result.box)[0] == pytest.approx(58, abs=0.5)
    assert tracker.targets.sure_centre[0] == pytest.approx(np.array([52, 60]), abs=0.3)
    assert tracker.targets.sure_zoom[0] == pytest.approx(1, abs=1e-6)


def test_a_frame_of_another_size_takes_the_sure_place_with_it(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon)
    tracker.init(scene((50, 60)), BOX)
    assert tracker.update(scene()).state is State.LOST
    tracker.update(scene(width=800, height=900))
    assert tracker.targets.sure_centre[0] == pytest.approx(np.array([100, 180]))


def test_wide_windows_have_the_size_of_when_it_was_last_sure(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon, SiamFCSettings(redetect=True))
    tracker.init(scene((50, 60)), BOX)
    tracker.update(scene((50, 60), radius=11.5))  # UNSURE, and found larger
    tracker.update(scene())
    targets = tracker.targets
    assert targets.state[0] == State.LOST and targets.zoom[0] > targets.sure_zoom[0]
    wide, _ = tracker._wide_views(targets)
    # Context of a square is twice as wide; of that the exemplar shows 127 pixels of 255.
    assert wide.side == pytest.approx(np.full(len(wide.side), 30 * 2 * 255 / 127))
