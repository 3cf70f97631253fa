"""`pursuit evaluate vot` as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from commands import run

from tests.commands import run_apart


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sequences in GOT-10k's layout: in one the target jumps, in one it is a few pixels."""
    folder = tmp_path_factory.mktemp("data")
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    for name, side, jump in (("Jump", 30, 8), ("Tiny", 4, 99)):
        (folder / name).mkdir()
        rows = []
        for number in range(20):
            x = 20 if number < jump else 110
            frame = np.full((120, 160, 3), 127, np.uint8)
            frame[20 : 20 + side, x : x + side] = noise[:side, :side]
            picture = cv2.imencode(".png", frame)[1].tobytes()
            (folder / name / f"{number + 1:08d}.png").write_bytes(picture)
            rows.append(f"{x},20,{side},{side}\n")
        (folder / name / "groundtruth.txt").write_text("".join(rows), encoding="utf-8")
    return folder


def test_a_tracker_is_started_again_and_judged(root: Path, tmp_path: Path) -> None:
    out, scores = tmp_path / "out", tmp_path / "scores.json"
    words = ["evaluate", "vot", root, "--tracker", "opencv-mosse", "--tracker", "opencv-mil"]
    words += ["--out", out, "--json", scores]
    ran = run_apart(*words, options=("-W", "error"))
    # MIL refuses a target of 4 x 4 pixels: it cannot be run on the second.
    assert ran.returncode == 1, ran.stderr
    assert "failed: opencv-mil on Tiny" in ran.stdout
    (mosse,) = [line.split() for line in ran.stdout.splitlines() if line.startswith("opencv-mosse")]
    assert mosse[3] == "1"
    assert mosse[-1] == "2/2"
    found = json.loads(scores.read_text(encoding="utf-8"))["opencv-mosse"]
    assert (found["failures"], found["frames"]) == (1, 40)
    assert mosse[2] == f"{np.exp(-30 / 40):.3f}" == f"{found['robustness']:.3f}"
    # The first ten frames after each start do not count, nor do those from 8 to 22.
    assert {name: one["counted"] for name, one in found["sequences"].items()} == {
        "Jump": 0,
        "Tiny": 10,
    }
    lines = (out / "opencv-mosse" / "baseline" / "Jump" / "Jump_001.txt").read_text("utf-8").split()
    assert [lines[index] for index in (0, 8, 9, 10, 11, 12, 13)] == list("1200001")

    again = run(*words)
    assert "3 whole results were there and are kept" in again.stderr
    assert json.loads(scores.read_text(encoding="utf-8"))["opencv-mosse"] == found


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{tmp}/none", "--tracker", "opencv-mosse"], "none: there is no such path"),
        (["{root}", "--tracker", "opencv-moses"], "did you mean opencv-mosse"),
        (["{root}", "--tracker", "opencv-mosse", "--sequences", "Jmp"], "did you mean Jump"),
        (
            ["{root}", "--tracker", "opencv-mosse", "--json", "{root}/Jump/groundtruth.txt"],
            "inside",
        ),
    ],
)
def test_bad_input(root: Path, tmp_path: Path, words: list[str], message: str) -> None:
    filled = [word.format(tmp=tmp_path, root=root) for word in words]
    done = run("evaluate", "vot", *filled, "--out", tmp_path / "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
