"""COCO JSON and folders of pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pursuit.datasets import open_stills
from pursuit.errors import DataError


def write_picture(path: Path, colour: tuple[int, int, int] = (200, 100, 50)) -> None:
    """Write a picture of 40 x 30 in one RGB colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = np.full((30, 40, 3), colour[::-1], np.uint8)
    path.write_bytes(cv2.imencode(path.suffix, picture)[1].tobytes())


def coco(root: Path, **changes: Any) -> Path:
    """Write a COCO data set of two pictures; `changes` replace lists of it."""
    for name in ("images/a.png", "images/b.png"):
        write_picture(root / name)
    content = {
        "images": [
            {"id": 5, "file_name": "a.png", "license": 2},
            {"id": 7, "file_name": "b.png", "source": "elsewhere"},
        ],
        "annotations": [
            {"image_id": 7, "category_id": 1, "bbox": [1, 2, 10, 20]},
            {"image_id": 7, "category_id": 3, "bbox": [3.5, 4, 5, 6], "iscrowd": 0},
            {"image_id": 7, "category_id": 3, "bbox": [0, 0, 40, 30], "iscrowd": 1},
        ],
        "categories": [{"id": 1, "name": "cat"}, {"id": 3, "name": "dog"}],
        "licenses": [{"id": 2, "name": "CC BY 4.0"}],
    }
    file = root / "annotations.json"
    file.write_text(json.dumps({**content, **changes}), encoding="utf-8")
    return file


@pytest.mark.parametrize("by_file", [True, False])
def test_coco(tmp_path: Path, by_file: bool) -> None:
    file = coco(tmp_path)
    first, second = open_stills(file if by_file else tmp_path)
    assert (first.name, first.boxes.shape, first.labels) == ("a.png", (0, 4), ())
    assert (first.licence, first.source) == ("CC BY 4.0", tmp_path.name)
    assert second.labels == ("cat", "dog")  # the crowd is no object
    np.testing.assert_array_equal(second.boxes, [[1, 2, 10, 20], [3.5, 4, 5, 6]])
    assert (second.source, second.path) == ("elsewhere", tmp_path / "images" / "b.png")
    assert second.frame().shape == (30, 40, 3)
    assert second.frame()[3, 4].tolist() == [200, 100, 50]  # RGB


def test_the_folders_of_coco_itself(tmp_path: Path) -> None:
    file = coco(tmp_path)
    (tmp_path / "annotations").mkdir()
    file.rename(tmp_path / "annotations" / "instances_val2017.json")
    (tmp_path / "images").rename(tmp_path / "val2017")
    stills = open_stills(tmp_path / "annotations" / "instances_val2017.json")
    folder = tmp_path / "val2017"
    assert [still.path for still in stills] == [folder / "a.png", folder / "b.png"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": [{"id": 5, "file_name": "c.png"}]}, "picture c.png is missing"),
        ({"images": [{"id": 5}]}, "images[0] has no id and file_name"),
        ({"images": {}}, "needs the lists images and annotations"),
        ({"annotations": [{"image_id": 7}]}, "annotations[0] has no bbox"),
        ({"annotations": [{"image_id": 7, "bbox": [1, 2, 3]}]}, "four numbers x, y, w, h; got 3"),
        ({"annotations": [{"image_id": 7, "bbox": [1, "b", 3, 4]}]}, "must be numbers; got '1,b,3"),
        ({"annotations": [{"image_id": 9, "bbox": [1, 2, 3, 4]}]}, "1 image that it does not list"),
    ],
)
def test_wrong_coco(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    coco(tmp_path, **changes)
    with pytest.raises(DataError) as caught:
        open_stills(tmp_path)
    assert message in str(caught.value)


def test_a_file_that_is_not_json(tmp_path: Path) -> None:
    coco(tmp_path).write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"annotations\.json is not JSON"):
        open_stills(tmp_path)


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    for name in ("b.png", "sub/a.webp", "c.JPG"):
        write_picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture", encoding="utf-8")
    (tmp_path / "._c.JPG").write_bytes(b"left by another system")
    stills = open_stills(tmp_path)
    assert [still.name for still in stills] == ["b.png", "c.JPG", "sub/a.webp"]
    assert all(still.boxes.shape == (0, 4) for still in stills)
    assert stills[0].frame()[0, 0].tolist() == [200, 100, 50]


def test_gray_pictures_are_read_as_rgb(tmp_path: Path) -> None:
    data = cv2.imencode(".png", np.full((4, 5), 77, np.uint8))[1]
    (tmp_path / "gray.png").write_bytes(data.tobytes())
    frame = open_stills(tmp_path)[0].frame()
    assert (frame.shape, frame.dtype, frame[0, 0].tolist()) == ((4, 5, 3), np.uint8, [77] * 3)


def test_a_picture_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"nothing of the sort")
    (still,) = open_stills(tmp_path)
    with pytest.raises(DataError, match=r"broken\.png is not a picture"):
        still.frame()


def test_real_stills(shared_data: Path) -> None:
    stills = open_stills(shared_data / "stills")
    assert len(stills) == 2332
    assert sum(len(still.boxes) for still in stills) == 7981
    assert len({label for still in stills for label in still.labels}) == 176
    assert len(open_stills(shared_data / "stills-unlabelled")) == 1000
