"""Results as OTB's tools write them: FOLDER/SEQUENCE.txt, a line x,y,w,h a frame, 1-based.

Beside it lies SEQUENCE.times.txt: a line a frame with the milliseconds of the tracker and of
decoding. Frames before the tracker's start have NaN in both. The boxes are written last, so
that a result whose boxes are there is whole. TRE and SRE have several runs on a sequence,
FOLDER/SEQUENCE/SEQUENCE_001.txt and on; a run of TRE has rows from its start to the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pursuit.errors import DataError
from pursuit.files import atomic_path

Array = NDArray[np.float64]

_SEPARATORS = str.maketrans(",;", "  ")
FROM_ONE: Array = np.array([1.0, 1, 0, 0])  # the first pixel is 1 in the files, 0 in here


@dataclass(frozen=True)
class Run:
    """What a tracker did on one sequence of T frames.

    Attributes:
        boxes: (T, 4) x, y, w, h, 0-based; NaN before the frame it started in.
        tracker_ms: (T,) milliseconds of `init` and each `update`.
        decode_ms: (T,) milliseconds to decode each frame.
    """

    boxes: Array
    tracker_ms: Array
    decode_ms: Array

    @property
    def start(self) -> int:
        """Number of the frame it started in."""
        return int(np.isfinite(self.tracker_ms).argmax())


def boxes_path(folder: Path, sequence: str) -> Path:
    """Return where the boxes of a sequence lie in a tracker's folder."""
    return folder / f"{sequence}.txt"


def times_path(folder: Path, sequence: str) -> Path:
    """Return where the times of a sequence lie in a tracker's folder."""
    return folder / f"{sequence}.times.txt"


def numbered(folder: Path, sequence: str, number: int) -> tuple[Path, str]:
    """Return folder and name of a run, from 1, of several on a sequence."""
    return folder / sequence, f"{sequence}_{number:03d}"


def write(folder: Path, sequence: str, run: Run) -> None:
    """Write a run into a tracker's folder.

    Raises:
        OutputError: it cannot be written; nothing half-written stays.
    """
    rows = run.boxes + FROM_ONE
    times = np.stack([run.tracker_ms, run.decode_ms], axis=1)
    _write_rows(times_path(folder, sequence), times)
    _write_rows(boxes_path(folder, sequence), rows)


def read(folder: Path, sequence: str) -> Run:
    """Return the run of a sequence out of a tracker's folder.

    Raises:
        DataError: a file is missing, is not what `write` makes, or the two do not fit.
    """
    boxes = read_boxes(boxes_path(folder, sequence))
    times = rows(times_path(folder, sequence), 2)
    if len(times) != len(boxes):
        path = times_path(folder, sequence)
        raise DataError(f"{path}: {len(times)} rows for {len(boxes)} frames; remove it")
    return Run(boxes, times[:, 0], times[:, 1])


def read_boxes(path: Path) -> Array:
    """Return the boxes (T, 4), 0-based, of a file of 1-based x, y, w, h, one line a frame.

    The numbers may stand apart by commas, tabs, semicolons or spaces; NaN is one.

    Raises:
        DataError: it cannot be read, or a line is not a box.
    """
    return rows(path, 4) - FROM_ONE


def parse_boxes(content: bytes, place: str) -> Array:
    """Return the boxes (T, 4), 0-based, of the content of such a file; `place` names it.

    Raises:
        DataError: it is not text, or a line is not a box.
    """
    return parse_rows(content, 4, place) - FROM_ONE


def rows(path: Path, columns: int) -> Array:
    """Return the numbers (N, columns) of a text file with N lines."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    return parse_rows(content, columns, str(path))


def parse_rows(content: bytes, columns: int, place: str) -> Array:
    """Return the numbers (N, columns) of the N lines of a text file; `place` names it.

    Raises:
        DataError: it is not text, or a line is not as many numbers.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{place} is not a text file of results") from None
    lines = text.rstrip().splitlines()
    fields = [line.split() for line in text.translate(_SEPARATORS).rstrip().splitlines()]
    try:
        if all(len(one) == columns for one in fields):
            # All at once: much faster than a line at a time.
            flat = np.array([field for one in fields for field in one], dtype=np.float64)
            return flat.reshape(-1, columns)
    except ValueError:
        pass
    for number, (line, one) in enumerate(zip(lines, fields, strict=True), start=1):
        if len(one) != columns or not all(map(_is_number, one)):
            raise DataError(f"{place}:{number}: not {columns} numbers: {line[:40]!r}")
    raise AssertionError  # one of them is


def _is_number(field: str) -> bool:
    try:
        np.float64(field)
    except ValueError:
        return False
    return True


def _write_rows(path: Path, rows: Array) -> None:
    lines = [",".join(f"{value:.10g}" for value in row) for row in np.round(rows, 4)]
    with atomic_path(path) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
