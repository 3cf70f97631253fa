"""Windows: rectangles of a frame, resampled to a network's square input.

One definition, two forms. A window has a centre and sides in frame pixels; along each axis
output pixel i of n lies at  centre - side / 2 + (i + 0.5) * side / n  (half-pixel centres, so
nothing shifts), and nothing is rounded to whole pixels of the frame. What lies outside the
frame has the border colour. `cut` takes windows of one frame on the CPU, `cut_batch` a window
of each image of a batch on its device.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pursuit.frames import Frame

if TYPE_CHECKING:
    from torch import Tensor

# A target may leave the frame for good; its window must stay a bounded piece of work.
_FAR = 1e6


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
    height, width = frame.shape[:2]
    x, y = np.clip(np.asarray(centre, dtype=np.float64), -_FAR, _FAR)
    sides = np.asarray(side, dtype=np.float64)
    side_x, side_y = np.clip(np.broadcast_to(sides, 2), 1e-3, _FAR).tolist()
    colour = tuple(float(value) for value in np.asarray(border, dtype=np.float64))
    left, top = x - side_x / 2, y - side_y / 2
    # No block is larger than the frame: what lies around it needs no averaging.
    block_x = max(1, min(int(side_x / size), width, height))
    block_y = max(1, min(int(side_y / size), width, height))
    # More than the window: bilinear interpolation looks at the neighbours, and of the blocks
    # at the far end the last may hold border colour.
    x0 = max(0, int(np.floor(left)) - 1)
    y0 = max(0, int(np.floor(top)) - 1)
    x1 = min(width, int(np.ceil(left + side_x)) + 2 * block_x)
    y1 = min(height, int(np.ceil(top + side_y)) + 2 * block_y)
    if x0 >= x1 or y0 >= y1:
        return np.full((size, size, 3), np.round(colour), dtype=np.uint8)
    patch = np.ascontiguousarray(frame[y0:y1, x0:x1])
    if block_x > 1 or block_y > 1:
        patch = _shrink(patch, block_x, block_y, colour)
    step_x, step_y = side_x / size / block_x, side_y / size / block_y
    # warpAffine maps centres of pixels, which it counts from 0: our 0.5.
    offset_x = ((left - x0) / block_x) + step_x / 2 - 0.5
    offset_y = ((top - y0) / block_y) + step_y / 2 - 0.5
    # Only where the patch reaches: targets near the edge have windows of mostly border.
    i0, i1 = _reach(offset_x, step_x, patch.shape[1], size)
    j0, j1 = _reach(offset_y, step_y, patch.shape[0], size)
    if i0 >= i1 or j0 >= j1:
        return np.full((size, size, 3), np.round(colour), dtype=np.uint8)
    # Four channels: OpenCV takes twice as long for three.
    filled = cv2.warpAffine(
        cv2.cvtColor(patch, cv2.COLOR_RGB2RGBA),
        np.array([[step_x, 0, offset_x + i0 * step_x], [0, step_y, offset_y + j0 * step_y]]),
        (i1 - i0, j1 - j0),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(*colour, 0),
    )
    around = (j0, size - j1, i0, size - i1)
    return cv2.copyMakeBorder(  # type: ignore[return-value]
        cv2.cvtColor(filled, cv2.COLOR_RGBA2RGB), *around, cv2.BORDER_CONSTANT, value=colour
    )


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

    height, width = images.shape[-2:]
    theta = matrices * np.array([2 / width, 2 / height])[:, None]
    theta[..., 2] -= 1
    grid = torch.nn.functional.affine_grid(
        torch.as_tensor(theta, dtype=torch.float32).to(images.device),
        [len(images), 3, size, size],
        align_corners=False,
    )
    # Zeros outside, of pixels measured from the border colour, give that colour outside.
    shifted = images.float() - border[:, :, None, None]
    out = torch.nn.functional.grid_sample(shifted, grid, align_corners=False)
    return out + border[:, :, None, None]


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
