"""Saying that a target is lost, and looking for it again in a wider and wider circle.

Pure functions of arrays, a row a target.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pursuit.boxes import Array
from pursuit.trackers.base import State
from pursuit.trackers.settings import Settings

# Whole numbers: NumPy takes long to see that a State is one.
_LOST, _UNSURE, _TRACKED = (np.int64(one) for one in (State.LOST, State.UNSURE, State.TRACKED))

# Search windows overlap by half: a score map covers 136 of a window's 255 pixels.
_SPACING = 0.5
_GROWTH = 0.5  # windows that the circle's radius grows by in a frame


def next_states(score: Array, before: NDArray[np.int64], settings: Settings) -> NDArray[np.int64]:
    """Return the states (N,) that scores (N,) lead to from the states before (N,).

    A target is LOST below `lost_below`, and then until its score reaches `found_above`: one
    number for both would flicker. It is TRACKED from `sure_above` on, UNSURE between.
    """
    limit = np.where(before == _LOST, settings.found_above, settings.lost_below)
    seen = np.where(score >= settings.sure_above, _TRACKED, _UNSURE)
    return np.where(score < limit, _LOST, seen)


def wide_centres(middle: Array, side: float, frame: Array, age: int, number: int) -> Array:
    """Return centres (n, 2) of the windows to look in, n <= number, `age` frames after a loss.

    The windows lie on a grid around `middle` that covers the frame. Those within a circle
    that grows by half a window a frame are visited in turn, the nearest first.

    Args:
        middle: (2,) x, y of where the target was last seen for sure.
        side: of a search window, in frame pixels.
        frame: (2,) width and height.
        age: frames since the target was lost, from 1.
        number: windows a frame.
    """
    step = side * _SPACING
    low = np.ceil(-middle / step - _SPACING).astype(int)
    high = np.floor((frame - middle) / step + _SPACING).astype(int)
    x, y = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1))
    cells = np.column_stack([x.ravel(), y.ravel()])
    distance = np.hypot(*cells.T.astype(np.float64))
    order = np.argsort(distance, kind="stable")
    within = order[: max(1, int((distance <= 1 + _GROWTH * age).sum()))]
    turn = ((age - 1) * number + np.arange(min(number, len(within)))) % len(within)
    return np.clip(middle + cells[within[turn]] * step, 0, frame)
