"""The doctor: what it finds, and that it tells a working install from a broken one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pursuit import weights
from pursuit.bench import doctor
from pursuit.errors import EngineError, OutputError, WeightsError
from pursuit.trackers.base import Result, State


class Follower:
    """Answers with boxes that were written down beforehand."""

    name = "follower"

    def __init__(self, boxes: np.ndarray) -> None:
        self._boxes: Iterator[np.ndarray] = iter(boxes)

    def init(self, frame: object, box: object, *, colour: str = "rgb") -> Result:
        return self.update(frame)

    def update(self, frame: object, *, colour: str = "rgb") -> Result:
        return Result(next(self._boxes), 1.0, State.TRACKED, 0, 0.0)


def follow(monkeypatch: pytest.MonkeyPatch, boxes: np.ndarray) -> None:
    monkeypatch.setattr(doctor.registry, "load", lambda name: Follower(boxes))


def test_self_check_measures_against_the_exact_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = doctor.SCENE.film().boxes
    shifted = truth + np.array([truth[0, 2] / 3, 0, 0, 0])  # a third aside: overlap about 1/2
    follow(monkeypatch, shifted)
    check = doctor.self_check()
    width = truth[1:, 2]
    expected = ((width - truth[0, 2] / 3) / (width + truth[0, 2] / 3)).mean()
    assert check.overlap == pytest.approx(expected)
    assert not check.passed


def test_self_check_passes_who_follows_and_fails_who_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    truth = doctor.SCENE.film().boxes
    follow(monkeypatch, truth)
    assert doctor.self_check().passed
    follow(monkeypatch, np.repeat(truth[:1], len(truth), axis=0))
    assert not doctor.self_check().passed


def test_an_engine_that_is_broken_must_be_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(module: str) -> None:
        if module == "onnxruntime":
            raise EngineError("onnxruntime is installed, but cannot be imported (no libtbb)")

    monkeypatch.setattr(doctor, "installed", lambda module: module != "supervision")
    monkeypatch.setattr(doctor, "imported", broken)
    found = {one.name: one for one in doctor._extras()}
    bad = doctor.Finding(
        "extras", "onnx", "onnxruntime is installed, but cannot be imported (no libtbb)", ok=False
    )
    assert found["onnx"] == bad
    assert found["openvino"] == doctor.Finding("extras", "openvino", "installed")
    assert found["supervision"].ok
    assert str(found["supervision"].value).startswith("not installed: pip install")


def findings(group: str) -> dict[str, doctor.Finding]:
    return {found.name: found for found in doctor.examine() if found.group == group}


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the slow part out."""
    follow(monkeypatch, doctor.SCENE.film().boxes)


@pytest.mark.usefixtures("unchecked")
def test_damaged_weights_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name, path = next(iter(weights.shipped().items()))
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    damaged = tmp_path / path.name
    damaged.write_bytes(data)
    damaged.with_suffix(".json").write_bytes(path.with_suffix(".json").read_bytes())
    monkeypatch.setattr(doctor.weights, "shipped", lambda: {name: damaged})
    found = findings("weights")[name]
    assert not found.ok
    assert "sha256" in str(found.value)


@pytest.mark.usefixtures("unchecked")
def test_an_install_without_weights_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.weights, "shipped", dict)
    assert not any(found.ok for found in findings("weights").values())


def test_a_tracker_that_cannot_be_loaded_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> None:
        raise WeightsError("no weights")

    monkeypatch.setattr(doctor.registry, "load", load)
    found = findings("self-check")["tracking"]
    assert not found.ok
    assert found.value == "no weights"


@pytest.mark.usefixtures("unchecked")
def test_codecs_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    video = findings("video")
    assert video["h264 encode"].value == video["h264 decode"].value == "works"

    def broken(*_: object) -> None:
        raise OutputError("no codec")

    monkeypatch.setattr(doctor.video, "write", broken)
    assert not findings("video")["h264 encode"].ok


@pytest.mark.usefixtures("unchecked")
def test_a_full_or_locked_temporary_folder_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(doctor.tempfile, "tempdir", str(tmp_path / "absent"))
    found = findings("files")["temporary"]
    assert not found.ok
    assert "absent" in str(found.value)
