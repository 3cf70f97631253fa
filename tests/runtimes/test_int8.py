"""Networks in 8-bit integers: which have them, and what they are made of."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from pursuit import runtimes, weights
from pursuit.errors import EngineError, MissingExtra, OutputError
from pursuit.networks.goturn import CELLS, GOTURN, GOTURNShape
from pursuit.networks.siamfc import SiamFC, SiamFCShape
from pursuit.runtimes import EngineWarning, graph, int8
from pursuit.weights.files import digest

SLIM = weights.shipped()["siamfc-slim"]
GOTURN_COMPACT = weights.shipped()["goturn-compact"]


def windows(number: int, side: int) -> np.ndarray:  # type: ignore[type-arg]
    coarse = np.random.default_rng(0).integers(0, 256, (number, side // 8 + 1, side // 8 + 1, 3))
    return coarse.repeat(8, 1).repeat(8, 2)[:, :side, :side].astype(np.uint8)


def test_the_shipped_network_is_found_by_its_values() -> None:
    network, card = weights.read_siamfc(SLIM)
    assert digest(network) == card.sha256
    assert int8.find(network, SLIM) == SLIM.with_name("siamfc-slim.int8.xml")
    assert int8.find(network, None) == SLIM.with_name("siamfc-slim.int8.xml")
    assert int8.find(network, Path("elsewhere.pth")) == SLIM.with_name("siamfc-slim.int8.xml")
    with torch.no_grad():
        network.bias.add_(1)
    with pytest.raises(EngineError, match=r"siamfc-slim.int8.xml was made of other weights than"):
        int8.find(network, SLIM)
    assert int8.find(network, None) is None


def test_shipped_8_bit_features_are_near_the_networks() -> None:
    openvino = pytest.importorskip("openvino")
    network, card = weights.read_siamfc(SLIM)
    compiled = runtimes.compile(network, "openvino-int8", weights=SLIM)
    for number, side in ((1, 127), (3, 255)):
        x = windows(number, side)
        expected = runtimes.compile(network, "eager").embed(x)
        difference = (compiled.embed(x) - expected).norm() / expected.norm()
        assert 1e-3 < difference < 0.04
    file = int8.find(network, SLIM)
    notes = openvino.Core().read_model(file).get_rt_info("pursuit").value
    assert json.loads(notes["int8"])["of"] == card.sha256
    assert notes["licence"] == card.licence
    assert file is not None and file.with_suffix(".bin").stat().st_size < SLIM.stat().st_size


def test_shipped_8_bit_goturn_is_near_the_network() -> None:
    pytest.importorskip("openvino")
    network, card = weights.read_goturn(GOTURN_COMPACT)
    file = int8.find(network, GOTURN_COMPACT)
    assert file == GOTURN_COMPACT.with_name("goturn-compact.int8.xml")
    compiled = runtimes.compile(network, "openvino-int8", weights=GOTURN_COMPACT)
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


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[object]:
    """Let auto race nothing, and tell which runtimes it would, and if the trunk is in 8 bits."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.delenv(runtimes.PINNED)
    told: list[object] = []

    def race(makers: dict[str, object], _: object, modules: object, eight_bit: bool) -> None:
        told[:] = [*makers, eight_bit]

    monkeypatch.setattr(runtimes, "fastest", race)
    return told


def test_other_networks_are_refused_by_name_and_not_tried_by_auto(
    asked: list[object], tmp_path: Path
) -> None:
    pytest.importorskip("openvino")
    network = SiamFC(SiamFCShape(channels=(2, 2, 2, 2, 2)))
    for where in (None, tmp_path / "mine.safetensors"):
        with pytest.raises(EngineError, match="takes a SiamFC whose 8-bit form lies beside its"):
            runtimes.compile(network, "openvino-int8", weights=where)
        runtimes.compile(network, weights=where)
        assert "openvino" in asked and "openvino-int8" not in asked
    runtimes.compile(weights.read_siamfc(SLIM)[0], weights=SLIM)
    assert "openvino-int8" in asked and asked[-1] is True
    runtimes.compile(GOTURN(GOTURNShape((8, 8, 8, 8, 8), hidden=(8, 8, 8))))
    assert "openvino-int8" in asked and asked[-1] is False


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Copy the shipped network and its 8-bit form; return the weights' path."""
    for suffix in (".safetensors", ".json", ".int8.xml", ".int8.bin"):
        shutil.copy(SLIM.with_name(SLIM.stem + suffix), tmp_path / f"mine{suffix}")
    return tmp_path / "mine.safetensors"


def test_the_8_bit_form_is_found_beside_the_weights(copied: Path) -> None:
    network, _ = weights.read_siamfc(copied)
    assert int8.find(network, copied) == copied.with_name("mine.int8.xml")
    copied.with_name("mine.int8.xml").unlink()
    assert int8.find(network, copied) == SLIM.with_name("siamfc-slim.int8.xml")


def test_weights_that_were_trained_since(copied: Path, asked: list[object]) -> None:
    """By name it is an error that says what to do; auto takes others."""
    pytest.importorskip("openvino")
    network, card = weights.read_siamfc(copied)
    with torch.no_grad():
        network.bias.add_(1)
    weights.save(copied, network, card)
    network, _ = weights.read_siamfc(copied)
    line = (
        rf"mine.int8.xml was made of other weights than {re.escape(str(copied))} holds now: "
        rf"delete it, or make it again:  pursuit quantise {re.escape(str(copied))} STORE"
    )
    with pytest.raises(EngineError, match=f"{line}$"):
        runtimes.compile(network, "openvino-int8", weights=copied)
    with pytest.warns(EngineWarning, match=f"{line}; another runtime is taken$"):
        runtimes.compile(network, weights=copied)
    assert "openvino" in asked and "openvino-int8" not in asked


