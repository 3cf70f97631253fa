"""What this machine can do at most, measured: a large matrix product, a large copy."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pursuit.bench import doctor
from pursuit.runtimes.failures import told
from pursuit.runtimes.machine import installed, version
from pursuit.runtimes.precision import as_given

TYPES = {"bf16": torch.bfloat16, "fp32": torch.float32, "int8": torch.int8}

_SIDES = (1024, 2048, 4096)  # of the matrices; a GPU needs the largest to be busy
_SECONDS = 0.1  # how long each product is tried
_ENOUGH = 0.25  # seconds; a product that takes longer is large enough
_COPIED = 2**28  # bytes, more than caches hold
_BUSY = 0.5  # load a core from which on a machine is busy
_LACKING = (  # what PyTorch, cuBLAS and cuDNN say of a type that they, or a GPU, have not
    "has no attribute '_int_mm'",
    "not implemented for",
    "not compiled for",
    "status_not_supported",
    "status_arch_mismatch",
    "unable to find an engine",
)
_ENGINES = ("openvino", "onnxruntime")


@dataclass(frozen=True)
class Peaks:
    """The most that a device did.

    Attributes:
        products: 10^12 operations a second of the quickest large matrix product, by type: bf16,
            fp32, and int8 where PyTorch has it. A product and a sum are two operations.
        copy: 10^9 bytes a second, read and written, of a large copy.
    """

    products: Mapping[str, float]
    copy: float


def machine() -> dict[str, dict[str, Any]]:
    """Return the versions of what is measured, and what the machine is."""
    found: dict[str, dict[str, Any]] = {"versions": {}, "machine": {}}
    for finding in doctor.about():
        found[finding.group][finding.name] = finding.value
    for name in _ENGINES:
        if installed(name):
            found["versions"][name] = version(name)
    # Trackers of OpenCV are measured with as many threads as PyTorch has.
    del found["machine"]["opencv threads"]
    return found


def business() -> str | None:
    """Return a line where other work keeps this machine busy; None where it does not show."""
    if not hasattr(os, "getloadavg"):  # Windows
        return None
    load, cores = os.getloadavg()[0], doctor.cores()
    if load < _BUSY * cores:
        return None
    return (
        f"this machine is busy (a load of {load:.1f} on {cores} core{'s' * (cores != 1)} "
        "before the start): times are too long, and ratios vary"
    )


@torch.inference_mode()
def peaks(device: str = "cpu") -> Peaks:
    """Return the most that a device does, with the threads that PyTorch has.

    Raises:
        EngineError: it has too little memory, or fails.
    """
    place = torch.device(device)
    # A GPU's convolutions of float32 would be of TF32, several times as fast.
    with told(place, "for the largest products"), as_given(place):
        products = {name: _product(kind, place) for name, kind in TYPES.items()}
        source = torch.zeros(_COPIED, dtype=torch.uint8, device=place)
        target = torch.empty_like(source)
        copied = 2 * _COPIED / _least_seconds(lambda: target.copy_(source), place) / 1e9
    return Peaks({name: value for name, value in products.items() if value}, copied)


def _product(kind: torch.dtype, device: torch.device) -> float:
    """Return 10^12 operations a second of the quickest product; 0 where there is none."""
    best = 0.0
    for side in _SIDES:
        seconds = min(_least_seconds(way, device) for way in _products(side, kind, device))
        best = max(best, 2 * side**3 / seconds / 1e12)
        if seconds > _ENOUGH:
            break
    return best


def _products(side: int, kind: torch.dtype, device: torch.device) -> list[Callable[[], Tensor]]:
    """Return the ways to ask PyTorch for a product of two square matrices.

    As a product and as a convolution of 1 x 1: they are not always the same code.
    """
    a = (100 * torch.rand(side, side, device=device)).to(kind)
    if kind == torch.int8:
        return [lambda: torch._int_mm(a, a)]
    pixels = a.reshape(1, 32, side // 32, side).permute(0, 3, 1, 2)
    kernels = a.reshape(side, side, 1, 1).contiguous(memory_format=torch.channels_last)
    return [lambda: a @ a, lambda: F.conv2d(pixels, kernels)]


def _least_seconds(call: Callable[[], object], device: torch.device) -> float:
    """Return the least time of several calls, the first not counted; infinite for want of the type.

    What else fails is no answer to that: a GPU that others fill, above all.
    """
    try:
        call()
    except (AttributeError, RuntimeError) as error:
        if not _lacks(error):
            raise
        return float("inf")
    least, end = float("inf"), time.perf_counter() + _SECONDS
    while least == float("inf") or time.perf_counter() < end:
        _settle(device)
        started = time.perf_counter()
        call()
        _settle(device)
        least = min(least, time.perf_counter() - started)
    return least


def _lacks(error: Exception) -> bool:
    """Return whether an error says that PyTorch, or the device, has no such product."""
    said = str(error).lower()
    return isinstance(error, NotImplementedError) or any(one in said for one in _LACKING)


def _settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
