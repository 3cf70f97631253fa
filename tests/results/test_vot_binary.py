"""The binary form of VOT results, written here byte by byte."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pursuit.errors import DataError
from pursuit.measures.vot import Code
from pursuit.results.vot import parse, read_stored

HEAD = struct.pack("<hI", 1, 4)
START = struct.pack("<BI", 0, 1)
BOX = struct.pack("<B4f", 1, 3.5, 4, 20, 10)
POLYGON = struct.pack("<BH8f", 2, 4, 1, 2, 5, 2, 5, 6, 1, 6)
FAILED = struct.pack("<BI", 0, 2)
WHOLE = HEAD + START + BOX + POLYGON + FAILED


def test_it_says_what_the_text_form_says() -> None:
    found = parse(WHOLE, "a.bin")
    text = parse(b"1\n3.5,4,20,10\n1,2,5,2,5,6,1,6\n2\n", "a.txt")
    assert found.codes.tolist() == text.codes.tolist()
    assert found.codes.tolist() == [Code.STARTED, Code.FOLLOWED, Code.FOLLOWED, Code.FAILED]
    assert found.regions.boxes[1].tolist() == [3.5, 4, 20, 10]
    assert found.regions.polygons[2].tolist() == [[1, 2], [5, 2], [5, 6], [1, 6]]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (WHOLE[:-1], "cut short"),
        (HEAD[:4], "cut short"),
        (WHOLE + b"\0", "1 bytes too many"),
        (HEAD + START + struct.pack("<B", 3), "frame 2: a region of kind 3"),
        (HEAD + START + struct.pack("<BI", 0, 7) + BOX + BOX, "neither a code"),
    ],
)
def test_what_is_wrong_is_named(data: bytes, says: str) -> None:
    with pytest.raises(DataError, match=says):
        parse(data, "a.bin")


def test_it_is_found_among_results(tmp_path: Path) -> None:
    folder = tmp_path / "mine" / "baseline" / "ball"
    folder.mkdir(parents=True)
    (folder / "ball_001.bin").write_bytes(WHOLE)
    (folder / "ball_002.txt").write_text("1\n1,1,5,5\n1,1,5,5\n2\n", encoding="utf-8")
    found = read_stored([tmp_path])
    assert [run.codes.tolist() for run in found.runs["mine"]["ball"]] == [[1, 3, 3, 2]] * 2
    (folder / "ball_001.txt").write_text("1\n", encoding="utf-8")  # the same run, twice
    assert "twice" in read_stored([tmp_path]).wrong["mine"]["ball"]
