"""Networks in 8-bit integers: which have them, and what they are made of."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from pursuit import runtimes, weights
from pursuit.errors import EngineError, MissingExtra
from pursuit.networks.goturn import CELLS, GOTURN, GOTURNShape
from pursuit.networks.siamfc import SiamFC, SiamFCShape
from pursuit.runtimes import graph, int8
from pursuit.weights.files import digest

SLIM = weights.shipped()["siamfc-slim"]
GOTURN_COMPACT = weights.shipped()["goturn-compact"]


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


def test_shipped_8_bit_goturn_is_near_the_network() -> None:
    pytest.importorskip("openvino")
    network, card = weights.read_goturn(GOTURN_COMPACT)
    file = int8.find(network)
    assert file == GOTURN_COMPACT.with_name("goturn-compact.int8.xml")
    compiled = runtimes.compile(network, "openvino-int8")
    exact = runtimes.compile(network, "eager")
    x = windows(4, 227)
    expected, found = exact.embed(x), compiled.embed(x)
    difference = (found - expected).norm() / expected.norm()
    assert 1e-3 < difference < 0.06
    corners = compiled.regress(found[:1], found[1:])
    assert corners.shape == (1, 3, 4)
    # In tenths of a crop: 0.1 is 2 pixels of 227.
    difference = (corners - exact.regress(expected[:1], expected[1:])).abs()
    assert 1e-5 < difference.mean() < 0.1
    assert digest(network) == card.sha256


def test_other_networks_are_refused_by_name_and_not_tried_by_auto(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("openvino")
    network = SiamFC(SiamFCShape(channels=(2, 2, 2, 2, 2)))
    with pytest.raises(EngineError, match="openvino-int8 takes a SiamFC only as pursuit ships it"):
        runtimes.compile(network, "openvino-int8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    monkeypatch.delenv(runtimes.PINNED)
    asked: list[str] = []
    monkeypatch.setattr(runtimes, "fastest", lambda makers, *_: asked.extend(makers))
    runtimes.compile(network)
    assert "openvino" in asked and "openvino-int8" not in asked
    runtimes.compile(weights.read_siamfc(SLIM)[0])
    assert "openvino-int8" in asked
    asked.clear()
    runtimes.compile(GOTURN(GOTURNShape((8, 8, 8, 8, 8), hidden=(8, 8, 8))))
    assert "openvino-int8" in asked


def test_rows_of_a_matrix_are_whole_steps() -> None:
    weight = torch.tensor([[0.5, -1.27, 0.004], [0.0, 0.0, 0.0], [254.0, 1.0, -2.0]])
    whole, steps = int8.rows(weight)
    assert whole.tolist() == [[50, -127, 0], [0, 0, 0], [127, 0, -1]]
    assert steps[[0, 2]].ravel() == pytest.approx([0.01, 2.0])


def test_the_head_of_any_goturn_is_in_8_bit() -> None:
    openvino = pytest.importorskip("openvino")
    from pursuit.runtimes.openvino import OpenVINOPen

    torch.manual_seed(0)
    network = GOTURN(GOTURNShape((8, 8, 8, 8, 8), hidden=(256, 256, 256)))
    compiled, exact = (runtimes.compile(network, name) for name in ("openvino-int8", "eager"))
    x = windows(4, 227)
    features = exact.embed(x)
    # The trunk is that of `openvino`.
    assert torch.equal(compiled.embed(x), runtimes.compile(network, "openvino").embed(x))
    found, expected = (one.regress(features[:1], features[1:]) for one in (compiled, exact))
    error = (found - expected).norm() / expected.norm()
    assert 1e-4 < error < 0.03
    pen = OpenVINOPen(eight_bit=True)
    pairs = pen.values("pairs", 16, CELLS, CELLS)
    model = pen.model(graph.goturn_hidden(pen, network, pairs), "hidden")
    kinds = [one.get_element_type() for one in model.get_ops() if one.get_type_name() == "Constant"]
    assert kinds.count(openvino.Type.i8) == 3


def test_what_is_measured_decides_the_steps(tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    network, _ = weights.read_siamfc(SLIM)
    file = tmp_path / "mine.int8.xml"
    int8.quantise(network, list(windows(4, 255)[:, None]), file, {"of": "mine"})
    assert file.is_file() and file.with_suffix(".bin").stat().st_size < 400_000
    assert {path.name for path in tmp_path.iterdir()} == {"mine.int8.xml", "mine.int8.bin"}


def test_a_goturns_trunk_is_written(tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    openvino = pytest.importorskip("openvino")
    torch.manual_seed(0)
    network = GOTURN(GOTURNShape((8, 8, 8, 8, 8), hidden=(16, 16, 16)))
    file = tmp_path / "mine.int8.xml"
    int8.quantise(network, list(windows(4, 227)[:, None]), file, {"of": "mine"})
    assert {path.name for path in tmp_path.iterdir()} == {"mine.int8.xml", "mine.int8.bin"}
    model = openvino.Core().read_model(file)
    assert model.get_rt_info(["pursuit", "of"]).value == "mine"
    assert any(one.get_type_name() == "FakeQuantize" for one in model.get_ops())


def test_without_nncf_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8, "installed", lambda module: False)
    network, _ = weights.read_siamfc(SLIM)
    with pytest.raises(MissingExtra, match=r"nncf is not installed.*pursuit\[dev\]"):
        int8.quantise(network, [], tmp_path / "a.int8.xml", {})