def damage(file: Path, how: str) -> None:
    xml, binary = file.with_name("mine.int8.xml"), file.with_name("mine.int8.bin")
    text, data = xml.read_text(encoding="utf-8"), bytearray(binary.read_bytes())
    if how == "a value of the .bin":
        data[len(data) // 2] ^= 1
        binary.write_bytes(data)
    elif how == "the .bin cut off":
        binary.write_bytes(data[:1000])
    elif how == "no .bin":
        binary.unlink()
    elif how == "the .xml cut off":
        xml.write_text(text[: len(text) // 2], encoding="utf-8")
    elif how == "another .xml":
        xml.write_text('<net name="other"></net>', encoding="utf-8")
    elif how == "metadata of another kind":
        xml.write_text(re.sub(r'<int8 value="[^"]*"', '<int8 value="[7]"', text), encoding="utf-8")
    elif how == "an empty .xml":
        xml.write_bytes(b"")


@pytest.mark.parametrize(
    "how",
    [
        "a value of the .bin",
        "the .bin cut off",
        "no .bin",
        "the .xml cut off",
        "another .xml",
        "metadata of another kind",
        "an empty .xml",
    ],
)
def test_a_damaged_8_bit_form(how: str, copied: Path, asked: list[object]) -> None:
    pytest.importorskip("openvino")
    network, _ = weights.read_siamfc(copied)
    damage(copied, how)
    line = r"mine.int8.xml or its .bin is damaged, .*: delete it, or make it again:  pursuit quanti"
    with pytest.raises(EngineError, match=line):
        runtimes.compile(network, "openvino-int8", weights=copied)
    with pytest.warns(EngineWarning, match=line + ".*; another runtime is taken$"):
        runtimes.compile(network, weights=copied)
    assert "openvino" in asked and "openvino-int8" not in asked


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


def test_what_is_measured_decides_the_steps(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("nncf")
    network, _ = weights.read_siamfc(SLIM)
    file, measured = tmp_path / "mine.int8.xml", list[int]()
    examples = list(windows(4, 255)[:, None])
    int8.quantise(network, examples, file, {"licence": "mine"}, measured.append)
    assert file.is_file() and file.with_suffix(".bin").stat().st_size < 400_000
    assert {path.name for path in tmp_path.iterdir()} == {"mine.int8.xml", "mine.int8.bin"}
    assert measured == [1, 2, 3, 4]
    assert capfd.readouterr() == ("", "")  # NNCF's own lines and bars
    where = tmp_path / "mine.safetensors"
    assert int8.find(network, where) == file
    # Examples of a quarter of the brightness give other steps.
    first = runtimes.compile(network, "openvino-int8", weights=where).embed(examples[0])
    int8.quantise(network, [one // 4 for one in examples], file, {})
    second = runtimes.compile(network, "openvino-int8", weights=where).embed(examples[0])
    expected = runtimes.compile(network, "eager").embed(examples[0])
    errors = [float((found - expected).norm() / expected.norm()) for found in (first, second)]
    assert errors[0] < 0.05 < errors[1]


def test_a_goturns_trunk_is_written(tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    openvino = pytest.importorskip("openvino")
    torch.manual_seed(0)
    network = GOTURN(GOTURNShape((8, 8, 8, 8, 8), hidden=(16, 16, 16)))
    file = tmp_path / "mine.int8.xml"
    int8.quantise(network, list(windows(4, 227)[:, None]), file, {"licence": "mine"})
    assert {path.name for path in tmp_path.iterdir()} == {"mine.int8.xml", "mine.int8.bin"}
    model = openvino.Core().read_model(file)
    assert model.get_rt_info(["pursuit", "licence"]).value == "mine"
    assert any(one.get_type_name() == "FakeQuantize" for one in model.get_ops())


@pytest.mark.parametrize("module", ["nncf", "openvino"])
def test_without_its_extra_there_is_one_line(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(int8, "installed", lambda name: name != module)
    monkeypatch.setattr(int8, "imported", lambda name: None)
    network, _ = weights.read_siamfc(SLIM)
    with pytest.raises(MissingExtra, match=rf"{module} is not installed.*pursuit\[quantise\]"):
        int8.quantise(network, [], tmp_path / "a.int8.xml", {})


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_both_files_or_none(suffix: str, tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    network, _ = weights.read_siamfc(SLIM)
    file = tmp_path / "mine.int8.xml"
    file.with_suffix(suffix).mkdir()
    with pytest.raises(OutputError, match="cannot write"):
        int8.quantise(network, list(windows(1, 255)[:, None]), file, {})
    assert list(tmp_path.iterdir()) == [file.with_suffix(suffix)]


def test_an_interrupt_leaves_the_files_that_were_there(copied: Path) -> None:
    pytest.importorskip("nncf")
    network, _ = weights.read_siamfc(copied)
    before = {path: path.read_bytes() for path in copied.parent.iterdir()}

    def stop(done: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        int8.quantise(
            network, list(windows(4, 255)[:, None]), int8.beside(copied), {}, progress=stop
        )
    assert {path: path.read_bytes() for path in copied.parent.iterdir()} == before
