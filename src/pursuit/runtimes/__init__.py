"""Runtimes: the engines that run a network. One seam, `compile`."""

from __future__ import annotations

import importlib
import os
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, overload

import torch
from torch import Tensor

from pursuit.errors import EngineError, MissingExtra, SettingsError, nearest
from pursuit.networks.goturn import GOTURN
from pursuit.networks.siamfc import SiamFC
from pursuit.runtimes import int8
from pursuit.runtimes.choose import fastest, update_of
from pursuit.runtimes.cutting import Windows
from pursuit.runtimes.eager import EagerGOTURN, EagerSiamFC
from pursuit.runtimes.failures import EngineWarning, left_out, of_engine, told
from pursuit.runtimes.machine import installed
from pursuit.runtimes.tuned import TunedGOTURN, TunedSiamFC

__all__ = ["Compiled", "CompiledGOTURN", "CompiledSiamFC", "EngineWarning", "compile", "names"]

# Those of PyTorch are always there; of the others, where they are and what they need.
_OWN = ("eager", "tuned")
_ENGINES = {
    "openvino": ("pursuit.runtimes.openvino", ("openvino",), "openvino"),
    "openvino-f32": ("pursuit.runtimes.openvino", ("openvino",), "openvino"),
    int8.RUNTIME: ("pursuit.runtimes.openvino", ("openvino",), "openvino"),
    # The one runs what the other writes; either is often there alone.
    "onnx": ("pursuit.runtimes.onnx", ("onnxruntime", "onnx"), "onnx"),
}
_NAMES = ("auto", *_OWN, *_ENGINES)
# By auto, besides tuned; the others are never the fastest.
_TRIED = ("openvino", int8.RUNTIME, "onnx")

PINNED = "PURSUIT_RUNTIME"  # environment variable: what auto is


class Compiled(Protocol):
    """A network on a device, ready to track."""

    name: str
    device: torch.device

    def embed(self, windows: Windows) -> Tensor:
        """Return features (M, C, s, s) of windows (M, S, S, 3), RGB; an array, or on the device."""
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
def compile(
    network: SiamFC, name: str = "auto", device: str = "cpu", *, weights: Path | None = None
) -> CompiledSiamFC: ...


@overload
def compile(
    network: GOTURN, name: str = "auto", device: str = "cpu", *, weights: Path | None = None
) -> CompiledGOTURN: ...


def compile(
    network: SiamFC | GOTURN,
    name: str = "auto",
    device: str = "cpu",
    *,
    weights: Path | None = None,
) -> CompiledSiamFC | CompiledGOTURN:
    """Return a network ready to track; the network given is not changed.

    Args:
        network: with norms or without.
        name: "eager" is the reference, plain float32; "tuned" PyTorch's fastest; "openvino" and
            "onnx" are other engines, "openvino-f32" without bfloat16, "openvino-int8" in 8-bit
            integers: networks whose 8-bit form lies beside their weights, and the head of any
            GOTURN. "auto" takes the fastest of those installed, by a short trial that is
            remembered; on CUDA it is "tuned". The environment variable PURSUIT_RUNTIME names
            what "auto" is instead.
        device: "cpu", "cuda" or "cuda:1". "auto" is a GPU, where the runtime is "auto" too and
            there is one that can run the network (why it cannot is said by a warning), else the
            CPU.
        weights: the file that the network was read from.

    Raises:
        SettingsError: no such runtime, or no such device on this machine.
        MissingExtra: the engine is not installed.
        EngineError: the engine cannot run this network here.
    """
    _check_name(name)
    if name == "auto":
        name = os.environ.get(PINNED) or "auto"
        _check_name(name, f" (from {PINNED})")
    if device == "auto":
        made = _on_gpu(network) if name == "auto" and torch.cuda.is_available() else None
        if made is not None:
            return made
        device = "cpu"
    device = _checked(device)
    if device != "cpu":
        if name in _ENGINES:
            raise SettingsError(f"the runtime {name} runs on cpu; got device {device!r}")
        name = "tuned" if name == "auto" else name
    with told(torch.device(device), "for this network"):
        if name == "auto":
            return _fastest(network, weights)
        _check_installed(name)
        trunk = int8.trunk(network, weights) if name == int8.RUNTIME else None
        return _made(network, name, device, trunk)


