"""Clips whose target goes away and comes back, made of real sequences: the truth for LOST.

Three ways to go, each with the truth of every frame: `cut_away` shows frames of another
video in between, `cover` lays a piece of another picture over the target where it is, `pan`
moves a smaller picture over the frames until the target is outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pursuit import boxes as box_arithmetic
from pursuit.datasets.base import Sequence
from pursuit.errors import SettingsError
from pursuit.frames import Frame

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Absence:
    """A sequence and in which of its frames the target is gone.

    Attributes:
        sequence: frames and boxes; boxes are NaN where nothing is known of the target, and
            where it is gone.
        gone: (T,) True where no part of the target is in the frame.
    """

    sequence: Sequence
    gone: NDArray[np.bool_]

    @property
    def returns(self) -> list[int]:
        """The frames in which the target is there again after it was gone."""
        back = self.gone[:-1] & ~self.gone[1:]
        return [int(i) + 1 for i in np.flatnonzero(back)]


def cut_away(sequence: Sequence, other: Sequence, at: int, length: int) -> Absence:
    """Return the sequence with `length` frames of another video put in before frame `at`.

    Raises:
        SettingsError: `at` is not 1 to the number of frames.
    """
    if not 1 <= at <= len(sequence):
        raise SettingsError(
            f"{sequence.name}: a cut comes after 1 to {len(sequence)} frames; got at={at}"
        )
    order = np.concatenate(
        [np.arange(at), np.full(length, -1), np.arange(at, len(sequence))]
    ).astype(np.int64)
    gone = order < 0
    boxes = np.where(gone[:, None], np.nan, sequence.boxes[order])

    def frames() -> Iterator[Frame]:
        between = _looped(other)
        own = sequence.frames()
        shape: tuple[int, ...] = ()
        for index in order:
            if index >= 0:
                frame = next(own)
                shape = frame.shape
                yield frame
            else:
                yield _resized(next(between), shape[1], shape[0])

    return _absence(sequence, "cut", boxes, gone, frames)


def cover(sequence: Sequence, other: Sequence, first: int, length: int) -> Absence:
    """Return the sequence with a piece of another picture over the target for `length` frames.

    Frames without a label are covered where the labels around them say, one by one between.
    """
    where = _filled(sequence.boxes)
    gone = np.zeros(len(sequence), dtype=bool)
    gone[first : first + length] = True
    boxes = np.where(gone[:, None], np.nan, sequence.boxes)

    def frames() -> Iterator[Frame]:
        scenery = next(other.frames())
        for index, frame in enumerate(sequence.frames()):
            yield _covered(frame, scenery, where[index]) if gone[index] else frame

    return _absence(sequence, "covered", boxes, gone, frames)


def pan(sequence: Sequence, first: int, length: int, share: float = 0.6) -> Absence:
    """Return a smaller picture of the sequence that loses the target and comes back to it.

    The picture is `share` of the frame wide and high, and follows the target but for
    `length` frames from `first`, where it moves to the side that is farther from it (six
    frames there, six back). Where the frame has no room for that, it goes as far as it can.
    """
    centre = _filled(sequence.boxes)
    centre = centre[:, :2] + centre[:, 2:] / 2
    height, width = next(sequence.frames()).shape[:2]
    size = np.floor(np.array([width, height]) * share)
    room = np.array([width, height]) - size
    smooth = _smoothed(centre, 9)
    near = np.clip(smooth - size / 2, 0, room)
    far = np.where(smooth < np.array([width, height]) / 2, room, 0.0)
    away = _trapezoid(len(sequence), first, length, 6)[:, None]
    corner = np.round(near + (far - near) * away)
    shift = np.pad(corner, ((0, 0), (0, 2)))
    gone = _outside(_filled(sequence.boxes) - shift, size)
    moved = np.where(gone[:, None], np.nan, box_arithmetic.clip(sequence.boxes - shift, *size))

    def frames() -> Iterator[Frame]:
        w, h = (int(side) for side in size)
        for frame, (x, y) in zip(sequence.frames(), corner.astype(int), strict=True):
            yield np.ascontiguousarray(frame[y : y + h, x : x + w])

    return _absence(sequence, "panned", moved, gone, frames)


def _absence(
    sequence: Sequence,
    how: str,
    boxes: Array,
    gone: NDArray[np.bool_],
    frames: Callable[[], Iterator[Frame]],
) -> Absence:
    made = Sequence(
        name=f"{sequence.name}-{how}",
        video=sequence.video,
        boxes=boxes,
        open_frames=frames,
        source=sequence.source,
        licence=sequence.licence,
    )
    return Absence(made, gone)


def _looped(sequence: Sequence) -> Iterator[Frame]:
    while True:
        yield from sequence.frames()


def _filled(boxes: Array) -> Array:
    """Return boxes (T, 4) with gaps filled along straight lines, ends repeated."""
    known = np.flatnonzero(np.isfinite(boxes).all(axis=1))
    every = np.arange(len(boxes))
    return np.stack([np.interp(every, known, boxes[known, i]) for i in range(4)], axis=1)


def _smoothed(values: Array, span: int) -> Array:
    """Return the running mean of values (T, 2) over `span` frames, ends repeated."""
    padded = np.pad(values, ((span // 2, span // 2), (0, 0)), mode="edge")
    kernel = np.ones(span) / span
    return np.stack([np.convolve(padded[:, i], kernel, "valid") for i in (0, 1)], axis=1)


def _trapezoid(total: int, first: int, length: int, ramp: int) -> Array:
    """Return (total,) that rises from 0 at `first` to 1 in `ramp` frames, and falls likewise."""
    frame = np.arange(total)
    rise = np.minimum(frame - first, first + length - frame) / ramp
    return np.clip(rise, 0, 1)


def _outside(boxes: Array, size: Array) -> NDArray[np.bool_]:
    right = boxes[:, :2] + boxes[:, 2:]
    return np.asarray(((boxes[:, :2] >= size) | (right <= 0)).any(axis=1))


def _covered(frame: Frame, scenery: Frame, box: Array) -> Frame:
    """Return the frame with scenery over the box and a sixth of it around."""
    height, width = frame.shape[:2]
    x, y, w, h = box
    left, top = int(max(0, x - w / 6)), int(max(0, y - h / 6))
    right, bottom = int(min(width, x + w * 7 / 6)) + 1, int(min(height, y + h * 7 / 6)) + 1
    changed = frame.copy()
    piece = _resized(scenery, width, height)
    changed[top:bottom, left:right] = piece[top:bottom, left:right]
    return changed


def _resized(frame: Frame, width: int, height: int) -> Frame:
    return np.asarray(
        cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8
    )
