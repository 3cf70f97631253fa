"""Runtimes: the engines that run a network. One seam, `compile`."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pursuit.errors import SettingsError, nearest
from pursuit.networks.siamfc import SiamFC
from pursuit.runtimes.eager import Eager
from pursuit.runtimes.tuned import Tuned

__all__ = ["Compiled", "compile", "names"]

_RUNTIMES: dict[str, type[Eager] | type[Tuned]] = {"auto": Tuned, "eager": Eager, "tuned": Tuned}


class Compiled(Protocol):
    """A network on a device, ready to track."""

    name: str
    device: torch.device

    def embed(self, windows: NDArray[np.uint8]) -> Tensor:
        """Return features (M, C, s, s) of windows (M, S, S, 3), RGB."""
        ...

    def score(self, exemplar: Tensor, search: Tensor) -> Tensor:
        """Return score maps (N, S, s, s), float32, of features (N, C, k, k), (N * S, C, n, n)."""
        ...


def names() -> list[str]:
    """Return the names that `compile` takes."""
    return list(_RUNTIMES)


def compile(network: SiamFC, name: str = "auto", device: str = "cpu") -> Compiled:
    """Return a network ready to track; the network given is not changed.

    Args:
        network: with norms or without.
        name: "eager" is the reference, plain float32; "tuned" the fast one; "auto" chooses.
        device: "cpu", "cuda" or "cuda:1".

    Raises:
        SettingsError: no such runtime, or no such device on this machine.
    """
    if name not in _RUNTIMES:
        known = ", ".join(_RUNTIMES)
        raise SettingsError(f"no runtime {name!r}{nearest(name, _RUNTIMES)}; there are {known}")
    return _RUNTIMES[name](network, _checked(device))


def _checked(device: str) -> str:
    try:
        kind = torch.device(device)
    except RuntimeError:
        raise SettingsError(f"no device {device!r}: name cpu, cuda or cuda:1") from None
    if kind.type not in ("cpu", "cuda"):
        raise SettingsError(f"pursuit runs on cpu and cuda; got device {device!r}")
    if kind.type == "cuda" and (kind.index or 0) >= torch.cuda.device_count():
        raise SettingsError(f"this machine has no device {device!r} that PyTorch can use: name cpu")
    return device
