"""Drawing what was tracked over a frame: boxes, tags and trails that read on any background."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pursuit.frames import Frame

Colour = tuple[int, int, int]

# Told apart by most eyes, and far from the grays of the dark outline and of lost targets.
PALETTE: tuple[Colour, ...] = (
    (0, 230, 118),  # green
    (255, 196, 0),  # amber
    (64, 169, 255),  # blue
    (255, 82, 82),  # red
    (213, 128, 255),  # violet
    (0, 229, 238),  # cyan
    (255, 138, 48),  # orange
    (255, 128, 190),  # pink
    (178, 226, 32),  # lime
    (170, 150, 255),  # lavender
)
_GRAY: Colour = (190, 190, 190)  # a lost target
_DARK: Colour = (16, 16, 16)
_LOST, _UNSURE = 0, 1  # of trackers.State, which is a layer above
_TRAIL = 45  # frames
_FONT = cv2.FONT_HERSHEY_DUPLEX


class Drawable(Protocol):
    """What can be drawn: a tracker's Result."""

    def rows(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return boxes (N, 4), scores (N,), states (N,), ids (N,)."""
        ...


class Trails:
    """Where each target's centre has been in the last frames; `draw` adds to it."""

    def __init__(self, length: int = _TRAIL) -> None:
        self._length = length
        self._points: dict[int, deque[tuple[float, float]]] = {}

    def add(self, result: Drawable) -> None:
        """Note the centres of a result; a lost target's trail ends, and begins anew later."""
        for box, _, state, number in _targets(result):
            points = self._points.setdefault(number, deque(maxlen=self._length))
            if state == _LOST:
                points.clear()
            else:
                points.append((box[0] + box[2] / 2, box[1] + box[3] / 2))

    def of(self, number: int) -> list[tuple[float, float]]:
        """Return the centres of a target, the oldest first."""
        return list(self._points.get(number, ()))


def draw(frame: Frame, result: Drawable, trails: Trails | None = None) -> Frame:
    """Return a copy of a frame (H, W, 3) with the targets of a result drawn on it.

    A target's colour follows its id. A box is dashed while the tracker is unsure, gray and
    dashed with the word LOST where it lost the target. `trails`, kept from frame to frame, adds
    the path of each centre.
    """
    canvas = frame.copy()
    width = line_width(frame)
    targets = list(_targets(result))
    if trails is not None:
        trails.add(result)
        for _, _, _, number in targets:
            _draw_trail(canvas, trails.of(number), colour_of(number), width)
    for box, _, state, number in targets:
        colour = _GRAY if state == _LOST else colour_of(number)
        _draw_box(canvas, box, colour, width, dashed=state in (_LOST, _UNSURE))
    for box, score, state, number in targets:
        colour = _GRAY if state == _LOST else colour_of(number)
        name = f"#{number} " if len(targets) > 1 else ""
        _draw_tag(canvas, box, name + ("LOST" if state == _LOST else f"{score:.0%}"), colour)
    return canvas


def colour_of(number: int) -> Colour:
    """Return the colour of a target by its id."""
    return PALETTE[number % len(PALETTE)]


def line_width(frame: Frame) -> int:
    """Return the width of lines that suits a frame's size: 1 at 240 rows, 4 at 1080."""
    return max(1, round(float(min(frame.shape[:2])) / 270))


def _targets(result: Drawable) -> Iterator[tuple[NDArray[np.float64], float, int, int]]:
    """Yield box, score, state and id of each target whose box can be drawn."""
    for box, score, state, number in zip(*result.rows(), strict=True):
        if np.isfinite(box).all():
            yield box, float(score), int(state), int(number)


def _draw_box(
    canvas: Frame, box: NDArray[np.float64], colour: Colour, width: int, *, dashed: bool
) -> None:
    """Draw the outline of a box on the pixels of its edges, dark around it."""
    left, top, right, bottom = _corners(canvas, box, margin=width + 2)
    rim = max(1, width // 2)
    _strips(canvas, (left - rim, top - rim, right + rim, bottom + rim), _DARK, width + 2 * rim)
    _strips(canvas, (left, top, right, bottom), colour, width)
    if not dashed:
        return
    # The gaps are dark: a dashed line then reads on any background as well.
    step = max(4, 4 * width)
    for at in range(left + step, right - width, 2 * step):
        end = min(at + step, right - width)
        _fill(canvas, at, top, end, top + width, _DARK)
        _fill(canvas, at, bottom - width, end, bottom, _DARK)
    for at in range(top + step, bottom - width, 2 * step):
        end = min(at + step, bottom - width)
        _fill(canvas, left, at, left + width, end, _DARK)
        _fill(canvas, right - width, at, right, end, _DARK)


def _corners(canvas: Frame, box: NDArray[np.float64], margin: int) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom in whole pixels, never far outside the frame."""
    height, width = canvas.shape[:2]
    x, y, w, h = box
    left, right = np.clip(np.rint((x, x + max(w, 1))), -margin, width + margin)
    top, bottom = np.clip(np.rint((y, y + max(h, 1))), -margin, height + margin)
    return int(left), int(top), int(right), int(bottom)


def _strips(canvas: Frame, corners: tuple[int, int, int, int], colour: Colour, width: int) -> None:
    left, top, right, bottom = corners
    _fill(canvas, left, top, right, min(top + width, bottom), colour)
    _fill(canvas, left, max(bottom - width, top), right, bottom, colour)
    _fill(canvas, left, top, min(left + width, right), bottom, colour)
    _fill(canvas, max(right - width, left), top, right, bottom, colour)


def _fill(canvas: Frame, left: int, top: int, right: int, bottom: int, colour: Colour) -> None:
    canvas[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = colour


def _draw_tag(canvas: Frame, box: NDArray[np.float64], text: str, colour: Colour) -> None:
    """Write text on a plate above the box; with no room there below it, or else inside."""
    height, width = canvas.shape[:2]
    scale = np.clip(min(height, width) / 1200, 0.38, 3.0)
    line = line_width(canvas)
    (wide, high), _ = cv2.getTextSize(text, _FONT, scale, 1)
    pad = max(2, round(high * 0.35))
    rim = max(1, line // 2)
    left, top, _, bottom = _corners(canvas, box, margin=line + 2)
    left = int(np.clip(left, 0, max(0, width - wide - 2 * pad)))
    plate = high + 2 * pad
    upper = top - rim - plate
    if upper < 0:
        upper = bottom + rim if bottom + rim + plate <= height else top + line + rim
    upper = int(np.clip(upper, 0, max(0, height - plate)))
    right = left + wide + 2 * pad
    _fill(canvas, left - rim, upper - rim, right + rim, upper + plate + rim, _DARK)
    _fill(canvas, left, upper, right, upper + plate, colour)
    place = (left + pad, upper + pad + high)
    cv2.putText(canvas, text, place, _FONT, scale, _DARK, 1, cv2.LINE_AA)


def _draw_trail(
    canvas: Frame, points: list[tuple[float, float]], colour: Colour, width: int
) -> None:
    """Draw the path of a centre, fading into the past; only pixels around it are touched."""
    if len(points) < 2:
        return
    height, wide = canvas.shape[:2]
    path = np.clip(np.array(points), -1e4, 1e4)
    margin = 2 * width + 2
    x0, y0 = np.maximum(np.floor(path.min(axis=0)) - margin, 0).astype(int)
    x1, y1 = np.minimum(np.ceil(path.max(axis=0)) + margin, (wide, height)).astype(int)
    if x0 >= x1 or y0 >= y1:
        return
    # 4 binary digits of a pixel: a slow path is smooth.
    ticks = np.rint((path - (x0, y0)) * 16).astype(int)
    for thickness, tint, most in ((width + 2, _DARK, 110), (width, colour, 230)):
        veil = np.zeros((y1 - y0, x1 - x0), np.uint8)
        for age, (start, end) in enumerate(pairwise(ticks.tolist()), 1):
            shade = most * age // len(points)
            cv2.line(veil, start, end, shade, thickness, cv2.LINE_AA, shift=4)
        part = canvas[y0:y1, x0:x1]
        seen = veil > 0
        share = veil[seen].astype(np.float32)[:, None] / 255
        ink = np.array(tint, dtype=np.float32) * share
        part[seen] = np.rint(part[seen] * (1 - share) + ink)
