"""Telling targets apart: which of those in one place has taken another's.

Pure functions of arrays, a row a target.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pursuit import boxes as box_arithmetic
from pursuit.boxes import Array
from pursuit.trackers.base import State

_ONE_PLACE = 0.4  # overlap from which on two boxes are in one place


def impostors(
    boxes: Array, score: Array, before: NDArray[np.int64], sure: float
) -> tuple[list[int], list[int]]:
    """Return the targets that took another's place, and all that are sure of their own.

    Two targets may truly be in one place: a part and the whole, or one behind the other. But
    where one is sure to be there, another that is not sure, or that was LOST until now, is
    more likely to have mistaken it for itself.

    Args:
        boxes: (N, 4) now.
        score: (N,) now.
        before: (N,) states of `State` in the frame before.
        sure: score from which on a target is sure to be where its box is.
    """
    owns = (score >= sure) & (before != State.LOST)
    near = box_arithmetic.overlap(boxes[:, None], boxes[None]) > _ONE_PLACE
    wrong = ~owns & (near & owns).any(axis=1)
    return [int(row) for row in np.flatnonzero(wrong)], [int(row) for row in np.flatnonzero(owns)]
