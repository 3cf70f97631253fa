"""ALOV300++'s layout."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from pursuit.datasets import alov, open_videos
from pursuit.datasets.check import check
from pursuit.errors import DataError

CATEGORY = "01-Light"
# Videos in each category of ALOV300++, 314 in all.
SIZES = {
    "01-Light": 33,
    "02-SurfaceCover": 15,
    "03-Specularity": 18,
    "04-Transparency": 20,
    "05-Shape": 24,
    "06-MotionSmoothness": 22,
    "07-MotionCoherence": 12,
    "08-Clutter": 15,
    "09-Confusion": 37,
    "10-LowContrast": 23,
    "11-Occlusion": 34,
    "12-MovingCamera": 22,
    "13-ZoomingCamera": 29,
    "14-LongDuration": 10,
}


def write(
    root: Path, name: str, pictures: int, labels: str, folders: tuple[str, str] = ("images", "")
) -> Path:
    """Write a video of pictures whose gray is 40 times their number; return its labels' file."""
    folder = root / folders[0] / CATEGORY / name
    folder.mkdir(parents=True)
    for number in range(1, pictures + 1):
        picture = cv2.imencode(".jpg", np.full((60, 80, 3), 40 * number, np.uint8))[1]
        (folder / f"{number:08d}.jpg").write_bytes(picture.tobytes())
    file = root / (folders[1] or "annotations") / CATEGORY / f"{name}.ann"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(labels, encoding="utf-8")
    return file


def test_boxes_span_the_corners_and_count_from_one(tmp_path: Path) -> None:
    # The corners come in any order: from the top left clockwise, and from the bottom right.
    labels = "1 11 21 41 21 41 61 11 61\n6 42.5 61 42.5 21 12.5 21 12.5 61 \n"
    write(tmp_path, "01-Light_video00001", 6, labels)
    (sequence,) = open_videos(tmp_path)
    assert (sequence.name, sequence.video) == ("01-Light_video00001", "01-Light_video00001")
    assert sequence.labelled.tolist() == [True, False, False, False, False, True]
    assert sequence.boxes[[0, 5]].tolist() == [[10, 20, 30, 40], [11.5, 20, 30, 40]]
    assert [frame[0, 0, 0] for frame in sequence.frames()] == [40 * n for n in range(1, 7)]


def test_frames_are_counted_not_named(tmp_path: Path) -> None:
    file = write(tmp_path, "01-Light_video00001", 4, "3 1 1 11 1 11 11 1 11\n")
    (tmp_path / "images" / CATEGORY / file.stem / "00000002.jpg").unlink()
    (sequence,) = open_videos(tmp_path)
    assert sequence.labelled.tolist() == [False, False, True]
    assert [frame[0, 0, 0] for frame in sequence.frames()][2] == 160


def test_the_folders_of_the_archives(tmp_path: Path) -> None:
    folders = ("imagedata++", "alov300++_rectangleAnnotation_full")
    for name in ("01-Light_video00002", "01-Light_video00001"):
        write(tmp_path, name, 1, "1 1 1 11 1 11 11 1 11\n", folders)
    names = [sequence.name for sequence in open_videos(tmp_path)]
    assert names == ["01-Light_video00001", "01-Light_video00002"]


def test_check_counts_what_is_there(tmp_path: Path) -> None:
    write(tmp_path, "01-Light_video00001", 6, "1 11 21 41 21 41 61 11 61\n6 9 9 9 9 9 9 9 9\n")
    report = check(tmp_path, decode=True)
    assert (report.layout, report.videos, report.frames) == ("alov", 1, 6)
    assert (report.boxes, report.usable, report.sides[0]) == (2, 1, 34.6)
    assert report.problems == ["01-Light_video00001: 1 box empty: frame 5"]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("1 1 1 9 1 9 9 1\n", "00001.ann:1: a line is a frame number from 1 and four corners"),
        ("1 1 1 9 1 9 9 1 inf\n", "four corners x y; got '1 1 1 9 1 9 9 1 inf'"),
        ("0 1 1 9 1 9 9 1 9\n", "00001.ann:1: a line is a frame number from 1"),
        ("1 1 1 9 1 9 9 1 9\n8 1 1 9 1 9 9 1 9\n", "1 box beyond the 2 pictures"),
        ("1 1 1 9 1 9 9 1 9\n1 1 1 8 1 8 9 1 9\n", "00001.ann:2: frame 1 has two boxes"),
    ],
)
def test_wrong_labels(tmp_path: Path, labels: str, message: str) -> None:
    write(tmp_path, "01-Light_video00001", 2, labels)
    with pytest.raises(DataError) as caught:
        open_videos(tmp_path)
    assert message in str(caught.value)


def test_missing_pictures(tmp_path: Path) -> None:
    write(tmp_path, "01-Light_video00001", 1, "1 1 1 9 1 9 9 1 9\n")
    file = write(tmp_path, "01-Light_video00002", 0, "1 1 1 9 1 9 9 1 9\n")
    (tmp_path / "images" / CATEGORY / file.stem).rmdir()
    with pytest.raises(DataError, match=r"video00002\.ann: its pictures .* are missing"):
        open_videos(tmp_path)


def test_the_authors_split() -> None:
    every = [
        f"{category}_video{number:05d}"
        for category, count in SIZES.items()
        for number in range(1, count + 1)
    ]
    kept = [name for name in every if name not in alov.IN_VOT2014]
    assert (len(every), len(kept)) == (314, 307)
    learn, choose = alov.validation_split(reversed(kept))
    assert (len(learn), len(choose)) == (251, 56)
    assert sorted(learn + choose) == sorted(kept)
    # The last of each category: of the thirty left of 01-Light, six.
    assert choose[:6] == [f"01-Light_video{number:05d}" for number in range(28, 34)]
    counts = Counter(name.partition("_")[0] for name in choose)
    assert (counts["10-LowContrast"], counts["14-LongDuration"]) == (4, 2)
