"""Results that VOT's Python toolkit packed."""

from __future__ import annotations

import struct

import pytest

from pursuit.errors import DataError
from pursuit.results import vot
from pursuit.results.vot_binary import rows_of

# As write_trajectory_binary of the toolkit's vot/region/io.py packs them.
HEAD = struct.pack("<hI", 1, 3)
START = struct.pack("<BI", 0, 1)
BOX = struct.pack("<Bffff", 1, 1.5, 2, 3, 4)
TRIANGLE = struct.pack("<BH6f", 2, 3, 0, 0, 9, 0, 9, 9)


def test_codes_boxes_and_polygons() -> None:
    data = HEAD + START + BOX + TRIANGLE
    assert rows_of(data, "x") == [[1], [1.5, 2, 3, 4], [0, 0, 9, 0, 9, 9]]
    found = vot.parse(data, "KCF/baseline/bolt/bolt_001.BIN")
    assert found.codes.tolist() == [1, 3, 3]
    assert found.regions.boxes[1].tolist() == [1.5, 2, 3, 4]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "end too early"),
        (HEAD + START + BOX, "end too early"),
        (HEAD + START + BOX + TRIANGLE[:-1], "end too early"),
        (HEAD + START + BOX + TRIANGLE[:2], "end too early"),
        (b"1\n1,2,3,4\n", "version 2609"),
        (HEAD + START + BOX + TRIANGLE + b"\0", "1 bytes after the last of 3 frames"),
        (HEAD + START + BOX + b"\3" + bytes(20), "frame 3: a mask or a point"),
        (struct.pack("<hI", 1, 2**32 - 1) + START, "end too early"),
    ],
)
def test_what_is_no_such_file(data: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        rows_of(data, "x")
