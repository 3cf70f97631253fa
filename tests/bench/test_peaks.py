"""The machine's peaks: the arithmetic of them, and that they can be measured."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest
import torch

import pursuit
from pursuit.bench import doctor, peaks
from pursuit.errors import EngineError


def test_operations_and_bytes_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peaks, "_SIDES", (64, 128))
    monkeypatch.setattr(peaks, "_COPIED", 2**20)
    monkeypatch.setattr(peaks, "_least_seconds", lambda call, device: 0.125)
    found = peaks.peaks()
    # 2 * 128^3 operations in an eighth of a second; a mebibyte read and written.
    assert found.products == pytest.approx(dict.fromkeys(peaks.TYPES, 2 * 128**3 * 8 / 1e12))
    assert found.copy == pytest.approx(2 * 2**20 * 8 / 1e9)


def test_a_product_that_takes_long_is_large_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peaks, "_SIDES", (64, 128))
    monkeypatch.setattr(peaks, "_COPIED", 2**20)
    monkeypatch.setattr(peaks, "_least_seconds", lambda call, device: 2.0)
    assert peaks.peaks().products["fp32"] == pytest.approx(2 * 64**3 / 2 / 1e12)


def test_types_are_what_they_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.dtype] = []

    def least(call: Callable[[], torch.Tensor], _: torch.device) -> float:
        seen.append(call().dtype)
        return 0.125

    monkeypatch.setattr(peaks, "_SIDES", (64,))
    monkeypatch.setattr(peaks, "_COPIED", 2**20)
    monkeypatch.setattr(peaks, "_least_seconds", least)
    with torch.autocast("cpu", torch.bfloat16):
        peaks.peaks()
    assert seen[:4] == [torch.bfloat16] * 2 + [torch.float32] * 2


LACKING = [  # what PyTorch says of a type that it, a GPU or the GPU's libraries have not
    NotImplementedError("Could not run 'aten::_int_mm' with arguments from the 'X' backend."),
    RuntimeError("\"addmm_impl_cpu_\" not implemented for 'Char'"),
    RuntimeError("_int_mm_out_cuda not compiled for this platform."),
    RuntimeError("CUDA error: CUBLAS_STATUS_NOT_SUPPORTED when calling `cublasLtMatmul(...)`"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ARCH_MISMATCH when calling `cublasGemmEx(...)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED"),
    RuntimeError("GET was unable to find an engine to execute this computation"),
]


@pytest.mark.parametrize("error", [None, *LACKING])
def test_peaks_of_this_machine(monkeypatch: pytest.MonkeyPatch, error: Exception | None) -> None:
    def refuse(*_: object) -> None:
        assert error is not None
        raise error

    monkeypatch.setattr(torch, "_int_mm", refuse)
    if error is None:  # older than the function
        monkeypatch.delattr(torch, "_int_mm")
    monkeypatch.setattr(peaks, "_SIDES", (128,))
    monkeypatch.setattr(peaks, "_SECONDS", 0.01)
    monkeypatch.setattr(peaks, "_COPIED", 2**22)
    found = peaks.peaks()
    assert set(found.products) == {"bf16", "fp32"}  # what there is none of is left out
    assert 1e-6 < found.products["fp32"] < 1e4
    assert 1e-3 < found.copy < 1e5


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_too_little_memory_is_not_a_type_that_is_lacking(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(torch, "_int_mm", fail)
    monkeypatch.setattr(peaks, "_SIDES", (64,))
    monkeypatch.setattr(peaks, "_SECONDS", 0.01)
    with pytest.raises(EngineError, match="cpu has too little memory for the largest products"):
        peaks.peaks()


@pytest.mark.parametrize("error", [RuntimeError("device-side assert"), AttributeError("shape")])
def test_other_failures_are_not_hidden(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error), match=str(error)):
        peaks._least_seconds(fail, torch.device("cpu"))


@pytest.mark.parametrize("load", [0.9, 1.0, 8.0])
def test_other_work_is_said(monkeypatch: pytest.MonkeyPatch, load: float) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0), raising=False)
    monkeypatch.setattr(doctor, "cores", lambda: 2)
    said = peaks.business()
    if load < 1:
        assert said is None
    else:
        assert said is not None
        assert f"a load of {load} on 2 cores" in said


def test_the_machine_is_named() -> None:
    found = peaks.machine()
    assert found["versions"]["pursuit"] == pursuit.__version__
    assert found["versions"]["numpy"] == np.__version__
    assert found["machine"]["torch threads"] == torch.get_num_threads()
    assert found["machine"]["cores"] == doctor.cores()
