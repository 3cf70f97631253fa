"""OTB's layout."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from pursuit.datasets import open_videos
from pursuit.errors import DataError


def otb(
    root: Path, name: str, numbers: Iterable[int], digits: int = 4, **labels: Iterable[str]
) -> None:
    """Write a sequence: empty pictures of these numbers, and files of labels by their names."""
    (root / name / "img").mkdir(parents=True)
    for number in numbers:
        (root / name / "img" / f"{number:0{digits}d}.jpg").touch()
    for file, lines in labels.items():
        text = "".join(f"{line}\n" for line in lines)
        (root / name / f"{file}.txt").write_text(text, encoding="utf-8")


def rows(count: int) -> list[str]:
    return [f"{number},20,30,40" for number in range(1, count + 1)]


def first_and_last(root: Path, name: str) -> tuple[int, str, str]:
    """Return the number of frames of a sequence and the names of the first and last."""
    (sequence,) = (found for found in open_videos(root) if found.name == name)
    (files,) = sequence.open_frames.args  # type: ignore[attr-defined]
    assert len(files) == len(sequence)
    return len(files), files[0].stem, files[-1].stem


@pytest.mark.parametrize(
    "line", ["11,21,30,40", "11\t21\t30\t40", "11 21  30 40", "11, 21,\t30,40"]
)
def test_separators_and_the_first_pixel(tmp_path: Path, line: str) -> None:
    otb(tmp_path, "Bird1", [1, 2], groundtruth_rect=[line, "11.5,1,2,3"])
    (sequence,) = open_videos(tmp_path)
    np.testing.assert_array_equal(sequence.boxes, [[10, 20, 30, 40], [10.5, 0, 2, 3]])
    assert (sequence.name, sequence.source) == ("Bird1", tmp_path.name)


def test_frames_are_read_lazily_in_order(tmp_path: Path) -> None:
    otb(tmp_path, "Bird1", [], groundtruth_rect=rows(2))
    for number, value in ((1, 50), (2, 200)):
        picture = np.full((6, 8, 3), (0, 0, value), np.uint8)  # BGR: red
        file = tmp_path / "Bird1" / "img" / f"{number:04d}.png"
        file.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    frames = open_videos(tmp_path)[0].frames()
    assert [frame[0, 0].tolist() for frame in frames] == [[50, 0, 0], [200, 0, 0]]


def test_rows_of_zeros_are_kept_and_nan_is_no_label(tmp_path: Path) -> None:
    lines = ["1,1,5,5", "0,0,0,0", "NaN,NaN,NaN,NaN"]
    otb(tmp_path, "Board", range(1, 4), digits=5, groundtruth_rect=lines)
    (sequence,) = open_videos(tmp_path)
    assert sequence.boxes[1].tolist() == [-1, -1, 0, 0]
    assert sequence.labelled.tolist() == [True, True, False]


def test_two_targets_in_one_folder(tmp_path: Path) -> None:
    both = {"groundtruth_rect.1": rows(3), "groundtruth_rect.2": rows(3)}
    otb(tmp_path, "Jogging", range(1, 4), **both)
    sequences = open_videos(tmp_path)
    assert [sequence.name for sequence in sequences] == ["Jogging-1", "Jogging-2"]
    assert {sequence.video for sequence in sequences} == {"Jogging"}


def test_an_empty_file_of_labels_is_no_sequence(tmp_path: Path) -> None:
    both = {"groundtruth_rect.1": [], "groundtruth_rect.2": rows(3)}
    otb(tmp_path, "Human4", range(1, 4), **both)
    assert [sequence.name for sequence in open_videos(tmp_path)] == ["Human4-2"]


@pytest.mark.parametrize(
    ("name", "there", "count", "expected"),
    [
        ("David", range(1, 771), 471, (471, "0300", "0770")),
        ("David", range(300, 771), 471, (471, "0300", "0770")),
        ("Football1", range(1, 80), 74, (74, "0001", "0074")),
        ("Freeman3", range(1, 470), 460, (460, "0001", "0460")),
        ("Freeman4", range(1, 290), 283, (283, "0001", "0283")),
        ("Diving", range(1, 232), 215, (215, "0001", "0215")),
        ("Tiger1", range(1, 355), 354, (354, "0001", "0354")),
        ("Tiger1", range(1, 355), 349, (349, "0006", "0354")),
        ("BlurCar1", range(247, 989), 742, (742, "0247", "0988")),
        ("BlurCar3", range(3, 360), 357, (357, "0003", "0359")),
        ("BlurCar4", range(18, 398), 380, (380, "0018", "0397")),
    ],
)
def test_sequences_that_are_a_part_of_their_pictures(
    tmp_path: Path, name: str, there: range, count: int, expected: tuple[int, str, str]
) -> None:
    otb(tmp_path, name, there, groundtruth_rect=rows(count))
    assert first_and_last(tmp_path, name) == expected


@pytest.mark.parametrize(
    ("numbers", "lines", "message"),
    [
        (range(1, 5), rows(3), "3 boxes for 4 pictures in img"),
        (range(1, 3), rows(3), "3 boxes for 2 pictures in img"),
        ([1, 2, 5], rows(3), "pictures are missing: number 3, 4"),
        ([1, 2], ["1,2,3,4", "1,2,three,4"], "groundtruth_rect.txt:2: x, y, w, h must be numbers"),
        ([1, 2], ["1,2,3,4", "1,2,3"], "groundtruth_rect.txt:2: a box is four numbers"),
    ],
)
def test_wrong_data(tmp_path: Path, numbers: Iterable[int], lines: list[str], message: str) -> None:
    otb(tmp_path, "Bird1", numbers, groundtruth_rect=lines)
    with pytest.raises(DataError) as caught:
        open_videos(tmp_path)
    assert message in str(caught.value)


def test_missing_files(tmp_path: Path) -> None:
    otb(tmp_path, "Bird1", [1], groundtruth_rect=rows(1))
    otb(tmp_path, "Bird2", [1])
    with pytest.raises(DataError, match=r"Bird2: groundtruth_rect\.txt is missing"):
        open_videos(tmp_path)
