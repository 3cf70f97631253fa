"""GOTURN's first weights from SiamFC, from GOTURN, and from CaffeNet's kernels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from caffemodels import Layers, encode, goturn_layers
from caffemodels import goturn as caffe_goturn
from torch import Tensor, nn

from pursuit import weights
from pursuit.errors import RecipeError, WeightsError
from pursuit.learning import goturn, siamfc
from pursuit.learning.recipe import GOTURNNetworkRecipe, NetworkRecipe
from pursuit.learning.start import card_of, digest_of, start_from
from pursuit.networks.goturn import CROP, GOTURN, convolutions, initialise, linears
from pursuit.weights import card_for

SLIM = (32, 88, 128, 128, 96)
SMALL = (4, 8, 8, 8, 8)
AS_CAFFE: dict[str, object] = {"channels": (4, 6, 8, 8, 4), "hidden": (12, 10, 8)}  # `caffe_goturn`
TRUNK = ("conv1", "conv2", "conv3", "conv4", "conv5")


def _windows() -> Iterator[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(3)
    for _ in range(2):
        pair = [torch.rand(2, 3, CROP, CROP, generator=generator) * 255 for _ in range(2)]
        yield pair[0], pair[1]


def _no_windows() -> Iterator[tuple[Tensor, Tensor]]:
    raise AssertionError("no norm was folded")


def _form(**fields: object) -> GOTURNNetworkRecipe:
    small = {"channels": SMALL, "hidden": (8, 8, 8), "first": "he"}
    return GOTURNNetworkRecipe.model_validate({**small, **fields})


def _network(seed: int = 0, **fields: object) -> GOTURN:
    """Return a network whose values have moved, norms too."""
    network = goturn.build_network(_form(**fields))
    generator = torch.Generator().manual_seed(seed)
    initialise(network, generator)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, generator=generator)
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            module.running_mean.normal_(generator=generator)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 2, generator=generator)  # type: ignore[union-attr]
    return network.eval()


def _checkpoint(network: GOTURN, path: Path, **fields: object) -> str:
    learner = {f"network.{name}": value for name, value in network.state_dict().items()}
    form = _form(**fields).model_dump(mode="json")
    torch.save({"learner": learner, "network": form, "values": {"method": "goturn"}}, path)
    return str(path)


def _far(one: Tensor, two: Tensor) -> float:
    return float((one - two).abs().max() / two.abs().max())


def test_siamfcs_first_kernels_see_what_they_saw() -> None:
    source, _ = weights.read_siamfc(weights.shipped()["siamfc-slim"])
    network = _network(channels=SLIM, norm="none")
    start_from(network, "siamfc-slim", 0, _no_windows)
    image = next(_windows())[0]
    first = source.trunk[0][0]
    with torch.no_grad():
        expected = nn.functional.conv2d(image, first.weight, first.bias, stride=4)
        found = convolutions(network)[0](image.flip(1) - network.mean)
    assert _far(found, expected) < 1e-4
    for conv, same in zip(convolutions(network)[1:], list(source.trunk)[1:], strict=True):
        assert torch.equal(conv.weight, same[0].weight) and torch.equal(conv.bias, same[0].bias)


def test_norms_over_siamfcs_trunk_leave_its_features() -> None:
    plain, normed = _network(channels=SLIM, norm="none"), _network(channels=SLIM, norm="batch")
    start_from(plain, "siamfc-slim", 0, _no_windows)
    lengths = [conv.weight.detach().flatten(1).norm(dim=1) for conv in convolutions(normed)]
    start_from(normed, "siamfc-slim", 0, _windows)
    image = next(_windows())[1]
    with torch.no_grad():
        expected, found = plain.embed(image), normed.eval().embed(image)
    assert float(expected.std()) > 0 and _far(found, expected) < 1e-3
    for conv, length in zip(convolutions(normed), lengths, strict=True):
        made = conv.weight.detach().flatten(1).norm(dim=1)
        assert float(made.mean()) == pytest.approx(float(length.mean()), rel=1e-3)
    # Seen as a batch, the windows give the same: the running moments are theirs.
    with torch.no_grad():
        batch = normed.train().embed(torch.cat([torch.cat(pair) for pair in _windows()]))
    assert _far(batch[2:4], expected) < 0.05


def test_siamfcs_checkpoint_starts_the_trunk(tmp_path: Path) -> None:
    form = NetworkRecipe(channels=(4, 8, 8, 8, 8))
    source = siamfc.build_network(form).eval()
    learner = {f"network.{name}": value for name, value in source.state_dict().items()}
    path = tmp_path / "checkpoint.pt"
    torch.save({"learner": learner, "network": form.model_dump(mode="json")}, path)
    network = _network(norm="none")
    start_from(network, str(path), 0, _no_windows)
    first = source.trunk[0]
    image = next(_windows())[0]
    with torch.no_grad():
        expected = first[1](nn.functional.conv2d(image, first[0].weight, first[0].bias, stride=4))
        found = convolutions(network)[0](image.flip(1) - network.mean)
    assert _far(found, expected) < 1e-4


def test_a_checkpoint_of_goturn_starts_all_of_it(tmp_path: Path) -> None:
    source = _network(norm="batch", seed=1)
    start = _checkpoint(source, tmp_path / "checkpoint.pt", norm="batch")
    network = _network(norm="batch")
    start_from(network, start, 0, _no_windows)
    for name, value in source.state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name
    narrow = _network(norm="batch", hidden=(8, 8, 4))
    before = linears(narrow)[0].weight.clone()
    start_from(narrow, start, 0, _no_windows)
    assert torch.equal(narrow.trunk[4][0].weight, source.trunk[4][0].weight)
    assert torch.equal(linears(narrow)[0].weight, before)  # of another width: as it was


def test_weights_of_goturn_start_all_of_it(tmp_path: Path) -> None:
    source = _network(norm="batch", seed=1)
    path = tmp_path / "mine.safetensors"
    weights.save(path, source, card_for(source.shape, name="mine", licence="mine"))
    target, search = next(_windows())
    for norm, windows in (("none", _no_windows), ("batch", _windows)):
        network = _network(norm=norm)
        start_from(network, str(path), 0, windows)
        with torch.no_grad():
            assert _far(network.eval()(target, search), source(target, search)) < 0.01
    card = card_of(str(path))
    assert card is not None and card.licence == "mine"


def _caffe(layers: Layers, path: Path) -> str:
    path.write_bytes(encode(layers))
    return str(path)


def test_caffenets_kernels_start_the_trunk(tmp_path: Path) -> None:
    source = caffe_goturn(seed=1)
    layers = {name: goturn_layers(source)[name] for name in TRUNK}
    path = tmp_path / "caffenet.caffemodel"
    start = _caffe({**layers, "fc8": [np.ones((1000, 4)), np.ones(1000)]}, path)
    network = _network(norm="lrn", **AS_CAFFE)
    before = linears(network)[0].weight.clone()
    start_from(network, start, 0, _no_windows)
    for conv, same in zip(convolutions(network), convolutions(source), strict=True):
        assert torch.equal(conv.weight, same.weight) and torch.equal(conv.bias, same.bias)  # type: ignore[arg-type]
    assert torch.equal(linears(network)[0].weight, before)
    assert card_of(start) is None
    digest = digest_of(start)
    layers["conv5"][1][0] += 1
    assert len(digest) == 16 and digest_of(_caffe(layers, path)) != digest
    with pytest.raises(RecipeError, match="which SiamFC cannot start from"):
        start_from(siamfc.build_network(NetworkRecipe(channels=SMALL)), start, 0, _no_windows)


def test_the_authors_tracker_starts_all_of_it(tmp_path: Path) -> None:
    source = caffe_goturn(seed=1)
    start = _caffe(goturn_layers(source), tmp_path / "tracker.caffemodel")
    network = _network(norm="lrn", **AS_CAFFE)
    start_from(network, start, 0, _no_windows)
    for name, value in source.state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name
    card = card_of(start)
    assert card is not None and card.licence.startswith("unknown")


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_head_behind_local_response_norms_does_not_start_one_without(
    tmp_path: Path, norm: str
) -> None:
    source = caffe_goturn(seed=1)
    start = _caffe(goturn_layers(source), tmp_path / "tracker.caffemodel")
    network = _network(norm=norm, **AS_CAFFE)
    before = {name: value.clone() for name, value in network.head.state_dict().items()}
    start_from(network, start, 0, _windows)
    for name, value in network.head.state_dict().items():
        assert torch.equal(value, before[name]), name
    kernels = [convolutions(one)[1].weight.detach().flatten(1) for one in (network, source)]
    # The trunk is the source's: where there are norms, but for the kernels' lengths.
    alike = nn.functional.cosine_similarity(*kernels)
    torch.testing.assert_close(alike, torch.ones(6))


def test_a_damaged_tracker_is_not_taken_for_a_trunk(tmp_path: Path) -> None:
    layers = goturn_layers(caffe_goturn(seed=1))
    path = tmp_path / "tracker.caffemodel"
    short = {name: arrays for name, arrays in layers.items() if name != "fc7-newb"}
    network = _network(norm="lrn", **AS_CAFFE)
    with pytest.raises(WeightsError, match="holds no layer fc7-newb"):
        start_from(network, _caffe(short, path), 0, _no_windows)
    layers["conv2_p"] = [array + 1 for array in layers["conv2_p"]]
    with pytest.raises(WeightsError, match="has towers that differ, first in conv2"):
        start_from(network, _caffe(layers, path), 0, _no_windows)


def test_a_trunk_of_other_widths_or_groups_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"\(32, 88, 128, 128, 96\).*cannot start \(4, 8"):
        start_from(_network(), "siamfc-slim", 0, _no_windows)
    with pytest.raises(RecipeError, match="cannot start"):
        start_from(_network(channels=SLIM, groups=(1,) * 5), "siamfc-slim", 0, _no_windows)
