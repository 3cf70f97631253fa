"""The toolbox's .mat files: runs, transformations made boxes, and what is no such file."""

from __future__ import annotations

import io
import json
import zlib
from typing import Any

import numpy as np
import pytest

from pursuit.errors import DataError
from pursuit.results.otb_toolkit import (
    affine_boxes,
    corner_boxes,
    l1_boxes,
    lk_boxes,
    parse,
    parse_json,
    similarity_boxes,
)

sio = pytest.importorskip("scipy.io")

ROWS = np.array([[11, 21, 30, 40], [12.5, 21, 30, 40]])
BOXES = [[10, 20, 30, 40], [11.5, 20, 30, 40]]


def mat(compressed: bool = True, **variables: Any) -> bytes:
    file = io.BytesIO()
    sio.savemat(file, variables, do_compression=compressed)
    return file.getvalue()


def cells(*runs: dict[str, Any]) -> np.ndarray:
    found = np.empty((1, len(runs)), dtype=object)
    for at, run in enumerate(runs):
        found[0, at] = run
    return found


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize(
    "content",
    [
        {"results": cells({"res": ROWS, "type": "rect", "len": 2})},
        {"results": {"res": ROWS, "type": "rect"}},  # the struct alone
        {"results": cells({"res": ROWS})},
        {"result": ROWS},  # the boxes alone
        {"rects": ROWS, "fps": 30.0},
        {"bboxes": ROWS},
        {"mine": ROWS, "fps": np.array([[30.0]])},
        {"results": ROWS.T},  # a column a frame
        {"results": cells({"res": ROWS.T, "type": "rect"})},
        {"results": np.column_stack([ROWS, [0.5, 1]])},  # with a score
        {
            "boxes": np.array(
                [[11, 21, 41, 21, 41, 61, 11, 61], [12.5, 21, 42.5, 21, 42.5, 61, 12.5, 61]]
            )
        },
    ],
)
def test_boxes_are_counted_from_0(content: dict[str, Any], compressed: bool) -> None:
    (run,) = parse(mat(compressed, **content), "x.mat")
    assert run.boxes.tolist() == BOXES
    assert run.as_rows


def test_whole_numbers_do_not_overflow() -> None:
    small = {"res": np.array([[0, 255, 3, 4]], np.uint8), "type": "rect"}
    assert parse(mat(results=small), "x.mat")[0].boxes.tolist() == [[-1, 254, 3, 4]]


def test_a_cell_is_a_run() -> None:
    many = [{"res": ROWS[: 1 + at % 2], "type": "rect"} for at in range(20)]
    runs = parse(mat(results=cells(*many)), "x.mat")
    assert [len(run.boxes) for run in runs] == [1, 2] * 10


def test_affine_boxes_are_floored_corners() -> None:
    # 32 x 32 made 34 x 81 about 215, 255: 198 to 232, 214.5 to 295.5.
    straight = np.array([215, 255, 1.0625, 0, 0, 2.53125])
    turned = np.array([100, 50, 0, -1, 1, 0])  # by a quarter: its first corner goes right, up
    small = np.array([10.5, 10.5, -0.01, 0, 0, -0.01])
    found = affine_boxes(np.array([straight, turned, small]), np.array([32.0, 32]))
    assert found.tolist() == [[198, 214, 34, 81], [116, 34, -32, 32], [10, 10, 0, 0]]
    run = {"res": straight[None], "type": "ivtAff", "tmplsize": np.array([[32, 32]], np.uint8)}
    (read,) = parse(mat(results=cells(run)), "x.mat")
    assert read.boxes.tolist() == [[197, 213, 34, 81]]
    assert not read.as_rows


