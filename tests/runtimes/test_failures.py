"""What a GPU cannot do: one line, with what to do; a CPU's errors stay what they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import pursuit
from pursuit import runtimes
from pursuit.errors import EngineError
from pursuit.networks.siamfc import SiamFC, SiamFCShape
from pursuit.runtimes.failures import told

GPU = torch.device("cuda:1")
FRAME = np.zeros((120, 160, 3), np.uint8)
FULL = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    # Of memory of the host that a GPU reads, and of a GPU's libraries.
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
]
BROKEN = [
    "CUDA error: an illegal memory access was encountered\nFor debugging consider",
    "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`",
    "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
    "GET was unable to find an engine to execute this computation",
    "",
]


def raised(error: Exception, device: torch.device = GPU) -> None:
    with told(device, "to follow 2 targets", "follow fewer at once"):
        raise error


@pytest.mark.parametrize("error", FULL, ids=str)
def test_a_device_that_is_full(error: Exception) -> None:
    expected = (
        "cuda:1 has too little memory to follow 2 targets: follow fewer at once, end what else "
        "uses it, or name the device cpu"
    )
    with pytest.raises(EngineError) as caught:
        raised(error)
    assert str(caught.value) == expected


@pytest.mark.parametrize("text", BROKEN)
def test_a_gpu_that_fails(text: str) -> None:
    why = text.partition("\n")[0] or "RuntimeError"
    with pytest.raises(EngineError) as caught:
        raised(RuntimeError(text))
    assert str(caught.value) == (
        f"cuda:1 failed to follow 2 targets: {why}; name the device cpu, or look after the GPU's "
        "driver"
    )


def test_errors_that_are_none_of_the_gpu() -> None:
    for error in (ValueError("no"), EngineError("said before")):
        with pytest.raises(type(error), match=str(error)):
            raised(error)
    with pytest.raises(RuntimeError, match="shapes"):
        raised(RuntimeError("shapes do not fit"), torch.device("cpu"))


def test_a_tracker_whose_gpu_fails_midway() -> None:
    tracker: Any = pursuit.load("siamfc-slim", runtime="eager")
    tracker.init(FRAME, (60, 40, 30, 20))

    def fail(*_: object) -> None:
        raise RuntimeError(BROKEN[1])

    tracker._device, tracker._network.embed = GPU, fail
    with pytest.raises(EngineError, match=r"^cuda:1 failed to follow 1 target: CUDA error"):
        tracker.update(FRAME)
    with pytest.raises(EngineError, match=r"^cuda:1 failed to follow 1 target: CUDA error"):
        tracker.response(FRAME, (60, 40, 30, 20))
    with pytest.raises(EngineError, match=r"^cuda:1 failed to follow 3 targets: CUDA error"):
        tracker.init(FRAME, [(60, 40, 30, 20)] * 3)


@pytest.mark.parametrize("device", ["cuda", "cuda:0"])
def test_a_gpu_that_does_not_start(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise RuntimeError("CUDA driver initialization failed, you might not have a CUDA gpu.")

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "current_device", fail)
    monkeypatch.setattr(runtimes, "TunedSiamFC", fail)
    with pytest.raises(EngineError, match=f"^{device} failed .*: CUDA driver initialization"):
        runtimes.compile(SiamFC(SiamFCShape((8, 16, 16, 16, 8))), device=device)
