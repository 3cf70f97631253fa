"""Overlaps of polygons that are drawn into pixels first, as VOT's toolkits do.

Three programs draw differently; published numbers are those of one of them. Corners may be in
any order, and lie outside the frame. `boxes.polygon_overlap` is the overlap in real numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]

_ROWS = 1 << 17  # rows of pixels that are looked at together: bounds the memory


class Raster(Enum):
    """How a polygon becomes pixels.

    LEGACY: TraX's until 2015: corners stay between pixels, a row's last pixel is left out.
    PYSOT: TraX's from 2016 on, which pysot has a copy of: corners are rounded, both ends of a row
    are in; level edges are passed by, so that a row with nothing but a tip or a level edge in it
    is left out.
    TRAX: TraX's today: likewise, with those rows.
    PYTHON: VOT's Python toolkit: as TRAX, but halves are rounded to the even pixel, regions that
    only touch may share pixels, and two regions that are thinner than two pixels overlap by 1.
    """

    LEGACY = "legacy"
    PYSOT = "pysot"
    TRAX = "trax"
    PYTHON = "python"


def overlap(
    a: Array, b: Array, raster: Raster, size: tuple[float, float] | None = None
) -> NDArray[np.float64]:
    """Return shared pixels over covered pixels (N,) of polygons (N, V, 2), pair by pair.

    NaN where one of the two is none (see `boxes`).

    Args:
        a, b: the polygons; each may have its own V.
        raster: how they are drawn.
        size: width and height that pixels count within; None for no such bounds.
    """
    found = np.full(len(a), np.nan)
    both = np.flatnonzero(~np.isnan(a[:, 0, 0]) & ~np.isnan(b[:, 0, 0]))
    if not len(both):
        return found
    one, two = a[both].astype(np.float32), b[both].astype(np.float32)
    if raster is Raster.PYTHON:
        canvas, known = _python_canvas(np.round(one), np.round(two), size)
    else:
        canvas, known = _trax_canvas(one, two, size, legacy=raster is Raster.LEGACY)
    for part in _chunks(np.flatnonzero(np.isnan(known)), canvas.height):
        known[part] = _drawn(one[part], two[part], canvas.part(part), raster)
    found[both] = known
    return found


@dataclass(frozen=True)
class _Canvas:
    """The pixels that pairs are drawn into: arrays (N,); left and top in the frame."""

    left: Array
    top: Array
    width: Numbers
    height: Numbers

    def part(self, rows: Numbers) -> _Canvas:
        return _Canvas(self.left[rows], self.top[rows], self.width[rows], self.height[rows])


def _bounds(polygons: Array) -> Array:
    """Return left, top, right, bottom (N, 4) of polygons (N, V, 2)."""
    return np.concatenate([np.nanmin(polygons, axis=1), np.nanmax(polygons, axis=1)], axis=1)


def _trax_canvas(
    a: Array, b: Array, size: tuple[float, float] | None, *, legacy: bool
) -> tuple[_Canvas, Array]:
    """Return what TraX draws on, and the overlaps (N,) it knows without: 0, NaN elsewhere."""
    both = np.stack([_bounds(a), _bounds(b)]).astype(np.float64)
    if not legacy:
        both = np.concatenate([np.floor(both[..., :2]), np.ceil(both[..., 2:])], axis=-1)
    if size is not None:
        limit = np.array(size, dtype=np.float64)
        low, high = np.maximum(both[..., :2], 0), np.minimum(both[..., 2:], limit)
        both = np.concatenate([low, high], axis=-1)
    canvas = _canvas(np.concatenate([both[..., :2].min(axis=0), both[..., 2:].max(axis=0)], axis=1))
    areas = np.prod(both[..., 2:] - both[..., :2], axis=-1)
    common = np.minimum(both[0, :, 2:], both[1, :, 2:]) - np.maximum(both[0, :, :2], both[1, :, :2])
    shared = np.prod(common, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):  # without area: the comparisons say no
        far = (areas[0] / areas[1] < 1e-10) | (areas[1] / areas[0] < 1e-10)
        ratio = shared / (areas.sum(axis=0) - shared)
    # Bounds that only touch share no area: 0, although their last and first pixels are the same.
    apart = ~np.isnan(ratio) & (ratio <= 0)
    nothing = far | apart | (canvas.width < 1) | (canvas.height < 1)
    return canvas, np.where(nothing, 0.0, np.nan)


def _python_canvas(a: Array, b: Array, size: tuple[float, float] | None) -> tuple[_Canvas, Array]:
    """Return what VOT's Python toolkit draws on, and the overlaps (N,) that it knows without."""
    one, two = _bounds(a).astype(np.float64), _bounds(b).astype(np.float64)
    union = np.concatenate(
        [np.minimum(one[:, :2], two[:, :2]), np.maximum(one[:, 2:], two[:, 2:])], axis=1
    )
    thin = (union[:, :2] >= union[:, 2:]).any(axis=1)
    if size is not None:
        limit = np.array(size, dtype=np.float64) - 1
        low, high = np.maximum(union[:, :2], 0), np.minimum(union[:, 2:], limit)
        union = np.concatenate([low, high], axis=1)
    outside = (union[:, :2] >= union[:, 2:]).any(axis=1)
    return _canvas(union), np.where(thin, 1.0, np.where(outside, 0.0, np.nan))


