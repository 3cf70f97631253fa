"""Frames: uint8 arrays, height x width x 3, RGB. Checks, and views of gray and BGR as RGB."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pursuit.errors import FrameError

Frame = NDArray[np.uint8]
Colour = Literal["rgb", "bgr"]


def as_frame(image: object, colour: Colour = "rgb") -> Frame:
    """Return a view of `image` as a frame (H, W, 3), RGB; nothing is copied or changed.

    `image` is uint8, (H, W, 3) in the order `colour` names, or gray (H, W) or (H, W, 1).

    Raises:
        FrameError: anything else.
    """
    if colour not in ("rgb", "bgr"):
        raise FrameError(f"colour must be 'rgb' or 'bgr'; got {colour!r}")
    if not isinstance(image, np.ndarray):
        kind = type(image).__name__
        raise FrameError(f"a frame is a numpy array (H, W, 3) of uint8; got {kind}")
    if image.dtype != np.uint8:
        raise FrameError(f"a frame holds uint8 values 0 to 255; got {image.dtype}")
    if image.size == 0 or image.ndim not in (2, 3):
        raise FrameError(f"a frame is (H, W, 3) or gray (H, W); got shape {image.shape}")
    if image.ndim == 2:
        image = image[:, :, None]
    if image.shape[2] == 1:
        return np.broadcast_to(image, (*image.shape[:2], 3))
    if image.shape[2] != 3:
        hint = "; drop the alpha channel first" if image.shape[2] == 4 else ""
        raise FrameError(f"a frame has 3 channels or 1; got shape {image.shape}{hint}")
    return image if colour == "rgb" else image[:, :, ::-1]


def mean_colour(frame: Frame) -> NDArray[np.float64]:
    """Return the mean (3,) of each channel of a frame."""
    return frame.reshape(-1, 3).mean(axis=0, dtype=np.float64)
