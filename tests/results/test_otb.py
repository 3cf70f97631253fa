"""Result files of OTB: what is in them, and what is not taken for one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pursuit.errors import DataError, OutputError
from pursuit.results import otb
from pursuit.results.otb import Run

NAN = np.nan
RUN = Run(
    boxes=np.array([[NAN] * 4, [10, 20, 30, 40], [10.25, 20.123456, 30, 40], [-3, 0, 1.5, 2000]]),
    tracker_ms=np.array([NAN, 1.5, 2, 0.25]),
    decode_ms=np.array([NAN, 0.5, 0.125, 10]),
)


def test_files_are_as_other_tools_read_them(tmp_path: Path) -> None:
    otb.write(tmp_path / "mosse", "Jogging-1", RUN)
    lines = (tmp_path / "mosse" / "Jogging-1.txt").read_bytes()
    # Counted from 1: x and y are one more, sizes are not.
    assert lines == b"nan,nan,nan,nan\n11,21,30,40\n11.25,21.1235,30,40\n-2,1,1.5,2000\n"
    times = (tmp_path / "mosse" / "Jogging-1.times.txt").read_bytes()
    assert times == b"nan,nan\n1.5,0.5\n2,0.125\n0.25,10\n"
    assert np.loadtxt(tmp_path / "mosse" / "Jogging-1.txt", delimiter=",").shape == (4, 4)
    assert sorted(path.name for path in (tmp_path / "mosse").iterdir()) == [
        "Jogging-1.times.txt",
        "Jogging-1.txt",
    ]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    otb.write(tmp_path, "Couple", RUN)
    found = otb.read(tmp_path, "Couple")
    np.testing.assert_allclose(found.boxes, RUN.boxes, rtol=0, atol=5e-5)
    np.testing.assert_array_equal(found.tracker_ms, RUN.tracker_ms)
    np.testing.assert_array_equal(found.decode_ms, RUN.decode_ms)
    assert found.start == RUN.start == 1


@pytest.mark.parametrize(
    "text", ["11\t21\t30\t40\r\n12\t22\t30\t40\r\n", "11 21 30 40\n12 22 30 40"]
)
def test_boxes_of_other_tools(tmp_path: Path, text: str) -> None:
    path = tmp_path / "Couple.txt"
    path.write_bytes(text.encode())
    assert otb.read_boxes(path).tolist() == [[10, 20, 30, 40], [11, 21, 30, 40]]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Couple.txt", None),
        ("Couple.times.txt", None),
        ("Couple.txt", "11,21,30\n" * 4),
        ("Couple.txt", "11,21,30,forty\n" * 4),
        ("Couple.txt", "11,21,30,40\n"),  # fewer rows than times
        ("Couple.times.txt", "1,2\n"),
        ("Couple.times.txt", "1,2,3\n" * 4),
        ("Couple.times.txt", "1,soon\n" * 4),
        ("Couple.times.txt", "1,2\n1\n1,2\n1,2\n"),
        ("Couple.times.txt", ""),
    ],
)
def test_what_is_not_a_result(tmp_path: Path, name: str, text: str | None) -> None:
    otb.write(tmp_path, "Couple", RUN)
    if text is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="Couple"):
        otb.read(tmp_path, "Couple")


def test_nothing_half_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, *_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OutputError, match="No space left"):
        otb.write(tmp_path, "Couple", RUN)
    assert list(tmp_path.iterdir()) == []


BOXES = [[10, 20, 30, 40], [11, 20, 30, 40]]


@pytest.mark.parametrize(
    "text",
    [
        "x,y,w,h\n11,21,30,40\n12,21,30,40\n",
        '"X" "Y" "Width" "Height"\n11 21 30 40\n12 21 30 40\n',
        "# KCF\n% x y w h\n11,21,30,40\n# a remark\n12,21,30,40\n",
        "11,21,30,40,0.5\n12,21,30,40,1\n",
        "11,21,41,21,41,61,11,61\n12,21,42,21,42,61,12,61\n",
        "11,21,30,40\n12,21,42,21,42,61,12,61\n",
        "20,21,30,31,41,41,20,61,11,30\n12,21,42,21,42,61,30,61,12,61\n",
    ],
)
def test_what_others_write_is_read(text: str) -> None:
    assert otb.parse_boxes(text.encode(), "x").tolist() == BOXES


@pytest.mark.parametrize("nan", ["-nan(ind)", "1.#QNAN", "-1.#IND00", "nan(snan)", "NaN"])
def test_nan_as_windows_programs_print_it(nan: str) -> None:
    found = otb.parse_boxes(f"11,21,30,40\n{nan},{nan},{nan},{nan}\n".encode(), "x")
    assert found[0].tolist() == BOXES[0] and np.isnan(found[1]).all()


@pytest.mark.parametrize("text", ["1_0,2,3,4", "\uff11,2,3,4", "1.#,2,3,4", "xmin,ymin,xmax,ymax"])
def test_no_numbers(text: str) -> None:
    with pytest.raises(DataError, match="x:2: not 4 numbers"):
        otb.parse_boxes(f"# boxes\n{text}\n1,2,3,4\n".encode(), "x")


@pytest.mark.parametrize(
    "line", ["10,5;20,0;30,5;40,0", "10,5\t20,0\t30,5\t40,0", " 10,5 ; -20,0; 30,5;40,0;"]
)
def test_decimal_commas_are_no_corners(line: str) -> None:
    with pytest.raises(DataError, match="x:2: decimal commas, or corners"):
        otb.parse_boxes(f"10;20;30;40\n{line}\n".encode(), "x")


@pytest.mark.parametrize("first", [0, 1, 300])
def test_rows_of_motchallenge_are_no_polygons(first: int) -> None:
    text = "".join(f"{first + at},1,10,20,30,40,1,-1,-1,-1\n" for at in range(3))
    with pytest.raises(DataError, match="x:1: not 4 numbers"):
        otb.parse_boxes(text.encode(), "x")
