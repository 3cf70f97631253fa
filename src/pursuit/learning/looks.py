"""How a batch's windows look: colours, gray, blur, fewer pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pursuit.learning.rows import Array, Random, among, on_device, row_numbers

_BLUR = 9  # pixels, side of a blur kernel
_GRAY = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Look:
    """How the windows of a batch are coloured and blurred once they are cut.

    Attributes:
        gain, shift: (B, 3) of the colours.
        gray: (B,) True where the window is made gray.
        coarse: (n,), windows seen through half the pixels.
        blurred: (n,), windows blurred with kernels (n, 9, 9).
    """

    gain: Array
    shift: Array
    gray: NDArray[np.bool_]
    coarse: NDArray[np.int64]
    blurred: NDArray[np.int64]
    kernels: Array

    def part(self, rows: slice) -> Look:
        """Return the look of these rows of the batch alone."""
        blurred = among(self.blurred, rows)
        return Look(
            gain=self.gain[rows],
            shift=self.shift[rows],
            gray=self.gray[rows],
            coarse=self.coarse[among(self.coarse, rows)] - rows.start,
            blurred=self.blurred[blurred] - rows.start,
            kernels=self.kernels[blurred],
        )


def draw_look(
    rng: Random,
    colours: tuple[Array, Array],
    gray: NDArray[np.bool_],
    blur: float,
    low_resolution: float,
) -> Look:
    """Return the look of windows of these gains and shifts (B, 3); shares are blurred, coarse."""
    batch = len(gray)
    blurred = np.flatnonzero(rng.random(batch) < blur)
    return Look(
        *colours,
        gray=gray,
        coarse=np.flatnonzero(rng.random(batch) < low_resolution),
        blurred=blurred,
        kernels=_kernels(rng, len(blurred)),
    )


def draw_colours(
    rng: Random, batch: int, light: float, tint: float, noise: float
) -> tuple[Array, Array]:
    """Return gain and shift (B, 3): contrast about middle gray, brightness, tint, noise."""
    contrast = np.exp(rng.uniform(-1, 1, (batch, 1)) * np.log1p(light))
    bright = rng.uniform(-1, 1, (batch, 1)) * light * 128
    tints = np.exp(rng.uniform(-1, 1, (batch, 3)) * np.log1p(tint))
    offset = rng.normal(0, 1, (batch, 3)) * noise
    return contrast * tints, 128 * (1 - contrast) * tints + bright + offset


def _kernels(rng: Random, number: int) -> Array:
    """Return blur kernels (n, 9, 9) that sum to 1: out of focus, or moving along a line."""
    reach = _BLUR // 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(float)
    kernels = np.zeros((number, _BLUR, _BLUR))
    for kernel in kernels:
        if rng.random() < 0.5:
            sigma = rng.uniform(0.5, 2.0)
            kernel[:] = np.exp(-(x**2 + y**2) / (2 * sigma**2))
        else:
            turn, length = rng.uniform(0, np.pi), rng.uniform(1, reach)
            along = x * np.cos(turn) + y * np.sin(turn)
            across = -x * np.sin(turn) + y * np.cos(turn)
            kernel[:] = np.exp(-(across**2)) * (np.abs(along) <= length)
        kernel /= kernel.sum()
    return kernels


def coloured(windows: Tensor, look: Look) -> Tensor:
    """Return windows (B, 3, n, n), 0 to 255, with a look: those given, changed."""
    if len(look.coarse):
        _coarsen(windows, look.coarse)
    if len(look.blurred):
        _blur(windows, look.blurred, on_device(look.kernels, windows))
    windows *= on_device(look.gain, windows)[:, :, None, None]
    windows += on_device(look.shift, windows)[:, :, None, None]
    if look.gray.any():
        onto = row_numbers(np.flatnonzero(look.gray), windows)
        weights = on_device(np.array(_GRAY), windows)[:, None, None]
        windows[onto] = (windows[onto] * weights).sum(1, keepdim=True).expand(-1, 3, -1, -1)
    return windows.clamp_(0, 255)


def _coarsen(windows: Tensor, chosen: NDArray[np.int64]) -> None:
    index = row_numbers(chosen, windows)
    size = windows.shape[-1]
    small = functional.interpolate(
        windows[index], size=size // 2, mode="bilinear", align_corners=False, antialias=True
    )
    windows[index] = functional.interpolate(small, size=size, mode="bilinear", align_corners=False)


def _blur(windows: Tensor, chosen: NDArray[np.int64], kernels: Tensor) -> None:
    index = row_numbers(chosen, windows)
    number, size = len(chosen), windows.shape[-1]
    reach = _BLUR // 2
    padded = functional.pad(windows[index], (reach,) * 4, mode="replicate")
    blurred = functional.conv2d(
        padded.reshape(1, number * 3, *padded.shape[-2:]),
        kernels.repeat_interleave(3, dim=0)[:, None],
        groups=number * 3,
    )
    windows[index] = blurred.reshape(number, 3, size, size)
