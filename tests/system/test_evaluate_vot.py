"""`pursuit evaluate vot` as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
    assert max(map(len, ran.stdout.splitlines()[:8])) <= 80
    assert "no EAO: it needs sequences of two lengths" in ran.stdout
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

    (made,) = json.loads((out / "opencv-mosse" / "made-with.json").read_text(encoding="utf-8"))
    assert made["versions"]["OpenCV"] == cv2.__version__
    assert made["filter_ms"] > 0

    again = run(*words)
    # Three runs of MOSSE on both, fifteen of MIL, which draws at random, on one.
    assert "21 whole results were there and are kept" in again.stderr
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


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sequences in VOT's layout, with polygons, a tag, and a target that jumps in one."""
    folder = tmp_path_factory.mktemp("vot") / "VOT-like"
    noise = np.random.default_rng(1).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    for name, count, jump in (("jump", 30, 8), ("still", 24, 99)):
        (folder / name / "color").mkdir(parents=True)
        rows = []
        for number in range(count):
            x = 20.5 + number if number < jump else 100.5
            corners = np.array([[15, 0], [30, 15], [15, 30], [0, 15]]) + [x, 20]
            frame = np.full((120, 160, 3), 127, np.uint8)
            mask = cv2.fillConvexPoly(np.zeros((120, 160), np.uint8), corners.astype(np.int32), 1)
            shift = int(x)
            moved = np.roll(noise, shift, axis=1)
            frame[mask > 0] = moved[mask > 0]
            picture = cv2.imencode(".png", frame)[1].tobytes()
            (folder / name / "color" / f"{number + 1:08d}.png").write_bytes(picture)
            rows.append(",".join(f"{value:g}" for value in corners.ravel()))
        (folder / name / "groundtruth.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")
        tags = "".join("1\n" if number % 3 else "0\n" for number in range(count))
        (folder / name / "occlusion.tag").write_text(tags, encoding="utf-8")
    return folder


def of_score(found: dict[str, Any]) -> dict[str, Any]:
    """Return the part that `score vot` has too."""
    more = {"overall_error", "accuracy_error", "robustness_error", "fps", "p95_ms", "decode_ms"}
    assert more < set(found) and all(found["interval"][name] for name in found["interval"])
    mine = {name: value for name, value in found.items() if name not in more}
    mine["interval"] = {name: ends for name, ends in found["interval"].items() if name not in more}
    return mine


def test_score_vot_finds_the_same_numbers(turned: Path, tmp_path: Path) -> None:
    pytest.importorskip("shapely")
    out, mine, theirs = tmp_path / "out", tmp_path / "mine.json", tmp_path / "theirs.json"
    words = ["evaluate", "vot", turned, "--tracker", "opencv-mosse", "--out", out]
    ran = run(*words, "--json", mine)
    assert ran.returncode == 0, ran.stderr
    scored = run("score", "vot", out, "--ground-truth", turned, "--json", theirs)
    assert scored.returncode == 0, scored.stderr
    found = json.loads(mine.read_text("utf-8"))["opencv-mosse"]
    same = json.loads(theirs.read_text("utf-8"))["opencv-mosse"]
    assert same.pop("ranks") is None  # of one tracker there are none
    assert same == of_score(found)
    assert found["failures"] == 1
    assert 0 < found["eao"] < 1
    assert set(found["tags"]) == {"occlusion", "empty"}
    low, high = found["interval"]["eao"]
    assert low <= found["eao"] <= high
    folder = out / "opencv-mosse" / "baseline"
    times = np.loadtxt(folder / "jump" / "jump_time.txt", delimiter=",")
    assert times.shape == (30, 15)
    assert (times[0] > 0).tolist() == [True] * 3 + [False] * 12

    refused = run(*words, "--start-box", "equal-area")
    assert refused.returncode == 2
    assert "another protocol (start_box differs: min-max there, " in refused.stderr


def test_region_noise_and_unsupervised(turned: Path, tmp_path: Path) -> None:
    pytest.importorskip("shapely")
    out, scores = tmp_path / "out", tmp_path / "scores.json"
    words = ["evaluate", "vot", turned, "--tracker", "opencv-mosse", "--out", out, "--json", scores]
    ran = run(*words, "--protocol", "region-noise")
    assert ran.returncode == 0, ran.stderr
    noisy = json.loads(scores.read_text("utf-8"))["opencv-mosse"]
    assert noisy["failures"] >= 1
    files = list((out / "opencv-mosse" / "region_noise" / "still").glob("still_0??.txt"))
    assert len(files) == 15
    theirs = tmp_path / "theirs.json"
    words_of_score = ["score", "vot", out, "--ground-truth", turned, "--json", theirs]
    assert run(*words_of_score, "--experiment", "region_noise").returncode == 0
    same = json.loads(theirs.read_text("utf-8"))["opencv-mosse"]
    assert same.pop("ranks") is None  # of one tracker there are none
    assert same == of_score(noisy)

    ran = run(*words, "--protocol", "unsupervised")
    assert ran.returncode == 0, ran.stderr
    alone = json.loads(scores.read_text("utf-8"))["opencv-mosse"]
    # Lost in 22 of 54 frames, and two are starts; a box around a diamond has half its overlap.
    assert 0.15 < alone["average_overlap"] < 30 / 54 * 0.52
    assert alone["sequences"]["jump"]["average_overlap"] < 7 / 30 * 0.52
    assert "average" in ran.stdout
