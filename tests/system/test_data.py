"""`pursuit data check` as a person runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from commands import run as main

Write = Callable[..., Path]


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pursuit", "data", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_data_set(tmp_path: Path, write_labelled_video: Write) -> None:
    rows = [(n, 1, 10, 10, 20, 20) for n in range(6)]
    write_labelled_video(tmp_path / "set", "good", rows)
    write_labelled_video(
        tmp_path / "set", "bad", [*rows[:2], (2, 1, 900, 1, 9, 9), (3, 1, *"xxxx")]
    )
    out = tmp_path / "report.json"
    done = run("check", tmp_path / "set", "--json", out)
    assert (done.returncode, done.stderr) == (0, "")
    table = dict(line.rsplit(maxsplit=1) for line in done.stdout.splitlines()[:9])
    assert table["videos"] == table["objects"] == "2"
    assert (table["frames"], table["boxes"], table["  usable"]) == ("12", "9", "8")
    assert "wrong: 2" in done.stdout
    assert "bad.csv:5: x, y, w, h must be numbers; got 'x,x,x,x'" in done.stdout
    assert "bad: 1 box outside the frame: frame 2" in done.stdout
    report = json.loads(out.read_text(encoding="utf-8"))
    assert (report["layout"], report["usable"], len(report["problems"])) == (
        "video_with_boxes",
        8,
        2,
    )


def test_nothing_wrong(tmp_path: Path, write_labelled_video: Write) -> None:
    write_labelled_video(tmp_path, "good", [(0, 1, 10, 10, 20, 20)])
    done = run("check", tmp_path, "--decode")
    assert done.returncode == 0
    assert done.stdout.endswith("nothing is wrong\n")


def test_what_leaves_little_to_learn_from(tmp_path: Path, write_labelled_video: Write) -> None:
    write_labelled_video(tmp_path / "videos", "clip", [(2, 1, 10, 10, 20, 20)])
    done = main("data", "check", tmp_path / "videos")
    assert "  labelled once         1\n" in done.stdout
    picture = cv2.imencode(".png", np.zeros((50, 60, 3), np.uint8))[1].tobytes()
    (tmp_path / "stills").mkdir()
    (tmp_path / "stills" / "a.png").write_bytes(picture)
    content = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [{"image_id": 1, "bbox": [0, 0, 60, 50]}],
    }
    (tmp_path / "stills" / "annotations.json").write_text(json.dumps(content), encoding="utf-8")
    done = main("data", "check", tmp_path / "stills")
    assert "  usable                1\n  over 66 % of picture  1\n" in done.stdout
    assert done.stdout.endswith("nothing is wrong\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check", "nowhere"], "there is no such path"),
        (["check", "."], "is not a data set of videos or stills that we know; looked for"),
        (["check", ".", "--layout", "got10"], "no layout 'got10' (did you mean got10k?)"),
        (["check"], "Missing argument 'ROOT'"),
        (["chek"], "No such command 'chek'"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, words: list[str], message: str) -> None:
    words = [str(tmp_path) if word == "." else word for word in words]
    done = run(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_a_data_set_of_which_nothing_can_be_used(
    tmp_path: Path, write_labelled_video: Write
) -> None:
    write_labelled_video(tmp_path, "clip", [(0, 1, 10, 10, 20, 20)]).write_bytes(b"no video")
    done = run("check", tmp_path)
    assert done.returncode == 2
    assert "clip.mp4" in done.stdout
    assert done.stderr == f"error: nothing in {tmp_path} can be used\n"


def test_a_report_that_cannot_be_written(tmp_path: Path, write_labelled_video: Write) -> None:
    write_labelled_video(tmp_path, "clip", [(0, 1, 10, 10, 20, 20)])
    done = run("check", tmp_path, "--json", tmp_path / "clip.csv" / "report.json")
    assert done.returncode == 2
    assert done.stderr.startswith("error: cannot write ")
    assert done.stderr.count("\n") == 1


def test_labels_are_not_written_over(tmp_path: Path, write_labelled_video: Write) -> None:
    write_labelled_video(tmp_path / "set", "clip", [(0, 1, 10, 10, 20, 20)])
    labels = tmp_path / "set" / "clip.csv"
    before = labels.read_bytes()
    done = main("data", "check", tmp_path / "set", "--json", labels)
    assert (done.returncode, done.stdout) == (2, "")
    assert "clip.csv is there already, inside" in done.stderr
    assert labels.read_bytes() == before
    assert main("data", "check", tmp_path / "set", "--json", tmp_path / "r.json").returncode == 0

    coco = tmp_path / "stills" / "annotations.json"
    coco.parent.mkdir()
    coco.write_text("{}", encoding="utf-8")
    done = main("data", "check", coco, "--json", coco)
    assert "annotations.json is read by this command" in done.stderr
    assert coco.read_text(encoding="utf-8") == "{}"
