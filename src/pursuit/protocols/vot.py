"""VOT's supervised experiment: a tracker that loses its target is started again.

It starts with the first label. In the first labelled frame where its box does not overlap the
label it has failed; five frames later, or with the first label after that, it is started anew.
It sees none of the frames between. A frame without a label lets it go on, and never fails it.
It is started with the part of the label that lies in the frame, and where there is none it waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Several
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pursuit import boxes as bx
from pursuit.datasets import Sequence
from pursuit.errors import DataError
from pursuit.measures.vot import RESTART, Code, labelled
from pursuit.protocols import runner
from pursuit.protocols.entrants import Entrant
from pursuit.protocols.runner import Experiment, Outcome, Workers
from pursuit.results import vot as results
from pursuit.results.vot import BASELINE, Run
from pursuit.trackers.base import Tracker

# Pixels; the boxes on disk are rounded to less.
_ROUNDING = 1e-3


def follow(tracker: Tracker, sequence: Sequence) -> Run:
    """Return what a tracker does on a sequence, with restarts.

    Raises:
        DataError: no frame has a label inside it, or frames are missing at the end.
        PursuitError: as the tracker and the frames raise them.
    """
    known = labelled(sequence.boxes)
    codes = np.full(len(sequence), Code.SKIPPED, dtype=np.int64)
    boxes = np.full((len(sequence), 4), np.nan)
    start = 0  # the frame from which on it may be started; -1 while it follows
    for index, frame in enumerate(runner.every_frame(sequence)):
        truth = sequence.boxes[index]
        if start >= 0:
            inside = bx.clip(truth, frame.shape[1], frame.shape[0])
            if index >= start and known[index] and (inside[2:] > 0).all():
                tracker.init(frame, inside)
                codes[index], start = Code.STARTED, -1
            continue
        box = tracker.update(frame).rows()[0][0]
        if known[index] and not bx.overlap(box, truth) > 0:  # a box of NaN has failed too
            codes[index], start = Code.FAILED, index + RESTART
        else:
            codes[index], boxes[index] = Code.FOLLOWED, box
    if not (codes == Code.STARTED).any():
        raise DataError(f"{sequence.name}: no frame has a box to start with")
    return Run(codes, boxes)


def run(
    entrants: Several[Entrant], sequences: Several[Sequence], out: Path, *, workers: Workers = 0
) -> Iterator[Outcome]:
    """Yield the outcome of each entrant on each sequence; results go below `out/LABEL/baseline`.

    Arguments and errors are those of `runner.run`.
    """
    return runner.run(_SUPERVISED, entrants, sequences, out, workers=workers)


def read_run(folder: Path, sequence: Sequence) -> Run:
    """Return a whole result of this sequence out of a tracker's folder.

    Raises:
        DataError: there is none: missing, of another length, or of another target.
    """
    found = results.read(folder / BASELINE, sequence.name)
    path = results.run_path(folder / BASELINE, sequence.name)
    if len(found.codes) != len(sequence):
        raise DataError(f"{path}: {len(found.codes)} rows for {len(sequence)} frames; remove it")
    known = labelled(sequence.boxes)
    if not (found.codes == Code.STARTED).any() or not known[_judged(found.codes)].all():
        raise DataError(f"{path}: starts or fails where {sequence.name} has no label; remove it")
    mine = known & (found.codes == Code.FOLLOWED)
    around = found.boxes[mine] + np.array([-1, -1, 2, 2]) * _ROUNDING
    if not (bx.overlap(around, sequence.boxes[mine]) > 0).all():
        raise DataError(f"{path}: does not fail where it has left {sequence.name}; remove it")
    return found


def _judged(codes: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray((codes == Code.STARTED) | (codes == Code.FAILED))


def _write(folder: Path, sequence: Sequence, found: Run) -> None:
    results.write(folder / BASELINE, sequence.name, found)


_SUPERVISED = Experiment(follow, _write, read_run)
