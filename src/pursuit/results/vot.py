"""Results as VOT's toolkits write them: FOLDER/SEQUENCE/SEQUENCE_001.txt, a line a frame.

A line is a box x,y,w,h, 0-based, or a code: 0 the frame was skipped, 1 the tracker was started
in it, 2 it failed in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pursuit.errors import DataError
from pursuit.files import atomic_path
from pursuit.measures.vot import Code

_CODES = {str(int(code)): code for code in (Code.SKIPPED, Code.STARTED, Code.FAILED)}


@dataclass(frozen=True)
class Run:
    """What a tracker did on one sequence of T frames.

    Attributes:
        codes: (T,) values of `measures.vot.Code`.
        boxes: (T, 4) x, y, w, h, 0-based, where it FOLLOWED; NaN elsewhere.
    """

    codes: NDArray[np.int64]
    boxes: NDArray[np.float64]


def run_path(folder: Path, sequence: str) -> Path:
    """Return where the run on a sequence lies in the folder of an experiment."""
    return folder / sequence / f"{sequence}_001.txt"


def write(folder: Path, sequence: str, run: Run) -> None:
    """Write a run into the folder of an experiment.

    Raises:
        OutputError: it cannot be written; nothing half-written stays.
    """
    lines = [
        ",".join(f"{value:.4f}" for value in box) if code == Code.FOLLOWED else str(int(code))
        for code, box in zip(run.codes, run.boxes, strict=True)
    ]
    with atomic_path(run_path(folder, sequence)) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def read(folder: Path, sequence: str) -> Run:
    """Return the run on a sequence out of the folder of an experiment.

    Raises:
        DataError: it is missing, or a line is neither a code nor a box.
    """
    path = run_path(folder, sequence)
    try:
        lines = path.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not a text file of results") from None
    codes = np.full(len(lines), Code.FOLLOWED, dtype=np.int64)
    boxes = np.full((len(lines), 4), np.nan)
    for index, line in enumerate(lines):
        code = _CODES.get(line.strip())
        if code is not None:
            codes[index] = code
            continue
        try:
            numbers = [float(field) for field in line.split(",")]
        except ValueError:
            numbers = []
        if len(numbers) != 4:
            raise DataError(
                f"{path}:{index + 1}: neither a code 0, 1, 2 nor a box x,y,w,h: {line[:40]!r}"
            )
        boxes[index] = numbers
    return Run(codes, boxes)
