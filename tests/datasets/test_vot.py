"""VOT's ground truth."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from pursuit.datasets.vot import read_truth, regions_of, rows_of
from pursuit.errors import DataError

POLYGON = "1,2,11,2,11,22,1,22"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """VOT2015 with a sequence of three frames: polygon, box, nothing; with pictures and tags."""
    folder = tmp_path / "VOT2015" / "bolt"
    folder.mkdir(parents=True)
    (folder / "groundtruth.txt").write_bytes(f"{POLYGON}\r\n1\t2\t10\t20\r\n0\r\n\r\n".encode())
    (folder / "occlusion.tag").write_text("1\n0\n", encoding="utf-8")
    (folder / "camera_motion.label").write_text("0\n0\n0\n", encoding="utf-8")
    picture = cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes()
    (folder / "color").mkdir()
    for number in (1, 2, 3):
        (folder / "color" / f"{number:08d}.jpg").write_bytes(picture)
    return folder.parent


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_and_an_archive(root: Path, packed: bool) -> None:
    path = root
    if packed:
        path = root.parent / "VOT2015.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            archive.add(root, ".")
    found = read_truth(path)
    assert found.year == 2015
    assert found.sequences.keys() == {"bolt"}
    bolt = found.sequences["bolt"]
    assert bolt.size == (64, 48)
    assert bolt.regions.known.tolist() == [True, True, False]
    np.testing.assert_array_equal(bolt.regions.corners()[0], bolt.regions.corners()[1])
    assert bolt.regions.boxes[1].tolist() == [1, 2, 10, 20]
    # The tag's file ends early: the rest has no tag. Frames 1 and 2 have none at all.
    assert {name: mask.tolist() for name, mask in bolt.tags.items()} == {
        "occlusion": [True, False, False],
        "camera_motion": [False, False, False],
        "empty": [False, True, True],
    }


def test_differences_that_matter(root: Path) -> None:
    assert read_truth(root).sequences["bolt"].practical is None
    file = root / "bolt" / "practical.value"
    file.write_text("0.05\n0\n", encoding="utf-8")
    found = read_truth(root).sequences["bolt"].practical
    assert found is not None  # 0 tells none, nor does a file that ends early
    np.testing.assert_array_equal(found, [0.05, np.nan, np.nan])
    for text in ("0.1\n" * 4, "0.1,0.2\n"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=r"practical\.value: not a number for each of 3"):
            read_truth(root)


def test_the_file_sequence_tells_the_size_too(root: Path) -> None:
    (root / "bolt" / "sequence").write_bytes(b"name=bolt\r\nwidth=640\r\nheight=480\r\n")
    assert read_truth(root).sequences["bolt"].size == (640, 480)


def test_pysots_file(tmp_path: Path) -> None:
    one = {"gt_rect": [[1, 2, 11, 2, 11, 22, 1, 22], [1, 2, 10, 20]], "img_names": ["a", "b"]}
    one |= {"width": 64, "height": 48, "occlusion": [1, 0], "size_change": []}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"bolt": one}), encoding="utf-8")
    found = read_truth(path)
    assert found.year is None
    bolt = found.sequences["bolt"]
    assert bolt.size == (64, 48) and bolt.regions.known.all()
    assert bolt.tags["occlusion"].tolist() == [True, False]
    assert bolt.tags["empty"].tolist() == [False, True]
    for wrong, message in (
        ({**one, "img_names": ["a"]}, "bolt: 2 labels for 1 pictures"),
        ({**one, "gt_rect": [[1, 2, 3], [1, 2, 3, 4]]}, "3 numbers are neither"),
        ({"gt_rect": []}, "bolt: not as pysot has it"),
        ({**one, "occlusion": [1, 0, 0]}, "3 values of a tag for 2 frames"),
    ):
        path.write_text(json.dumps({"bolt": wrong}), encoding="utf-8")
        with pytest.raises(DataError, match=message):
            read_truth(path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="not a JSON file"):
        read_truth(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{POLYGON}\n1,2,3\n0\n", "groundtruth.txt:2: 3 numbers are neither a box nor a polygon"),
        (f"{POLYGON}\n1,2,x,4\n0\n", "groundtruth.txt:2: not numbers: '1,2,x,4'"),
        (f"{POLYGON}\n\n0\n", "groundtruth.txt:2: not numbers: ''"),
        (f"{POLYGON}\n", "groundtruth.txt: 1 labels for 3 pictures"),
        ("nan,nan,nan,nan\n0\n0\n", "groundtruth.txt: no label in it"),
        ("1,2,3,inf\n0\n0\n", "is in no picture"),
    ],
)
def test_wrong_labels(root: Path, text: str, message: str) -> None:
    (root / "bolt" / "groundtruth.txt").write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_truth(root)
    assert message in str(caught.value)


def test_no_ground_truth(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no VOT sequence"):
        read_truth(tmp_path)


def test_numbers_may_stand_apart_in_any_way() -> None:
    found = rows_of(b"\xef\xbb\xbf1, 2;3\t4 \r\n1  2 3,4\r\n", "x")
    assert found == [[1, 2, 3, 4], [1, 2, 3, 4]]
    assert len(regions_of(found, "x")) == 2
    with pytest.raises(DataError, match="x is not a text file"):
        rows_of(b"\xff\xfe", "x")
