"""The worst moments of runs: where a target was lost, and for how long. Arrays in, frames out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pursuit import boxes as bx
from pursuit.measures.otb import Mask
from pursuit.measures.vot import Code, labelled

Array = NDArray[np.float64]

# Frames of a strip, from the one where it goes wrong.
AROUND = (-10, -4, -1, 0, 4, 10)
BEFORE = (-20, -10, -5, -2, -1, 0)  # of a run that is stopped there


@dataclass(frozen=True)
class Moment:
    """Where a run goes wrong.

    Attributes:
        protocol: OTB, VOT or GOT-10k.
        tracker, sequence: whose run.
        start: frame that the tracker was last started in.
        frame: the first that is wrong.
        length: number of labelled frames until it has the target again, or the run ends.
        worth: how bad, the more the worse; of moments of one kind.
        frames: those to show.
        boxes, truth: (T, 4) the tracker's and the labels; NaN where there is none.
        what: in words.
    """

    protocol: str
    tracker: str
    sequence: str
    start: int
    frame: int
    length: int
    worth: float
    frames: tuple[int, ...]
    boxes: Array
    truth: Array
    what: str

    def overlap(self, frame: int) -> float:
        """Return the overlap in a frame; NaN where one of the boxes is none."""
        both = self.boxes[frame], self.truth[frame]
        return float(bx.overlap(*both)) if np.isfinite(both).all() else float("nan")


def lost_in_pass(
    protocol: str, tracker: str, sequence: str, boxes: Array, truth: Array
) -> list[Moment]:
    """Return the worst moment of a run without help: the longest time without any overlap.

    Where there is none, the frame of the least overlap; nothing without labels after the start.
    """
    known = labelled(truth)
    if known.sum() < 2:
        return []
    frames = np.flatnonzero(known)
    start, frames = int(frames[0]), frames[1:]
    with np.errstate(invalid="ignore"):
        overlaps = np.nan_to_num(bx.overlap(boxes[frames], truth[frames]))
    first, length = _longest(overlaps <= 0)
    least = float(overlaps.min())
    at = int(frames[first if length else int(overlaps.argmin())])
    what = (
        f"no overlap for {length} of {len(frames)} labelled frames"
        if length
        else (f"never lost; least overlap {least:.2f}")
    )
    shown = _shown(at, AROUND, start, len(truth))
    worth = length or -least
    return [
        Moment(protocol, tracker, sequence, start, at, length, worth, shown, boxes, truth, what)
    ]


def failures(
    tracker: str, sequence: str, codes: NDArray[np.int64], boxes: Array, truth: Array
) -> list[Moment]:
    """Return the failures of a run with resets, those soonest after a start first."""
    starts = np.flatnonzero(codes == Code.STARTED)
    found = []
    for at in np.flatnonzero(codes == Code.FAILED).tolist():
        start = int(starts[starts < at].max(initial=0))
        what = f"failed {at - start} frames after it was started"
        shown = _shown(at, BEFORE, start, len(truth))
        with_start = boxes.copy()
        with_start[start] = truth[start]
        found.append(
            Moment(
                "VOT", tracker, sequence, start, at, 0, start - at, shown, with_start, truth, what
            )
        )
    return sorted(found, key=lambda one: (-one.worth, one.frame))


def worst(moments: Iterable[Moment], count: int) -> list[Moment]:
    """Return the worst moments of each tracker, at most `count`, one of a sequence at most."""
    kept: dict[str, list[Moment]] = {}
    for one in sorted(moments, key=lambda one: (-one.worth, one.sequence)):
        mine = kept.setdefault(one.tracker, [])
        if len(mine) < count and one.sequence not in {other.sequence for other in mine}:
            mine.append(one)
    return [one for mine in kept.values() for one in mine]


def _longest(lost: Mask) -> tuple[int, int]:
    """Return the first index and the length of the longest stretch of True (N,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], lost.astype(np.int8), [0]])))
    if not len(edges):
        return 0, 0
    starts, lengths = edges[::2], np.diff(edges)[::2]
    longest = int(lengths.argmax())
    return int(starts[longest]), int(lengths[longest])


def _shown(at: int, offsets: Sequence[int], start: int, total: int) -> tuple[int, ...]:
    return tuple(at + step for step in offsets if start <= at + step < total)
