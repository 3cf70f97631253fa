"""A file of labels, a line a frame, read the same way to follow its target and to score results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pursuit.datasets.reading import (
    Findings,
    box_lines,
    has_frame_numbers,
    lines_of,
    note_nan,
    read_text,
    shown,
)
from pursuit.datasets.vot import has_corners, regions_of, rows_of
from pursuit.errors import DataError

Array = NDArray[np.float64]


def read_labels(path: Path, findings: Findings) -> Array:
    """Return the boxes (T, 4) of a file of labels, as it counts them; NaN where it says so.

    A line is a box, or the corners of a polygon, four and more, where the first one is; its box is
    that just around it. What is neither is a finding.
    """
    return _boxes(read_text(path, findings) or "", str(path), findings)


def good_labels(data: bytes, place: str) -> Array:
    """Return the same of what is in such a file, all of it good; `place` names it.

    Raises:
        DataError: it is no text, or a line is none of these.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{place} is not a text file of labels") from None
    findings = Findings(strict=False)
    boxes = _boxes(text, place, findings)
    for wrong in findings.faults.values():
        raise DataError(wrong[0])
    return boxes


def _boxes(text: str, place: str, findings: Findings) -> Array:
    first = "".join(text.lstrip().splitlines()[:1])
    if not has_corners(first.encode(), place):
        return box_lines(text, place, findings)
    try:
        boxes = _around(text, place)
    except DataError as error:
        findings.wrong(str(error))
        return np.full((len(lines_of(text)), 4), np.nan)
    note_nan((np.flatnonzero(np.isnan(boxes[:, 0])) + 1).tolist(), place, findings)
    return boxes


def _around(text: str, place: str) -> Array:
    """Return the boxes around polygons, a line a frame.

    Raises:
        DataError: a line is none, and no box.
    """
    rows = rows_of(text.encode(), place)
    for at, line in lines_of(text):
        if line.startswith(("#", "%")):  # no row is made of it
            raise DataError(f"{place}:{at}: a line is a frame; got a comment {shown(line)}")
    if has_frame_numbers(rows):
        raise DataError(f"{place}: its lines begin with the number of the frame: x, y, w, h alone")
    return regions_of(rows, place, corners=4).around()
