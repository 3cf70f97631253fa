"""Two targets in one place: who has mistaken whom for itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

import pursuit
from pursuit.boxes import centres
from pursuit.frames import Frame
from pursuit.trackers.apart import impostors
from pursuit.trackers.base import State
from pursuit.trackers.settings import SiamFCSettings
from pursuit.trackers.siamfc import SiamFCTracker

Scene = Callable[..., Frame]
HERE, NEAR, AWAY = (100, 100, 40, 40), (108, 104, 40, 40), (150, 100, 40, 40)
TRACKED, UNSURE, LOST = State.TRACKED, State.UNSURE, State.LOST


@pytest.mark.parametrize(
    ("boxes", "score", "before", "expected"),
    [
        ((HERE, NEAR), (0.9, 0.3), (TRACKED, TRACKED), [1]),
        ((HERE, NEAR), (0.3, 0.9), (UNSURE, TRACKED), [0]),
        ((HERE, NEAR), (0.9, 0.8), (TRACKED, TRACKED), []),  # nobody can tell
        ((HERE, NEAR), (0.4, 0.3), (TRACKED, TRACKED), []),  # nobody owns the place
        ((HERE, NEAR), (0.8, 0.9), (TRACKED, LOST), [1]),  # whoever was lost is not
        ((HERE, NEAR), (0.9, 0.9), (LOST, LOST), []),
        ((HERE, AWAY), (0.9, 0.1), (TRACKED, TRACKED), []),  # not in one place
        ((HERE, NEAR, HERE), (0.6, 0.1, 0.9), (TRACKED,) * 3, [1]),
    ],
)
def test_impostors(boxes: Any, score: Any, before: Any, expected: Any) -> None:
    found, owners = impostors(np.array(boxes, float), np.array(score), np.array(before), 0.5)
    assert found == expected
    assert owners == [i for i in range(len(score)) if score[i] >= 0.5 and before[i] != LOST]


def test_a_lost_target_does_not_ride_on_one_that_passes_by(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon)
    tracker.init(scene((100, 100), (330, 100)), [(85, 85, 30, 30), (315, 85, 30, 30)])
    for _ in range(3):
        result = tracker.update(scene((330, 100)))
    assert result.state.tolist() == [LOST, TRACKED]
    for x in range(324, 40, -6):
        result = tracker.update(scene((x, 100)))
        assert centres(result.box[1]) == pytest.approx(np.array([x, 100]), abs=2)
        assert result.state.tolist() == [LOST, TRACKED]


def test_of_two_lost_targets_one_takes_up_what_comes_back(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon, SiamFCSettings(redetect=True))
    tracker.init(scene((60, 60), (340, 60)), [(45, 45, 30, 30), (325, 45, 30, 30)])
    for _ in range(4):
        result = tracker.update(scene())
    assert result.state.tolist() == [LOST, LOST]
    for _ in range(15):
        result = tracker.update(scene((200, 240)))
    assert sorted(result.state.tolist()) == sorted([LOST, TRACKED])
    owner = int(np.argmax(result.state))
    assert centres(result.box[owner]) == pytest.approx(np.array([200, 240]), abs=1)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_lost_look_alike_rides_on_neither_of_two(seed: int) -> None:
    random = np.random.default_rng(seed)
    noise = random.integers(0, 255, (360, 640, 3)).astype(np.uint8)
    ground = np.empty_like(noise)
    cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 12), ground, 60, 190, cv2.NORM_MINMAX)
    tiles = random.integers(0, 255, (6, 6, 3)).astype(np.uint8)
    patch = cv2.resize(tiles, (44, 44), interpolation=cv2.INTER_NEAREST)

    def picture(*corners: tuple[int, int]) -> Frame:
        frame = ground.copy()
        for x, y in corners:
            frame[y : y + 44, x : x + 44] = patch
        return frame

    start = [(408, 124), (408, 176), (500, 150)]
    tracker = pursuit.load("siamfc-slim")
    tracker.init(picture(*start), [(*corner, 44, 44) for corner in start])
    for step in range(22):
        x = 408 + 6 * min(max(step - 2, 0), 11)
        result = tracker.update(picture((x, 124), (x, 176)))
        if step > 2:
            assert result.state.tolist() == [TRACKED, TRACKED, LOST]
