"""VOT's Python toolkit runs trackers of ours."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from pursuit import load
from pursuit.boxes import around, clip
from pursuit.datasets.reading import read_picture
from pursuit.datasets.vot import read_truth
from pursuit.measures.vot import Code
from pursuit.results import vot_trackers
from pursuit.results.vot import parse

from .conftest import POLYGONS, SCENES, SIZE, TRACKERS, Vot, Workspace


@pytest.mark.parametrize("tracker", TRACKERS)
@pytest.mark.parametrize("name", SCENES)
def test_its_results_are_those_of_the_tracker_alone(
    workspace: Workspace, tracker: str, name: str
) -> None:
    folder = workspace.folder / "results" / tracker / "unsupervised" / name
    truth = read_truth(workspace.folder / "sequences").sequences[name].regions
    start = around(truth.polygons)[0] if name in POLYGONS else truth.boxes[0]
    pictures = sorted((workspace.folder / "sequences" / name).glob("*.jpg"))
    alone = load(tracker)
    alone.init(read_picture(pictures[0]), clip(start, *SIZE))
    expected = np.array([alone.update(read_picture(path)).box for path in pictures[1:]])
    for number in (1, 2):  # the second in the same process as the first
        path = folder / f"{name}_{number:03d}.bin"
        stored = parse(path.read_bytes(), path.name)
        assert stored.codes[0] == Code.STARTED
        np.testing.assert_allclose(stored.regions.boxes[1:], expected, atol=1e-3)


def test_it_is_told_the_confidence(workspace: Workspace) -> None:
    folder = workspace.folder / "results" / "opencv-kcf" / "unsupervised"
    text = (folder / "hidden" / "hidden_001_confidence.value").read_text(encoding="utf-8")
    # Frames before it was lost, and after.
    assert {float(line) for line in text.split()} == {0.0, 1.0}


def test_its_own_test_runs_to_the_end(
    workspace: Workspace, vot: Vot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.folder)
    said = vot("test", "opencv-mosse")
    assert "Test concluded" in said and "@@TRAX:state" in said, said


def test_why_a_tracker_does_not_start_is_in_its_log(
    vot: Vot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [sys.executable, "-m", "pursuit", "vot", "serve", "siamfc-slim:gone.safetensors"]
    vot_trackers.add(tmp_path / "trackers.ini", {"gone": words})
    monkeypatch.chdir(tmp_path)
    said = vot("test", "gone", status=1)
    assert "error: " in said and "gone.safetensors" in said, said
    assert "Traceback" not in said
