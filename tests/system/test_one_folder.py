"""All protocols write into one folder, and each command reads its own results out of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import run
from pages import Page

LENGTHS = {"first": 24, "second": 30}


@pytest.fixture(scope="module")
def videos(
    tmp_path_factory: pytest.TempPathFactory, write_labelled_video: Callable[..., Path]
) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for name, length in LENGTHS.items():
        rows = [(at, 0, 20 + 1.5 * at, 16.0, 24.0, 20.0) for at in range(length)]
        write_labelled_video(folder, name, rows, frames=length)
    return folder


def judged(command: str, *words: object) -> dict[str, Any]:
    done = run(command, *words)
    assert done.returncode == 0, done.stderr
    path = Path(str(words[-1]))
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found["opencv-mosse"]


def test_scores_are_those_of_the_evaluation(videos: Path, tmp_path: Path) -> None:
    out, file = tmp_path / "results", tmp_path / "scores.json"
    first = {
        kind: judged(
            "evaluate", kind, videos, "--tracker", "opencv-mosse", "--out", out, "--json", file
        )
        for kind in ("otb", "vot", "got10k")
    }
    assert 0 < first["otb"]["auc"] < 0.9  # the labels leave what is in the picture
    assert first["vot"]["failures"] > 0
    for kind, names in (
        ("otb", ["auc", "precision20", "auc_interval"]),
        ("vot", ["accuracy", "robustness", "failures", "eao"]),
        ("got10k", ["ao", "sr50", "sr75", "fps"]),
    ):
        # The labels are read from the videos' folder, as the evaluation did.
        again = judged("score", kind, out, "--ground-truth", videos, "--json", file)
        assert set(again["sequences"]) == set(LENGTHS)
        for name in names:
            assert again[name] == pytest.approx(first[kind][name], rel=1e-3), (kind, name)
    done = run("score", "got10k", out, "--ground-truth", videos)
    assert done.stderr.splitlines() == [
        "note: not scored, of another protocol: opencv-mosse/*.txt",
        "note: not scored, of another protocol: opencv-mosse/baseline",
    ]
    page = tmp_path / "page.html"
    done = run("report", out, "--videos", videos, "--out", page)
    assert (done.returncode, done.stderr) == (0, "")
    tables = Page(page.read_text(encoding="utf-8")).tables
    for kind, measure in (("otb", "auc"), ("vot", "accuracy"), ("got10k", "ao")):
        assert tables[f"{kind}-summary"][1][1] == f"{first[kind][measure]:.3f}"


def test_a_tracker_is_summed_up_while_others_run(videos: Path, tmp_path: Path) -> None:
    words = ["--tracker", "opencv-mosse", "--tracker", "last=opencv-mosse", "--out", tmp_path]
    for kind, measure in (("otb", "AUC"), ("vot", "A"), ("got10k", "AO")):
        done = run("evaluate", kind, videos, *words)
        said = [line for line in done.stderr.splitlines() if " is done: " in line]
        assert len(said) == 1 and said[0].startswith(f"opencv-mosse is done: {measure} 0.")
        shown = next(line for line in done.stdout.splitlines() if line.startswith("opencv-mosse"))
        assert f"{measure} {shown.split()[1]} (95 %: " in said[0]
    assert " is done" not in run("evaluate", "otb", videos, *words).stderr  # all is kept
