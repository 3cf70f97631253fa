"""Rows of a batch: those chosen by number, and their values on the batch's device."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]
Random = np.random.Generator


def among(onto: NDArray[np.int64], rows: slice) -> NDArray[np.bool_]:
    """Return which of some rows (n,) are among these of the batch."""
    return (onto >= rows.start) & (onto < rows.stop)


def uploaded(values: NDArray[Any], device: torch.device) -> Tensor:
    """Return values on a device; on a CPU perhaps in the same memory.

    A GPU fetches them when it comes to it: whoever waited would wait for all that it was told
    before, the steps of learning among it. It can do so from memory that stays in place.
    """
    here = torch.from_numpy(np.ascontiguousarray(values))
    return (here.pin_memory() if device.type == "cuda" else here).to(device, non_blocking=True)


def on_device(values: Array, like: Tensor) -> Tensor:
    """Return values as float32, on the device of another tensor."""
    return uploaded(values.astype(np.float32), like.device)


def row_numbers(values: NDArray[np.int64], like: Tensor) -> Tensor:
    """Return row numbers on the device of another tensor."""
    return uploaded(values, like.device)
