"""Other people's networks: the same numbers come out of our network."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pursuit import weights
from pursuit.errors import WeightsError

CHANNELS = (6, 8, 10, 8, 4)
GROUPS = (1, 2, 1, 2, 2)
KERNELS = (11, 5, 3, 3, 3)


def layers(seed: int = 0) -> list[dict[str, Tensor]]:
    """Return made-up layers: weight, bias, and but for the last gain, shift, mean, var."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    before = 3
    for i, after in enumerate(CHANNELS):
        size = (after, before // GROUPS[i], KERNELS[i], KERNELS[i])
        layer = {
            "weight": torch.randn(size, generator=generator) * 0.05,
            "bias": torch.randn(after, generator=generator),
        }
        if i < 4:
            layer["gain"] = torch.rand(after, generator=generator) + 0.5
            layer["shift"] = torch.randn(after, generator=generator)
            layer["mean"] = torch.randn(after, generator=generator)
            layer["var"] = torch.rand(after, generator=generator) + 0.1
        found.append(layer)
        before = after
    return found


def plain_features(x: Tensor, eps: float) -> Tensor:
    """Return what the layers above make of images, computed the long way."""
    for i, layer in enumerate(layers()):
        x = F.conv2d(x, layer["weight"], layer["bias"], 2 if i == 0 else 1, groups=GROUPS[i])
        if i < 4:
            shape = (1, -1, 1, 1)
            sigma = (layer["var"] + eps).sqrt().view(shape)
            x = (x - layer["mean"].view(shape)) / sigma * layer["gain"].view(shape)
            x = F.relu(x + layer["shift"].view(shape))
        if i < 2:
            x = F.max_pool2d(x, 3, 2)
    return x


@pytest.fixture
def images() -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, (2, 3, 127, 127), generator=generator).float()


def close(found: Tensor, expected: Tensor) -> bool:
    return bool((found - expected).abs().max() < 1e-4 * expected.abs().max())


def state_dict() -> dict[str, Tensor]:
    state = {}
    for i, layer in enumerate(layers(), start=1):
        state[f"backbone.conv{i}.0.weight"] = layer["weight"]
        state[f"backbone.conv{i}.0.bias"] = layer["bias"]
        if "gain" in layer:
            state[f"backbone.conv{i}.1.weight"] = layer["gain"]
            state[f"backbone.conv{i}.1.bias"] = layer["shift"]
            state[f"backbone.conv{i}.1.running_mean"] = layer["mean"]
            state[f"backbone.conv{i}.1.running_var"] = layer["var"]
            state[f"backbone.conv{i}.1.num_batches_tracked"] = torch.tensor(7)
    return state


@pytest.mark.parametrize("wrapped", ["plain", "state_dict", "module", "old format"])
def test_state_dict(tmp_path: Path, images: Tensor, wrapped: str) -> None:
    state: dict[str, object] = dict(state_dict())
    if wrapped == "state_dict":
        state = {"state_dict": state, "epoch": 3}
    if wrapped == "module":
        state = {f"module.{key}": value for key, value in state.items()}
    path = tmp_path / "net.pth"
    torch.save(state, path, _use_new_zipfile_serialization=wrapped != "old format")
    network, card = weights.read(path)
    assert close(network.embed(images), plain_features(images, eps=1e-6))
    assert card.channels == CHANNELS
    assert card.groups == GROUPS
    assert network.shape.gain == 1e-3 and network.bias.item() == 0


def test_state_dict_of_another_network(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"fc.weight": torch.zeros(3, 3)}, path)
    with pytest.raises(WeightsError, match=r"no backbone\.conv1\.0\.weight"):
        weights.read(path)
    state = state_dict()
    state["backbone.conv3.0.weight"] = torch.zeros(10, 7, 3, 3)
    torch.save(state, path)
    with pytest.raises(WeightsError, match=r"conv3\.weight of shape \(10, 7, 3, 3\)"):
        weights.read(path)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_pickle_of_anything_is_refused_in_one_line(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"a": [1, 2]}, protocol))
    # Warnings are errors here.
    with pytest.raises(WeightsError, match=r"a\.pkl (is|holds)"):
        weights.read(path)


