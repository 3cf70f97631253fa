"""Sums in the types that are given: no autocast, no TF32, and switches as they were before."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from pursuit import runtimes
from pursuit.networks.siamfc import SiamFC, SiamFCShape
from pursuit.runtimes.precision import as_given

GPU = torch.device("cuda")


def switches() -> tuple[str, str]:
    """Return what convolutions and products are set to on CUDA; there need be no GPU."""
    return torch.backends.cudnn.conv.fp32_precision, torch.backends.cuda.matmul.fp32_precision


needs_switches = pytest.mark.skipif(
    not hasattr(torch.backends.cudnn, "conv"), reason="older switches in torch before 2.9"
)


@needs_switches
def test_tf32_is_off_meanwhile_and_back_after() -> None:
    before, seen = switches(), []

    def fail() -> None:
        with as_given(GPU):
            seen.append(switches())
            raise ZeroDivisionError

    assert before[0] == "tf32"  # as PyTorch comes
    with pytest.raises(ZeroDivisionError):
        fail()
    assert seen and "tf32" not in seen[0]
    assert switches() == before
    assert torch.backends.cudnn.allow_tf32  # the older names can still be read


@needs_switches
@pytest.mark.parametrize("products", ["ieee", "tf32"])
def test_what_a_program_chose_comes_back(products: str) -> None:
    before = switches()
    try:
        torch.backends.cudnn.conv.fp32_precision = "ieee"
        torch.backends.cuda.matmul.fp32_precision = products
        with as_given(GPU):
            assert switches() == ("ieee", "ieee")
        assert switches() == ("ieee", products)
        with as_given(torch.device("cpu")):
            assert switches() == ("ieee", products)  # none of its business
    finally:
        torch.backends.cudnn.conv.fp32_precision = before[0]
        torch.backends.cuda.matmul.fp32_precision = before[1]


def test_older_switches(monkeypatch: pytest.MonkeyPatch) -> None:
    cudnn, product = SimpleNamespace(allow_tf32=True), SimpleNamespace(allow_tf32=False)
    monkeypatch.setattr(torch.backends, "cudnn", cudnn)
    monkeypatch.setattr(torch.backends.cuda, "matmul", product)
    with as_given(GPU):
        assert not cudnn.allow_tf32 and not product.allow_tf32
    assert cudnn.allow_tf32 and not product.allow_tf32


def test_eager_is_float32_within_a_programs_autocast() -> None:
    torch.manual_seed(0)
    compiled = runtimes.compile(SiamFC(SiamFCShape((8, 16, 16, 16, 8))), "eager")
    windows = torch.randint(0, 256, (1, 127, 127, 3), dtype=torch.uint8).numpy()
    search = torch.randint(0, 256, (1, 255, 255, 3), dtype=torch.uint8).numpy()
    expected = compiled.score(compiled.embed(windows), compiled.embed(search))
    with torch.autocast("cpu", torch.bfloat16):
        found = compiled.score(compiled.embed(windows), compiled.embed(search))
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_eager_on_a_gpu_is_nearer_than_tf32() -> None:
    torch.manual_seed(0)
    network = SiamFC().eval()
    windows = torch.randint(0, 256, (2, 255, 255, 3), dtype=torch.uint8)
    exact = network.double().embed(windows.permute(0, 3, 1, 2).double())
    compiled = runtimes.compile(network.float(), "eager", "cuda")
    found = compiled.embed(windows.to("cuda")).cpu().double()
    # TF32 is off by some 1e-3 of the largest.
    assert (found - exact).abs().max() < 5e-5 * exact.abs().max()
