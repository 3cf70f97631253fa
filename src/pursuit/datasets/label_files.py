"""A file of labels, a line a frame, read the same way to follow its target and to score results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pursuit.datasets.reading import Findings, box_lines, read_text
from pursuit.datasets.vot import has_corners, regions_of, rows_of
from pursuit.errors import DataError

Array = NDArray[np.float64]


def read_labels(path: Path, findings: Findings) -> Array:
    """Return the boxes (T, 4) of a file of labels, as it counts them; NaN where it says so.

    A line is a box, or the corners of a polygon where the first one is; its box is that just
    around it. What is neither is a finding.
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
    data = text.encode()
    if not has_corners(data.lstrip().partition(b"\n")[0], place):
        return box_lines(text, place, findings)
    try:
        return regions_of(rows_of(data, place), place).around()
    except DataError as error:
        findings.wrong(str(error))
        return np.empty((0, 4))
