"""`pursuit evaluate` on data sets with sequences that are not good: they cost no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from commands import run
from pages import Page

FRAMES = 14
AUC = {"otb": "auc", "vot": "accuracy", "got10k": "ao"}


def write(root: Path, name: str, labels: int = FRAMES) -> Path:
    """Write a sequence in OTB's layout with a target that moves; return its folder."""
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    (root / name / "img").mkdir(parents=True)
    rows = []
    for number in range(FRAMES):
        frame = np.full((120, 160, 3), 127, np.uint8)
        frame[30:70, 20 + number : 60 + number] = noise
        picture = cv2.imencode(".png", frame)[1].tobytes()
        (root / name / "img" / f"{number + 1:04d}.png").write_bytes(picture)
        rows.append(f"{21 + number},31,40,40\n")
    (root / name / "groundtruth_rect.txt").write_text("".join(rows[:labels]), encoding="utf-8")
    return root / name


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two good sequences, and four that are bad, each in its own way."""
    folder = tmp_path / "data"
    for name in ("Good", "Fine"):
        write(folder, name)
    for picture in (write(folder, "NoFrames") / "img").iterdir():
        picture.unlink()
    write(folder, "Short", labels=FRAMES - 3)
    text = write(folder, "Text") / "groundtruth_rect.txt"
    text.write_text("x,y,w,h\n" + text.read_text("utf-8").partition("\n")[2], encoding="utf-8")
    (write(folder, "Torn") / "img" / "0009.png").write_bytes(b"no picture")
    return folder


def wrong(root: Path) -> dict[str, str]:
    """What must be said of the bad ones."""
    return {
        "NoFrames": f"{root / 'NoFrames' / 'groundtruth_rect.txt'}: 14 boxes for 0 pictures",
        "Short": f"{root / 'Short' / 'groundtruth_rect.txt'}: 11 boxes for 14 pictures",
        "Text": f"{root / 'Text' / 'groundtruth_rect.txt'}:1: x, y, w, h must be numbers",
        "Torn": f"{root / 'Torn' / 'img' / '0009.png'} is not a picture that can be read",
    }


@pytest.mark.parametrize("protocol", ["otb", "vot", "got10k"])
def test_the_others_run_and_the_mean_is_marked(root: Path, tmp_path: Path, protocol: str) -> None:
    out, scores, alone = tmp_path / "out", tmp_path / "scores.json", tmp_path / "alone.json"
    trackers = ["--tracker", "opencv-mosse", "--tracker", "opencv-medianflow"]
    words = ["evaluate", protocol, root, *trackers, "--out", out]
    done = run(*words, "--json", scores)
    assert done.returncode == 2, done.stderr
    assert "failed:" not in done.stdout + done.stderr  # the trackers did nothing wrong
    for name, why in wrong(root).items():
        for said in (done.stderr, done.stdout):
            (line,) = [line for line in said.splitlines() if f"left out: {name}: " in line]
            assert why in line
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("opencv-mosse")]
    assert "2/6" in row and "*" in row
    assert "of the sequences that could be run" in done.stdout
    found: dict[str, Any] = json.loads(scores.read_text("utf-8"))
    for one in found.values():
        assert set(one["sequences"]) == {"Good", "Fine"}
        assert {name: why in one["failed"][name] for name, why in wrong(root).items()} == (
            dict.fromkeys(wrong(root), True)
        )
    (made,) = json.loads((out / "opencv-mosse" / "made-with.json").read_text("utf-8"))
    assert made["left_out"] == found["opencv-mosse"]["failed"]
    assert not list(out.rglob("Torn*"))

    # The means are those of the good ones alone, and with them all is well.
    fine = run(*words, "--json", alone, "--sequences", "Good,Fine")
    assert fine.returncode == 0, fine.stderr
    assert "left out" not in fine.stdout + fine.stderr
    same = json.loads(alone.read_text("utf-8"))
    for label, one in same.items():
        assert one[AUC[protocol]] == found[label][AUC[protocol]] > 0.3
        assert one["failed"] == {}


def test_what_is_mended_is_judged_the_next_time(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["evaluate", "otb", root, "--tracker", "opencv-mosse", "--out", out]
    assert run(*words, "--sequences", "Good,Torn").returncode == 2
    (root / "Torn" / "img" / "0009.png").write_bytes(
        (root / "Good" / "img" / "0009.png").read_bytes()
    )
    done = run(*words, "--sequences", "Good,Torn")
    assert done.returncode == 0, done.stderr
    (made,) = json.loads((out / "opencv-mosse" / "made-with.json").read_text("utf-8"))
    assert "left_out" not in made


@pytest.mark.parametrize("protocol", ["otb", "vot", "got10k"])
def test_where_nothing_is_good_nothing_is_written(
    root: Path, tmp_path: Path, protocol: str
) -> None:
    (root / "Torn" / "img" / "0001.png").write_bytes(b"no picture")
    before = sorted(tmp_path.rglob("*"))
    words = ["evaluate", protocol, root, "--tracker", "opencv-mosse", "--out", tmp_path / "out"]
    words += ["--json", tmp_path / "scores.json", "--sequences", "NoFrames,Short,Text,Torn"]
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    *lines, last = done.stderr.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [["left out", name] for name in wrong(root)]
    assert last == f"error: {root}: no tracker can be judged on it, no sequence is good"
    assert sorted(tmp_path.rglob("*")) == before


def test_a_lost_run_beside_a_bad_sequence(root: Path, tmp_path: Path) -> None:
    write(root, "Tiny")
    rows = "".join(f"{21 + number},31,4,4\n" for number in range(FRAMES))
    (root / "Tiny" / "groundtruth_rect.txt").write_text(rows, encoding="utf-8")
    words = ["evaluate", "otb", root, "--tracker", "opencv-mil", "--out", tmp_path / "out"]
    done = run(*words, "--sequences", "Good,Short,Tiny")
    assert done.returncode == 2, done.stderr
    assert "failed: opencv-mil on Tiny: opencv-mil needs" in done.stdout
    assert "left out: Short: " in done.stdout
    assert "not to be compared with the others" in done.stdout
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("opencv-mil")]
    assert "1/3" in row


def test_a_damaged_note_of_the_machine_is_not_written_over(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["evaluate", "otb", root, "--tracker", "opencv-mosse", "--out", out, "--sequences"]
    assert run(*words, "Good").returncode == 0
    note = out / "opencv-mosse" / "made-with.json"
    note.write_text(note.read_text("utf-8")[:40], encoding="utf-8")
    before = {path: path.read_bytes() for path in out.rglob("*.*")}
    done = run(*words, "Good,Fine")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {note} is damaged, so nothing tells on which machine ")
    assert {path: path.read_bytes() for path in out.rglob("*.*")} == before
    note.unlink()
    assert run(*words, "Good,Fine").returncode == 0
    assert len(json.loads(note.read_text("utf-8"))) == 1


def test_a_page_names_them_and_shows_the_others(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    out, page, scores = tmp_path / "out", tmp_path / "page.html", tmp_path / "scores.json"
    for kind in ("otb", "vot", "got10k"):
        words = ["evaluate", kind, root, "--tracker", "opencv-mosse", "--out", out]
        assert run(*words, "--json", scores).returncode == 2
    ao = json.loads(scores.read_text("utf-8"))["opencv-mosse"]["ao"]
    done = run("report", out, "--videos", root, "--out", page)
    assert (done.returncode, done.stdout) == (2, f"report: {page}\n")
    said = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert [line.split(": ")[1:3] for line in said] == [["left out", name] for name in wrong(root)]
    assert "note: no tracker has" not in done.stderr
    found = Page(page.read_text("utf-8"))
    for line, why in zip(said, wrong(root).values(), strict=True):
        assert why in line and line.removeprefix("error: ") in found.text
    assert "4 sequences left out of the means" in found.text
    for kind in ("otb", "vot", "got10k"):
        (row,) = found.tables[f"{kind}-summary"][1:]
        assert row[-1] == "2/6" and "*" not in row[1]
    assert row[1] == f"{ao:.3f}"
    assert "## Left out of the means" in page.with_suffix(".md").read_text("utf-8")

    # Of labels in files the frames do not matter; what the evaluation left out is told still.
    truth = tmp_path / "truth"
    for name in ("Good", "Fine", "Torn"):
        (truth / name).mkdir(parents=True)
        text = (root / name / "groundtruth_rect.txt").read_bytes()
        (truth / name / "groundtruth_rect.txt").write_bytes(text)
    done = run("report", out, "--ground-truth", truth, "--out", page)
    assert done.returncode == 2
    assert f"error: left out: Torn: {wrong(root)['Torn']}" in done.stderr


def test_a_page_of_nothing_good_is_one_line(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    (tmp_path / "r").mkdir()
    for name in ("Good", "Fine", "Torn"):
        (root / name / "img" / "0001.png").write_bytes(b"no picture")
    done = run("report", tmp_path / "r", "--videos", root, "--out", tmp_path / "page.html")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {root}: no sequence is good; the first, ")
    assert done.stderr.count("\n") == 1 and not (tmp_path / "page.html").exists()
