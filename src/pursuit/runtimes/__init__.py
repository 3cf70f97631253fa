"""Runtimes: the engines that run a network. One seam, `compile`."""

from __future__ import annotations

from typing import Protocol, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pursuit.errors import SettingsError, nearest
from pursuit.networks.goturn import GOTURN
from pursuit.networks.siamfc import SiamFC
from pursuit.runtimes.eager import EagerGOTURN, EagerSiamFC
from pursuit.runtimes.tuned import TunedGOTURN, TunedSiamFC

__all__ = ["Compiled", "CompiledGOTURN", "CompiledSiamFC", "compile", "names"]

_NAMES = ("auto", "eager", "tuned")


class Compiled(Protocol):
    """A network on a device, ready to track."""

    name: str
    device: torch.device

    def embed(self, windows: NDArray[np.uint8]) -> Tensor:
        """Return features (M, C, s, s) of windows (M, S, S, 3), RGB."""
        ...


class CompiledSiamFC(Compiled, Protocol):
    """A SiamFC on a device: windows are 127 or 255 wide."""

    def score(self, exemplar: Tensor, search: Tensor) -> Tensor:
        """Return score maps (N, S, s, s), float32, of features (N, C, k, k), (N * S, C, n, n)."""
        ...


class CompiledGOTURN(Compiled, Protocol):
    """A GOTURN on a device: windows are 227 wide."""

    def regress(self, target: Tensor, search: Tensor) -> Tensor:
        """Return corners (N, S, 4), float32, of features (N, C, 6, 6) and (N * S, C, 6, 6).

        x1, y1, x2, y2 are in tenths of the search window.
        """
        ...


def names() -> list[str]:
    """Return the names that `compile` takes."""
    return list(_NAMES)


@overload
def compile(network: SiamFC, name: str = "auto", device: str = "cpu") -> CompiledSiamFC: ...


@overload
def compile(network: GOTURN, name: str = "auto", device: str = "cpu") -> CompiledGOTURN: ...


def compile(
    network: SiamFC | GOTURN, name: str = "auto", device: str = "cpu"
) -> CompiledSiamFC | CompiledGOTURN:
    """Return a network ready to track; the network given is not changed.

    Args:
        network: with norms or without.
        name: "eager" is the reference, plain float32; "tuned" the fast one; "auto" chooses.
        device: "cpu", "cuda" or "cuda:1".

    Raises:
        SettingsError: no such runtime, or no such device on this machine.
    """
    if name not in _NAMES:
        known = ", ".join(_NAMES)
        raise SettingsError(f"no runtime {name!r}{nearest(name, _NAMES)}; there are {known}")
    device = _checked(device)
    if isinstance(network, SiamFC):
        return (EagerSiamFC if name == "eager" else TunedSiamFC)(network, device)
    return (EagerGOTURN if name == "eager" else TunedGOTURN)(network, device)


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
