"""Rows of a batch: those chosen by number, and their values on the batch's device."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]
Random = np.random.Generator


def among(onto: NDArray[np.int64], rows: slice) -> NDArray[np.bool_]:
    """Return which of some rows (n,) are among these of the batch."""
    return (onto >= rows.start) & (onto < rows.stop)


def on_device(values: Array, like: Tensor) -> Tensor:
    """Return values as float32, on the device of another tensor."""
    return torch.as_tensor(values, dtype=torch.float32).to(like.device, non_blocking=True)


def row_numbers(values: NDArray[np.int64], like: Tensor) -> Tensor:
    """Return row numbers on the device of another tensor."""
    return torch.as_tensor(values).to(like.device, non_blocking=True)
