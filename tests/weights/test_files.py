"""Weights on disk: what is saved is what is read, and a bad file is named, not believed."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from pursuit import weights
from pursuit.errors import OutputError, WeightsError
from pursuit.networks.siamfc import SiamFC, SiamFCShape, initialise
from pursuit.weights import Card, Source

SHAPE = SiamFCShape(channels=(8, 16, 16, 16, 8), gain=3e-3)


def network() -> SiamFC:
    made = SiamFC(SHAPE)
    initialise(made, torch.Generator().manual_seed(0))
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.fill_(0.3)
            module.running_var.fill_(1.7)
    with torch.no_grad():
        made.bias.fill_(-1.25)
    return made.eval()


def card(**values: object) -> Card:
    source = Source(name="made up", licence="CC0-1.0")
    return weights.card_for(SHAPE, name="tiny", recipe="none", seed=3, data=(source,), **values)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    weights.save(path, network(), card(score_offset=1.5))
    return path


def test_what_is_saved_is_read(saved: Path) -> None:
    read, its_card = weights.read(saved)
    x = torch.randint(0, 256, (1, 3, 127, 127), generator=torch.Generator().manual_seed(1)).float()
    with torch.inference_mode():
        expected, found = network().embed(x), read.embed(x)
    assert not read.shape.norm and not read.training
    # Kernels are kept in half precision: 11 bits.
    assert (found - expected).norm() < 2e-3 * expected.norm()
    assert read.bias.item() == -1.25
    assert read.shape.gain == 3e-3
    assert (its_card.score_offset, its_card.seed, its_card.data[0].licence) == (1.5, 3, "CC0-1.0")


def test_the_card_names_the_file_by_its_hash(saved: Path) -> None:
    said = json.loads(saved.with_suffix(".json").read_text(encoding="utf-8"))
    assert said["sha256"] == hashlib.sha256(saved.read_bytes()).hexdigest()
    assert said["channels"] == [8, 16, 16, 16, 8]


def test_full_network_takes_two_bytes_a_weight(tmp_path: Path) -> None:
    full = SiamFC()
    path = tmp_path / "full.safetensors"
    weights.save(path, full, weights.card_for(full.shape, name="full"))
    assert 4.66e6 < path.stat().st_size < 4.69e6


def test_saving_twice_gives_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    weights.save(again, network(), card())
    assert again.read_bytes() == saved.read_bytes()


def test_saving_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot write"):
        weights.save(tmp_path / "taken" / "w.safetensors", network(), card())
    with pytest.raises(WeightsError, match=r"NAME\.safetensors"):
        weights.save(tmp_path / "w.pth", network(), card())
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path) -> None:
    broken = network()
    with torch.no_grad():
        next(broken.trunk.parameters()).fill_(1e6)  # more than float16 holds
    with pytest.raises(WeightsError, match=r"conv1\.weight .* not finite"):
        weights.save(tmp_path / "w.safetensors", broken, card())
    assert not list(tmp_path.iterdir())


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def cut_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(bytes(data))


def lose_the_card(path: Path) -> None:
    path.with_suffix(".json").unlink()


def spoil_the_card(path: Path) -> None:
    path.with_suffix(".json").write_text("{", encoding="utf-8")


def misspell_the_card(path: Path) -> None:
    said = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    said["chanels"] = said.pop("channels")
    path.with_suffix(".json").write_text(json.dumps(said), encoding="utf-8")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def not_weights(path: Path) -> None:
    path.write_text("x,y,w,h\n1,2,3,4\n" * 100, encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (truncate, "truncated or damaged"),
        (cut_header, "truncated or damaged"),
        (empty, "truncated or damaged"),
        (not_weights, "truncated or damaged"),
        (flip_a_bit, "not the file its card names"),
        (lose_the_card, r"tiny\.json is missing"),
        (spoil_the_card, "card .* is wrong"),
        (misspell_the_card, "card .* is wrong at chan"),
        (Path.unlink, "cannot read the weights"),
    ],
)
def test_a_bad_file_is_one_clear_line(
    saved: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(saved)
    with pytest.raises(WeightsError, match=message) as caught:
        weights.read(saved)
    assert "\n" not in str(caught.value)
    assert "tiny" in str(caught.value)


def rewrite(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    save_file(tensors, path)
    said = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    said["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(said), encoding="utf-8")


def test_weights_of_another_network_name_the_layer(saved: Path) -> None:
    rewrite(saved, {"fc6.weight": torch.zeros(4, 4)})
    with pytest.raises(WeightsError, match="another network"):
        weights.read(saved)


def test_a_wrong_shape_names_the_layer(saved: Path) -> None:
    said = json.loads(saved.with_suffix(".json").read_text(encoding="utf-8"))
    said["channels"] = [8, 16, 20, 16, 8]
    saved.with_suffix(".json").write_text(json.dumps(said), encoding="utf-8")
    with pytest.raises(WeightsError, match=r"conv3\.weight of shape \(16, 16, 3, 3\)"):
        weights.read(saved)


class Harm:
    """A pickle that would run code."""

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return (exec, ("raise SystemExit('ran')",))


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_a_pickle_with_code_is_not_run(tmp_path: Path, how: str) -> None:
    path = tmp_path / "harm.pth"
    if how == "torch":
        torch.save({"state_dict": Harm()}, path)
    else:
        path.write_bytes(pickle.dumps({"state_dict": Harm()}, protocol=2))
    with pytest.raises(WeightsError, match=r"harm\.pth"):
        weights.read(path)


def test_shipped_weights_are_whole() -> None:
    for name, path in weights.shipped().items():
        read, its_card = weights.read(path)
        assert its_card.name == name
        assert its_card.data and all(source.licence for source in its_card.data)
        assert read.shape.channels == its_card.channels


def test_weights_are_found_by_name_or_by_path(tmp_path: Path) -> None:
    assert weights.find("siamfc-slim") == weights.shipped()["siamfc-slim"]
    path = tmp_path / "mine.safetensors"
    weights.save(path, network(), card())
    assert weights.find(str(path)) == path
    with pytest.raises(WeightsError, match=r"no weights siamfc-slin \(did you mean siamfc-slim"):
        weights.find("siamfc-slin")
    with pytest.raises(
        WeightsError, match=r"no weights .*; shipped weights: goturn-compact, siamfc"
    ):
        weights.find(str(tmp_path))


def test_a_card_is_written_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    written = weights.save(path, network(), card())
    before = path.read_bytes()
    changed = written.with_values(scores={"held-out auc": 0.5}, score_scale=0.25)
    weights.write_card(weights.card_path(path), changed)
    assert path.read_bytes() == before
    assert weights.read(path)[1] == changed
    with pytest.raises(OutputError, match="cannot write"):
        weights.write_card(path / "card.json", changed)
