"""Labels in each layout, for the measures of each benchmark: `evaluate` runs them all ways."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from pursuit.datasets import open_usable
from pursuit.datasets.check import check
from pursuit.errors import DataError
from pursuit.reports import vot
from pursuit.results import got10k_found, otb_labels

LABELS = {  # of one target in each, its box 10, 20, 30, 40 counted from 0
    "otb": ("img/000{}.png", "groundtruth_rect.txt", "11,21,30,40"),
    "vot": ("color/0000000{}.png", "groundtruth.txt", "10,20,40,20,40,60,10,60"),
    "got10k": ("0000000{}.png", "groundtruth.txt", "10,20,30,40"),
}


@pytest.fixture(params=LABELS)
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    name, labels, line = LABELS[request.param]
    content = cv2.imencode(".png", np.zeros((120, 160, 3), np.uint8))[1].tobytes()
    for number in (1, 2, 3):
        file = tmp_path / "Bus" / name.format(number)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (tmp_path / "Bus" / labels).write_text(f"{line}\n" * 3, encoding="utf-8")
    return tmp_path


def test_any_layout_is_labels_of_any_benchmark(root: Path) -> None:
    expected = [[10, 20, 30, 40]] * 3
    assert otb_labels.read_truth(root)["bus"].boxes.tolist() == expected
    got10k = got10k_found.read_truth(root)["bus"]
    assert (got10k.boxes.tolist(), got10k.size) == (expected, (160, 120))
    sequence = vot.truth_of(root).sequences["Bus"]
    assert (sequence.regions.around().tolist(), sequence.size) == (expected, (160, 120))


@pytest.mark.parametrize("root", ["otb", "got10k"], indirect=True)
@pytest.mark.parametrize("odd", ["x,y,w,h", "# by hand", "", "a,b,c,d", "inf,1,1,1"])
def test_a_line_that_is_no_box_is_wrong_wherever_labels_are_read(root: Path, odd: str) -> None:
    """What `evaluate` leaves out, `score` does not take: rows after such a line would be moved."""
    (labels,) = root.glob("Bus/groundtruth*.txt")
    labels.write_text(f"{odd}\n{labels.read_text('utf-8')}", encoding="utf-8")
    read = got10k_found.read_truth if labels.name == "groundtruth.txt" else otb_labels.read_truth
    with pytest.raises(DataError) as error:
        read(root)
    assert str(error.value).startswith(f"{labels}:1: ")
    found = open_usable(root)
    assert not found.sequences
    assert found.faults["Bus"].startswith(str(error.value))


def test_nan_is_a_frame_without_a_label_wherever_labels_are_read(tmp_path: Path) -> None:
    for name, read in (
        ("groundtruth_rect.txt", otb_labels.read_truth),
        ("groundtruth.txt", got10k_found.read_truth),
    ):
        folder = tmp_path / name / "Bus"
        folder.mkdir(parents=True)
        (folder / name).write_text("11,21,30,40\n1.#QNAN;NaN;NaN;NaN\n", encoding="utf-8")
        boxes = read(tmp_path / name)["bus"].boxes
        assert np.isfinite(boxes).all(axis=1).tolist() == [True, False]


@pytest.fixture
def polygons(tmp_path: Path) -> Path:
    """Return OTB's labels of two pictures, to be written."""
    content = cv2.imencode(".png", np.zeros((120, 160, 3), np.uint8))[1].tobytes()
    (tmp_path / "Bus" / "img").mkdir(parents=True)
    for number in (1, 2):
        (tmp_path / "Bus" / "img" / f"000{number}.png").write_bytes(content)
    return tmp_path / "Bus" / "groundtruth_rect.txt"


CORNERS = "11,21,41,21,41,61,11,61"


def test_corners_are_the_box_around_them_wherever_labels_are_read(polygons: Path) -> None:
    root = polygons.parents[1]
    polygons.write_text(f"{CORNERS}\n12,21,42,21,42,61,12,61\n", encoding="utf-8")
    expected = [[10, 20, 30, 40], [11, 20, 30, 40]]
    (sequence,) = open_usable(root).sequences
    assert sequence.boxes.tolist() == expected
    assert otb_labels.read_truth(root)["bus"].boxes.tolist() == expected
    polygons.write_text(f"{CORNERS}\n{','.join(['nan'] * 8)}\n", encoding="utf-8")
    assert f"{polygons}: 1 box with NaN: line 2" in check(root).problems


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{CORNERS}\n12,21,42,21,42\n", ":2: 5 numbers are neither a box nor a polygon"),
        (f"{CORNERS}\n12,21,42,21,42,61\n", ":2: 6 numbers are neither a box nor a polygon"),
        (f"{CORNERS}\n# turned\n{CORNERS}\n", ":2: a line is a frame; got a comment '# turned'"),
        # The first line of MOTChallenge's is of frame 1.
        ("1,7,11,21,30,40\n2,7,11,21,30,40\n", ": its lines begin with the number of the frame"),
        (
            "5,7,11,21,30,40,1,-1,-1,-1\n6,7,11,21,30,40,1,-1,-1,-1\n",
            ": its lines begin with the number of the frame",
        ),
    ],
)
def test_what_is_no_polygon_is_wrong_wherever_labels_are_read(
    polygons: Path, text: str, why: str
) -> None:
    root = polygons.parents[1]
    polygons.write_text(text, encoding="utf-8")
    found = open_usable(root)
    assert not found.sequences
    assert found.faults["Bus"].startswith(f"{polygons}{why}")
    if text.count("\n") == 2:  # nothing else is wrong
        assert found.faults["Bus"].count(str(polygons)) == 1
    with pytest.raises(DataError, match="^" + re.escape(f"{polygons}{why}")):
        otb_labels.read_truth(root)
