"""ImageNet DET's layout."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pursuit.datasets import open_stills
from pursuit.datasets.check import check
from pursuit.datasets.reading import picture_size
from pursuit.errors import DataError

FOLDER, NAME = "ILSVRC2014_train_0003", "ILSVRC2014_train_00030000"
Corners = tuple[object, object, object, object]


def picture(path: Path, size: tuple[int, int] = (100, 60), *, form: str = ".jpg") -> Path:
    """Write a picture; `form` may be another than the name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = cv2.imencode(form, np.full((size[1], size[0], 3), 90, np.uint8))[1]
    path.write_bytes(data.tobytes())
    return path


def labels(
    path: Path,
    objects: list[Corners],
    *,
    folder: str = FOLDER,
    size: tuple[object, object] = (100, 60),
) -> Path:
    inside = "".join(
        f"<object><name>n0{index}</name><bndbox><xmin>{x1}</xmin><xmax>{x2}</xmax>"
        f"<ymin>{y1}</ymin><ymax>{y2}</ymax></bndbox></object>"
        for index, (x1, y1, x2, y2) in enumerate(objects)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"<annotation><folder>{folder}</folder><filename>{path.stem}</filename>"
        f"<size><width>{size[0]}</width><height>{size[1]}</height></size>{inside}</annotation>",
        encoding="utf-8",
    )
    return path


def places(root: Path, name: str = NAME) -> tuple[Path, Path]:
    return (
        root / "ILSVRC2014_DET_bbox_train" / FOLDER / f"{name}.xml",
        root / "ILSVRC2014_DET_train" / FOLDER / f"{name}.JPEG",
    )


def test_corners_count_from_zero(tmp_path: Path) -> None:
    xml, jpeg = places(tmp_path)
    picture(jpeg)
    labels(xml, [(10, 20, 30, 50), (0, 0, 99, 59)])
    (still,) = open_stills(tmp_path)
    # The second fills the picture: it is read all the same.
    assert still.boxes.tolist() == [[10, 20, 20, 30], [0, 0, 99, 59]]
    assert still.labels == ("n00", "n01")
    assert (still.name, still.path) == (f"{FOLDER}/{NAME}.JPEG", jpeg)
    assert still.frame().shape == (60, 100, 3)


@pytest.mark.parametrize("size", [(50, 30), (50, 40), (200, 30)])
def test_boxes_of_a_smaller_view_are_scaled_by_the_heights(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    xml, jpeg = places(tmp_path)
    picture(jpeg, (100, 60))
    labels(xml, [(10, 20, 30, 25)], size=size)
    (still,) = open_stills(tmp_path)
    factor = 60 / size[1]  # whatever the widths say
    np.testing.assert_allclose(still.boxes, factor * np.array([[10, 20, 20, 5]]))


def test_the_one_archive_and_pictures_beside_their_labels(tmp_path: Path) -> None:
    # In the pictures of 2013 `folder` names the last folder only.
    where = Path("train", "ILSVRC2013_train", "n01503061")
    picture(tmp_path / "Data" / "DET" / where / "n01503061_1.JPEG")
    labels(
        tmp_path / "Annotations" / "DET" / where / "n01503061_1.xml",
        [(1, 2, 30, 40)],
        folder="n01503061",
    )
    (still,) = open_stills(tmp_path)
    assert still.name == (where / "n01503061_1.JPEG").as_posix()


def test_what_has_no_picture_or_no_object_is_left_out(tmp_path: Path) -> None:
    for name, objects in (("a", [(1, 2, 30, 40)]), ("b", []), ("c", [(1, 2, 30, 40)])):
        xml, jpeg = places(tmp_path, name)
        labels(xml, objects)  # type: ignore[arg-type]
        if name != "c":
            picture(jpeg)
    assert [still.name for still in open_stills(tmp_path)] == [f"{FOLDER}/a.JPEG"]
    report = check(tmp_path)
    assert (report.layout, report.videos, report.usable) == ("imagenet_det", 1, 1)
    (line,) = report.problems
    assert line.endswith(
        "ILSVRC2014_DET_bbox_train: 1 file of labels without a picture, such as c.xml"
    )


@pytest.mark.parametrize(
    ("objects", "size", "message"),
    [
        ([(1, 2, "x", 40)], (100, 60), "object 1: corners '1,2,x,40'"),
        ([(1, 2, 30, 40)], ("", 60), "no size with width and height"),
        ([(1, 2, 30, 40)], (100, 0), "no size with width and height"),
    ],
)
def test_wrong_labels(
    tmp_path: Path, objects: list[Corners], size: tuple[object, object], message: str
) -> None:
    xml, jpeg = places(tmp_path)
    picture(jpeg)
    labels(xml, objects, size=size)
    with pytest.raises(DataError) as caught:
        open_stills(tmp_path)
    assert f"{NAME}.xml: {message}" in str(caught.value)


def test_a_file_that_is_not_xml(tmp_path: Path) -> None:
    xml, jpeg = places(tmp_path)
    picture(jpeg)
    labels(xml, []).write_text("<annotation>", encoding="utf-8")
    with pytest.raises(DataError, match="not XML that can be read"):
        open_stills(tmp_path)


@pytest.mark.parametrize("form", [".jpg", ".png"])
def test_the_size_of_a_picture(tmp_path: Path, form: str) -> None:
    file = picture(tmp_path / "a.JPEG", (123, 45), form=form)
    assert picture_size(file) == (123, 45)


def test_the_size_of_a_progressive_jpeg_and_of_none(tmp_path: Path) -> None:
    flags = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 2]
    data = cv2.imencode(".jpg", np.zeros((7, 300, 3), np.uint8), flags)[1].tobytes()
    (tmp_path / "a.jpg").write_bytes(data)
    assert picture_size(tmp_path / "a.jpg") == (300, 7)
    (tmp_path / "b.jpg").write_bytes(data[:40])
    with pytest.raises(DataError, match=r"b\.jpg is not a picture"):
        picture_size(tmp_path / "b.jpg")
    with pytest.raises(DataError, match="cannot read picture"):
        picture_size(tmp_path / "c.jpg")
