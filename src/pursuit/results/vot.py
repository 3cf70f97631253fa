"""Results as VOT's toolkits write them: FOLDER/SEQUENCE/SEQUENCE_001.txt, a line a frame.

A line is a box x,y,w,h, 0-based, or a code: 0 the frame was skipped, 1 the tracker was started
in it, 2 it failed in it. Others' may also hold polygons x1,y1,x2,y2,..., and have several runs on
a sequence, SEQUENCE_001.txt to SEQUENCE_015.txt, or be the Python toolkit's .bin. Whose they are
says the folder above that of the experiment: TRACKER/baseline/SEQUENCE/SEQUENCE_001.txt.

Times lie beside, as the toolkits have values of frames: SEQUENCE_001_time.value, a line a frame
with the seconds of the tracker, SEQUENCE_001_decode.value with those of decoding, and for the
MATLAB toolkit SEQUENCE_time.txt, a column a run. Frames that it did not see have 0. The regions
are written last, so that a run whose regions are there is whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pursuit.boxes import Regions
from pursuit.datasets.vot import regions_of, rows_of
from pursuit.errors import DataError
from pursuit.files import atomic_path
from pursuit.measures.vot import Code
from pursuit.results import vot_binary

# The toolkits' names of the experiments, and of their folders: with resets, the same with noisy
# starts, without resets.
BASELINE, NOISE, UNSUPERVISED = "baseline", "region_noise", "unsupervised"
EXPERIMENTS = (BASELINE, NOISE, "realtime", UNSUPERVISED)

_CODES = (Code.SKIPPED, Code.STARTED, Code.FAILED)
# 0 until it is started, what it followed, 2, and the frames that it was not shown.
_IN_ORDER = re.compile("0*(?:13*20+)*(?:13*2?)?")


@dataclass(frozen=True)
class Run:
    """What a tracker did on one sequence of T frames.

    Attributes:
        codes: (T,) values of `measures.vot.Code`.
        boxes: (T, 4) x, y, w, h, 0-based, where it FOLLOWED; NaN elsewhere.
        tracker_s: (T,) seconds of `init` and each `update`, 0 elsewhere; None where unknown.
        decode_s: (T,) seconds to decode each frame that it saw.
    """

    codes: NDArray[np.int64]
    boxes: NDArray[np.float64]
    tracker_s: NDArray[np.float64] | None = None
    decode_s: NDArray[np.float64] | None = None


def run_path(folder: Path, sequence: str, number: int = 1) -> Path:
    """Return where a run on a sequence, from 1, lies in the folder of an experiment."""
    return folder / sequence / f"{sequence}_{number:03d}.txt"


def write(folder: Path, sequence: str, run: Run, number: int = 1) -> None:
    """Write a run into the folder of an experiment.

    Raises:
        OutputError: it cannot be written; nothing half-written stays.
    """
    lines = [
        ",".join(f"{value:.4f}" for value in box) if code == Code.FOLLOWED else str(int(code))
        for code, box in zip(run.codes, run.boxes, strict=True)
    ]
    path = run_path(folder, sequence, number)
    for name, seconds in (("time", run.tracker_s), ("decode", run.decode_s)):
        if seconds is not None:
            write_lines(_value_path(path, name), [f"{value:.6f}" for value in seconds])
    write_lines(path, lines)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a text file of lines, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_path(path) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def write_times(folder: Path, sequence: str, runs: Sequence[Run], repetitions: int) -> None:
    """Write the times of all runs as the MATLAB toolkit has them, 0 for those left out.

    Raises:
        OutputError: they cannot be written.
    """
    columns = np.zeros((len(runs[0].codes), repetitions))
    for at, run in enumerate(runs):
        if run.tracker_s is not None:
            columns[:, at] = run.tracker_s
    rows = (",".join(f"{value:.6f}" for value in row) for row in columns)
    write_lines(folder / sequence / f"{sequence}_time.txt", rows)


def read(folder: Path, sequence: str, number: int = 1) -> Run:
    """Return a run on a sequence out of the folder of an experiment.

    Raises:
        DataError: it is missing, a line is neither a code nor a box, or times do not fit.
    """
    path = run_path(folder, sequence, number)
    found = parse(_read(path), str(path))
    times = [_values(_value_path(path, name), len(found.codes)) for name in ("time", "decode")]
    drawn = np.flatnonzero((found.codes == Code.FOLLOWED) & np.isnan(found.regions.boxes[:, 0]))
    if len(drawn):
        raise DataError(f"{path}:{drawn[0] + 1}: a polygon; results of pursuit are boxes x,y,w,h")
    return Run(found.codes, found.regions.boxes, *times)


def _value_path(path: Path, name: str) -> Path:
    return path.with_name(f"{path.stem}_{name}.value")


def _values(path: Path, count: int) -> NDArray[np.float64] | None:
    """Return a number a frame out of a file of lines; None where there is no file."""
    if not path.exists():
        return None
    rows = rows_of(_read(path), str(path))
    if len(rows) != count or any(len(row) != 1 for row in rows):
        raise DataError(f"{path}: not a number for each of {count} frames; remove it")
    return np.array(rows)[:, 0]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None


@dataclass(frozen=True)
class Trajectory:
    """What a tracker did on one sequence of T frames, as any toolkit may have stored it.

    Attributes:
        codes: (T,) values of `measures.vot.Code`.
        regions: of T frames, where it FOLLOWED; nothing elsewhere.
        place: what messages call it.
    """

    codes: NDArray[np.int64]
    regions: Regions
    place: str


def parse(data: bytes, place: str) -> Trajectory:
    """Return what a file of results holds.

    Raises:
        DataError: it is no text, or a line is neither a code nor a region.
    """
    binary = place.lower().endswith(".bin")
    rows = vot_binary.rows_of(data, place) if binary else rows_of(data, place)
    codes = np.array(
        [_code(row, f"{place}:{at}") for at, row in enumerate(rows, 1)], dtype=np.int64
    )
    known = codes == Code.FOLLOWED
    regions = regions_of([row if known[at] else [0.0] for at, row in enumerate(rows)], place)
    return Trajectory(codes, regions, place)


def odd_row(run: Trajectory) -> int:
    """Return the first row, from 1, that cannot come after those before it; 0 for none.

    A tracker is started, follows, fails, and is not shown some frames until the next start.
    """
    codes = "".join(str(int(code)) for code in run.codes)
    fits = _IN_ORDER.match(codes)
    return 0 if fits is None or fits.end() == len(codes) else fits.end() + 1


def _code(row: list[float], place: str) -> Code:
    """Return what a row of numbers says of its frame."""
    if len(row) == 1 and row[0] in _CODES:
        return Code(int(row[0]))
    # VOT2013's way to write a code: NaN,NaN,NaN,-2.
    if len(row) == 4 and all(map(math.isnan, row[:3])) and -row[3] in _CODES:
        return Code(int(-row[3]))
    if any(not math.isfinite(value) for value in row):
        raise DataError(f"{place}: a region must be of finite numbers")
    if len(row) == 1:
        raise DataError(f"{place}: neither a code 0, 1, 2 nor a region: '{row[0]:g}'")
    return Code.FOLLOWED
