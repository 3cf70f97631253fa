"""Which sizes SiamFC searches, in which frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pursuit.frames import Frame
from pursuit.trackers.base import Result, State
from pursuit.trackers.settings import SiamFCSettings
from pursuit.trackers.siamfc import SiamFCTracker

Scene = Callable[..., Frame]
BOX = (180.0, 130.0, 40.0, 40.0)  # centre 200, 150


def centre(result: Result) -> np.ndarray[Any, np.dtype[np.float64]]:
    return result.box[..., :2] + result.box[..., 2:] / 2


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
