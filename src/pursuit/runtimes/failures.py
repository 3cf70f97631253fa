"""What a device or an engine cannot do, said in a line."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from pursuit.errors import EngineError

# What CUDA (of pinned memory too), cuBLAS and cuDNN say where PyTorch does not know it for one.
_FULL = ("out of memory", "ALLOC_FAILED")
# What CUDA and its libraries say of themselves: PyTorch has types for few of their errors. Mistakes
# in the code name them otherwise, as in cuda:0 and method wrapper_CUDA__cudnn_convolution; and what
# asserts on the device are kernels that were given wrong numbers.
_BROKEN = re.compile(
    r"CUDA error: (?!device-side assert)|CUDA (driver|unknown error)|cudaGetDeviceCount"
    r"|No CUDA GPUs|NVIDIA driver|NVML_SUCCESS|cuDNN|CUDNN_|find an engine"
)


class EngineWarning(UserWarning):
    """An engine cannot run a network here, and another is taken."""


def left_out(error: EngineError) -> None:
    """Warn that another runtime is taken, and why."""
    warnings.warn(f"{error}; another runtime is taken", EngineWarning, stacklevel=3)


@contextmanager
def told(device: torch.device, task: str, less: str = "") -> Iterator[None]:
    """Say in a line that a device has too little memory, or fails.

    Other errors stay as they are: mistakes in the code, and all of a CPU's.

    Args:
        device: what works.
        task: what it was to do, as in "to follow 2 targets".
        less: what to do for less of it.

    Raises:
        EngineError: from an error of PyTorch's.
    """
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or any(one in str(error) for one in _FULL):
            ways = f"{less}, " if less else ""
            raise EngineError(
                f"{device} has too little memory {task}: {ways}end what else uses it, or name the "
                "device cpu"
            ) from error
        if device.type == "cpu" or not _BROKEN.search(first_line(error)):
            raise
        raise EngineError(
            f"{device} failed {task}: {first_line(error)}; name the device cpu, or look after the "
            "GPU's driver"
        ) from error


@contextmanager
def of_engine(name: str) -> Iterator[None]:
    """Say in a line that an engine cannot do what it was given; engines have errors of all kinds.

    Args:
        name: of the runtime.

    Raises:
        EngineError: from whatever the engine raised.
    """
    try:
        yield
    except EngineError:
        raise
    except Exception as error:
        why = first_line(error)
        raise EngineError(f"the runtime {name} cannot run this network here: {why}") from error


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or its kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
