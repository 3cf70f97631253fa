"""What makes a labelled box useless: it is no box, not in the frame, or too small."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pursuit import boxes as bx

SMALLEST = 8.0  # px; a box with a shorter side shows too little to learn from

NAN = "not a number"
EMPTY = "empty"
OUTSIDE = "outside the frame"
SMALL = f"a side under {SMALLEST:g} px"


def box_faults(boxes: NDArray[np.float64], width: int, height: int) -> NDArray[np.str_]:
    """Return why each box (N, 4) of a frame of that size cannot serve, "" where it can."""
    finite = np.asarray(np.isfinite(boxes).all(axis=1))
    known = np.where(finite[:, None], boxes, 0.0)
    return np.select(
        [
            ~finite,
            (known[:, 2:] <= 0).any(axis=1),
            (bx.clip(known, width, height)[:, 2:] <= 0).any(axis=1),
            (known[:, 2:] < SMALLEST).any(axis=1),
        ],
        [NAN, EMPTY, OUTSIDE, SMALL],
        default="",
    )
