"""Runtimes: each computes what the network as written computes."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from importlib import util

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pursuit import runtimes
from pursuit.errors import SettingsError
from pursuit.networks import goturn
from pursuit.networks.goturn import GOTURN, GOTURNShape, Norm
from pursuit.networks.siamfc import SiamFC, SiamFCShape, correlate, initialise
from pursuit.runtimes import engine
from pursuit.runtimes.machine import cpu_features, has_fast_bf16
from pursuit.runtimes.pieces import PIECE, in_pieces, one_thread
from pursuit.runtimes.tuned import FastLRN, in_pairs


def needs(module: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(util.find_spec(module) is None, reason=f"needs {module}")


ENGINES = [
    pytest.param("openvino", marks=needs("openvino")),
    pytest.param("openvino-f32", marks=needs("openvino")),
    pytest.param("onnx", marks=needs("onnxruntime")),
]
EXACT = ("eager", "openvino-f32", "onnx")  # float32, whatever the processor


@pytest.fixture
def own_threads() -> Iterator[None]:
    """Let a test set how many threads PyTorch has, and others have what they had."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


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


@pytest.mark.parametrize("name", ["eager", "tuned", "auto", *ENGINES])
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
    close = 1e-5 if name in EXACT else 2e-2
    assert (search - plain_x).norm() < close * plain_x.norm()
    correlation = expected + 0.5  # without the bias
    assert (found - expected).norm() < close * correlation.norm()


def test_the_network_given_is_left_alone(network: SiamFC) -> None:
    network.train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    for name in ("eager", "tuned", "openvino", "onnx"):
        if name in ("eager", "tuned") or util.find_spec(name) is not None:
            runtimes.compile(network, name).embed(windows(1, 127))
    assert network.training
    network.eval()
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key])


@pytest.mark.parametrize("name", ["tuned", *ENGINES])
def test_results_do_not_depend_on_the_batch(network: SiamFC, name: str) -> None:
    compiled = runtimes.compile(network, name)
    x = windows(5, 255)
    together = compiled.embed(x)
    alone = compiled.embed(x[3:4])
    assert (together[3] - alone[0]).norm() < 2e-2 * alone.norm()


@pytest.mark.parametrize("name", ["eager", "tuned", *ENGINES])
def test_windows_of_any_form_are_taken(network: SiamFC, name: str) -> None:
    compiled, x = runtimes.compile(network, name), windows(2 * PIECE + 1, 255)
    together = compiled.embed(x)
    assert len(together) == len(x)
    for number in (1, 2, PIECE - 1, PIECE, PIECE + 1):
        found = compiled.embed(x[-number:])
        assert (found - together[-number:]).norm() < 1e-2 * found.norm()


@pytest.mark.parametrize("name", ["eager", "tuned", *ENGINES])
def test_its_memory_is_free_with_the_last_name_of_it(network: SiamFC, name: str) -> None:
    for made in (network, regressor("lrn")):
        gc.collect()
        gc.disable()  # what holds itself would wait for it
        try:
            compiled = weakref.ref(runtimes.compile(made, name))
            assert compiled() is None
        finally:
            gc.enable()


def test_windows_are_taken_in_pieces_whose_memory_may_be_the_same() -> None:
    x, memory = windows(2 * PIECE + 1, 16), np.empty((PIECE, 3, 16, 16), np.float32)
    numbers = []

    def turned(some: NDArray[np.uint8]) -> NDArray[np.float32]:
        numbers.append(len(some))
        memory[: len(some)] = some.transpose(0, 3, 1, 2)
        return memory[: len(some)]

    assert np.array_equal(in_pieces(turned, x), x.transpose(0, 3, 1, 2))
    assert numbers == [PIECE, PIECE, 1]


def test_pytorch_has_its_threads_back_after_an_error() -> None:
    before = torch.get_num_threads()
    with pytest.raises(KeyError), one_thread():
        _ = {}[torch.get_num_threads()]  # type: ignore[var-annotated]
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


