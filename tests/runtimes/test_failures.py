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
    "CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors",
    "CUDA driver error: unknown error",
    "CUDA driver initialization failed, you might not have a CUDA gpu.",
    "CUDA unknown error - this may be due to an incorrectly set up environment",
    "Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before",
    "No CUDA GPUs are available",
    "The NVIDIA driver on your system is too old (found version 11040).",
    'NVML_SUCCESS == r INTERNAL ASSERT FAILED at "../c10/cuda/CUDACachingAllocator.cpp":1131',
    "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
    "cuDNN Frontend error: [cudnn_frontend] Error: No execution plans support the graph.",
    "CUDNN_BACKEND_OPERATION: cudnnFinalizeFailed cudnn_status: CUDNN_STATUS_BAD_PARAM",
    "GET was unable to find an engine to execute this computation",
]
# They name a GPU too, and say nothing of how it is.
MISTAKES = [
    "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and "
    "cpu! (when checking argument for argument weight in method wrapper_CUDA__cudnn_convolution)",
    "Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be the same",
    "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0",
    "\"conv2d_cuda\" not implemented for 'Int'",
    "CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported",
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
    why = text.partition("\n")[0]
    with pytest.raises(EngineError) as caught:
        raised(RuntimeError(text))
    assert str(caught.value) == (
        f"cuda:1 failed to follow 2 targets: {why}; name the device cpu, or look after the GPU's "
        "driver"
    )


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes_in_the_code_stay_what_they_are(text: str) -> None:
    error = RuntimeError(text)
    with pytest.raises(RuntimeError) as caught:
        raised(error)
    assert caught.value is error


def test_errors_that_are_none_of_the_gpu() -> None:
    for error in (ValueError("no"), EngineError("said before")):
        with pytest.raises(type(error), match=str(error)):
            raised(error)
    with pytest.raises(RuntimeError, match="shapes"):
        raised(RuntimeError("shapes do not fit"), torch.device("cpu"))
    with pytest.raises(RuntimeError, match=BROKEN[1]):
        raised(RuntimeError(BROKEN[1]), torch.device("cpu"))


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
