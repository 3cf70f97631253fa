"""`pursuit export`: the files run in their own engine, and give the same boxes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import run

from pursuit import boxes, runtimes, weights
from pursuit.datasets.synthetic import Scene
from pursuit.networks.goturn import GOTURN, GOTURNShape, initialise
from pursuit.networks.siamfc import EXEMPLAR
from pursuit.protocols.otb import follow
from pursuit.trackers.goturn import GOTURNTracker
from pursuit.trackers.settings import PRESETS, WEIGHTS_OF, GOTURNSettings
from pursuit.trackers.siamfc import SiamFCTracker

Run = Callable[..., torch.Tensor]
FORMATS = {
    "onnx": ("onnxruntime", "onnx"),
    "openvino": ("openvino", "xml"),
    "torch-export": ("torch", "pt2"),
}


def in_onnx(path: Path) -> tuple[Run, dict[str, str]]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]

    def call(*inputs: torch.Tensor) -> torch.Tensor:
        values = [one.numpy() for one in inputs]
        return torch.from_numpy(session.run(None, dict(zip(names, values, strict=True)))[0])

    return call, session.get_modelmeta().custom_metadata_map


def in_openvino(path: Path) -> tuple[Run, dict[str, str]]:
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    notes = model.get_rt_info("pursuit").value
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda *inputs: torch.from_numpy(compiled([one.numpy() for one in inputs])[0]), notes


def in_torch(path: Path) -> tuple[Run, dict[str, str]]:
    notes = {"card": "", "licence": "", "pursuit": ""}
    program = torch.export.load(path, extra_files=notes)
    return torch.inference_mode()(program.module()), notes


LOADERS = {"onnx": in_onnx, "openvino": in_openvino, "torch-export": in_torch}


class ExportedSiamFC:
    """Both files of a SiamFC as a runtime: features of a search window are the window."""

    name, device = "exported", torch.device("cpu")

    def __init__(self, exemplar: Run, search: Run) -> None:
        self._exemplar, self._search = exemplar, search

    def embed(self, windows: np.ndarray) -> torch.Tensor:  # type: ignore[type-arg]
        given = torch.from_numpy(windows)
        return self._exemplar(given) if windows.shape[1] == EXEMPLAR else given

    def score(self, exemplar: torch.Tensor, search: torch.Tensor) -> torch.Tensor:
        each = exemplar.repeat_interleave(len(search) // len(exemplar), dim=0)
        return self._search(each, search).unflatten(0, (len(exemplar), -1))


class ExportedGOTURN:
    """Both files of a GOTURN as a runtime."""

    name, device = "exported", torch.device("cpu")

    def __init__(self, features: Run, corners: Run) -> None:
        self._features, self._corners = features, corners

    def embed(self, windows: np.ndarray) -> torch.Tensor:  # type: ignore[type-arg]
        return self._features(torch.from_numpy(windows))

    def regress(self, target: torch.Tensor, search: torch.Tensor) -> torch.Tensor:
        each = target.repeat_interleave(len(search) // len(target), dim=0)
        return self._corners(each, search).unflatten(0, (len(target), -1))


@pytest.mark.parametrize("name", ["siamfc-slim", "siamfc-3s"])
@pytest.mark.parametrize("to", FORMATS)
def test_siamfc_gives_the_same_boxes_in_its_own_engine(to: str, name: str, tmp_path: Path) -> None:
    module, suffix = FORMATS[to]
    pytest.importorskip(module)
    done = run("export", name, "--to", to, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    files = [tmp_path / f"{name}-{part}.{suffix}" for part in ("exemplar", "search")]
    ends = ("xml", "bin") if to == "openvino" else (suffix,)
    all_files = [file.with_suffix(f".{end}") for file in files for end in ends]
    assert done.stdout.splitlines() == [f"wrote {file}" for file in all_files]
    assert set(tmp_path.iterdir()) == {*all_files}
    (exemplar, notes), (search, same) = (LOADERS[to](file) for file in files)
    network, card = weights.read(weights.shipped()[WEIGHTS_OF[name]])
    for one in (notes, same):
        assert weights.parse_card(json.loads(one["card"])) == card
        assert one["licence"] == card.licence != ""
    sequence = Scene(frames=12, seed=3, speed=3, scale_change=1.2).sequence()
    found = follow(SiamFCTracker(ExportedSiamFC(exemplar, search)), sequence).boxes
    eager = runtimes.compile(network, "eager")
    expected = follow(SiamFCTracker(eager), sequence).boxes
    assert boxes.overlap(found, expected).min() > 0.95
    assert np.abs(found - expected).mean() < 0.05
    assert boxes.overlap(expected[-1], expected[0]) < 0.5  # it moved
    # Several targets and scales in one call.
    rng = np.random.default_rng(0)
    z, x = (rng.integers(0, 256, (n, s, s, 3), np.uint8) for n, s in ((2, 127), (4, 255)))
    maps = ExportedSiamFC(exemplar, search).score(exemplar(torch.from_numpy(z)), torch.tensor(x))
    wanted = eager.score(eager.embed(z), eager.embed(x))
    assert torch.allclose(maps, wanted, atol=1e-4 * float(wanted.abs().max()))


@pytest.mark.parametrize("to", FORMATS)
def test_goturn_gives_the_same_corners_in_its_own_engine(to: str, tmp_path: Path) -> None:
    network = GOTURN(GOTURNShape(channels=(16, 16, 16, 16, 8), hidden=(32, 32, 32)))
    initialise(network, torch.Generator().manual_seed(0))
    with torch.no_grad():  # tenths of the window: where the target was, and a little more
        network.head[-1].bias.copy_(torch.tensor([2.6, 2.5, 7.6, 7.5]))
    file = tmp_path / "mine.safetensors"
    weights.save(file, network, weights.card_for(network.shape, name="mine", licence="CC0"))
    notes = same_boxes_of_goturn(file, file, to, GOTURNSettings(views=3), tmp_path)
    assert all(one["licence"] == "CC0" for one in notes)


def test_a_tracker_is_named_for_its_weights(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    done = run("export", "siamfc-3s", "--to", "onnx", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    found = {path.name for path in tmp_path.iterdir()}
    assert found == {"siamfc-3s-exemplar.onnx", "siamfc-3s-search.onnx"}


@pytest.mark.parametrize("to", FORMATS)
def test_goturn_compact_gives_the_same_boxes_in_its_own_engine(to: str, tmp_path: Path) -> None:
    name = "goturn-compact"
    settings = PRESETS[name]
    assert isinstance(settings, GOTURNSettings)
    notes = same_boxes_of_goturn(name, weights.shipped()[name], to, settings, tmp_path)
    card = weights.read(weights.shipped()[name])[1]
    assert all(weights.parse_card(json.loads(one["card"])) == card for one in notes)


def same_boxes_of_goturn(
    named: str | Path, file: Path, to: str, settings: GOTURNSettings, folder: Path
) -> list[dict[str, str]]:
    """Export a GOTURN, follow with its files and with the product; return the files' notes."""
    module, suffix = FORMATS[to]
    pytest.importorskip(module)
    done = run("export", named, "--to", to, "--out", folder)
    assert done.returncode == 0, done.stderr
    parts = [
        LOADERS[to](folder / f"{Path(named).stem}-{part}.{suffix}")
        for part in ("features", "corners")
    ]
    exported = ExportedGOTURN(*(call for call, _ in parts))
    eager = runtimes.compile(weights.read(file)[0], "eager")
    sequence = Scene(frames=5, seed=3, speed=3).sequence()
    found = follow(GOTURNTracker(exported, settings), sequence).boxes
    expected = follow(GOTURNTracker(eager, settings), sequence).boxes
    assert np.abs(found - expected).max() < 0.01
    assert np.abs(expected[-1] - expected[0]).max() > 1
    return [notes for _, notes in parts]


