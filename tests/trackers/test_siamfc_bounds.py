"""SiamFC's boxes stay sane, whatever the network says and the frames hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_frames import KINDS, odd_frames
from wishes import Wish

from pursuit.errors import BoxError
from pursuit.trackers.siamfc import SiamFCTracker


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
    kinds=st.lists(st.sampled_from(KINDS), max_size=12),
    box=st.tuples(
        st.floats(-20, 150), st.floats(-20, 110), st.floats(0.01, 160), st.floats(0.01, 120)
    ),
)
@settings(deadline=None, max_examples=40)
def test_boxes_stay_sane_whatever_comes(
    seed: int, scale: float, kinds: list[str], box: tuple[float, ...]
) -> None:
    rng = np.random.default_rng(seed)
    frames = odd_frames(rng)
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
