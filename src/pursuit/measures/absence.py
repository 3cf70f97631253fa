"""How well a tracker tells that its target is gone, and finds it when it is back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pursuit import boxes as box_arithmetic
from pursuit.boxes import Array


@dataclass(frozen=True)
class Told:
    """Counts of frames and returns; those of several clips add up.

    Attributes:
        gone, gone_lost: frames without the target, and those of them said to be LOST.
        present, present_lost: labelled frames with the target, likewise.
        on_target, on_target_lost: those of them whose box overlaps the target by half.
        returns, taken_up: times the target came back, and times the box overlapped it by
            half within the time allowed, not LOST.
    """

    gone: int = 0
    gone_lost: int = 0
    present: int = 0
    present_lost: int = 0
    on_target: int = 0
    on_target_lost: int = 0
    returns: int = 0
    taken_up: int = 0

    def __add__(self, other: Told) -> Told:
        return Told(**{name: getattr(self, name) + value for name, value in vars(other).items()})


def told(
    found: Array, lost: NDArray[np.bool_], truth: Array, gone: NDArray[np.bool_], within: int
) -> Told:
    """Return what a tracker told of one clip; the first frame, which was given, counts not.

    Args:
        found: (T, 4) boxes.
        lost: (T,) True where it said LOST.
        truth: (T, 4) true boxes, NaN where there is no label.
        gone: (T,) True where the target is not in the frame.
        within: frames allowed to take a target up again.
    """
    later = np.arange(len(found)) > 0
    labelled = np.isfinite(truth).all(axis=1) & ~gone
    overlap = np.where(labelled, box_arithmetic.overlap(found, np.nan_to_num(truth)), 0.0)
    right = labelled & (overlap >= 0.5)
    back = np.flatnonzero(gone[:-1] & ~gone[1:]) + 1
    # A return without a label in the time allowed tells nothing.
    judged = [i for i in back if labelled[i : i + within].any()]
    taken = [i for i in judged if (right & ~lost)[i : i + within].any()]
    return Told(
        gone=int((gone & later).sum()),
        gone_lost=int((gone & later & lost).sum()),
        present=int((labelled & later).sum()),
        present_lost=int((labelled & later & lost).sum()),
        on_target=int((right & later).sum()),
        on_target_lost=int((right & later & lost).sum()),
        returns=len(judged),
        taken_up=len(taken),
    )
