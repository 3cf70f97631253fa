"""`pursuit quantise`: trained weights in 8-bit integers, which track from where they lie."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import run

from pursuit import boxes, runtimes, weights
from pursuit.datasets.synthetic import Scene
from pursuit.networks.goturn import GOTURN, GOTURNShape, initialise
from pursuit.networks.siamfc import SiamFC, SiamFCShape, blocks
from pursuit.networks.siamfc import initialise as initialise_siamfc
from pursuit.protocols.otb import follow
from pursuit.runtimes import int8
from pursuit.store import curate
from pursuit.trackers import registry
from pursuit.weights.files import digest

SLIM = weights.shipped()["siamfc-slim"]


@pytest.fixture(scope="module")
def store(
    tmp_path_factory: pytest.TempPathFactory, write_labelled_video: Callable[..., Path]
) -> Path:
    """A store of 16 crops of a video."""
    folder = tmp_path_factory.mktemp("quantise")
    rows = [(number, 1, 10 + 2 * number, 15, 30, 24) for number in range(16)]
    write_labelled_video(folder / "videos", "one", rows, frames=16)
    curate(folder / "crops", [folder / "videos"], [], workers=1, room=8)
    return folder / "crops"


@pytest.fixture
def retrained(tmp_path: Path) -> Path:
    """The shipped network with other values and a name of its own: all a tracker needs."""
    network, card = weights.read_siamfc(SLIM)
    with torch.no_grad():
        network.bias.add_(0.25)
    path = tmp_path / "mine.safetensors"
    weights.save(path, network, card.with_values(name="mine", licence="CC0"))
    return path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_retrained_weights_track_in_8_bit(store: Path, retrained: Path) -> None:
    pytest.importorskip("nncf")
    done = run("quantise", retrained, store)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    wrote, differ, _ = done.stdout.splitlines()
    xml, binary = (retrained.with_name(f"mine.int8.{end}") for end in ("xml", "bin"))
    size = (xml.stat().st_size + binary.stat().st_size) / 1e6
    assert wrote == f"wrote {xml} and mine.int8.bin: {size:.2f} MB"
    told = re.match(
        r"features are (.*)% off float32's, on 3 windows besides the 13 measured", differ
    )
    assert told is not None and 0.1 < float(told[1]) < 5
    assert names(retrained.parent) == {
        "mine.safetensors",
        "mine.json",
        "mine.int8.xml",
        "mine.int8.bin",
    }
    scene = Scene(frames=20, seed=3, speed=3, scale_change=1.2).sequence()
    trackers = [
        registry.load("siamfc-slim", weights=retrained, runtime=name)
        for name in ("openvino-int8", "eager")
    ]
    found, expected = (follow(tracker, scene).boxes for tracker in trackers)
    assert trackers[0].runtime == "openvino-int8"  # type: ignore[attr-defined]
    assert not np.array_equal(found, expected)
    assert np.abs(found - expected).mean() < 0.5
    assert boxes.overlap(found, expected).min() > 0.85
    assert boxes.overlap(expected[-1], expected[0]) < 0.5  # it moved


def test_the_files_say_what_they_are_made_of(store: Path, retrained: Path) -> None:
    pytest.importorskip("nncf")
    openvino = pytest.importorskip("openvino")
    assert run("quantise", retrained, store).returncode == 0
    network, card = weights.read(retrained)
    model = openvino.Core().read_model(int8.beside(retrained))
    notes = model.get_rt_info("pursuit").value
    assert weights.parse_card(json.loads(notes["card"])) == card
    assert notes["licence"] == "CC0"
    made = json.loads(notes["int8"])
    assert made["of"] == card.sha256 == digest(network) and made["crops"] == 13


def test_other_peoples_weights(store: Path, tmp_path: Path) -> None:
    """They have no card, so no recipe says how windows are drawn."""
    pytest.importorskip("nncf")
    network = SiamFC(SiamFCShape(channels=(8, 16, 16, 16, 8)))
    initialise_siamfc(network, torch.Generator().manual_seed(0))
    state = {
        f"backbone.conv{number}.{place}.{name}": value
        for number, block in enumerate(blocks(network), start=1)
        for place, part in enumerate(block[:2])
        for name, value in part.state_dict().items()
    }
    path = tmp_path / "theirs.pth"
    torch.save(state, path)
    done = run("quantise", path, store)
    assert done.returncode == 0, done.stderr
    assert names(tmp_path) == {"theirs.pth", "theirs.int8.xml", "theirs.int8.bin"}
    tracker = registry.load("siamfc-3s", weights=path, runtime="openvino-int8")
    assert tracker.runtime == "openvino-int8"  # type: ignore[attr-defined]


def test_goturns_trunk(store: Path, tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    network = GOTURN(GOTURNShape(channels=(16, 16, 16, 16, 8), hidden=(32, 32, 32)))
    initialise(network, torch.Generator().manual_seed(0))
    path = tmp_path / "mine.safetensors"
    weights.save(path, network, weights.card_for(network.shape, name="mine", licence="CC0"))
    network, _ = weights.read(path)
    x = np.random.default_rng(0).integers(0, 256, (1, 227, 227, 3), np.uint8)
    plain = runtimes.compile(network, "openvino-int8", weights=path).embed(x)
    done = run("quantise", path, store)
    assert done.returncode == 0, done.stderr
    found = runtimes.compile(network, "openvino-int8", weights=path).embed(x)
    error = (found - plain).norm() / plain.norm()
    assert 1e-5 < error < 0.1


def test_weights_that_were_trained_since_are_named(
    store: Path, retrained: Path, tmp_path: Path
) -> None:
    pytest.importorskip("nncf")
    assert run("quantise", retrained, store).returncode == 0
    network, card = weights.read_siamfc(retrained)
    with torch.no_grad():
        network.bias.add_(0.25)
    weights.save(retrained, network, card)
    video = store.parent / "videos" / "one.mp4"
    words = ("track", video, "--box", "10,15,30,24", "--weights", retrained)
    named = (*words, "--runtime", "openvino-int8", "--save", tmp_path / "boxes.csv")
    done = run(*named)
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {int8.beside(retrained)} was made of other weights than {retrained} holds now: "
        f"delete it, or make it again: pursuit quantise {retrained} STORE\n"
    )
    assert run("quantise", retrained, store).returncode == 0
    done = run(*named)
    assert done.returncode == 0, done.stderr
    assert "(openvino-int8)" in done.stderr


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("no weights", "no weights nowhere.safetensors"),
        ("a name mistyped", "no weights siamfc-slm (did you mean siamfc-slim?)"),
        ("no store", "no store at"),
        ("not a store", "is not a store, or its curation did not end"),
        ("not weights", "one.mp4 is not a whole weights file"),
        ("all held out", "holds too few crops to measure some and judge on others"),
        ("a folder in its place", "mine.int8.bin: Is a directory; choose another place"),
        ("no NNCF", "nncf is not installed: run pip install 'pursuit[quantise]'"),
    ],
)
def test_what_cannot_be_quantised_is_said_in_a_line(
    what: str, line: str, store: Path, retrained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, tuple[object, object]] = {
        "no weights": ("nowhere.safetensors", store),
        "a name mistyped": ("siamfc-slm", store),
        "no store": (retrained, store / "nowhere"),
        "not a store": (retrained, store.parent),
        "not weights": (store.parent / "videos" / "one.mp4", store),
    }
    if what == "no NNCF":
        monkeypatch.setattr(int8, "installed", lambda module: module != "nncf")
    else:
        pytest.importorskip("nncf")
    if what == "a folder in its place":
        retrained.with_name("mine.int8.bin").mkdir()
    if what == "all held out":
        network, card = weights.read_siamfc(retrained)
        recipe = "data: {held_out: [one]}"
        weights.save(retrained, network, card.with_values(recipe=recipe))
    before = names(retrained.parent)
    done = run("quantise", *given.get(what, (retrained, store)))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert line in done.stderr
    assert names(retrained.parent) == before
