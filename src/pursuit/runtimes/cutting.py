"""Cutting windows where a network wants them: in memory for a CPU's, on its device for a GPU's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from pursuit import windows
from pursuit.frames import Frame
from pursuit.windows import FAR, LEAST

# Windows (M, S, S, 3), uint8, RGB, where a network takes them from.
Windows = NDArray[np.uint8] | Tensor
W = TypeVar("W", NDArray[np.uint8], Tensor)

_ALIGN = 16  # bytes


class Cutter(Protocol[W]):
    """Cuts windows and puts them together, all in one place."""

    def empty(self, number: int, size: int) -> W:
        """Return windows (number, size, size, 3) to be written."""
        ...

    def join(self, first: W, second: W) -> W:
        """Return windows, and others after them."""
        ...

    def cut(
        self,
        frame: Frame,
        centres: NDArray[np.float64],
        sides: NDArray[np.float64],
        borders: NDArray[np.float64],
        out: W,
    ) -> None:
        """Cut windows of several sizes around several points into `out`.

        Args:
            frame: uint8 (H, W, 3), any strides.
            centres: (N, 2) x, y in frame pixels.
            sides: (N, S, 2) width and height in frame pixels.
            borders: (N, 3) colours of what lies outside the frame.
            out: (N * S, size, size, 3), contiguous; what is written.
        """
        ...


def cutter(device: torch.device) -> Cutter[Any]:
    """Return what cuts windows for a network on a device."""
    return CPUCutter() if device.type == "cpu" else DeviceCutter(device)


class CPUCutter:
    """Windows are arrays, cut by OpenCV."""

    def empty(self, number: int, size: int) -> NDArray[np.uint8]:
        """Return windows (number, size, size, 3) to be written."""
        return np.empty((number, size, size, 3), np.uint8)

    def join(self, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return windows, and others after them."""
        return np.concatenate([first, second])

    def cut(
        self,
        frame: Frame,
        centres: NDArray[np.float64],
        sides: NDArray[np.float64],
        borders: NDArray[np.float64],
        out: NDArray[np.uint8],
    ) -> None:
        """Cut windows into `out`, as `windows.cut_many` does."""
        parts = out.reshape(*sides.shape[:2], *out.shape[1:])
        windows.cut_many(frame, centres, sides, borders, parts)


class DeviceCutter:
    """Windows are tensors, cut by PyTorch on a device from the piece of the frame they show.

    They are those of `windows.cut_many` but for rounding: OpenCV may place samples on a grid of
    1/32 pixel and rounds averaged blocks to whole levels. Where blocks of more than a pixel are
    averaged, they lie elsewhere than those, by less than a block.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._upload = Upload(device)

    def empty(self, number: int, size: int) -> Tensor:
        """Return windows (number, size, size, 3) to be written."""
        return torch.empty(number, size, size, 3, dtype=torch.uint8, device=self.device)

    def join(self, first: Tensor, second: Tensor) -> Tensor:
        """Return windows, and others after them."""
        return torch.cat([first, second])

    @torch.inference_mode()
    def cut(
        self,
        frame: Frame,
        centres: NDArray[np.float64],
        sides: NDArray[np.float64],
        borders: NDArray[np.float64],
        out: Tensor,
    ) -> None:
        """Cut windows into `out`; one copy to the device has all that it takes."""
        each, size = sides.shape[1], out.shape[1]
        side = sides.reshape(-1, 2).clip(LEAST, FAR)
        centre = np.repeat(centres.clip(-FAR, FAR), each, axis=0)
        whole = np.array([frame.shape[1], frame.shape[0]])
        # No block is larger than the frame, as on the CPU.
        blocks = (side / size).astype(np.int64).clip(1, whole.min())
        start, end = _piece(centre, side, blocks, whole)
        colours = np.repeat(borders, each, axis=0).astype(np.float32)
        if (start >= end).any():
            (colour,) = self._upload.put(colours)
            out.copy_(colour.round()[:, None, None].expand(out.shape))
            return
        piece = frame[start[1] : end[1], start[0] : end[0]]
        # Windows whose blocks are of one size, where they are in the piece made of such blocks.
        kinds, kind_of = np.unique(blocks, axis=0, return_inverse=True)
        rows = [np.flatnonzero(kind_of.ravel() == kind) for kind in range(len(kinds))]
        places = [
            _places((centre[these] - start) / kind, side[these] / kind, -(-(end - start) // kind))
            for kind, these in zip(kinds, rows, strict=True)
        ]
        pixels, colour, *there = self._upload.put(piece, colours, *places, *rows)
        # A fourth channel says how much of a pixel is of the frame.
        image = torch.ones(1, 4, *pixels.shape[:2], device=self.device)
        image[0, :3] = pixels.permute(2, 0, 1)
        for i, (across, down) in enumerate(kinds.tolist()):
            values = windows.sample(_shrunk(image, across, down), there[i], size)
            if len(kinds) == 1:
                out.copy_(_painted(values, colour))
            else:
                these = there[len(kinds) + i]
                out[these] = _painted(values, colour[these]).to(torch.uint8)


def _piece(
    centre: NDArray[np.float64],
    side: NDArray[np.float64],
    blocks: NDArray[np.int64],
    whole: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return x, y where the piece of a frame starts and ends that windows (M, 2) show.

    More than the windows, as on the CPU: bilinear interpolation looks at the neighbours, and of
    the blocks at the far end the last may not be whole. The end is the start or before it where
    they show nothing.
    """
    low = np.maximum(np.floor(centre - side / 2) - 1, 0).astype(np.int64)
    high = np.minimum(np.ceil(centre + side / 2) + 2 * blocks, whole).astype(np.int64)
    seen = (low < high).all(axis=1)
    if not seen.any():
        return whole, whole
    return low[seen].min(axis=0), high[seen].max(axis=0)


