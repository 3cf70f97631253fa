"""VOT's layout with pictures: polygons, tags, where the pictures lie."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pursuit.datasets import open_videos
from pursuit.datasets.check import check
from pursuit.errors import DataError


def write(folder: Path, labels: list[str], *, color: bool = True, count: int = 3) -> None:
    pictures = folder / "color" if color else folder
    pictures.mkdir(parents=True)
    for number in range(1, count + 1):
        picture = np.full((40, 60, 3), 10 * number, np.uint8)
        data = cv2.imencode(".png", picture)[1].tobytes()
        (pictures / f"{number:08d}.png").write_bytes(data)
    (folder / "groundtruth.txt").write_text("\n".join(labels) + "\n", encoding="utf-8")


def test_polygons_tags_and_the_boxes_around(tmp_path: Path) -> None:
    diamond = "20,10,30,20,20,30,10,20"
    write(tmp_path / "ball", [diamond, "1,2,3,4", diamond])
    (tmp_path / "ball" / "occlusion.tag").write_text("0\n1\n0\n", encoding="utf-8")
    (tmp_path / "ball" / "practical.value").write_text("0.1\n0.2\n0.3\n", encoding="utf-8")
    (one,) = open_videos(tmp_path)
    assert (one.name, len(one), one.size()) == ("ball", 3, (60, 40))
    assert one.practical is not None and one.practical.tolist() == [0.1, 0.2, 0.3]
    assert one.boxes.tolist() == [[10, 10, 20, 20], [1, 2, 3, 4], [10, 10, 20, 20]]
    assert one.regions is not None
    assert one.regions.polygons[0].tolist() == [[20, 10], [30, 20], [20, 30], [10, 20]]
    assert np.isnan(one.regions.polygons[1]).all()
    assert one.tags["occlusion"].tolist() == [False, True, False]
    assert one.tags["empty"].tolist() == [True, False, True]
    assert [int(frame[0, 0, 0]) for frame in one.frames()] == [10, 20, 30]

    late = one.cut(1)
    assert late.boxes.tolist() == one.boxes[1:].tolist()
    assert [int(frame[0, 0, 0]) for frame in late.frames()] == [20, 30]
    assert late.regions is not None and len(late.regions) == 2
    assert late.tags["occlusion"].tolist() == [True, False]
    assert late.practical is not None and late.practical.tolist() == [0.2, 0.3]


def test_older_years_have_pictures_beside_the_labels(tmp_path: Path) -> None:
    write(tmp_path / "ball", ["20,10,30,20,20,30,10,20"] * 3, color=False)
    (one,) = open_videos(tmp_path)
    assert one.regions is not None
    assert one.boxes[0].tolist() == [10, 10, 20, 20]


def test_boxes_beside_pictures_are_got10ks(tmp_path: Path) -> None:
    write(tmp_path / "ball", ["1,2,3,4"] * 3, color=False)
    (one,) = open_videos(tmp_path)
    assert one.regions is None


def test_pictures_that_are_missing_are_named(tmp_path: Path) -> None:
    write(tmp_path / "ball", ["1,2,3,4"] * 4)
    with pytest.raises(DataError, match="4 labels for 3 pictures"):
        open_videos(tmp_path)
    assert any("4 labels for 3 pictures" in line for line in check(tmp_path).problems)
