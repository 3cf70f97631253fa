"""Boxes: float arrays (..., 4) of x, y, w, h in pixels; polygons: (..., V, 2) of corners x, y.

x, y is the left and top edge; the first pixel of a frame covers 0 to 1, so the box that
is the whole frame is 0, 0, W, H. No other module does box arithmetic. What is drawn into pixels
for an overlap as VOT has it is in `rasters`.

A polygon of fewer than V corners has NaN for the last ones; nothing but NaN is no polygon.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pursuit.errors import BoxError, MissingExtra

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Regions:
    """Where a target is in T frames: a box, a polygon or nothing in each.

    Attributes:
        boxes: (T, 4), NaN where there is none.
        polygons: (T, V, 2), NaN where there is none.
    """

    boxes: Array
    polygons: Array

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where (T,) there is something."""
        return np.asarray(~np.isnan(self.boxes[:, 0]) | ~np.isnan(self.polygons[:, 0, 0]))

    def around(self) -> Array:
        """Return the boxes (T, 4), those of polygons just around them; NaN where there is none."""
        return np.where(np.isnan(self.boxes), around(self.polygons), self.boxes)

    def corners(self, *, last: float = 0) -> Array:
        """Return the polygons (T, V, 2), V at least 4, with boxes as `corners` makes them."""
        found = np.full((len(self), max(4, self.polygons.shape[1]), 2), np.nan)
        found[:, : self.polygons.shape[1]] = self.polygons
        is_box = ~np.isnan(self.boxes[:, 0])
        found[is_box, :4] = corners(self.boxes[is_box], last=last)
        return found

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Regions:
        """Return those of the frames that are chosen, by a mask or by number."""
        return Regions(self.boxes[chosen], self.polygons[chosen])


def as_boxes(boxes: ArrayLike) -> Array:
    """Return `boxes` as a new float64 array (..., 4).

    Raises:
        BoxError: it does not hold four finite numbers a box, or a side is not positive.
    """
    try:
        array = np.array(boxes, dtype=np.float64)
    except (TypeError, ValueError):
        raise BoxError(f"a box is four numbers x, y, w, h; got {boxes!r}") from None
    if array.ndim == 0 or array.shape[-1] != 4 or array.size == 0:
        raise BoxError(f"a box is four numbers x, y, w, h; got {_short(boxes)}")
    if not np.isfinite(array).all():
        raise BoxError(f"a box must hold finite numbers; got {_short(boxes)}")
    if (array[..., 2:] <= 0).any():
        raise BoxError(f"a box must have a positive width and height; got {_short(boxes)}")
    return array


def start_boxes(boxes: ArrayLike, width: int, height: int) -> Array:
    """Return boxes (..., 4) fit to start tracking in a frame of that size, clipped to it.

    Raises:
        BoxError: not a box (see `as_boxes`), wholly outside the frame, or larger than it.
    """
    array = as_boxes(boxes)
    place = f"the frame is {width} x {height} pixels"
    for box in array.reshape(-1, 4):
        text = ",".join(f"{value:g}" for value in box)
        x, y, w, h = box
        if w > width or h > height:
            raise BoxError(f"box {text} is larger than the frame: {place}")
        if x >= width or y >= height or x + w <= 0 or y + h <= 0:
            raise BoxError(f"box {text} lies wholly outside the frame: {place}")
    return clip(array, width, height)


def centres(boxes: Array) -> Array:
    """Return the centres (..., 2) of boxes (..., 4)."""
    return boxes[..., :2] + boxes[..., 2:] / 2


def from_centres(centre: Array, size: Array) -> Array:
    """Return boxes (..., 4) from centres (..., 2) and sizes w, h (..., 2)."""
    return np.concatenate([centre - size / 2, size], axis=-1)


def xyxy(boxes: Array) -> Array:
    """Return left, top, right, bottom (..., 4) of boxes (..., 4)."""
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def from_xyxy(corners: Array) -> Array:
    """Return boxes (..., 4) from left, top, right, bottom (..., 4)."""
    return np.concatenate([corners[..., :2], corners[..., 2:] - corners[..., :2]], axis=-1)


def clip(boxes: Array, width: float, height: float) -> Array:
    """Return the parts (..., 4) of boxes that lie in a frame; nothing left gives w or h 0."""
    limit = np.array([width, height, width, height], dtype=np.float64)
    return from_xyxy(np.clip(xyxy(boxes), 0, limit))


