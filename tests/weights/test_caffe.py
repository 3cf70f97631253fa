"""Caffe's networks: the authors' GOTURN comes out as it went in, others are named."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from caffemodels import Form, encode, goturn, goturn_layers
from torch import Tensor
from torch.nn import functional as F

from pursuit import weights
from pursuit.errors import WeightsError
from pursuit.networks.goturn import GOTURN, GOTURNShape
from pursuit.networks.siamfc import SiamFC, SiamFCShape
from pursuit.weights import caffe

Layers = dict[str, list[np.ndarray[Any, Any]]]
FORMS = [
    Form(*values)
    for values in itertools.product((True, False), ("layer", "layers"), ("shape", "four"))
]
HEAD = ("fc6-new", "fc7-new", "fc7-newb", "fc8-shapes")


def written(folder: Path, layers: Layers, form: Form = FORMS[0]) -> Path:
    path = folder / "tracker.caffemodel"
    path.write_bytes(encode(layers, form))
    return path


@pytest.fixture(scope="module")
def crops() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    size = (2, 3, 227, 227)
    one, two = (torch.randint(0, 256, size, generator=generator).float() for _ in range(2))
    return one, two


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_authors_network_is_the_one_it_was_written_from(
    tmp_path: Path, crops: tuple[Tensor, Tensor], form: Form
) -> None:
    source = goturn()
    network, card = weights.read(written(tmp_path, goturn_layers(source), form))
    with torch.inference_mode():
        assert torch.equal(network(*crops), source(*crops))
    assert not network.training and isinstance(network, GOTURN)
    assert (network.shape.channels, network.shape.hidden) == ((4, 6, 8, 8, 4), (12, 10, 8))
    assert card.shape() == network.shape == source.shape
    assert card.norm == "lrn" and card.input == "BGR 0..255 minus 104 117 123"
    assert (card.name, card.origin) == ("tracker", "GOTURN of Caffe, tracker.caffemodel")
    # Values of its own: the file can change or go.
    (tmp_path / "tracker.caffemodel").write_bytes(b"gone")
    with torch.inference_mode():
        assert torch.equal(network(*crops), source(*crops))


def test_what_the_network_does_is_what_caffe_does(
    tmp_path: Path, crops: tuple[Tensor, Tensor]
) -> None:
    # Computed the long way from the arrays in the file: BGR, the mean pixel, target first.
    layers = goturn_layers(goturn(seed=3))
    network, _ = weights.read(written(tmp_path, layers))
    features = []
    for crop in crops:
        x = crop[:, [2, 1, 0]] - torch.tensor([104.0, 117.0, 123.0])[:, None, None]
        for i, (stride, padding, groups) in enumerate(
            [(4, 0, 1), (1, 2, 2), (1, 1, 1), (1, 1, 2), (1, 1, 2)], start=1
        ):
            kernel, bias = map(torch.from_numpy, layers[f"conv{i}"])
            x = F.relu(F.conv2d(x, kernel, bias, stride, padding, groups=groups))
            if i in (1, 2, 5):
                x = F.max_pool2d(x, 3, 2)
            if i in (1, 2):
                around = F.pad(x.square(), (0, 0, 0, 0, 2, 2)).unfold(1, 5, 1).sum(-1)
                x = x / (1 + 1e-4 / 5 * around) ** 0.75
        features.append(x.flatten(1))
    x = torch.cat(features, dim=1)
    for name in HEAD:
        matrix, bias = map(torch.from_numpy, layers[name])
        x = x @ matrix.T + bias
        x = x if name == HEAD[-1] else F.relu(x)
    with torch.inference_mode():
        found = network(*crops)
    assert found.shape == (2, 4)
    assert (found - x).abs().max() < 1e-5 * x.abs().max()


def test_it_is_known_by_its_content(tmp_path: Path) -> None:
    path = written(tmp_path, goturn_layers(goturn())).rename(tmp_path / "download.bin")
    assert isinstance(weights.read(path)[0], GOTURN)
    page = tmp_path / "page.caffemodel"
    page.write_text("<!DOCTYPE html><html>not found</html>", encoding="utf-8")
    with pytest.raises(WeightsError, match=r"page\.caffemodel is not a whole \.caffemodel"):
        weights.read(page)


def test_it_is_kept_as_any_other(tmp_path: Path) -> None:
    network, card = weights.read_goturn(written(tmp_path, goturn_layers(goturn())))
    weights.save(tmp_path / "mine.safetensors", network, card)
    again, its_card = weights.read_goturn(tmp_path / "mine.safetensors")
    assert its_card == card.with_values(sha256=its_card.sha256)
    for (name, found), expected in zip(again.named_parameters(), network.parameters(), strict=True):
        assert torch.equal(found, expected.half().float() if "weight" in name else expected)


def test_a_trunk(tmp_path: Path) -> None:
    layers = goturn_layers(goturn())
    classifier = {f"conv{i}": layers[f"conv{i}"] for i in range(1, 6)}
    rng = np.random.default_rng(0)
    classifier["fc6"] = [rng.normal(size=(20, 144)), rng.normal(size=20)]
    classifier["fc8"] = [rng.normal(size=(4, 20)), rng.normal(size=4)]  # of four classes
    for form in FORMS:
        path = written(tmp_path, classifier, form)
        trunk = caffe.read_trunk(path)
        with pytest.raises(WeightsError, match="trunk to start a training of GOTURN from, not a"):
            weights.read(path)
        path.write_bytes(b"gone")
        assert len(trunk) == 5
        for i, (kernel, bias) in enumerate(trunk, start=1):
            expected = layers[f"conv{i}"]
            assert kernel.dtype == bias.dtype == torch.float32
            assert kernel.numpy().tolist() == expected[0].tolist()
            assert bias.numpy().tolist() == expected[1].tolist()
    # The authors' own, trained or not, hold it too.
    for file in (layers, {name: layers[name] for name in layers if name not in HEAD}):
        assert torch.equal(caffe.read_trunk(written(tmp_path, file))[4][0], trunk[4][0])
    with pytest.raises(WeightsError, match="cannot read the weights"):
        caffe.read_trunk(tmp_path / "none.caffemodel")


def opencv_form(layers: Layers) -> Layers:
    towers = {f"conv{t}{i}": layers[f"conv{i}"] for t in (1, 2) for i in range(1, 6)}
    return {
        **towers,
        "fc6": layers["fc6-new"],
        "fc7": layers["fc7-new"],
        "fc8": [np.ones((4, 10), np.float32), np.ones(4, np.float32)],
    }


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_opencvs_network_is_told_apart(tmp_path: Path, form: Form) -> None:
    path = written(tmp_path, opencv_form(goturn_layers(goturn())), form)
    for read in (weights.read, caffe.read_trunk):
        with pytest.raises(WeightsError, match="GOTURN as OpenCV has it, which is another"):
            read(path)


def put(name: str, part: int, array: np.ndarray[Any, Any]) -> Callable[[Layers], None]:
    def change(layers: Layers) -> None:
        layers[name][part] = array.astype(np.float32)

    return change


def lose(name: str) -> Callable[[Layers], None]:
    def change(layers: Layers) -> None:
        del layers[name]

    return change


def lose_a_bias(layers: Layers) -> None:
    layers["conv4"].pop()


def spoil(name: str, value: float) -> Callable[[Layers], None]:
    def change(layers: Layers) -> None:
        layers[name][0].flat[3] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lose("conv1"), "no layer conv1:"),
        (lose("conv3_p"), "no layer conv3_p:"),
        (lose("fc6-new"), "no layer fc6-new:"),
        (lose("fc7-newb"), "no layer fc7-newb:"),
        (lose("fc8-shapes"), "no layer fc8-shapes:"),
        (lose_a_bias, "holds 1 arrays in layer conv4, not two"),
        (put("conv1", 0, np.ones((4, 3, 7, 7))), r"conv1 of shape \(4, 3, 7, 7\), .*any, 11, 11"),
        (put("conv1", 0, np.ones((4, 2, 11, 11))), r"conv1 of shape \(4, 2, 11, 11\), .* 3 chann"),
        (put("conv2", 0, np.ones((6, 3, 5, 5))), r"conv2 of shape \(6, 3, 5, 5\), .* 4 channels"),
        (put("conv2", 0, np.ones((6, 1, 5, 5))), r"conv2 of shape \(6, 1, 5, 5\), .*equal groups"),
        (put("conv3", 0, np.ones((8, 150))), r"conv3 of shape \(8, 150\)"),
        (put("conv5", 1, np.ones(5)), r"conv5 \(its bias\) of shape \(5,\), where \(4,\)"),
        (put("fc6-new", 0, np.ones((12, 144))), r"fc6-new of shape \(12, 144\), .*\(any, 288\)"),
        (put("fc7-new", 0, np.ones((10, 11))), r"fc7-new of shape \(10, 11\), .*\(any, 12\)"),
        (put("fc7-newb", 0, np.ones((2, 8, 10))), r"fc7-newb of shape \(2, 8, 10\)"),
        (put("fc8-shapes", 0, np.ones((4, 9))), r"fc8-shapes of shape \(4, 9\), .*\(any, 8\)"),
        (put("fc7-newb", 0, np.ones((70_000, 10))), "fc7-newb of shape .* no more than 65536 rows"),
        (spoil("conv2", np.nan), "layer conv2 that are not finite"),
        (spoil("fc7-new", -np.inf), "layer fc7-new that are not finite"),
        (spoil("conv4_p", 0.5), "towers that differ, first in conv4 and conv4_p"),
        (put("conv5_p", 0, np.ones((4, 4, 1, 3))), "towers that differ, first in conv5"),
    ],
)
def test_another_network_names_the_first_wrong_layer(
    tmp_path: Path, change: Callable[[Layers], None], message: str
) -> None:
    layers = goturn_layers(goturn())
    layers |= {name: [array.copy() for array in layers[name]] for name in layers}
    change(layers)
    path = written(tmp_path, layers)
    with pytest.raises(WeightsError, match=message) as caught:
        weights.read(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_eight_outputs_are_no_box(tmp_path: Path) -> None:
    layers = goturn_layers(goturn())
    layers["fc8-shapes"] = [np.ones((8, 8)), np.ones(8)]
    with pytest.raises(WeightsError, match=r"fc8-shapes of shape \(8, 8\), where 4 outputs"):
        weights.read(written(tmp_path, layers))


def test_cut_between_layers(tmp_path: Path) -> None:
    path = written(tmp_path, goturn_layers(goturn()))
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"relu of fc7-new") - 5])
    with pytest.raises(WeightsError, match="no layer fc7-newb"):
        weights.read(path)
    path.write_bytes(whole[:-100])
    with pytest.raises(WeightsError, match="truncated or damaged"):
        weights.read(path)


def test_one_network_does_not_pass_for_another(tmp_path: Path) -> None:
    path = written(tmp_path, goturn_layers(goturn()))
    with pytest.raises(WeightsError, match="holds a GOTURN network; here only SiamFC"):
        weights.read_siamfc(path)
    network = SiamFC(SiamFCShape(channels=(2, 2, 2, 2, 2)))
    path = tmp_path / "a.safetensors"
    weights.save(path, network, weights.card_for(network.shape, name="a"))
    with pytest.raises(WeightsError, match="holds a SiamFC network; here only GOTURN"):
        weights.read_goturn(path)
    assert weights.read_siamfc(path)[0].shape.channels == (2, 2, 2, 2, 2)


def test_batch_norms_are_folded_and_values_halved(
    tmp_path: Path, crops: tuple[Tensor, Tensor]
) -> None:
    shape = GOTURNShape((4, 6, 8, 8, 4), (1, 1, 2, 1, 4), hidden=(12, 10, 8), norm="batch")
    network = goturn(shape)
    for name, value in network.named_buffers():
        if name.endswith("running_mean"):
            value.fill_(0.3)
        if name.endswith("running_var"):
            value.fill_(1.7)
    path = tmp_path / "compact.safetensors"
    card = weights.card_for(shape, name="compact", seed=4)
    written = weights.save(path, network, card)
    read, its_card = weights.read_goturn(path)
    assert (its_card, its_card.norm, its_card.groups) == (written, "none", (1, 1, 2, 1, 4))
    assert read.shape == GOTURNShape(shape.channels, shape.groups, shape.hidden, "none")
    with torch.inference_mode():
        found, expected = read(*crops), network(*crops)
    assert 0 < (found - expected).abs().max() < 1e-2 * expected.abs().max()
    parameters = sum(value.numel() for value in read.parameters())
    biases = 30 + 34
    assert path.stat().st_size - 2 * parameters - 2 * biases < 2000  # the rest is its header


def test_what_half_precision_cannot_hold_is_refused(tmp_path: Path) -> None:
    network = goturn()
    with torch.no_grad():
        network.head[1][0].weight[0, 0] = 1e5
    card = weights.card_for(network.shape, name="a")
    with pytest.raises(WeightsError, match=r"fc2\.weight holds values that are not finite"):
        weights.save(tmp_path / "a.safetensors", network, card)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"goturn"', '"gotrun"', "wrong at network: .*'gotrun'"),
        ('"BGR 0', '"RGB 0', "wrong at input"),
        ('"none"', '"batch"', "wrong at norm"),
        ('"hidden"', '"hiden"', "wrong at hid"),
        ("12,", "-12,", r"wrong at hidden\.0"),
        ("12,", "99999999999999999999,", r"wrong at hidden\.0"),
        ("12,", "60000,", r"fc1\.weight of shape \(12, 288\), .*\(60000, 288\)"),
        ('groups": [\n    1', 'groups": [\n    5', "form that no network has: in_channels must be"),
    ],
)
def test_a_card_of_another_network(tmp_path: Path, old: str, new: str, message: str) -> None:
    shape = GOTURNShape((4, 6, 8, 8, 4), hidden=(12, 10, 8), norm="none")
    path = tmp_path / "a.safetensors"
    weights.save(path, goturn(shape), weights.card_for(shape, name="a"))
    place = weights.card_path(path)
    text = place.read_text(encoding="utf-8")
    place.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(WeightsError, match=message) as caught:
        weights.read(path)
    assert "\n" not in str(caught.value)