def _made(
    network: SiamFC | GOTURN, name: str, device: str, trunk: Path | None
) -> CompiledSiamFC | CompiledGOTURN:
    if name in _ENGINES:
        return _in_engine(network, name, trunk)
    if isinstance(network, SiamFC):
        return (EagerSiamFC if name == "eager" else TunedSiamFC)(network, device)
    return (EagerGOTURN if name == "eager" else TunedGOTURN)(network, device)


def _on_gpu(network: SiamFC | GOTURN) -> CompiledSiamFC | CompiledGOTURN | None:
    """Return a network on the GPU; None, with a warning, of one that cannot run it."""
    try:
        with of_engine("cuda"):
            device = _checked("cuda")
            with told(torch.device(device), "for this network"):
                made = _made(network, "tuned", device, None)
                # Calls are recorded when they come again; and a GPU fails later than it is told
                # what to do, at the latest where its answer is read.
                for _ in range(2):
                    update_of(network)(made).cpu()
    except EngineError as error:
        left_out(error)
        return None
    return made


def _in_engine(network: SiamFC | GOTURN, name: str, trunk: Path | None) -> Any:
    with of_engine(name):
        engine = importlib.import_module(_ENGINES[name][0])
        build = engine.compile_siamfc if isinstance(network, SiamFC) else engine.compile_goturn
        made = build(network, name) if trunk is None else build(network, name, trunk)
        update_of(network)(made)  # some say no only when they run, and to one form of windows
    return made


def _fastest(network: SiamFC | GOTURN, weights: Path | None) -> CompiledSiamFC | CompiledGOTURN:
    """Return a network on the fastest runtime of this machine's processor."""
    needed = {name: _ENGINES[name][1] for name in _TRIED}
    there = {name: modules for name, modules in needed.items() if all(map(installed, modules))}
    trunk = None
    if int8.RUNTIME in there:
        try:
            trunk = int8.find(network, weights)
            is_able = trunk is not None or isinstance(network, GOTURN)
        except EngineError as error:
            left_out(error)
            is_able = False
        if not is_able:
            del there[int8.RUNTIME]
    makers = {
        name: partial(_made, network, name, "cpu", trunk if name == int8.RUNTIME else None)
        for name in ("tuned", *there)
    }
    if not there:
        return makers["tuned"]()
    modules = sorted(set(chain(*there.values())))
    return fastest(makers, network, modules, trunk is not None)


def _check_installed(name: str) -> None:
    _, modules, extra = _ENGINES.get(name, ("", (), ""))
    for module in modules:
        if not installed(module):
            raise MissingExtra(module, extra)


def _check_name(name: str, source: str = "") -> None:
    if name not in _NAMES:
        known = ", ".join(_NAMES)
        close = nearest(name, _NAMES)
        raise SettingsError(f"no runtime {name!r}{source}{close}; there are {known}")


def _checked(device: str) -> str:
    try:
        kind = torch.device(device)
    except RuntimeError:
        raise SettingsError(f"no device {device!r}: name cpu, cuda or cuda:1") from None
    if kind.type not in ("cpu", "cuda"):
        raise SettingsError(f"pursuit runs on cpu and cuda; got device {device!r}")
    if kind.type == "cuda" and (kind.index or 0) >= torch.cuda.device_count():
        raise SettingsError(f"this machine has no device {device!r} that PyTorch can use: name cpu")
    # The number is settled here: a program may make another GPU its current one later.
    if device == "cuda":
        with told(kind, "to start"):
            return f"cuda:{torch.cuda.current_device()}"
    return device