def test_boxes_of_l1_and_of_corners() -> None:
    # Row = 2 r + 10, column = 3 c + 20, r and c from 1 to 12 and 15.
    assert l1_boxes(np.array([[2.0, 0, 0, 3, 10, 20]]), np.array([12.0, 15])).tolist() == [
        [23, 12, 43, 23]
    ]
    corners = np.array([[10, 30.5, 30, 11], [5, 6, 25, 24.0]])
    assert corner_boxes(corners).tolist() == [[10, 5, 22, 21]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a MATLAB file"),
        (b"198,214,34,81\n" * 20, "not a MATLAB file"),
        (b"MATLAB 7.3 MAT-file", "-v7.3"),
        (mat(results=cells({"res": ROWS}))[:-9], "not a MATLAB file, or damaged"),
        (mat(other=ROWS, another=ROWS), "no variable called results"),
        (mat(other=ROWS[:, :3]), "no variable called results"),
        (mat(results=np.ones((9, 5)) * 2), "5 numbers in a row"),
        (mat(results=np.empty((1, 0), object)), "no run"),
        (mat(results=cells({"boxes": ROWS})), "no field res"),
        (mat(results=cells({"res": ROWS[:, :3], "type": "rect"})), "3 numbers in a row"),
        (mat(results=cells({"res": "text", "type": "rect"})), "no matrix of numbers"),
        (mat(results=cells({"res": ROWS, "type": "tube"})), "type 'tube' are not read"),
        (mat(results=cells({"res": ROWS, "type": "ivtAff"})), "6 numbers"),
        (mat(results=cells({"res": ROWS[:1], "type": "4corner"})), "two rows of corners"),
        (mat(results=cells({"res": ROWS}, {"res": ROWS[:, :2]})), "run 2 of 2: 2 numbers"),
        (mat(results=cells({"res": ROWS, "type": "SIMILARITY"})), "SIMILARITY without 4 .* tmpl"),
    ],
)
def test_what_is_no_result(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=f"x.mat.*{message}"):
        parse(content, "x.mat")


def test_a_bomb_is_refused() -> None:
    packed = zlib.compress(bytes(300_000_000), 1)
    header = mat(results=ROWS)[:128]
    element = np.array([15, len(packed)], "<u4").tobytes() + packed
    with pytest.raises(DataError, match="over 256 MiB"):
        parse(header + element, "x.mat")


def test_boxes_of_warps() -> None:
    # A template 21 wide and 11 high: its corners are pixels 1 to 21 and 1 to 11.
    size = np.array([11.0, 21])
    plain, double, turned = [1, 0, 10, 20], [2, 0, 0, 0], [1, np.pi / 2, 0, 0]
    found = similarity_boxes(np.array([plain, double, turned]), size)
    assert found.tolist() == [[11, 21, 21, 11], [2, 2, 41, 21], [-11, 1, 11, 21]]
    warps = np.array([[0, 0, 10], [0, 0, 20], [1, 0, 0], [0, 1, 0]], dtype=float)
    assert lk_boxes(warps, size).tolist() == [[11, 21, 21, 11], [2, 2, 41, 21]]
    run = {"res": np.array([plain]), "type": "SIMILARITY", "tmplsize": np.array([[11, 21]])}
    (read,) = parse(mat(results=cells(run)), "x.mat")
    assert read.boxes.tolist() == [[10, 20, 21, 11]] and not read.as_rows


def test_an_array_of_structs_is_all_its_runs() -> None:
    runs = np.array([(ROWS, "rect"), (ROWS + 1, "rect")], dtype=[("res", object), ("type", object)])
    first, second = parse(mat(results=runs), "x.mat")
    assert (second.boxes - first.boxes == 1).all()


def test_the_python_toolkits_json() -> None:
    run = {"seqName": "Couple", "resType": "rect", "res": ROWS.tolist(), "tmplsize": None}
    warped = {"resType": "IVTAff", "res": [[215, 255, 1.0625, 0, 0, 2.53125]], "tmplsize": [32, 32]}
    first, second = parse_json(json.dumps([run, warped]).encode(), "x.json")
    assert (first.boxes == ROWS - [1, 1, 0, 0]).all() and first.as_rows
    assert second.boxes.tolist() == [[197, 213, 34, 81]] and not second.as_rows
    assert len(parse_json(json.dumps(run).encode(), "x.json")) == 1
    (plain,) = parse_json(json.dumps(ROWS.tolist()).encode(), "x.json")
    (named,) = parse_json(json.dumps({"bboxes": ROWS.tolist()}).encode(), "x.json")
    assert plain.boxes.tolist() == named.boxes.tolist() == BOXES
    corners = {"resType": "4corner", "res": [[[10, 30, 30, 10], [5, 5, 25, 25]]]}
    (third,) = parse_json(json.dumps(corners).encode(), "x.json")
    assert third.boxes.tolist() == [[9, 4, 21, 21]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"{}", "not of OTB's Python toolkit"),
        (b"[]", "not of OTB's Python toolkit"),
        (b'[{"res": [[1, 2, 3, "wide"]]}]', "no matrix of numbers"),
        (b'[{"res": [[1, 2], [3]]}]', "no matrix of numbers"),
        (b'[{"res": [[1, 2, 3]]}]', "3 numbers in a row"),
        (b'[{"res": [[1, 2, 3, 4]], "resType": "tube"}]', "type 'tube' are not read"),
    ],
)
def test_json_that_is_no_result(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=f"x.json.*{message}"):
        parse_json(content, "x.json")
