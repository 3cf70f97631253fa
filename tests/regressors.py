"""What stands in for a GOTURN network: its answers are known. And frames that it can see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pursuit.trackers.goturn import GOTURNTracker

Array = NDArray[np.float64]
BOX = (170.0, 135.0, 60.0, 30.0)  # centre 200, 150
STILL = (2.5, 2.5, 7.5, 7.5)  # the corners of a target that did not move
FRAME = np.zeros((300, 400, 3), np.uint8)


class Stub:
    """Stands in for a network: `answer` of the target and search features are the corners.

    Its features are the windows themselves, as float.
    """

    name = "stub"
    device = torch.device("cpu")

    def __init__(self, answer: Callable[[Tensor, Tensor], Any]) -> None:
        self.answer = answer
        self.windows: list[NDArray[np.uint8]] = []  # of each call

    def embed(self, windows: NDArray[np.uint8]) -> Tensor:
        assert windows.shape[1:] == (227, 227, 3) and windows.dtype == np.uint8
        self.windows.append(windows.copy())
        return torch.from_numpy(windows).float().permute(0, 3, 1, 2)

    def regress(self, target: Tensor, search: Tensor) -> Tensor:
        corners = torch.as_tensor(self.answer(target, search))
        return corners.expand(len(search), 4).reshape(len(target), -1, 4)


def always(*corners: float) -> Stub:
    return Stub(lambda target, search: corners)


def oracle(tracker_of: list[GOTURNTracker], truth: list[Array]) -> Stub:
    """Return a network that knows the boxes (N, 4) `truth[0]` and where each window lies."""

    def answer(target: Tensor, search: Tensor) -> Tensor:
        tracker, true = tracker_of[0], truth[0]
        steps = tracker.settings
        moves = [(0, 0), (1, 1), (-1, -1), (1, -1), (-1, 1), (0, 0), (0, 0)]
        zooms = [1, 1, 1, 1, 1, steps.zoom, 1 / steps.zoom]
        rows = []
        for (x, y, w, h), goal in zip(tracker.targets.boxes(), true, strict=True):
            for (right, down), zoom in list(zip(moves, zooms, strict=True))[: steps.views]:
                wide, high = 2 * w * zoom, 2 * h * zoom
                left = x + w / 2 + right * steps.shift * w - wide / 2
                top = y + h / 2 + down * steps.shift * h - high / 2
                ends = (goal[0], goal[1], goal[0] + goal[2], goal[1] + goal[3])
                starts, sides = (left, top, left, top), (wide, high, wide, high)
                rows.append([10 * (e - s) / n for e, s, n in zip(ends, starts, sides, strict=True)])
        return torch.tensor(rows, dtype=torch.float64)

    return Stub(answer)


def by_light(target: Tensor, search: Tensor) -> Tensor:
    """Return the corners of the light in windows, in terms of the target's: seen, not known."""
    each = len(search) // len(target)
    rows = []
    for i, window in enumerate(search):
        (zx, zy), (zw, zh) = light(target[i // each])
        (x, y), (w, h) = light(window)
        # The target crop shows the box in its middle half.
        half_w, half_h = 2.5 * w / zw, 2.5 * h / zh
        x, y = x + (5 - zx) * w / zw, y + (5 - zy) * h / zh
        rows.append((x - half_w, y - half_h, x + half_w, y + half_h))
    return torch.tensor(rows)


def light(window: Tensor) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return centre and deviation x, y of the light in a window, in tenths of it."""
    bright = (window.mean(0).double() - 5).clamp(min=0)
    points = (torch.arange(227, dtype=torch.float64) + 0.5) / 22.7
    total = bright.sum()
    if total < 1:
        return (5, 5), (1, 1)
    along = [bright.sum(0) / total, bright.sum(1) / total]
    middle = [float((part * points).sum()) for part in along]
    spread = [
        float((part * (points - at) ** 2).sum().sqrt())
        for part, at in zip(along, middle, strict=True)
    ]
    return (middle[0], middle[1]), (spread[0], spread[1])


def blob(
    x: float, y: float, w: float, h: float, *, width: int = 400, height: int = 300
) -> NDArray[np.uint8]:
    """Return a black frame with a smooth light whose box x, y, w, h holds 3 deviations a side."""
    py, px = np.mgrid[0:height, 0:width] + 0.5
    far = ((px - x - w / 2) / (w / 6)) ** 2 + ((py - y - h / 2) / (h / 6)) ** 2
    return (240 * np.exp(-far / 2)).round().astype(np.uint8)[:, :, None].repeat(3, axis=2)
