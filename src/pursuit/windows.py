"""Windows: rectangles of a frame, resampled to a network's square input.

One definition, two forms. A window has a centre and sides in frame pixels; along each axis
output pixel i of n lies at  centre - side / 2 + (i + 0.5) * side / n  (half-pixel centres, so
nothing shifts), and nothing is rounded to whole pixels of the frame. What lies outside the
frame has the border colour. `cut`, `cut_sizes` and `cut_many` take windows of one frame on the CPU,
`cut_batch` a window of each image of a batch on its device, with `sample`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pursuit.frames import Frame
from pursuit.threads import in_parts

if TYPE_CHECKING:
    from torch import Tensor

# A target may leave the frame for good; its window must stay a bounded piece of work.
FAR = 1e6
LEAST = 1e-3  # pixels, of a window's side


def cut(
    frame: Frame, centre: ArrayLike, side: ArrayLike, size: int, border: ArrayLike
) -> NDArray[np.uint8]:
    """Return the window (size, size, 3) of one frame (H, W, 3), uint8.

    Only the pixels under the window are read. Shrinking by more than two averages whole
    blocks of pixels first, so that large targets do not alias; each axis for itself.

    Args:
        frame: uint8 (H, W, 3), any strides.
        centre: x, y in frame pixels.
        side: of a square in frame pixels, or width, height of a rectangle.
        size: side of the result in pixels.
        border: colour (3,) of what lies outside the frame.
    """
    out = np.empty((1, size, size, 3), np.uint8)
    sides = np.broadcast_to(np.asarray(side, dtype=np.float64), 2)
    cut_sizes(frame, centre, sides[None], border, out)
    return out[0]


def cut_sizes(
    frame: Frame,
    centre: ArrayLike,
    sides: NDArray[np.float64],
    border: ArrayLike,
    out: NDArray[np.uint8],
) -> None:
    """Cut windows of several sizes around one point into `out`, as `cut` does one.

    The frame's pixels are read, and averaged, once for all that average the same blocks. Where
    blocks of more than a pixel are averaged, those of the smaller windows lie elsewhere than
    `cut` has them, by less than a block.

    Args:
        frame: uint8 (H, W, 3), any strides.
        centre: x, y in frame pixels.
        sides: (S, 2) width and height in frame pixels.
        border: colour (3,) of what lies outside the frame.
        out: (S, size, size, 3), contiguous; what is written.
    """
    x, y = (min(max(float(value), -FAR), FAR) for value in np.asarray(centre))
    colour = tuple(float(value) for value in np.asarray(border))
    height, width = frame.shape[:2]
    size = out.shape[1]
    groups: dict[tuple[int, int], list[tuple[int, float, float]]] = {}
    for index, (across, down) in enumerate(np.asarray(sides).tolist()):
        across, down = min(max(across, LEAST), FAR), min(max(down, LEAST), FAR)
        # No block is larger than the frame: what lies around it needs no averaging.
        blocks = (
            max(1, min(int(across / size), width, height)),
            max(1, min(int(down / size), width, height)),
        )
        groups.setdefault(blocks, []).append((index, across, down))
    for blocks, views in groups.items():
        widest, highest = max(view[1] for view in views), max(view[2] for view in views)
        patch = _patch(frame, (x, y), (widest, highest), blocks, colour)
        for index, across, down in views:
            _sample(patch, (x - across / 2, y - down / 2), (across, down), colour, out[index])


def cut_many(
    frame: Frame,
    centres: NDArray[np.float64],
    sides: NDArray[np.float64],
    borders: NDArray[np.float64],
    out: NDArray[np.uint8],
) -> None:
    """Cut windows around several points into `out`, as `cut_sizes` does those around each.

    It takes as many threads as OpenCV has, which for windows so small takes one itself.

    Args:
        frame: uint8 (H, W, 3), any strides.
        centres: (N, 2) x, y in frame pixels.
        sides: (N, S, 2) width and height in frame pixels.
        borders: (N, 3) colours of what lies outside the frame.
        out: (N, S, size, size, 3), contiguous; what is written.
    """

    def some(rows: range) -> None:
        for row in rows:
            cut_sizes(frame, centres[row], sides[row], borders[row], out[row])

    in_parts(len(centres), cv2.getNumThreads(), some)


@dataclass(frozen=True)
class _Patch:
    """The piece of a frame that windows are resampled from.

    Attributes:
        pixels: (h, w, 4), each the mean of a block. Four channels: OpenCV takes twice as long
            for three.
        corner: x, y of its left top corner in the frame.
        blocks: width and height of a block, frame pixels.
    """

    pixels: NDArray[np.uint8]
    corner: tuple[int, int]
    blocks: tuple[int, int]


def _patch(
    frame: Frame,
    centre: tuple[float, float],
    sides: tuple[float, float],
    blocks: tuple[int, int],
    colour: tuple[float, ...],
) -> _Patch | None:
    """Return what a window of these sides needs of a frame; None where it is wholly outside."""
    height, width = frame.shape[:2]
    left, top = centre[0] - sides[0] / 2, centre[1] - sides[1] / 2
    # More than the window: bilinear interpolation looks at the neighbours, and of the blocks
    # at the far end the last may hold border colour.
    x0 = max(0, math.floor(left) - 1)
    y0 = max(0, math.floor(top) - 1)
    x1 = min(width, math.ceil(left + sides[0]) + 2 * blocks[0])
    y1 = min(height, math.ceil(top + sides[1]) + 2 * blocks[1])
    if x0 >= x1 or y0 >= y1:
        return None
    pixels: NDArray[np.uint8] = frame[y0:y1, x0:x1]
    if pixels.strides[1:] != (3, 1):  # turned colours, or gray as RGB: OpenCV cannot read these
        pixels = np.ascontiguousarray(pixels)
    if blocks != (1, 1):
        pixels = _shrink(pixels, *blocks, colour)
    return _Patch(cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA), (x0, y0), blocks)  # type: ignore[arg-type]


def _sample(
    patch: _Patch | None,
    start: tuple[float, float],
    sides: tuple[float, float],
    colour: tuple[float, ...],
    out: NDArray[np.uint8],
) -> None:
    """Write the window with this left top corner and these sides into `out` (size, size, 3)."""
    size = len(out)
    spans = []
    if patch is not None:
        for axis in (0, 1):
            block, count = patch.blocks[axis], patch.pixels.shape[1 - axis]
            step = sides[axis] / size / block
            # warpAffine maps centres of pixels, which it counts from 0: our 0.5.
            offset = (start[axis] - patch.corner[axis]) / block + step / 2 - 0.5
            # Only where the patch reaches: targets near the edge have windows of mostly border.
            first, end = _reach(offset, step, count, size)
            spans.append((first, end, step, offset + first * step))
    if patch is None or any(first >= end for first, end, _, _ in spans):
        out[:] = np.round(colour)
        return
    (i0, i1, step_x, offset_x), (j0, j1, step_y, offset_y) = spans
    filled = cv2.warpAffine(
        patch.pixels,
        np.array([[step_x, 0, offset_x], [0, step_y, offset_y]]),
        (i1 - i0, j1 - j0),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(*colour, 0),
    )
    if filled.shape[:2] == out.shape[:2]:
        cv2.cvtColor(filled, cv2.COLOR_RGBA2RGB, dst=out)
        return
    around = (j0, size - j1, i0, size - i1)
    plain = cv2.cvtColor(filled, cv2.COLOR_RGBA2RGB)
    cv2.copyMakeBorder(plain, *around, cv2.BORDER_CONSTANT, dst=out, value=colour)


def _reach(offset: float, step: float, count: int, size: int) -> tuple[int, int]:
    """Return first and end of the output pixels that see one of `count` pixels of a patch.

    Output pixel i looks at offset + i * step, and bilinear interpolation a pixel around it.
    """
    first = math.ceil((-1 - offset) / step)
    end = math.floor((count - offset) / step) + 1
    return max(0, first), min(size, end)


def _shrink(patch: Frame, across: int, down: int, colour: tuple[float, ...]) -> Frame:
    """Average blocks of `across` x `down` pixels; the last ones are filled with colour."""
    height, width = patch.shape[:2]
    below, right = -height % down, -width % across
    if below or right:
        patch = cv2.copyMakeBorder(  # type: ignore[assignment]
            patch, 0, below, 0, right, cv2.BORDER_CONSTANT, value=colour
        )
    size = (patch.shape[1] // across, patch.shape[0] // down)
    return cv2.resize(patch, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def cut_batch(images: Tensor, matrices: NDArray[np.float64], size: int, border: Tensor) -> Tensor:
    """Return one window (B, 3, size, size) of each image, float32, on the images' device.

    On the CPU OpenCV cuts them, to whole gray levels: several times faster than PyTorch.

    Args:
        images: uint8 (B, 3, H, W).
        matrices: (B, 2, 3): image x, y of a window's u, v in -1..1 (corner to corner, so
            u = -1 is its left edge), in pixels: [[side/2, 0, cx], [0, side/2, cy]] for a
            plain window; rotation, stretch and mirroring are other matrices.
        size: side of the result in pixels.
        border: (B, 3) colour of what lies outside the image.
    """
    if images.device.type == "cpu":
        return _cut_with_opencv(images, matrices, size, border)
    import torch  # here: curation cuts windows too, in processes that need no torch

    places = torch.from_numpy(in_units(matrices, *images.shape[:1:-1]))
    places = places.to(images.device, non_blocking=True)
    # Zeros outside, of pixels measured from the border colour, give that colour outside.
    shifted = images.float() - border[:, :, None, None]
    return sample(shifted, places, size) + border[:, :, None, None]


def in_units(matrices: NDArray[np.float64], width: int, height: int) -> NDArray[np.float32]:
    """Return windows (B, 2, 3), as `cut_batch` wants them, of images that reach from -1 to 1."""
    units = matrices * np.array([2 / width, 2 / height])[:, None]
    units[..., 2] -= 1
    return units.astype(np.float32)


def sample(pixels: Tensor, places: Tensor, size: int) -> Tensor:
    """Return windows (B, C, size, size) of images, with zeros outside, on the images' device.

    Args:
        pixels: float32 (B, C, H, W); or (1, C, H, W), one image that all windows are of.
        places: float32 (B, 2, 3), as `in_units` gives them.
        size: side of the result in pixels.
    """
    import torch

    number, channels = pixels.shape[:2]
    steps = (torch.arange(size, device=pixels.device) * 2 + 1) / size - 1
    # As affine_grid, whose matrix product may be one of TF32: half a pixel in a thousand.
    columns, rows, middle = places[:, None, None].unbind(-1)  # each (B, 1, 1, 2)
    grid = columns * steps[:, None] + (rows * steps[:, None, None] + middle)
    grid = grid.reshape(number, -1, size, 2)  # of one image: one window below the other
    out = torch.nn.functional.grid_sample(pixels, grid, align_corners=False)
    if number == len(places):
        return out
    return out.reshape(channels, len(places), size, size).swapaxes(0, 1)


def _cut_with_opencv(
    images: Tensor, matrices: NDArray[np.float64], size: int, border: Tensor
) -> Tensor:
    import torch

    pixels = np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())
    out = np.empty((len(pixels), size, size, 3), dtype=np.uint8)
    # u = (2 i + 1) / size - 1 for pixel i; OpenCV counts centres of pixels from 0.
    linear = matrices[:, :, :2] * 2 / size
    offset = matrices[:, :, 2] + matrices[:, :, :2].sum(2) * (1 / size - 1) - 0.5
    for i, colour in enumerate(border.numpy()):
        cv2.warpAffine(
            pixels[i],
            np.column_stack([linear[i], offset[i]]),
            (size, size),
            dst=out[i],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=tuple(float(value) for value in colour),
        )
    return torch.from_numpy(out).permute(0, 3, 1, 2).float()
