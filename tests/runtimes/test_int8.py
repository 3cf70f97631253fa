"""Networks in 8-bit integers: which have them, and what they are made of."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from pursuit import runtimes, weights
from pursuit.errors import EngineError, MissingExtra
from pursuit.networks.goturn import GOTURN, GOTURNShape
from pursuit.networks.siamfc import SiamFC, SiamFCShape
from pursuit.runtimes import int8
from pursuit.weights.files import digest

SLIM = weights.shipped()["siamfc-slim"]


def windows(number: int, side: int) -> np.ndarray:  # type: ignore[type-arg]
    coarse = np.random.default_rng(0).integers(0, 256, (number, side // 8 + 1, side // 8 + 1, 3))
    return coarse.repeat(8, 1).repeat(8, 2)[:, :side, :side].astype(np.uint8)


def test_the_shipped_network_is_found_by_its_values() -> None:
    network, card = weights.read_siamfc(SLIM)
    assert digest(network) == card.sha256
    file = int8.find(network)
    assert file == SLIM.with_name("siamfc-slim.int8.xml")
    with torch.no_grad():
        network.bias.add_(1)
    assert int8.find(network) is None
    assert int8.find(GOTURN(GOTURNShape((8, 8, 8, 8, 8), hidden=(8, 8, 8)))) is None


def test_shipped_8_bit_features_are_near_the_networks() -> None:
    openvino = pytest.importorskip("openvino")
    network, card = weights.read_siamfc(SLIM)
    compiled = runtimes.compile(network, "openvino-int8")
    for number, side in ((1, 127), (3, 255)):
        x = windows(number, side)
        expected = runtimes.compile(network, "eager").embed(x)
        difference = (compiled.embed(x) - expected).norm() / expected.norm()
        assert 1e-3 < difference < 0.04
    file = int8.find(network)
    notes = openvino.Core().read_model(file).get_rt_info("pursuit").value
    assert json.loads(notes["int8"])["of"] == card.sha256
    assert notes["licence"] == card.licence
    assert file is not None and file.with_suffix(".bin").stat().st_size < SLIM.stat().st_size


def test_other_networks_are_refused_by_name_and_not_tried_by_auto(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("openvino")
    network = SiamFC(SiamFCShape(channels=(2, 2, 2, 2, 2)))
    with pytest.raises(EngineError, match="openvino-int8 takes only networks that pursuit ships"):
        runtimes.compile(network, "openvino-int8")
    goturn = GOTURN(GOTURNShape((8, 8, 8, 8, 8), hidden=(8, 8, 8)))
    with pytest.raises(EngineError, match="no GOTURN comes in 8-bit"):
        runtimes.compile(goturn, "openvino-int8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    monkeypatch.delenv(runtimes.PINNED)
    asked: list[str] = []
    monkeypatch.setattr(runtimes, "fastest", lambda makers, *_: asked.extend(makers))
    runtimes.compile(network)
    assert "openvino" in asked and "openvino-int8" not in asked
    runtimes.compile(weights.read_siamfc(SLIM)[0])
    assert "openvino-int8" in asked


def test_what_is_measured_decides_the_steps(tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    network, _ = weights.read_siamfc(SLIM)
    file = tmp_path / "mine.int8.xml"
    int8.quantise(network, list(windows(4, 255)[:, None]), file, {"of": "mine"})
    assert file.is_file() and file.with_suffix(".bin").stat().st_size < 400_000
    assert {path.name for path in tmp_path.iterdir()} == {"mine.int8.xml", "mine.int8.bin"}


def test_without_nncf_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8, "installed", lambda module: False)
    network, _ = weights.read_siamfc(SLIM)
    with pytest.raises(MissingExtra, match=r"nncf is not installed.*pursuit\[dev\]"):
        int8.quantise(network, [], tmp_path / "a.int8.xml", {})
