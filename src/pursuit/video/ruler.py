"""A frame with a pixel ruler around it, to read off a box by eye."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pursuit.frames import Frame

_COMFORTABLE = 1280  # pixels; smaller frames are enlarged by a whole factor up to this
_SMALL = 640  # pixels; up to this, numbers stand every 50, not every 100
_PAPER = (250, 250, 250)
_INK = (30, 30, 30)
_GRID = 0.3  # share of white or black that a grid line adds
_FONT = cv2.FONT_HERSHEY_DUPLEX


@dataclass(frozen=True)
class _Page:
    """Where things are on the page, in its pixels: the frame is enlarged inside margins."""

    zoom: int
    every: int  # frame pixels between numbers
    text: float  # scale of the font
    stroke: int
    side: int  # margin on the left and right
    edge: int  # margin at the top and bottom


def with_ruler(frame: Frame) -> Frame:
    """Return a picture of a frame (H, W, 3) with rulers on four sides and a light grid.

    Small frames are enlarged; the numbers count the frame's own pixels. Ticks stand every 10
    pixels, longer ones every 50; numbers and grid lines every 100, or 50 in a small frame.
    """
    height, width = frame.shape[:2]
    page = _layout(height, width)
    picture = np.full(
        (height * page.zoom + 2 * page.edge, width * page.zoom + 2 * page.side, 3), _PAPER, np.uint8
    )
    inner = picture[page.edge : -page.edge, page.side : -page.side]
    inner[:] = frame.repeat(page.zoom, axis=0).repeat(page.zoom, axis=1)
    _draw_grid(inner, page)
    _draw_ticks(picture, width, page, page.side, page.edge)
    _draw_ticks(picture.swapaxes(0, 1), height, page, page.edge, page.side)
    _write_numbers(picture, height, width, page)
    return picture


def _layout(height: int, width: int) -> _Page:
    longest = max(height, width)
    zoom = max(1, _COMFORTABLE // longest)
    text = max(0.42, longest * zoom / 4200)
    stroke = max(1, round(text))
    (wide, high), _ = cv2.getTextSize(str(longest), _FONT, text, stroke)
    every = 50 if longest <= _SMALL else 100
    return _Page(zoom, every, text, stroke, wide + 16 * stroke, high + 20 * stroke)


def _draw_grid(inner: Frame, page: _Page) -> None:
    """Lighten dark pixels and darken bright ones along the grid."""
    step = page.every * page.zoom
    for lines in (inner[step::step], inner[:, step::step]):
        lines[:] = np.rint(lines * (1 - _GRID) + np.where(lines < 128, 255, 0) * _GRID)


def _draw_ticks(picture: Frame, length: int, page: _Page, before: int, margin: int) -> None:
    """Draw ticks on both sides of a page whose ruler runs along its second axis.

    `before` and `margin` are the margins along and across the ruler.
    """
    for mark in range(0, length + 1, 10):
        size = 10 if mark % page.every == 0 else 7 if mark % 50 == 0 else 4
        at = before + mark * page.zoom
        place = slice(at - (page.stroke - 1) // 2, at - (page.stroke - 1) // 2 + page.stroke)
        picture[margin - size * page.stroke : margin, place] = _INK
        end = picture.shape[0] - margin
        picture[end : end + size * page.stroke, place] = _INK


def _write_numbers(picture: Frame, height: int, width: int, page: _Page) -> None:
    gap = 13 * page.stroke
    bottom, right = picture.shape[0] - page.edge + gap, picture.shape[1] - page.side + gap

    def write(text: str, x: float, y: float) -> None:
        place = (round(x), round(y))
        cv2.putText(picture, text, place, _FONT, page.text, _INK, page.stroke, cv2.LINE_AA)

    for mark in range(0, width + 1, page.every):
        (wide, high), _ = cv2.getTextSize(str(mark), _FONT, page.text, page.stroke)
        x = page.side + mark * page.zoom - wide / 2
        write(str(mark), x, page.edge - gap)
        write(str(mark), x, bottom + high)
    for mark in range(0, height + 1, page.every):
        (wide, high), _ = cv2.getTextSize(str(mark), _FONT, page.text, page.stroke)
        y = page.edge + mark * page.zoom + high / 2
        write(str(mark), page.side - gap - wide, y)
        write(str(mark), right, y)
