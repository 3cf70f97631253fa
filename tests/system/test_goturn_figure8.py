"""benchmarks/goturn_figure8.py, on scores made by hand."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "goturn_figure8.py"


def part(accuracy: float | None, failures: int) -> dict[str, float | None]:
    counted = 0 if accuracy is None else 50
    return {"accuracy": accuracy, "counted": counted, "failures": failures, "frames": 100}


SCORES = {
    "full": {"sequences": {"ball": part(0.8, 0), "cat": part(0.6, 1), "fish": part(None, 2)}},
    "few": {"sequences": {"ball": part(0.4, 2), "cat": part(0.6, 1), "fish": part(0.5, 2)}},
}


def run(folder: Path, *videos: str, scores: object = SCORES) -> str:
    """Run the script; return what it ended with, "" where all went well."""
    (folder / "scores.json").write_text(json.dumps(scores))
    words = [SCRIPT, folder / "scores.json", "--out", folder / "out"]
    words += ["--classes", folder / "classes.csv", "--training", folder / "training.csv"]
    words += [word for one in videos for word in ("--videos", one)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", list(map(str, words)))
        try:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        except SystemExit as end:
            return str(end.code)
    return ""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "classes.csv").write_text("ball,toy\ncat,animal\nfish, animal\n")
    training = [f"v{at},animal" for at in range(25)] + [f"w{at},toy" for at in range(24)]
    (tmp_path / "training.csv").write_text("\n".join(training) + "\n")
    return tmp_path


def test_points_by_training_videos(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    assert run(folder, "full=157", "few=14") == ""
    assert capsys.readouterr().out.startswith("2 objects of classes seen often, 1 others")
    lines = (folder / "out" / "figure8.csv").read_text().splitlines()
    assert lines[0] == "label,videos,often,others"
    rows = [line.split(",") for line in lines[1:]]
    assert [row[:2] for row in rows] == [["few", "14"], ["full", "157"]]
    # Cat and fish are seen often: frames pooled, 3 failures in 200 frames.
    reliable = np.exp(-30 * 3 / 200)
    expected = [
        (1 - (0.55 + reliable) / 2, 1 - (0.4 + np.exp(-30 * 2 / 100)) / 2),
        (1 - (0.6 + reliable) / 2, 1 - (0.8 + 1) / 2),
    ]
    found = [[float(value) for value in row[2:]] for row in rows]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (folder / "out" / "figure8.png").is_file()


def test_what_is_wrong_is_named(folder: Path) -> None:
    assert "no tracker half in the scores; there are full, few" in run(folder, "half=3")
    lacking = {**SCORES, "few": {"sequences": {"ball": part(0.4, 2), "cat": part(0.6, 1)}}}
    message = run(folder, "full=157", "few=14", scores=lacking)
    assert "few has no result on fish" in message
    (folder / "classes.csv").write_text("ball,toy\ncat,animal\n")
    assert "1 objects have no class: fish" in run(folder, "full=157")
    (folder / "classes.csv").write_text("ball,toy\ncat\n")
    assert "classes.csv:2: not NAME,CLASS: 'cat'" in run(folder, "full=157")
    (folder / "classes.csv").write_text("ball,toy\nball,cat\n")
    assert "classes.csv:2: ball is named twice" in run(folder, "full=157")
