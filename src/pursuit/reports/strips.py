"""Film strips: the frames around a moment, cut out, with the boxes and the tracker's score map."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pursuit import boxes as bx
from pursuit import datasets
from pursuit.errors import PursuitError
from pursuit.frames import Frame
from pursuit.reports.moments import Moment
from pursuit.trackers.siamfc import SiamFCTracker

Array = NDArray[np.float64]

WIDTH, HEIGHT = 232, 174  # of a picture, pixels
_QUALITY = 78  # of its JPEG
_LEAST_VIEW = 3.0  # sides of the target
_TRUTH, _FOUND, _DARK = (255, 255, 255), (255, 138, 48), (16, 16, 16)
_BLANK = (96, 104, 112)  # where there is no picture


@dataclass(frozen=True)
class Still:
    """A frame of a strip.

    Attributes:
        frame: its number, from 0.
        overlap: of box and label; NaN where there is none.
        picture: a data URI: the label white, the box orange.
        score_map: a data URI: where the tracker looked and what it saw; "" where not known.
    """

    frame: int
    overlap: float
    picture: str
    score_map: str


@dataclass(frozen=True)
class Strip:
    """A moment and its frames."""

    moment: Moment
    stills: tuple[Still, ...]

    @property
    def has_maps(self) -> bool:
        """Whether there are score maps."""
        return any(still.score_map for still in self.stills)


def strips(
    moments: Sequence[Moment],
    videos: Mapping[str, datasets.Sequence],
    trackers: Mapping[str, SiamFCTracker],
) -> tuple[list[Strip], list[str]]:
    """Return a strip for each moment, and notes on what could not be shown.

    Args:
        moments: what to show.
        videos: name -> sequence; one that lacks has boxes only.
        trackers: name -> tracker that can be run again, for score maps.
    """
    wanted: dict[str, set[int]] = {}
    for one in moments:
        wanted.setdefault(one.sequence, set()).update({one.start, *one.frames})
    found: dict[int, Strip] = {}
    notes = []
    for name, numbers in wanted.items():
        frames: dict[int, Frame] = {}
        if name in videos:
            try:
                frames = _frames(videos[name], numbers)
            except PursuitError as error:
                notes.append(f"no pictures of {name}: {error}")
        for index, one in enumerate(moments):
            if one.sequence == name:
                found[index] = _strip(one, frames, trackers.get(one.tracker))
    return [found[index] for index in range(len(moments))], notes


def view(moment: Moment, size: tuple[int, int] | None) -> Array:
    """Return the part (4,) of the frame to show: all boxes and some more, as wide as a picture.

    Args:
        moment: whose boxes.
        size: width and height of the frames; None where not known.
    """
    rows = list(moment.frames)
    both = np.concatenate([moment.boxes[rows], moment.truth[rows]])
    both = both[np.isfinite(both).all(axis=1)]
    corners = bx.xyxy(both)
    low, high = corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)
    if size is not None:
        limit = np.array(size, dtype=np.float64)
        low, high = np.clip(low, 0, limit), np.clip(high, 0, limit)
    sides = np.maximum((high - low) * 1.25, _LEAST_VIEW * np.median(both[:, 2:], axis=0))
    sides = np.maximum(sides, sides[::-1] * (WIDTH / HEIGHT, HEIGHT / WIDTH))
    if size is not None:
        sides = sides * min(1.0, float(np.max(limit / sides)))
    corner = (low + high) / 2 - sides / 2
    if size is not None:
        # Inside, or as much beyond one edge as beyond the other where it is larger.
        room = limit - sides
        corner = np.where(room >= 0, np.clip(corner, 0, np.maximum(room, 0)), room / 2)
    return np.concatenate([corner, sides])


def _frames(sequence: datasets.Sequence, numbers: set[int]) -> dict[int, Frame]:
    found, last = {}, max(numbers)
    for index, frame in enumerate(sequence.frames()):
        if index in numbers:
            found[index] = frame
        if index >= last:
            break
    return found


def _strip(moment: Moment, frames: Mapping[int, Frame], tracker: SiamFCTracker | None) -> Strip:
    first = frames.get(moment.start)
    part = view(moment, None if first is None else (first.shape[1], first.shape[0]))
    maps = {} if first is None or tracker is None else _maps(moment, first, frames, tracker)
    stills = []
    for number in moment.frames:
        picture = _cut(frames.get(number), part)
        heated = _heated(picture, part, *maps[number]) if number in maps else None
        stills.append(
            Still(
                number,
                moment.overlap(number),
                _uri(_boxed(picture, part, moment, number)),
                "" if heated is None else _uri(_boxed(heated, part, moment, number)),
            )
        )
    return Strip(moment, tuple(stills))


def _maps(
    moment: Moment, first: Frame, frames: Mapping[int, Frame], tracker: SiamFCTracker
) -> dict[int, tuple[Array, Array]]:
    """Return frame -> the score map around the box before, and the square that it covers."""
    inside = bx.clip(moment.truth[moment.start], first.shape[1], first.shape[0])
    if not (inside[2:] > 0).all():
        return {}
    tracker.init(first, inside)
    found = {}
    for number in moment.frames:
        before = moment.boxes[number - 1] if number > moment.start else np.full(4, np.nan)
        if number in frames and np.isfinite(before).all() and (before[2:] > 0).all():
            found[number] = tracker.response(frames[number], before)
    return found


def _cut(frame: Frame | None, part: Array) -> Frame:
    """Return a part (4,) of a frame as a picture; blank where there is no frame."""
    if frame is None:
        return np.full((HEIGHT, WIDTH, 3), _BLANK, np.uint8)
    matrix = _to_picture(part)
    shrunk = matrix[0, 0] < 1
    found = cv2.warpAffine(
        cv2.GaussianBlur(frame, (0, 0), 0.4 / matrix[0, 0]) if shrunk else frame,
        matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT, borderValue=_BLANK,
    )  # fmt: skip
    return np.asarray(found, dtype=np.uint8)


def _to_picture(part: Array) -> Array:
    """Return the matrix (2, 3) from pixels of the frame to those of the picture of a part."""
    scale = np.array([WIDTH, HEIGHT]) / part[2:]
    shift = -part[:2] * scale + (scale - 1) / 2  # centres of pixels
    return np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])


def _heated(picture: Frame, part: Array, seen: Array, where: Array) -> Frame:
    """Return a picture in gray with a score map (N, N) over the square (4,) that it covers."""
    gray = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    spread = max(float(np.ptp(seen)), 1e-9)
    shade = ((seen - seen.min()) / spread * 255).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(shade, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    cell = where[2] / len(seen) * WIDTH / part[2]  # of the map, in the picture
    corner = (where[:2] - part[:2]) * (WIDTH / part[2])
    matrix = np.array(
        [[cell, 0, corner[0] + (cell - 1) / 2], [0, cell, corner[1] + (cell - 1) / 2]]
    )
    over = cv2.warpAffine(colours, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    inside = cv2.warpAffine(np.full(seen.shape, 0.72, np.float32), matrix, (WIDTH, HEIGHT))
    mixed = gray * (1 - inside[..., None]) + over * inside[..., None]
    return np.asarray(np.clip(np.rint(mixed), 0, 255), dtype=np.uint8)


def _boxed(picture: Frame, part: Array, moment: Moment, number: int) -> Frame:
    """Return a picture with the label and the tracker's box drawn."""
    canvas = picture.copy()
    for box, colour in ((moment.truth[number], _TRUTH), (moment.boxes[number], _FOUND)):
        if np.isfinite(box).all():
            corners = (bx.xyxy(box).reshape(2, 2) - part[:2]) * (WIDTH / part[2])
            (left, top), (right, bottom) = np.clip(np.rint(corners), -99, 999).astype(int).tolist()
            for ink, width in ((_DARK, 4), (colour, 2)):
                cv2.rectangle(canvas, (left, top), (right, bottom), ink, width, cv2.LINE_AA)
    return canvas


def _uri(picture: Frame) -> str:
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    made, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not made:
        raise PursuitError("OpenCV could not make a JPEG")
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")
