"""Results in VOT's format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pursuit.errors import DataError
from pursuit.measures.vot import Code
from pursuit.results import vot
from pursuit.results.vot import Run

NAN = [np.nan] * 4


def test_what_is_written_is_read(tmp_path: Path) -> None:
    codes = [Code.SKIPPED, Code.STARTED, Code.FOLLOWED, Code.FAILED, Code.SKIPPED]
    boxes = np.array([NAN, NAN, [1.25, -2, 30.00004, 4], NAN, NAN])
    vot.write(tmp_path, "bolt", Run(np.array(codes), boxes))
    path = tmp_path / "bolt" / "bolt_001.txt"
    text = path.read_text(encoding="utf-8")
    assert text == "0\n1\n1.2500,-2.0000,30.0000,4.0000\n2\n0\n"
    found = vot.read(tmp_path, "bolt")
    assert found.codes.tolist() == codes
    np.testing.assert_allclose(found.boxes, boxes, atol=5e-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\n3\n", "bolt_001.txt:2: neither a code 0, 1, 2 nor a region: '3'"),
        ("1\n1,2,3\n", "bolt_001.txt:2"),
        ("1\n1,2,3,four\n", "'1,2,3,four'"),
        ("1\n1,2,3,4,5,6,7,8\n", "bolt_001.txt:2: a polygon"),
        ("1\n1,2,nan,4\n", "bolt_001.txt:2: a region must be of finite numbers"),
        ("1\n\n1,2,3,4\n", "bolt_001.txt:2: not numbers: ''"),
        ("1\n1,2,3,1e6\n", "is in no picture"),
    ],
)
def test_wrong_results(tmp_path: Path, text: str, message: str) -> None:
    path = vot.run_path(tmp_path, "bolt")
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        vot.read(tmp_path, "bolt")
    assert message in str(caught.value)


def test_no_result(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*bolt_001\.txt"):
        vot.read(tmp_path, "bolt")
    vot.run_path(tmp_path, "bolt").parent.mkdir()
    vot.run_path(tmp_path, "bolt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not a text file"):
        vot.read(tmp_path, "bolt")
