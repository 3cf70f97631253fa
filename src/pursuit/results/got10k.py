"""Results as the got10k toolkit writes them: FOLDER/SEQUENCE/SEQUENCE_001.txt, x,y,w,h a line.

Boxes are as the data set counts them. SEQUENCE_time.txt holds the seconds of the tracker, a column
a run; SEQUENCE_001_time.value and SEQUENCE_001_decode.value have those of a run and of decoding, a
line a frame. The boxes are written last, so that a run whose boxes are there is whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pursuit.errors import DataError
from pursuit.results import otb
from pursuit.results.otb import Run
from pursuit.results.vot import write_lines


def run_path(folder: Path, sequence: str, number: int = 1) -> Path:
    """Return where a run on a sequence, from 1, lies in a tracker's folder."""
    return folder / sequence / f"{sequence}_{number:03d}.txt"


def write(folder: Path, sequence: str, run: Run, number: int = 1) -> None:
    """Write a run into a tracker's folder.

    Raises:
        OutputError: it cannot be written; nothing half-written stays.
    """
    path = run_path(folder, sequence, number)
    for name, milliseconds in (("time", run.tracker_ms), ("decode", run.decode_ms)):
        lines = (f"{value / 1000:.8f}" for value in milliseconds)
        write_lines(path.with_name(f"{path.stem}_{name}.value"), lines)
    write_lines(path, (",".join(f"{value:.3f}" for value in box) for box in run.boxes))


def write_times(folder: Path, sequence: str, runs: Sequence[Run]) -> None:
    """Write the times of all runs on a sequence into one file.

    Raises:
        OutputError: they cannot be written.
    """
    columns = np.nan_to_num(np.stack([run.tracker_ms for run in runs], axis=1)) / 1000
    rows = (",".join(f"{value:.8f}" for value in row) for row in columns)
    write_lines(folder / sequence / f"{sequence}_time.txt", rows)


def read(folder: Path, sequence: str, number: int = 1) -> Run:
    """Return a run on a sequence out of a tracker's folder.

    Raises:
        DataError: a file is missing, is not what `write` makes, or they do not fit.
    """
    path = run_path(folder, sequence, number)
    boxes = otb.rows(path, 4)
    times = [
        otb.rows(path.with_name(f"{path.stem}_{name}.value"), 1)[:, 0] * 1000
        for name in ("time", "decode")
    ]
    if any(len(one) != len(boxes) for one in times):
        raise DataError(f"{path}: not a time for each of {len(boxes)} frames; remove it")
    return Run(boxes, times[0], times[1])
