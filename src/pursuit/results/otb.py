"""Results as OTB's tools write them: FOLDER/SEQUENCE.txt, a line x,y,w,h a frame, 1-based.

Beside it lies SEQUENCE.times.txt: a line a frame with the milliseconds of the tracker and of
decoding. Frames before the tracker's start have NaN in both. The boxes are written last, so
that a result whose boxes are there is whole. TRE and SRE have several runs on a sequence,
FOLDER/SEQUENCE/SEQUENCE_001.txt and on; a run of TRE has rows from its start to the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pursuit import boxes as bx
from pursuit.datasets.reading import has_frame_numbers, number, text_lines
from pursuit.errors import DataError
from pursuit.files import atomic_path

Array = NDArray[np.float64]
_Fields = tuple[int, str, list[str]]  # number of a line, the line, and its parts

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
    return with_times(read_boxes(boxes_path(folder, sequence)), folder, sequence)


def with_times(boxes: Array, folder: Path, sequence: str) -> Run:
    """Return the run of these boxes (T, 4), 0-based, with the times in a tracker's folder.

    Raises:
        DataError: they are missing, are not what `write` makes, or do not fit.
    """
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
    """Return the boxes (T, 4), 0-based, of the content of such a file, of anyone's.

    Raises:
        DataError: as `parse_any`.
    """
    return parse_any(content, place) - FROM_ONE


def parse_any(content: bytes, place: str) -> Array:
    """Return the boxes (T, 4), as they are counted, of the content of a file; `place` names it.

    Raises:
        DataError: it is not text, or its lines are none of what `boxes_of` knows.
    """
    fields = _fields(content, place)
    if all(len(one) == 4 for _, _, one in fields):
        return _numbers(fields, 4, place)
    rows = [_numbers_of(one) or [] for _, _, one in fields]
    found = boxes_of(rows)
    return _numbers(fields, 4, place) if found is None else found


def boxes_of(rows: Sequence[Sequence[float]]) -> Array | None:
    """Return the boxes (T, 4) of T rows x, y, w, h; None where one is nothing of the kind.

    A polygon of four corners and more, x1, y1, x2, y2, ..., is the box just around it. Where
    all rows have a fifth number between 0 and 1, that is a score.
    """
    lengths = {len(row) for row in rows}
    if lengths == {5} and not any(row[4] < 0 or row[4] > 1 for row in rows):
        return np.array(rows, dtype=np.float64)[:, :4]
    if any(length < 4 or length % 2 or length == 6 for length in lengths):
        return None
    if has_frame_numbers(rows):
        return None
    boxes = [row if len(row) == 4 else bx.around(np.reshape(row, (-1, 2))) for row in rows]
    return np.array(boxes, dtype=np.float64).reshape(-1, 4)


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
    return _numbers(_fields(content, place), columns, place)


def _fields(content: bytes, place: str) -> list[_Fields]:
    return [
        (at, line, line.translate(_SEPARATORS).split()) for at, line in text_lines(content, place)
    ]


def _numbers(fields: Sequence[_Fields], columns: int, place: str) -> Array:
    plain = all(line.isascii() and "_" not in line for _, line, _ in fields)  # see `number`
    if plain and all(len(one) == columns for _, _, one in fields):
        try:  # all at once: much faster than a line at a time
            flat = np.array([field for _, _, one in fields for field in one], dtype=np.float64)
            return flat.reshape(-1, columns)
        except ValueError:
            pass
    rows = []
    for at, line, one in fields:
        row = _numbers_of(one)
        if row is None or len(row) != columns:
            raise DataError(f"{place}:{at}: not {columns} numbers: {line[:40]!r}")
        rows.append(row)
    return np.array(rows, dtype=np.float64).reshape(-1, columns)


def _numbers_of(fields: Sequence[str]) -> list[float] | None:
    try:
        return [number(field) for field in fields]
    except ValueError:
        return None


def _write_rows(path: Path, rows: Array) -> None:
    lines = [",".join(f"{value:.10g}" for value in row) for row in np.round(rows, 4)]
    with atomic_path(path) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