@pytest.mark.usefixtures("own_threads")
def test_a_new_thread_does_not_keep_what_another_set_for_a_moment() -> None:
    torch.set_num_threads(3)
    numbers = []

    def beside() -> None:  # its first sight of PyTorch is while another thread is alone
        with one_thread():
            numbers.append(torch.get_num_threads())
        numbers.append(torch.get_num_threads())

    with one_thread():
        thread = threading.Thread(target=beside)
        thread.start()
        thread.join()
    later = threading.Thread(target=lambda: numbers.append(torch.get_num_threads()))
    later.start()
    later.join()
    numbers.append(torch.get_num_threads())
    assert numbers == [1, 3, 3, 3]


@pytest.mark.usefixtures("own_threads")
@pytest.mark.parametrize("name", ENGINES)
def test_pytorch_leaves_the_cores_to_an_engine(
    network: SiamFC,
    name: str,
    other_threads: Callable[[Callable[[], object]], float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PyTorch's threads go on turning in circles after their work, and take the engine's time."""
    compiled = runtimes.compile(network, name)
    x = compiled.embed(windows(8, 127)), compiled.embed(windows(24, 255))
    torch.set_num_threads(2)
    assert other_threads(lambda: compiled.score(x[0][:1], x[1])) < 0.1
    used = []

    def counted(exemplar: torch.Tensor, search: torch.Tensor) -> torch.Tensor:
        used.append((len(exemplar), torch.get_num_threads()))
        return correlate(exemplar, search)

    together = compiled.score(*x)
    monkeypatch.setattr(engine, "correlate", counted)
    assert torch.equal(compiled.score(*x), together)
    assert used == [(4, 1), (4, 1)]
    alone = [compiled.score(x[0][i : i + 1], x[1][3 * i : 3 * i + 3]) for i in range(8)]
    assert (torch.cat(alone) - together).abs().max() < 1e-5 * together.abs().max()
    assert torch.get_num_threads() == 2
    heads = runtimes.compile(regressor("lrn"), name)
    pairs = heads.embed(windows(8, 227)), heads.embed(windows(24, 227))
    assert heads.regress(*pairs).shape == (8, 3, 4)
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("name", ["eager", "tuned", *ENGINES])
def test_features_stay_when_others_are_made(network: SiamFC, name: str) -> None:
    compiled = runtimes.compile(network, name)
    first = compiled.embed(windows(1, 127))
    before = first.clone()
    compiled.embed(windows(1, 127, seed=5))
    assert torch.equal(first, before)


def regressor(norm: Norm) -> GOTURN:
    """Return a small GOTURN whose norms, first values and biases all matter."""
    made = GOTURN(
        GOTURNShape(channels=(16, 24, 16, 16, 8), hidden=(64, 32, 32), norm=norm, dropout=0.5)
    )
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for layer in [*goturn.convolutions(made), *goturn.linears(made)]:
            spread = (2 / layer.weight[0].numel()) ** 0.5
            layer.weight.normal_(0, spread, generator=generator)
            assert layer.bias is not None
            layer.bias.normal_(0, 0.3, generator=generator)
        if norm == "batch":
            made.train()
            for seed in range(3):
                made.embed(pictures(windows(4, 227, seed)))
    return made.eval()


def pictures(crops: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(crops).permute(0, 3, 1, 2).float()


@pytest.mark.parametrize("name", ["eager", "tuned", "auto", *ENGINES])
@pytest.mark.parametrize("norm", ["lrn", "batch", "none"])
def test_corners_are_the_networks(norm: Norm, name: str) -> None:
    network = regressor(norm)
    crops = windows(8, 227)  # two targets, three search windows of each
    with torch.inference_mode():
        features = network.embed(pictures(crops))
        expected = [
            network(pictures(crops[i // 3][None]), pictures(crops[2 + i][None])) for i in range(6)
        ]
    compiled = runtimes.compile(network, name)
    found = compiled.embed(crops)
    assert found.shape == (8, 8, 6, 6)
    corners = compiled.regress(found[:2], found[2:])
    assert corners.shape == (2, 3, 4) and corners.dtype == torch.float32
    close = 1e-5 if name in EXACT else 2e-2
    assert (found - features).norm() < close * features.norm()
    wanted = torch.cat(expected).reshape(2, 3, 4)
    close = 1e-5 if name in EXACT else 5e-2  # four layers more, of weights that cancel
    assert (corners - wanted).norm() < close * wanted.norm()
    assert (wanted[0] - wanted[1]).norm() > 2 * close * wanted.norm()  # a wrong pair is seen


def test_goturn_on_a_processor_without_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pursuit.runtimes.tuned.has_fast_bf16", lambda: False)
    network, crops = regressor("lrn"), windows(3, 227)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    tuned, eager = (runtimes.compile(network, name) for name in ("tuned", "eager"))
    found, expected = tuned.embed(crops), eager.embed(crops)
    assert (found - expected).norm() < 1e-5 * expected.norm()
    corners, wanted = tuned.regress(found[:1], found[1:]), eager.regress(found[:1], found[1:])
    assert (corners - wanted).norm() < 1e-5 * wanted.norm()
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key])  # the network given is left alone


@pytest.mark.parametrize(("side", "stride"), [(127, 2), (255, 2), (227, 4), (64, 2)])
def test_pixels_in_pairs_give_the_same_sums(side: int, stride: int) -> None:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(4, 3, 11, 11, dtype=torch.float64, generator=generator)
    x = torch.from_numpy(windows(2, side)).double()
    expected = torch.nn.functional.conv2d(x.permute(0, 3, 1, 2), weight, stride=stride)
    even = torch.nn.functional.pad(x.flatten(2), (0, 3 * (side % 2)))
    pairs = even.unflatten(2, (-1, 6)).permute(0, 3, 1, 2)
    found = torch.nn.functional.conv2d(pairs, in_pairs(weight), stride=(stride, stride // 2))
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, rtol=1e-13, atol=1e-10)


@pytest.mark.parametrize(("size", "channels"), [(5, 96), (5, 256), (3, 7), (4, 9), (5, 2)])
def test_the_fast_norm_is_the_plain_one(size: int, channels: int) -> None:
    x = 200 * torch.randn(2, channels, 6, 5, generator=torch.Generator().manual_seed(0))
    plain = torch.nn.LocalResponseNorm(size, 1e-3, 0.75, 2.0)
    expected = plain(x)
    found = FastLRN(plain, channels, x.device)(x.to(memory_format=torch.channels_last))
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert (x - expected).norm() > 0.2 * x.norm()  # it does something


@pytest.mark.parametrize(
    ("name", "device", "message"),
    [
        ("tunned", "cpu", r"no runtime 'tunned' \(did you mean tuned\?\)"),
        ("auto", "tpu9", "no device 'tpu9'"),
        ("auto", "mps", "cpu and cuda"),
        ("auto", "cuda:99", "no device 'cuda:99'"),
        ("openvino", "cuda:99", "no device 'cuda:99'"),
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


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
def test_signals_are_handled_after_an_openvino_network_has_gone() -> None:
    """OpenVINO has a stack of its own for signals, which must not go with a network."""
    pytest.importorskip("openvino")
    script = """
import faulthandler, os, signal, threading
faulthandler.enable()
from pursuit import runtimes
from pursuit.networks.goturn import GOTURN, GOTURNShape, initialise
network = GOTURN(GOTURNShape((8,) * 5, (1,) * 5, (8,) * 3, "none"))
initialise(network)
signal.signal(signal.SIGTERM, lambda *_: print("handled", flush=True))
for _ in range(3):
    runtimes.compile(network, "openvino-f32")
    os.kill(os.getpid(), signal.SIGTERM)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, "handled\n" * 3)