def _canvas(bounds: Array) -> _Canvas:
    """Return the canvas of left, top, right, bottom (N, 4), the last two in it."""
    sides = np.trunc(bounds[:, 2:] - bounds[:, :2]).astype(np.int64) + 1
    return _Canvas(bounds[:, 0], bounds[:, 1], sides[:, 0], sides[:, 1])


def _chunks(rows: Numbers, heights: Numbers) -> list[Numbers]:
    """Return pairs (K,) in parts that have few rows of pixels together."""
    if not len(rows):
        return []
    return np.split(rows, np.flatnonzero(np.diff(np.cumsum(heights[rows]) // _ROWS)) + 1)


def _drawn(a: Array, b: Array, canvas: _Canvas, raster: Raster) -> Array:
    """Return the overlaps (N,) of pairs that must be drawn."""
    pair = np.repeat(np.arange(len(a)), canvas.height)
    first = np.cumsum(canvas.height) - canvas.height
    y = np.arange(len(pair)) - first[pair]
    low, high = _runs(_placed(a, canvas, raster), pair, y, canvas.width[pair], raster)
    low2, high2 = _runs(_placed(b, canvas, raster), pair, y, canvas.width[pair], raster)
    mine, theirs = _pixels(low, high).sum(axis=1), _pixels(low2, high2).sum(axis=1)
    common = np.zeros(len(pair))
    for left, right in zip(low.T, high.T, strict=True):
        lowest, highest = np.maximum(left[:, None], low2), np.minimum(right[:, None], high2)
        common += _pixels(lowest, highest).sum(axis=1)
    shared = np.bincount(pair, common, minlength=len(a))
    covered = np.bincount(pair, mine + theirs, minlength=len(a)) - shared
    return np.divide(shared, covered, out=np.zeros(len(a)), where=covered > 0)


def _placed(polygons: Array, canvas: _Canvas, raster: Raster) -> Array:
    """Return polygons (N, V, 2) in the canvas's own pixels, rounded as `raster` has it."""
    origin = np.stack([canvas.left, canvas.top], axis=1)[:, None]
    if raster is Raster.PYTHON:
        return np.round(polygons).astype(np.float64) - origin
    # TraX has single precision, so a half may come of it or go.
    moved = polygons - origin.astype(np.float32)
    if raster is Raster.LEGACY:
        return moved
    return np.copysign(np.floor(np.abs(moved.astype(np.float64)) + 0.5), moved)


def _runs(
    polygons: Array, pair: Numbers, y: Numbers, width: Numbers, raster: Raster
) -> tuple[Numbers, Numbers]:
    """Return the runs of pixels of rows (R,): first and last ones (R, V - 1).

    They do not share pixels; the last is before the first where there is no run.

    Args:
        polygons: (N, V, 2), in the canvas's pixels.
        pair: (R,) which of the N a row belongs to.
        y: (R,) its number.
        width: (R,) of the canvas.
        raster: which rows meet an edge, and where a run ends.
    """
    nodes, count = _nodes(polygons, pair, y, raster)
    low, high = np.ones((2, len(y), nodes.shape[1] - 1), dtype=np.int64)
    high -= 1
    begins = np.ones(len(y), dtype=bool)  # whether a run may begin at this node
    last = np.full(len(y), -1)
    for index in range(nodes.shape[1] - 1):
        here, there = nodes[:, index], nodes[:, index + 1]
        at = begins & (index < count - 1) & (here < width)
        if raster is Raster.LEGACY:
            twice = np.zeros_like(at)
            run, end = at & (there > 0), np.where(there > width, width - 2, there - 1)
        else:
            # A corner on the row is met twice: its first node is passed by. (Where it is all that
            # the row has, only PYSOT does so.)
            twice = at & (here == there) & ((raster is Raster.PYSOT) | (index < count - 2))
            run, end = at & ~twice & (there >= 0), np.minimum(there, width - 1)
        low[run, index] = np.maximum(here, last + 1)[run]
        high[run, index] = end[run]
        last = np.where(run, np.maximum(last, end), last)
        begins = ~at | twice
    return low, high


def _nodes(polygons: Array, pair: Numbers, y: Numbers, raster: Raster) -> tuple[Numbers, Numbers]:
    """Return where rows (R,) meet edges, (R, V) from left to right, and how often (R,)."""
    corners = np.isfinite(polygons[..., 0])
    before = np.roll(polygons, 1, axis=1)
    before[:, 0] = polygons[np.arange(len(polygons)), corners.sum(axis=1) - 1]
    x, top = polygons[pair, :, 0], polygons[pair, :, 1]
    run, rise = before[pair, :, 0] - x, before[pair, :, 1] - top
    row = y[:, None].astype(polygons.dtype)
    low, high = np.minimum(top, top + rise), np.maximum(top, top + rise)
    if raster is Raster.LEGACY:
        meets = (before[pair, :, 1] < row) != (top < row)
    else:
        meets = (low <= row) & (row <= high)
    meets &= corners[pair]
    if raster is Raster.PYSOT:
        meets &= rise != 0
    with np.errstate(divide="ignore", invalid="ignore"):  # level edges have no crossing
        cross = np.where(rise != 0, x + (row - top) / rise * run, x)
    where = np.trunc(np.where(meets, cross, 0)).astype(np.int64)
    nodes = np.sort(np.where(meets, where, np.iinfo(np.int64).max), axis=1)
    return nodes, meets.sum(axis=1)


def _pixels(low: Numbers, high: Numbers) -> Numbers:
    return np.asarray(np.maximum(high - low + 1, 0))
