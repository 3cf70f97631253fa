"""One door to all trackers."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

import pursuit
from pursuit import weights
from pursuit.errors import SettingsError, WeightsError
from pursuit.networks import goturn
from pursuit.networks.goturn import GOTURN, GOTURNShape
from pursuit.networks.siamfc import SiamFC, SiamFCShape, initialise
from pursuit.trackers import registry
from pursuit.trackers.goturn import GOTURNTracker
from pursuit.trackers.siamfc import SiamFCTracker


@pytest.fixture
def some_weights(tmp_path: Path) -> Path:
    network = SiamFC(SiamFCShape(channels=(4, 8, 8, 8, 4)))
    initialise(network, torch.Generator().manual_seed(0))
    path = tmp_path / "some.safetensors"
    weights.save(
        path,
        network,
        weights.card_for(network.shape, name="some", score_scale=2.0, score_offset=0.5),
    )
    return path


@pytest.fixture
def goturn_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that reads as a GOTURN network, with a card that says when to be sure."""
    network = GOTURN(GOTURNShape(channels=(4, 4, 4, 4, 4), hidden=(8, 8, 8), norm="none"))
    goturn.initialise(network, torch.Generator().manual_seed(0))
    file = tmp_path / "tracker.caffemodel"
    file.write_bytes(b"")
    card = weights.card_for(SiamFCShape(), name="any", score_scale=3.0, score_offset=0.7)
    real = weights.read

    def read(path: Path | str) -> object:
        return (network, card) if Path(path) == file else real(path)

    monkeypatch.setattr(weights, "read", read)
    return file


def test_names() -> None:
    assert {"goturn", "goturn-compact"} <= set(registry.names())
    assert {"siamfc-3s", "siamfc-5s", "siamfc-5s-paper", "siamfc-slim"} <= set(registry.names())
    assert {"opencv-csrt", "opencv-kcf", "opencv-mil", "opencv-nano"} <= set(registry.names())


def test_load_builds_the_preset(some_weights: Path) -> None:
    tracker = pursuit.load("siamfc-5s", weights=some_weights, window_influence=0.3)
    assert isinstance(tracker, SiamFCTracker)
    assert tracker.name == "siamfc-5s"
    assert (tracker.settings.scales, tracker.settings.window_influence) == (5, 0.3)
    frame = np.zeros((60, 80, 3), np.uint8)
    tracker.init(frame, (10, 10, 20, 20))
    result = tracker.update(frame)
    # Height 0, that of a black frame's flat map, by the card's scale and offset.
    assert result.score == pytest.approx(1 / (1 + np.exp(2.0 * 0.5)), abs=0.01)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("siamfc-3", {}, r"no tracker 'siamfc-3' \(did you mean siamfc-3s\?\); `pursuit list`"),
        ("zzz", {}, "no tracker 'zzz'; `pursuit list` shows all"),
        ("siamfc-3s", {"scale_steps": 1.1}, "did you mean scale_step"),
        ("siamfc-3s", {"scale_step": 0.5}, "scale_step must be"),
        ("siamfc-3s", {"runtime": "fast"}, "no runtime 'fast'"),
        ("siamfc-3s", {"device": "cuda:77"}, "no device 'cuda:77'"),
    ],
)
def test_what_cannot_be_loaded(
    some_weights: Path, name: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        registry.load(name, weights=some_weights, **options)  # type: ignore[arg-type]


def test_load_builds_goturn(goturn_file: Path) -> None:
    tracker = pursuit.load("goturn", weights=goturn_file, views=5, blend=True)
    assert isinstance(tracker, GOTURNTracker)
    assert (tracker.name, tracker.settings.views, tracker.settings.blend) == ("goturn", 5, True)
    frame = np.zeros((60, 80, 3), np.uint8)
    tracker.init(frame, (10, 10, 20, 20))
    result = tracker.update(frame)
    # First weights give corners around 0, 0: no box, and so no overlap; the card's scale and
    # offset make this of it.
    assert result.score == pytest.approx(1 / (1 + np.exp(3.0 * 0.7)), abs=1e-6)
    assert registry.load_files("goturn-compact", [goturn_file]).name == "goturn-compact"


def test_goturn_says_where_its_weights_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    # In words that hold for each command: only one of them has --weights.
    says = "too large to ship: name a file, goturn:PATH (in Python weights=PATH), its authors'"
    with pytest.raises(WeightsError, match=re.escape(says) + r" tracker\.caffemodel"):
        pursuit.load("goturn")
    monkeypatch.setattr(weights, "shipped", dict)
    with pytest.raises(WeightsError, match=r"no weights 'goturn-compact': .* goturn-compact:PATH"):
        pursuit.load("goturn-compact")


def test_weights_of_another_network(some_weights: Path, goturn_file: Path) -> None:
    with pytest.raises(WeightsError, match=r"some\.safetensors holds a SiamFC network and goturn "):
        pursuit.load("goturn", weights=some_weights)
    with pytest.raises(WeightsError, match=r"GOTURN network and siamfc-3s .*\(goturn, goturn-comp"):
        pursuit.load("siamfc-3s", weights=goturn_file)


def test_goturn_has_settings_of_its_own(goturn_file: Path) -> None:
    for name, message in (("redetect", "GOTURN has no setting 'redetect'"), ("view", "mean views")):
        with pytest.raises(SettingsError, match=message):
            pursuit.load("goturn", weights=goturn_file, **{name: 1})


def test_missing_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsError, match=r"no weights .*none\.safetensors"):
        registry.load("siamfc-3s", weights=tmp_path / "none.safetensors")
    monkeypatch.setattr(weights, "shipped", dict)
    with pytest.raises(WeightsError, match="ships no weights 'siamfc'"):
        registry.load("siamfc-3s")


def test_a_peer_stands_behind_the_same_door() -> None:
    tracker = registry.load("opencv-kcf")
    assert tracker.name == "opencv-kcf"


@pytest.mark.parametrize("name", ["siamfc-3s", "siamfc-5s", "siamfc-5s-paper", "siamfc-slim"])
def test_presets_load_with_the_shipped_weights(name: str) -> None:
    if registry.WEIGHTS_OF[name] not in weights.shipped():
        pytest.skip("no weights are shipped yet")
    tracker = pursuit.load(name)
    frame = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    tracker.init(frame, (60, 40, 30, 30))
    assert tracker.update(frame).box.shape == (4,)


@pytest.mark.parametrize(
    ("name", "files", "what"),
    [
        ("opencv-csrt", [], "is OpenCV's"),
        ("opencv-nano", ["back.onnx", "head.onnx"], "is OpenCV's"),
        ("external:none", [], "is a program"),
    ],
)
def test_what_runs_no_network_of_ours_takes_no_runtime_and_no_device(
    name: str, files: list[str], what: str
) -> None:
    with pytest.raises(SettingsError, match=f"{name} {what}, and runs no network of ours: name no"):
        registry.load_files(name, files, runtime="tuned")
    for device in ("cuda", "foo"):
        with pytest.raises(SettingsError, match=f"{name} {what}, and runs .*: name no device"):
            registry.load_files(name, files, device=device)


def test_opencv_takes_no_weights_of_ours(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="opencv-csrt takes no weights file"):
        registry.load("opencv-csrt", weights=tmp_path / "a.safetensors")