def test_truncated_pytorch_file(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(state_dict(), path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(WeightsError, match="truncated or damaged"):
        weights.read(path)


def matconvnet(path: Path, *, prefix: str = "") -> None:
    """Write the layers as the authors' program saves a DagNN."""
    savemat = pytest.importorskip("scipy.io", reason="needs the extra evaluate").savemat
    params: list[tuple[str, np.ndarray]] = []  # type: ignore[type-arg]
    for i, layer in enumerate(layers(), start=1):
        params.append((f"conv{i}f", layer["weight"].permute(2, 3, 1, 0).numpy()))
        params.append((f"conv{i}b", layer["bias"][:, None].numpy()))
        if "gain" in layer:
            moments = torch.stack([layer["mean"], (layer["var"] + 1e-4).sqrt()], dim=1)
            params.append((f"bn{i}m", layer["gain"][:, None].numpy()))
            params.append((f"bn{i}b", layer["shift"][:, None].numpy()))
            params.append((f"bn{i}x", moments.numpy()))
    params.append(("adjust_f", np.array([[2e-3]], np.float32)))
    params.append(("adjust_b", np.array([[-2.148]], np.float32)))
    rows = np.zeros((1, len(params)), dtype=[("name", object), ("value", object)])
    for i, (name, value) in enumerate(params):
        rows[0, i] = (name if "adjust" in name else prefix + name, value)
    savemat(path, {"net": {"params": rows, "layers": [], "vars": []}})


@pytest.mark.parametrize("name", ["net.mat", "2016-08-17.net"])
@pytest.mark.parametrize("prefix", ["", "br_"])
def test_matconvnet(tmp_path: Path, images: Tensor, name: str, prefix: str) -> None:
    # scipy appends .mat to other names, so write first, then rename.
    matconvnet(tmp_path / "written.mat", prefix=prefix)
    path = (tmp_path / "written.mat").rename(tmp_path / name)
    network, card = weights.read(path)
    assert close(network.embed(images), plain_features(images, eps=1e-4))
    assert network.bias.item() == pytest.approx(-2.148)
    assert card.gain == pytest.approx(2e-3)
    assert card.groups == GROUPS


def test_matlab_file_of_something_else(tmp_path: Path) -> None:
    savemat = pytest.importorskip("scipy.io", reason="needs the extra evaluate").savemat
    path = tmp_path / "boxes.mat"
    savemat(path, {"results": np.zeros((3, 4))})
    with pytest.raises(WeightsError, match="no MatConvNet network"):
        weights.read(path)
    matconvnet(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(WeightsError, match="not a whole MATLAB file"):
        weights.read(path)


def test_newer_matlab_format_says_what_to_do(tmp_path: Path) -> None:
    pytest.importorskip("scipy.io", reason="needs the extra evaluate")
    path = tmp_path / "new.mat"
    head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    path.write_bytes(head.ljust(512, b"\0") + b"\x89HDF\r\n\x1a\n".ljust(512, b"\0"))
    with pytest.raises(WeightsError, match="-v7"):
        weights.read(path)


def int8(path: Path, **changes: np.ndarray | None) -> None:  # type: ignore[type-arg]
    arrays: dict[str, np.ndarray] = {}  # type: ignore[type-arg]
    rng = np.random.default_rng(0)
    for i, layer in enumerate(layers(), start=1):
        shape = layer["weight"].shape
        arrays[f"conv{i}.weight.int8"] = rng.integers(-127, 128, shape).astype(np.int8)
        arrays[f"conv{i}.weight.scale"] = rng.uniform(1e-3, 2e-3, shape[0]).astype(np.float32)
        arrays[f"conv{i}.bias"] = rng.normal(size=shape[0]).astype(np.float32)
    arrays.update({k: v for k, v in changes.items() if v is not None})
    np.savez(path, **{k: v for k, v in arrays.items() if changes.get(k, v) is not None})


def test_int8(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    int8(path)
    network, card = weights.read(path)
    with np.load(path) as stored:
        steps, scale = stored["conv2.weight.int8"], stored["conv2.weight.scale"]
    kernel = dict(network.named_parameters())["trunk.1.0.weight"]
    assert kernel.numpy() == pytest.approx(steps * scale[:, None, None, None])
    assert network.bias.item() == pytest.approx(-2.148)
    assert card.channels == CHANNELS


def test_int8_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    int8(path, **{"conv4.bias": None})
    with pytest.raises(WeightsError, match=r"no conv4\.bias"):
        weights.read(path)
    np.savez(path, boxes=np.array([{"a": 1}], dtype=object))
    with pytest.raises(WeightsError, match="npz"):
        weights.read(path)


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("FDSiamfc_30.pth", (28, 76, 114, 114, 76)),
        ("FDSiamfc_15.pth", (14, 38, 56, 56, 38)),
        ("siamfc-3s-colour-int8.npz", (96, 256, 384, 384, 256)),
    ],
)
def test_real_files(shared_data: Path, name: str, channels: tuple[int, ...]) -> None:
    network, card = weights.read(shared_data / "reference-nets" / name)
    assert network.shape.channels == card.channels == channels
    assert network.shape.groups == (1, 2, 1, 2, 2)
