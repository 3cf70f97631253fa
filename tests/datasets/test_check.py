"""`check`: what is wrong with a data set, and what can be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from pursuit.datasets.check import check
from pursuit.datasets.faults import EMPTY, OUTSIDE, SMALL
from pursuit.errors import DataError

Write = Callable[..., Path]


def test_a_good_data_set(tmp_path: Path, write_labelled_video: Write) -> None:
    rows = [(n, key, 10, 10, 20, 20 + n) for n in range(5) for key in (1, 2)]
    write_labelled_video(tmp_path, "a", rows, frames=5)
    write_labelled_video(tmp_path, "b", [(0, 1, 1, 1, 40, 40)], frames=3, size=(64, 64))
    seen: list[tuple[int, int]] = []
    report = check(tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert (report.layout, report.kind, report.problems) == ("video_with_boxes", "videos", [])
    assert (report.videos, report.objects, report.frames) == (2, 3, 8)
    assert (report.boxes, report.usable) == (11, 11)
    assert (report.labelled_once, report.filling) == (1, 0)
    assert report.frame_sizes == {"96x64": 1, "64x64": 1}
    assert report.sides[0] == 20
    assert report.sides[-1] == 40
    assert seen == [(1, 2), (2, 2)]


def test_boxes_that_cannot_serve(tmp_path: Path, write_labelled_video: Write) -> None:
    rows = [
        (0, 1, 10, 10, 20, 20),
        (1, 1, 200, 10, 20, 20),
        (2, 1, 10, -50, 20, 20),
        (3, 1, 10, 10, 0, 20),
        (4, 1, 10, 10, 5, 20),
        (5, 1, "nan", 10, 5, 20),
    ]
    write_labelled_video(tmp_path, "a", rows)
    report = check(tmp_path)
    assert (report.boxes, report.usable) == (5, 1)
    assert report.faults == {OUTSIDE: 2, EMPTY: 1, SMALL: 1}
    assert report.problems == [
        f"{tmp_path / 'a.csv'}: 1 box with NaN: line 7",
        "a: 1 box empty: frame 3",
        "a: 2 boxes outside the frame: frame 1, 2",
    ]
    json.dumps(report.as_dict())


def test_all_that_is_wrong_is_listed(tmp_path: Path, write_labelled_video: Write) -> None:
    good = (0, 1, 10, 10, 20, 20)
    write_labelled_video(tmp_path, "a", [good, (1, 1, "x", 10, 20, 20), (9, 1, 1, 1, 20, 20)])
    write_labelled_video(tmp_path, "b", [good]).unlink()
    write_labelled_video(tmp_path, "c", [good]).with_suffix(".csv").unlink()
    write_labelled_video(tmp_path, "d", [good]).write_bytes(b"no video at all")
    write_labelled_video(tmp_path, "e", [good]).with_suffix(".csv").write_bytes(b"\xff\xfe\x00")
    report = check(tmp_path)
    assert (report.videos, report.usable) == (1, 1)
    found = "\n".join(report.problems)
    for part in (
        "a.csv:3: x, y, w, h must be numbers",
        "a.csv: object 1: 1 box beyond the video's 6 frames, up to frame 9",
        "b.csv: b.mp4 is missing beside it",
        "c.mp4: no labels, c.csv is missing beside it",
        "d.mp4",
        "e.csv is not a text file",
    ):
        assert part in found
    assert len(report.problems) == 6


def test_a_video_that_was_cut_off(tmp_path: Path, write_labelled_video: Write) -> None:
    rows = [(n, 1, 10, 10, 20, 20) for n in range(40)]
    path = write_labelled_video(tmp_path, "a", rows, frames=40)
    whole = path.read_bytes()
    if whole.find(b"moov") > whole.find(b"mdat"):
        pytest.skip("the index of this encoder's files is at their end")
    path.write_bytes(whole[: len(whole) * 3 // 4])
    for decode in (False, True):
        report = check(tmp_path, decode=decode)
        assert 0 < report.frames < 40
        assert any("40 expected" in line for line in report.problems), report.problems


def test_pictures_of_a_sequence(tmp_path: Path) -> None:
    folder = tmp_path / "Bird1" / "img"
    folder.mkdir(parents=True)
    data = cv2.imencode(".png", np.zeros((50, 60, 3), np.uint8))[1].tobytes()
    for number, content in enumerate((data, data, b"", data[:40]), start=1):
        (folder / f"{number:04d}.png").write_bytes(content)
    rows = "5,5,20,20\n" * 4
    (folder.parent / "groundtruth_rect.txt").write_text(rows, encoding="utf-8")
    report = check(tmp_path)
    assert report.problems == [f"{folder}: 1 file without content: 0003.png"]
    report = check(tmp_path, decode=True)
    assert "0003.png is not a picture" in report.problems[0]
    assert report.frames == 2


def test_stills(tmp_path: Path) -> None:
    data = cv2.imencode(".png", np.zeros((50, 60, 3), np.uint8))[1].tobytes()
    (tmp_path / "a.png").write_bytes(data)
    (tmp_path / "b.png").write_bytes(b"broken")
    content = {
        "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}],
        "annotations": [
            {"image_id": 1, "bbox": [5, 5, 20, 20]},
            {"image_id": 1, "bbox": [70, 5, 20, 20]},
            {"image_id": 1, "bbox": [0, 0, 60, 50]},
            {"image_id": 1, "bbox": [20, 9, 20, 33.1]},
            {"image_id": 1, "bbox": [20, 9, 20, 33]},
        ],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(content), encoding="utf-8")
    report = check(tmp_path)
    assert (report.kind, report.videos, report.boxes, report.usable) == ("stills", 1, 5, 4)
    assert (report.filling, report.labelled_once) == (2, 0)
    assert report.problems[0] == "a.png: 1 box outside the frame: number 1"
    assert "b.png is not a picture" in report.problems[1]


def test_pictures_without_labels(tmp_path: Path) -> None:
    data = cv2.imencode(".png", np.zeros((50, 60, 3), np.uint8))[1].tobytes()
    (tmp_path / "a.png").write_bytes(data)
    report = check(tmp_path)
    assert (report.layout, report.frames, report.boxes, report.sides) == ("pictures", 1, 0, [])


def test_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a data set of videos or stills"):
        check(tmp_path)
