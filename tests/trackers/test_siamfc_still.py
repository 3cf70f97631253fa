"""A target that stands still is not moved by what SiamFC's map is off its centre."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from wishes import Wish

from pursuit.frames import Frame
from pursuit.trackers.settings import SiamFCSettings
from pursuit.trackers.siamfc import SiamFCTracker

Scene = Callable[..., Frame]
BOX = (180.0, 130.0, 40.0, 40.0)  # centre 200, 150


def test_zero_motion_gives_zero_drift(beacon: Any, scene: Scene) -> None:
    tracker = SiamFCTracker(beacon)
    frame = scene((200, 150), width=320, height=240)
    tracker.init(frame, BOX)
    for _ in range(1000):
        result = tracker.update(frame)
    assert result.box[:2] + result.box[2:] / 2 == pytest.approx(np.array([200, 150]), abs=0.01)
    assert result.box[2:].tolist() == [40, 40]


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
