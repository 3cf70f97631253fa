"""OTB's one-pass evaluation (OPE): start with the first label, follow to the end, look away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from collections.abc import Sequence as Several
from pathlib import Path

import numpy as np

from pursuit.datasets import Sequence
from pursuit.errors import DataError
from pursuit.protocols import runner
from pursuit.protocols.entrants import Entrant
from pursuit.protocols.runner import Experiment, Outcome, Workers
from pursuit.results import otb as results
from pursuit.results.otb import Run
from pursuit.trackers.base import Tracker

# Steps between the boxes on disk, which are rounded, and those of the data set.
_ROUNDING = 1e-3


def follow(tracker: Tracker, sequence: Sequence) -> Run:
    """Return what a tracker does on a sequence, from its first labelled frame to its end.

    Raises:
        DataError: no frame is labelled, or frames are missing at the end.
        PursuitError: as the tracker and the frames raise them.
    """
    total, labelled = len(sequence), sequence.labelled
    if not labelled.any():
        raise DataError(f"{sequence.name}: no frame has a box to start with")
    start = int(labelled.argmax())
    boxes = np.full((total, 4), np.nan)
    tracker_ms, decode_ms = np.full(total, np.nan), np.full(total, np.nan)
    frames = runner.every_frame(sequence)
    for index in range(total):
        before = time.perf_counter()
        frame = next(frames)
        decoded = time.perf_counter()
        if index < start:
            continue
        if index == start:
            tracker.init(frame, sequence.boxes[start])
            box = sequence.boxes[start]
        else:
            box = tracker.update(frame).rows()[0][0]
        tracker_ms[index] = (time.perf_counter() - decoded) * 1000
        decode_ms[index] = (decoded - before) * 1000
        boxes[index] = box
    return Run(boxes, tracker_ms, decode_ms)


def run(
    entrants: Several[Entrant], sequences: Several[Sequence], out: Path, *, workers: Workers = 0
) -> Iterator[Outcome]:
    """Yield the outcome of each entrant on each sequence; results go to `out/LABEL/SEQUENCE.txt`.

    Arguments and errors are those of `runner.run`.
    """
    return runner.run(_OPE, entrants, sequences, out, workers=workers)


def read_run(folder: Path, sequence: Sequence) -> Run:
    """Return a whole result of this sequence out of a tracker's folder.

    Raises:
        DataError: there is none: missing, of another length, or of another target.
    """
    found = results.read(folder, sequence.name)
    path = results.boxes_path(folder, sequence.name)
    if len(found.boxes) != len(sequence):
        raise DataError(f"{path}: {len(found.boxes)} rows for {len(sequence)} frames; remove it")
    start = int(sequence.labelled.argmax())
    if not np.allclose(found.boxes[start], sequence.boxes[start], rtol=0, atol=_ROUNDING):
        raise DataError(f"{path}: starts with another box than {sequence.name}; remove it")
    return found


def _write(folder: Path, sequence: Sequence, found: Run) -> None:
    results.write(folder, sequence.name, found)


_OPE = Experiment(follow, _write, read_run)
