"""`pursuit evaluate got10k` as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from commands import run


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sequences in GOT-10k's layout, of two classes; in one the target hides at the end."""
    folder = tmp_path_factory.mktemp("data")
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    for name, kind, jump, hidden in (("A", "dog", 6, 0), ("B", "cat", 99, 3)):
        (folder / name).mkdir()
        rows, covers = [], []
        for number in range(12):
            x = 20 if number < jump else 110
            frame = np.full((120, 160, 3), 127, np.uint8)
            frame[20:50, x : x + 30] = noise[:30, :30]
            data = cv2.imencode(".png", frame)[1].tobytes()
            (folder / name / f"{number + 1:08d}.png").write_bytes(data)
            rows.append(f"{x}.0000,20.0000,30.0000,30.0000\n")
            covers.append("0\n" if number >= 12 - hidden else "8\n")
        (folder / name / "groundtruth.txt").write_text("".join(rows), encoding="utf-8")
        (folder / name / "cover.label").write_text("".join(covers), encoding="utf-8")
        (folder / name / "meta_info.ini").write_text(
            f"[METAINFO]\nurl: x\nobject_class: {kind}\n", encoding="utf-8"
        )
    return folder


def test_trackers_are_judged(root: Path, tmp_path: Path) -> None:
    out, scores = tmp_path / "out", tmp_path / "scores.json"
    words = ["evaluate", "got10k", root, "--tracker", "opencv-mosse", "--tracker", "opencv-mil"]
    words += ["--out", out, "--json", scores]
    ran = run(*words)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(scores.read_text("utf-8"))
    mosse = found["opencv-mosse"]
    a, b = mosse["sequences"]["A"], mosse["sequences"]["B"]
    # 11 frames after the first; of A it follows 5, of B 8 count, all followed.
    assert (a["frames"], b["frames"], a["class"], b["class"]) == (11, 8, "dog", "cat")
    assert a["sr50"] == pytest.approx(5 / 11)
    assert b["sr50"] == 1
    assert mosse["sr50"] == pytest.approx(13 / 19)
    assert mosse["ao"] == pytest.approx((11 * a["ao"] + 8 * b["ao"]) / 19)
    assert mosse["class_balanced"]["ao"] == pytest.approx((a["ao"] + b["ao"]) / 2)
    assert mosse["interval"]["sr50"] == [pytest.approx(5 / 11), 1]
    assert (a["runs"], found["opencv-mil"]["sequences"]["A"]["runs"]) == (1, 3)
    (row,) = [line.split() for line in ran.stdout.splitlines() if line.startswith("opencv-mosse")]
    assert row[1:3] == [f"{mosse['ao']:.3f}", f"{13 / 19:.3f}"]
    assert row[-1] == "2/2"
    assert np.loadtxt(out / "opencv-mil" / "A" / "A_time.txt", delimiter=",").shape == (12, 3)
    assert np.loadtxt(out / "opencv-mosse" / "A" / "A_001.txt", delimiter=",").shape == (12, 4)

    theirs = tmp_path / "theirs.json"
    done = run("score", "got10k", out, "--ground-truth", root, "--json", theirs)
    assert done.returncode == 0, done.stderr
    same = json.loads(theirs.read_text("utf-8"))["opencv-mosse"]
    fps, parts = same.pop("fps"), same.pop("sequences")
    # Its times are those of one file, rounded alike.
    assert fps == pytest.approx(mosse["fps"], rel=1e-6)
    assert same == {name: mosse[name] for name in same}
    assert parts["A"]["ao"] == a["ao"]

    again = run(*words)
    assert "8 whole results were there and are kept" in again.stderr
    assert json.loads(scores.read_text("utf-8")) == found


def test_any_data_set_can_be_run_by_any_protocol(root: Path, tmp_path: Path) -> None:
    for benchmark in ("otb", "vot"):
        words = ["evaluate", benchmark, root, "--tracker", "opencv-mosse"]
        done = run(*words, "--out", tmp_path / benchmark)
        assert done.returncode == 0, done.stderr


def test_bad_input(root: Path, tmp_path: Path) -> None:
    words = ["evaluate", "got10k", root, "--out", tmp_path / "out"]
    done = run(*words, "--tracker", "opencv-moses")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean opencv-mosse" in done.stderr
    assert not (tmp_path / "out").exists()
