"""`pursuit vot` as a person runs it. That VOT's toolkit runs what it writes: tests/vot_toolkit."""

from __future__ import annotations

import configparser
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from commands import run

from pursuit import weights

pytest.importorskip("trax", reason="vot-trax is not installed (extra vot)")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """What makes a folder a workspace for the toolkit."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "config.yaml").write_text("registry: []\nstack: vot2014\n", encoding="utf-8")
    return folder


def test_trackers_are_added(workspace: Path, tmp_path: Path) -> None:
    file = tmp_path / "my weights.safetensors"
    for shipped, mine in (
        (weights.find("siamfc-slim"), file),
        (weights.find("siamfc-slim").with_suffix(".json"), file.with_suffix(".json")),
    ):
        shutil.copy(shipped, mine)
    words = ["vot", "add", workspace, "--tracker", "opencv-kcf", "--tracker", f"siamfc-slim:{file}"]
    done = run(*words, "--tracker", "slim=siamfc-slim+redetect")
    assert done.returncode == 0, done.stderr
    assert "vot evaluate --workspace" in done.stdout
    config = configparser.ConfigParser()
    config.read(workspace / "trackers.ini")
    commands = {name: shlex.split(config[name]["command"]) for name in config.sections()}
    assert {command[0] for command in commands.values()} == {sys.executable}
    assert {name: command[3:] for name, command in commands.items()} == {
        "opencv-kcf": ["vot", "serve", "opencv-kcf"],
        "my_weights": ["vot", "serve", f"siamfc-slim:{file}"],
        "slim": ["vot", "serve", "siamfc-slim+redetect"],
    }


@pytest.mark.parametrize(
    ("tracker", "says"),
    [
        ("siamfc", "no tracker 'siamfc' (did you mean siamfc-"),
        ("siamfc-slim:gone.safetensors", "gone.safetensors"),
        ("goturn", "name a file"),
    ],
)
def test_what_cannot_run_is_not_added(workspace: Path, tracker: str, says: str) -> None:
    done = run("vot", "add", workspace, "--tracker", tracker)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and says in done.stderr, done.stderr
    assert [path.name for path in workspace.iterdir()] == ["config.yaml"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run("vot", "add", tmp_path / "gone", "--tracker", "opencv-kcf")
    assert done.returncode == 2 and "vot initialize" in done.stderr


def test_a_folder_that_is_no_workspace_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    done = run("vot", "add", tmp_path, "--tracker", "opencv-kcf")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {tmp_path} is no workspace of VOT's toolkit")
    assert "no config.yaml" in done.stderr and "vot initialize" in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_without_vot_trax_it_says_what_to_install(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "trax", None)
    for words in (["add", workspace, "--tracker", "opencv-kcf"], ["serve", "opencv-kcf"]):
        done = run("vot", *words)
        assert done.returncode == 2 and "pip install 'pursuit[vot]'" in done.stderr, done.stderr
