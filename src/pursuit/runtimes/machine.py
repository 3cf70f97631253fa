"""What this machine's processor can do."""

from __future__ import annotations

import platform
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata, util
from typing import Any

import torch

# PyTorch's own look at the processor; private names, so a missing one means no.
_CHECKS = {
    "avx2": "_is_avx2_supported",
    "avx512": "_is_avx512_supported",
    "avx512_vnni": "_is_vnni_supported",
    "avx512_bf16": "_is_avx512_bf16_supported",
    "amx": "_is_amx_tile_supported",
}


def installed(module: str) -> bool:
    """Return whether a module can be imported, without importing it."""
    return util.find_spec(module) is not None


def version(module: str) -> str:
    """Return the version of an installed module's package, "" where nobody tells.

    A module can come in a package of another name: onnxruntime in onnxruntime-gpu.
    """
    packages = [module, *metadata.packages_distributions().get(module, ())]
    for package in packages:
        with suppress(metadata.PackageNotFoundError):
            return metadata.version(package)
    return ""


def cpu_features() -> dict[str, bool]:
    """Return which vector instructions of this processor PyTorch can use, by name."""
    return {name: bool(getattr(torch.cpu, check, bool)()) for name, check in _CHECKS.items()}


def cpu_name() -> str:
    """Return what this processor is called, as far as anybody tells."""
    # Absent from older versions of torch.
    tell: Callable[[], dict[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)
    return str(tell().get("cpu_name") or platform.processor() or platform.machine())


def has_fast_bf16() -> bool:
    """Return whether the processor multiplies bfloat16 in hardware."""
    features = cpu_features()
    return features["avx512_bf16"] or features["amx"]
