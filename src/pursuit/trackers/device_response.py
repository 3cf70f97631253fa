"""From score maps on a device to a move: as `response` does it, the large sums on the device.

A GPU has whole upsampled maps before a CPU would have said which cells can be left out. What is
read at the peak alone is read on the CPU, by the same functions.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pursuit.runtimes.graphs import runner
from pursuit.trackers.response import LIMIT, Floats, MapReader, Move
from pursuit.trackers.settings import SiamFCSettings

# Score maps (N, S, s, s), where their reader reads them.
Maps = Floats | Tensor
M = TypeVar("M", Floats, Tensor)


class Reader(Protocol[M]):
    """What reads score maps: each method does what it does in `MapReader`."""

    def taken(self, maps: Tensor) -> M:
        """Return a network's score maps (N, S, s, s) as `read` takes them."""
        ...

    def without(self, maps: M, hidden: NDArray[np.bool_]) -> M:
        """Return maps (N, S, s, s) as low as they get where they are to be hidden, likewise."""
        ...

    def read(self, maps: M, first: Floats | None = None, influence: float | None = None) -> Move:
        """Return where N targets went, from score maps (N, S, s, s) of S scales."""
        ...


def reader(cells: int, settings: SiamFCSettings, device: torch.device) -> Reader[Any]:
    """Return what reads the score maps, s cells wide, of a network on a device."""
    if device.type == "cpu":
        return MapReader(cells, settings)
    return DeviceMapReader(cells, settings, device)


class DeviceMapReader:
    """Reads the moves of targets from score maps on a device.

    Args:
        cells, settings: as of `MapReader`.
        device: where the maps are.
    """

    def __init__(self, cells: int, settings: SiamFCSettings, device: torch.device) -> None:
        self._host = MapReader(cells, settings)
        self._cells, self._device = cells, device
        self._influence = settings.window_influence
        matrix, window = self._host.upsampling()
        self._matrix = torch.from_numpy(matrix).to(device)
        self._window = torch.from_numpy(window).to(device)
        self._run = runner(device)

    def taken(self, maps: Tensor) -> Tensor:
        """Return a network's score maps (N, S, s, s) as `read` takes them: on the device."""
        return maps

    @torch.inference_mode()
    def without(self, maps: Tensor, hidden: NDArray[np.bool_]) -> Tensor:
        """Return maps (N, S, s, s) as low as they get where they are to be hidden, likewise."""
        there = torch.from_numpy(hidden).to(self._device)
        return torch.where(there, maps.amin(dim=(2, 3), keepdim=True), maps)

    @torch.inference_mode()
    def read(
        self, maps: Tensor, first: Floats | None = None, influence: float | None = None
    ) -> Move:
        """Return where N targets went, as `MapReader.read` of the same maps does."""
        weight = self._influence if influence is None else influence
        given = torch.full((), weight, dtype=torch.float32, device=self._device)
        found = self._run(self._found, maps, given).cpu().numpy()
        peaks, gain, places = found[..., 0], found[..., 1], found[..., 2]
        raised = found[..., 3:].reshape(*peaks.shape, self._cells, self._cells)
        return self._host.move(peaks, places.astype(np.int64), gain, raised, first, weight)

    def _found(self, maps: Tensor, influence: Tensor) -> Tensor:
        """Return what the CPU needs to know of maps (N, S, s, s): (N, S, 3 + s * s), float32.

        The peak; the gain of the map and the fine cell that is highest where it is blended with
        the window, in row order; and the map, measured from its lowest cell.
        """
        maps = maps.nan_to_num(0.0, LIMIT, -LIMIT).clamp(-LIMIT, LIMIT)
        floor = maps.amin(dim=(2, 3), keepdim=True)
        raised = maps - floor
        fine = self._matrix @ raised @ self._matrix.T
        least = fine.amin(dim=(2, 3), keepdim=True)
        risen = fine - least
        total = risen.sum(dim=(2, 3), keepdim=True).clamp(min=1e-12)
        gain = (1 - influence) / total  # a flat map leaves the window alone
        blend = torch.addcmul(influence * self._window, gain, risen)
        place = blend.flatten(2).argmax(dim=2, keepdim=True)  # of equal ones the first
        peak = fine.amax(dim=(2, 3)) + floor[:, :, 0, 0]
        return torch.cat([peak[..., None], gain[..., 0], place.float(), raised.flatten(2)], dim=2)