def test_what_cannot_be_exported_is_said_in_a_line(tmp_path: Path) -> None:
    done = run("export", "siamfc-slim", "--to", "onx", "--out", tmp_path)
    assert done.returncode == 2 and "no format 'onx' (did you mean onnx?)" in done.stderr
    done = run("export", "siamfc-slm", "--to", "onnx", "--out", tmp_path)
    assert done.returncode == 2 and "did you mean siamfc-slim?" in done.stderr
    done = run("export", "goturn", "--to", "onnx", "--out", tmp_path)
    assert done.returncode == 2 and "goturn are too large to ship: name the file" in done.stderr
    (tmp_path / "file").write_text("")
    done = run("export", "siamfc-slim", "--to", "torch-export", "--out", tmp_path / "file")
    assert done.returncode == 2 and "cannot write" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"file"}


@pytest.mark.parametrize("to", FORMATS)
def test_all_files_or_none(to: str, tmp_path: Path) -> None:
    module, suffix = FORMATS[to]
    pytest.importorskip(module)
    last = "bin" if to == "openvino" else suffix
    (tmp_path / f"siamfc-slim-search.{last}").mkdir()
    done = run("export", "siamfc-slim", "--to", to, "--out", tmp_path)
    assert done.returncode == 2 and "cannot write" in done.stderr
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_an_engine_that_is_broken(to: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / to / "__init__.py"
    broken.parent.mkdir()
    broken.write_text("raise ImportError('libtbb.so.12: no such file\\nand more')")
    for name in [one for one in sys.modules if one.partition(".")[0] == to]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    done = run("export", "siamfc-slim", "--to", to, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {to} is installed, but cannot be imported (libtbb.so.12: no such file): install "
        f"it anew, pip install --force-reinstall {to}\n"
    )
    assert not (tmp_path / "out").exists()


def test_onnx_files_are_written_without_onnx_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.delitem(sys.modules, "pursuit.runtimes.onnx", raising=False)
    done = run("export", "siamfc-slim", "--to", "onnx", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("*.onnx"))) == 2


def test_an_exporter_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pursuit.runtimes.export.installed", lambda module: False)
    done = run("export", "siamfc-slim", "--to", "onnx", "--out", tmp_path)
    assert done.returncode == 2
    assert (
        "onnx is not installed: run  pip install 'pursuit[onnx]'".replace("  ", " ") in done.stderr
    )
