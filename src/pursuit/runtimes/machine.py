"""What this machine's processor can do."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module, metadata, util
from typing import Any

import torch

from pursuit.errors import EngineError
from pursuit.runtimes.failures import first_line

# PyTorch's own look at the processor; private names, so a missing one means no.
_CHECKS = {
    "avx2": "_is_avx2_supported",
    "avx512": "_is_avx512_supported",
    "avx512_vnni": "_is_vnni_supported",
    "avx512_bf16": "_is_avx512_bf16_supported",
    "amx": "_is_amx_tile_supported",
}
# Of metadata that are not there, or damaged; the last where a library has put importlib_metadata
# in the place of Python's own.
_NOT_TOLD = (metadata.PackageNotFoundError, KeyError, FileNotFoundError)
# A part that a package of the right name has, and another of that name has not.
_TELLING = {"openvino": "openvino.opset13"}


def installed(module: str) -> bool:
    """Return whether a module can be imported, without importing it.

    A folder that an uninstall left behind is none, though Python imports it.
    """
    found = util.find_spec(module)
    return found is not None and found.origin is not None


def imported(module: str) -> Any:
    """Return a module that is installed, imported; those that report to their makers do not.

    Raises:
        EngineError: it cannot be imported.
    """
    # The import alone has ONNX Runtime write an identifier into the user's cache folder, and report
    # to its makers; nothing that is called later takes that back.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("NNCF_CI", "1")  # NNCF has no other name for it
    try:
        import_module(_TELLING.get(module, module))
        return import_module(module)
    except Exception as error:  # those of a library that is broken are of all kinds
        package = module.partition(".")[0]
        raise EngineError(
            f"{package} is installed, but cannot be imported ({first_line(error)}): install it "
            f"anew, pip install --force-reinstall {package}"
        ) from error


def version(module: str) -> str:
    """Return the version of an installed module's package, "unknown" where nobody tells.

    A module can come in a package of another name: onnxruntime in onnxruntime-gpu.
    """
    return _told(module) or next(filter(None, map(_told, _packages(module))), "unknown")


def _packages(module: str) -> list[str]:
    with suppress(*_NOT_TOLD):  # some package is damaged
        return [*filter(None, metadata.packages_distributions().get(module, ()))]
    return []


def _told(package: str) -> str | None:
    """Return the version that a package tells; None of a damaged one, and of one not there."""
    with suppress(*_NOT_TOLD):
        return metadata.version(package)
    return None


def cpu_features() -> dict[str, bool]:
    """Return which vector instructions of this processor PyTorch can use, by name."""
    return {name: bool(getattr(torch.cpu, check, bool)()) for name, check in _CHECKS.items()}


def cpu_name() -> str:
    """Return what this processor is called, as far as anybody tells."""
    return str(_capabilities().get("cpu_name") or platform.processor() or platform.machine())


def has_fast_bf16() -> bool:
    """Return whether the processor multiplies bfloat16 in hardware."""
    features = cpu_features()
    return features["avx512_bf16"] or features["amx"]


def has_vnni() -> bool:
    """Return whether the processor is known to multiply 8-bit integers in hardware."""
    return cpu_features()["avx512_vnni"] or bool(_capabilities().get("avx_vnni"))


def _capabilities() -> dict[str, Any]:
    # Absent from older versions of torch.
    tell: Callable[[], dict[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)
    return tell()
