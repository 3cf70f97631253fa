"""Two ways to take the lines of a text file: a data set's labels, and boxes whoever wrote them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pursuit.datasets.label_files import read_labels
from pursuit.datasets.reading import Findings, lines_of, text_lines
from pursuit.errors import DataError


def test_lines_count_from_one_and_end_with_the_last_that_holds_something() -> None:
    assert lines_of("a\r\n\nb\n\n \n") == [(1, "a"), (2, ""), (3, "b")]
    assert lines_of(" \n") == []


@pytest.mark.parametrize("odd", ["x,y,w,h", "# by hand", "% of Matlab", ""])
def test_labels_take_each_line_for_a_frame_and_others_leave_out_what_is_no_box(
    tmp_path: Path, odd: str
) -> None:
    file = tmp_path / "groundtruth.txt"
    file.write_text(f"{odd}\n1,2,3,4\n5;6;7\t8\n\n", encoding="utf-8")
    findings = Findings(strict=False)
    boxes = read_labels(file, findings)
    np.testing.assert_array_equal(boxes, [[np.nan] * 4, [1, 2, 3, 4], [5, 6, 7, 8]])
    shown = odd.replace(" ", ",")
    assert findings.lines == [f"{file}:1: x, y, w, h must be numbers; got '{shown}'"]
    lines = text_lines(file.read_bytes(), str(file))
    own = [(1, "")] if not odd else []  # rows of numbers have no gaps: who reads them says so
    assert lines == [*own, (2, "1,2,3,4"), (3, "5;6;7\t8")]


def test_decimal_commas_are_refused_in_both(tmp_path: Path) -> None:
    file = tmp_path / "groundtruth.txt"
    file.write_text("10,5;20,0;30,5;40,0\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"groundtruth\.txt:1: a box is four numbers .* got 8"):
        read_labels(file, Findings(strict=True))
    with pytest.raises(DataError, match="decimal commas, or corners"):
        text_lines(file.read_bytes(), str(file))