def fills(boxes: Array, frames: Array, share: float) -> NDArray[np.bool_]:
    """Return where (...) a box (..., 4) is wider or higher than a share of its frame w, h (..., 2).

    GOTURN learns from no still with such a box (paper, section 5.1; share 0.66): there is no
    room to move a crop in.
    """
    return np.asarray((boxes[..., 2:] > share * frames).any(axis=-1))


def overlap(a: Array, b: Array) -> Array:
    """Return intersection over union (...) of boxes (..., 4), pair by pair, by broadcasting.

    Two boxes without area overlap by 0.
    """
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    common = np.prod(np.maximum(high - low, 0), axis=-1)
    union = np.prod(a[..., 2:], axis=-1) + np.prod(b[..., 2:], axis=-1) - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def corners(boxes: Array, *, last: float = 0) -> Array:
    """Return the corners (..., 4, 2) of boxes (..., 4), clockwise from the top left.

    Args:
        boxes: the boxes.
        last: 1 gives the last pixels inside, x + w - 1 and y + h - 1, as corners.
    """
    low, high = boxes[..., :2], boxes[..., :2] + boxes[..., 2:] - last
    x, y = np.stack([low, high, high, low]), np.stack([low, low, high, high])
    return np.moveaxis(np.stack([x[..., 0], y[..., 1]], axis=-1), 0, -2)


def around(polygons: Array) -> Array:
    """Return the boxes (..., 4) just around polygons (..., V, 2); NaN around none."""
    none = np.isnan(polygons[..., :1, :1]).any(axis=-1)
    low = np.where(np.isnan(polygons), np.inf, polygons).min(axis=-2)
    high = np.where(np.isnan(polygons), -np.inf, polygons).max(axis=-2)
    return np.where(none, np.nan, from_xyxy(np.concatenate([low, high], axis=-1)))


def equal_area(polygons: Array) -> Array:
    """Return the boxes (..., 4) of rotated boxes, polygons (..., 4, 2), with about their area.

    Their middle is that of the corners. Sides are in the ratio of the box just around, one
    pixel longer than would give the area: the rule of the got10k toolkit, and of much code for
    SiamFC.
    """
    outer = around(polygons)[..., 2:]
    sides = np.linalg.norm(np.diff(polygons[..., :3, :], axis=-2), axis=-1)
    shrink = np.sqrt(sides.prod(axis=-1) / outer.prod(axis=-1))
    return from_centres(polygons[..., :4, :].mean(axis=-2), outer * shrink[..., None] + 1)


def rounded(values: Array) -> Array:
    """Return values rounded as MATLAB does: halves away from zero."""
    return np.copysign(np.floor(np.abs(values) + 0.5), values)


def polygon_overlap(a: Array, b: Array, size: tuple[float, float] | None = None) -> Array:
    """Return intersection over union (N,) of polygons (N, V, 2), pair by pair, in real numbers.

    NaN where one of the two is none; 0 where both are without area. A polygon that crosses
    itself covers what an even-odd rule says.

    Args:
        a, b: the polygons; each may have its own V.
        size: width and height of the frame that both are cut down to first.

    Raises:
        MissingExtra: shapely is not installed.
    """
    try:
        import shapely
    except ModuleNotFoundError:
        raise MissingExtra("shapely", "evaluate") from None
    found = np.full(len(a), np.nan)
    both = ~np.isnan(a[:, 0, 0]) & ~np.isnan(b[:, 0, 0])
    one, two = _shapes(shapely, a[both]), _shapes(shapely, b[both])
    if size is not None:
        frame = shapely.box(0, 0, *size)
        one, two = shapely.intersection(one, frame), shapely.intersection(two, frame)
    common = shapely.area(shapely.intersection(one, two))
    union = shapely.area(one) + shapely.area(two) - common
    found[both] = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return found


def _shapes(shapely: Any, polygons: Array) -> NDArray[np.object_]:
    """Return the shapes (N,) of polygons (N, V, 2) in shapely's terms."""
    shapes = np.empty(len(polygons), dtype=object)
    counts = np.isfinite(polygons[..., 0]).sum(axis=1)
    for count in np.unique(counts):
        mine = counts == count
        shapes[mine] = shapely.polygons(polygons[mine, :count])
    return np.asarray(shapely.make_valid(shapes))


def context_side(size: Array) -> Array:
    """Return the side (...) of the square around a target with its context, in pixels.

    SiamFC eq. 7 with p = (w + h) / 4 on each side: sqrt((w + 2p)(h + 2p)) for sizes
    w, h (..., 2). The exemplar window has this side.
    """
    margin = size.sum(axis=-1) / 2
    return np.sqrt((size[..., 0] + margin) * (size[..., 1] + margin))


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else text[:57] + "..."