def _places(
    centre: NDArray[np.float64], side: NDArray[np.float64], whole: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return windows (M, 2, 3) of an image of this width and height, as `sample` wants them."""
    matrices = np.zeros((len(centre), 2, 3))
    matrices[:, 0, 0], matrices[:, 1, 1] = side[:, 0] / 2, side[:, 1] / 2
    matrices[:, :, 2] = centre
    return windows.in_units(matrices, int(whole[0]), int(whole[1]))


def _shrunk(image: Tensor, across: int, down: int) -> Tensor:
    """Return the means of blocks of an image (1, 4, h, w), with zeros beyond its end."""
    if (across, down) == (1, 1):
        return image
    filled = F.pad(image, (0, -image.shape[3] % across, 0, -image.shape[2] % down))
    return F.avg_pool2d(filled, (down, across))


def _painted(values: Tensor, colours: Tensor) -> Tensor:
    """Return sampled windows (M, 4, S, S) over colours (M, 3), as (M, S, S, 3), whole numbers."""
    pixels = values.permute(0, 2, 3, 1)
    return torch.addcmul(pixels[..., :3], 1 - pixels[..., 3:], colours[:, None, None]).round_()


class Upload:
    """Brings arrays to a device, several with one copy, through memory that the device reads.

    A GPU copies later than it is told to: what it copies from is written anew only once it has.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pin = device.type == "cuda"
        # In turn, so that one can be written while the other is copied.
        self._slots = [_Slot(self._pin), _Slot(self._pin)]

    def put(self, *arrays: NDArray[Any]) -> Sequence[Tensor]:
        """Return the arrays on the device, contiguous; they may change at once."""
        slot = self._slots[0]
        self._slots.reverse()
        starts, size = [], 0
        for array in arrays:
            starts.append(size)
            size += -(-array.nbytes // _ALIGN) * _ALIGN
        host = slot.room(size)
        for start, array in zip(starts, arrays, strict=True):
            part = host[start : start + array.nbytes].numpy().view(array.dtype)
            np.copyto(part.reshape(array.shape), array)
        # On a CPU too the memory is another's than the slot's.
        there = host.to(self._device, non_blocking=True, copy=True)
        slot.copied(self._device)
        return [
            there[start : start + array.nbytes]
            .view(getattr(torch, array.dtype.name))
            .reshape(array.shape)
            for start, array in zip(starts, arrays, strict=True)
        ]


def _event(device: torch.device) -> Any:
    """Return what is over once a device has done all that it was told so far."""
    event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    event.record(torch.cuda.current_stream(device))
    return event


class _Slot:
    """Memory of the host, and whether it is still being copied."""

    def __init__(self, pin: bool, event: Callable[[torch.device], Any] = _event) -> None:
        self._pin, self._event = pin, event
        self._memory = torch.empty(0, dtype=torch.uint8)
        self._copied: Any = None

    def room(self, size: int) -> Tensor:
        """Return so many bytes that nothing is copied from any more."""
        if self._copied is not None:
            self._copied.synchronize()
            self._copied = None
        if len(self._memory) < size:
            # Half as much again: the next piece may be a little larger.
            self._memory = torch.empty(size * 3 // 2, dtype=torch.uint8, pin_memory=self._pin)
        return self._memory[:size]

    def copied(self, device: torch.device) -> None:
        """Remember that the device copies from here."""
        if self._pin:
            self._copied = self._event(device)
