"""Frames that a tracker may meet and has no target in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

KINDS = ("black", "noise", "small", "wide", "pixel")


def odd_frames(rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Return a frame of each kind; the first two are of one size."""
    return {
        "black": np.zeros((120, 160, 3), np.uint8),
        "noise": rng.integers(0, 256, (120, 160, 3), dtype=np.uint8),
        "small": np.full((30, 20, 3), 255, np.uint8),
        "wide": np.zeros((10, 500), np.uint8),
        "pixel": np.zeros((1, 1, 3), np.uint8),
    }
