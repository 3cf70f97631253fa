"""Who is measured: trackers on the runtimes there are, peers once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from programs import program

from pursuit import runtimes
from pursuit.bench import contenders
from pursuit.bench.contenders import OPENCV, PROGRAM, load
from pursuit.errors import MissingExtra, SettingsError, WeightsError
from pursuit.trackers.registry import load_files


def test_a_tracker_on_each_runtime_that_was_named_and_peers_once() -> None:
    found, notes = load(["siamfc-slim", "opencv-kcf", "siamfc-slim"], ["tuned", "eager"])
    assert [(one.name, one.runtime, one.is_ours) for one in found] == [
        ("siamfc-slim", "tuned", True),
        ("siamfc-slim", "eager", True),
        ("opencv-kcf", OPENCV, False),
    ]
    assert notes == []


@pytest.mark.parametrize(
    ("names", "device", "told"),
    [
        (["foo"], "cpu", "opencv-mosse is OpenCV's, and runs no network of ours: name no runtime"),
        (["tuned"], "cpu", "name no runtime"),
        ([], "cuda", "opencv-mosse is OpenCV's, and runs no network of ours: name no device"),
        ([], "tpu", "name no device"),
    ],
)
def test_a_runtime_or_a_device_for_peers_alone(names: list[str], device: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        load(["opencv-mosse"], names, device)
    (peer,), _ = load(["opencv-mosse"])
    assert peer.runtime == OPENCV


def test_a_program_is_measured_once(tmp_path: Path) -> None:
    name = f"external:{program(tmp_path)}"
    (one,), _ = load([name])
    assert (one.name, one.runtime, one.is_ours) == (name, PROGRAM, False)
    with pytest.raises(SettingsError, match="is a program, and runs no network of ours: name no r"):
        load([name], ["tuned"])
    found, _ = load([name, "siamfc-slim"], ["tuned"])
    assert [one.runtime for one in found] == [PROGRAM, "tuned"]


def test_other_weights_are_named() -> None:
    (one,), _ = load(["siamfc-5s:siamfc"], ["eager"])
    assert one.name == "siamfc-5s:siamfc"


def lacking(name: str, files: Any, **options: Any) -> Any:
    """Load as in an install that has eager alone."""
    if options.get("runtime") != "eager":
        raise MissingExtra("fancy", "fancy")
    return load_files(name, files, **options)


def test_runtimes_that_are_not_installed_are_left_out_and_said_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(contenders, "load_files", lacking)
    monkeypatch.setattr(runtimes, "names", lambda: ["auto", "fast", "eager"])
    found, notes = load(["siamfc-slim", "siamfc-5s"])
    assert [one.runtime for one in found] == ["eager", "eager"]
    assert notes == ["fast is left out: fancy is not installed: run  pip install 'pursuit[fancy]'"]
    with pytest.raises(MissingExtra):
        load(["siamfc-slim"], ["fast"])


@pytest.mark.parametrize(
    ("trackers", "names", "device", "error"),
    [
        (["siamfc-slimm"], [], "cpu", SettingsError),
        (["siamfc-slim"], ["tunned"], "cpu", SettingsError),
        (["opencv-kcf", "siamfc-slim"], ["tunned"], "cpu", SettingsError),
        (["siamfc-slim"], ["tuned"], "tpu", SettingsError),
        (["siamfc-slim:nothing.safetensors"], [], "cpu", WeightsError),
        (["opencv-nano"], [], "cpu", SettingsError),
        (["goturn"], [], "cpu", WeightsError),
    ],
)
def test_what_cannot_be(
    trackers: list[str], names: list[str], device: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        load(trackers, names, device)
