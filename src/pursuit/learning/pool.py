"""Crops for the training device: all held there as pixels if they fit, else decoded ahead."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pursuit.frames import Frame
from pursuit.learning.rows import uploaded
from pursuit.store import Store

_THREADS = min(16, os.cpu_count() or 1)
_Map = Callable[[Callable[[int], Frame], list[int]], Iterable[Frame]]
_SHARE = 0.35  # of the memory of the machine, or of what is free on a GPU, for pixels


class CropPool:
    """Gives crops (B, 3, S, S), uint8, and their border colours (B, 3) on a device."""

    def __init__(
        self,
        store: Store,
        device: torch.device,
        progress: Callable[[int, int], None] | None = None,
        *,
        whole: bool = True,
    ) -> None:
        """Decode all crops now if they fit; not `whole`: each when it is taken."""
        self._store = store
        self._device = device
        self._border = torch.tensor(store.border, dtype=torch.float32, device=device)
        self.resident = whole and _bytes(store) < _SHARE * _memory(device)
        self._pixels = self._decode_all(progress) if self.resident else None
        # A GPU learns from more crops than one core decodes; a CPU's cores are the network's.
        many = not self.resident and device.type != "cpu"
        self._each: _Map = ThreadPoolExecutor(_THREADS).map if many else map

    def take(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Return crops (B, 3, S, S), uint8, and border colours (B, 3), float, of rows."""
        index = uploaded(rows, self._device)
        if self._pixels is None:
            crops = uploaded(_decode(self._store, rows, self._each), self._device)
        else:
            crops = self._pixels[index]
        return crops.permute(0, 3, 1, 2), self._border[index]

    def _decode_all(self, progress: Callable[[int, int], None] | None) -> Tensor:
        total, size = len(self._store), self._store.size
        pixels = torch.empty((total, size, size, 3), dtype=torch.uint8, device=self._device)
        starts = range(0, total, 64)
        with ThreadPoolExecutor(_THREADS) as threads:
            parts = threads.map(
                lambda start: _decode(self._store, np.arange(start, min(start + 64, total))),
                starts,
            )
            for start, part in zip(starts, parts, strict=True):
                pixels[start : start + len(part)] = torch.from_numpy(part).to(self._device)
                if progress is not None:
                    progress(start + len(part), total)
        return pixels


def _decode(store: Store, rows: NDArray[np.int64], each: _Map = map) -> NDArray[np.uint8]:
    different, places = np.unique(rows, return_inverse=True)
    return np.stack(list(each(store.crop, different.tolist())))[places]


def _bytes(store: Store) -> int:
    return len(store) * store.size**2 * 3


def _memory(device: torch.device) -> float:
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):  # not told on this system: decode ahead
        return 0.0
