"""Runtimes: each computes what the network as written computes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pursuit import runtimes
from pursuit.errors import SettingsError
from pursuit.networks.siamfc import SiamFC, SiamFCShape, initialise
from pursuit.runtimes.machine import cpu_features, has_fast_bf16


@pytest.fixture(scope="module")
def network() -> SiamFC:
    made = SiamFC(SiamFCShape(channels=(8, 16, 16, 16, 8)))
    initialise(made, torch.Generator().manual_seed(0))
    made.train()
    with torch.no_grad():
        for _ in range(3):
            made.embed(torch.from_numpy(windows(4, 127)).permute(0, 3, 1, 2).float())
        made.bias.fill_(-0.5)
    return made.eval()


def windows(number: int, side: int, seed: int = 0) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (number, side // 8 + 1, side // 8 + 1, 3), dtype=np.uint8)
    return coarse.repeat(8, 1).repeat(8, 2)[:, :side, :side].copy()


@pytest.mark.parametrize("name", ["eager", "tuned", "auto"])
def test_features_and_scores_are_the_networks(network: SiamFC, name: str) -> None:
    compiled = runtimes.compile(network, name)
    z, x = windows(2, 127), windows(6, 255, seed=1)
    exemplar, search = compiled.embed(z), compiled.embed(x)
    with torch.inference_mode():
        plain_z = network.embed(torch.from_numpy(z).permute(0, 3, 1, 2).float())
        plain_x = network.embed(torch.from_numpy(x).permute(0, 3, 1, 2).float())
        expected = torch.stack(
            [network.score(plain_z[i // 3][None], plain_x[i][None])[0] for i in range(6)]
        ).unflatten(0, (2, 3))
    found = compiled.score(exemplar, search)
    assert found.shape == (2, 3, 17, 17) and found.dtype == torch.float32
    # bfloat16 has 8 bits; five layers of them leave two digits of a feature.
    close = 1e-5 if name == "eager" else 2e-2
    assert (search - plain_x).norm() < close * plain_x.norm()
    correlation = expected + 0.5  # without the bias
    assert (found - expected).norm() < close * correlation.norm()


def test_the_network_given_is_left_alone(network: SiamFC) -> None:
    network.train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    for name in ("eager", "tuned"):
        runtimes.compile(network, name).embed(windows(1, 127))
    assert network.training
    network.eval()
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key])


def test_results_do_not_depend_on_the_batch(network: SiamFC) -> None:
    compiled = runtimes.compile(network, "tuned")
    x = windows(5, 255)
    together = compiled.embed(x)
    alone = compiled.embed(x[3:4])
    assert (together[3] - alone[0]).norm() < 2e-2 * alone.norm()


@pytest.mark.parametrize(
    ("name", "device", "message"),
    [
        ("tunned", "cpu", r"no runtime 'tunned' \(did you mean tuned\?\)"),
        ("auto", "tpu9", "no device 'tpu9'"),
        ("auto", "mps", "cpu and cuda"),
        ("auto", "cuda:99", "no device 'cuda:99'"),
    ],
)
def test_unknown_runtime_or_device(network: SiamFC, name: str, device: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        runtimes.compile(network, name, device)


def test_a_processor_without_bf16_gets_float32(
    network: SiamFC, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pursuit.runtimes.tuned.has_fast_bf16", lambda: False)
    compiled = runtimes.compile(network, "tuned")
    x = windows(2, 255)
    expected = runtimes.compile(network, "eager").embed(x)
    assert (compiled.embed(x) - expected).norm() < 1e-5 * expected.norm()


def test_processor_features_are_known_by_name() -> None:
    features = cpu_features()
    assert {"avx2", "avx512_bf16", "amx"} <= set(features)
    assert has_fast_bf16() == (features["avx512_bf16"] or features["amx"])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_cuda(network: SiamFC) -> None:
    compiled = runtimes.compile(network, "auto", "cuda")
    x = windows(3, 255)
    expected = runtimes.compile(network, "eager").embed(x)
    assert compiled.device.type == "cuda"
    assert (compiled.embed(x).cpu() - expected).norm() < 2e-2 * expected.norm()
