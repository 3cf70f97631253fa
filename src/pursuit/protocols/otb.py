"""OTB's protocols: start with a label, follow to the end, look away.

OPE starts once, with the first label; TRE in 20 frames, one after the other; SRE with 12 boxes
that are a little off.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pursuit.datasets import Sequence, Usable
from pursuit.datasets.otb_list import entries, key, keys, listed
from pursuit.errors import DataError
from pursuit.protocols import runner
from pursuit.protocols.entrants import Entrant
from pursuit.protocols.otb_starts import sre_box, starts_on
from pursuit.protocols.plan import Plan, plan
from pursuit.protocols.runner import Experiment, Making, Outcome, Workers
from pursuit.results import otb as results
from pursuit.results.otb import Run
from pursuit.trackers.base import Tracker

Array = NDArray[np.float64]

# Steps between the boxes on disk, which are rounded, and those of the data set.
_ROUNDING = 1e-3


def follow(tracker: Tracker, sequence: Sequence, box: Array | None = None) -> Run:
    """Return what a tracker does on a sequence, from its first labelled frame to its end.

    Args:
        tracker: whatever it did before.
        sequence: what it is shown.
        box: what it is started with (4,); None for the label.

    Raises:
        DataError: no frame is labelled, or frames are missing at the end.
        PursuitError: as the tracker and the frames raise them.
    """
    total, start = len(sequence), first_label(sequence)
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
            found = sequence.boxes[start] if box is None else box
            tracker.init(frame, found)
        else:
            found = tracker.update(frame).rows()[0][0]
        tracker_ms[index] = (time.perf_counter() - decoded) * 1000
        decode_ms[index] = (decoded - before) * 1000
        boxes[index] = found
    return Run(boxes, tracker_ms, decode_ms)


def first_label(sequence: Sequence) -> int:
    """Return the number of the first frame with a label.

    Raises:
        DataError: no frame has one.
    """
    if not sequence.labelled.any():
        raise DataError(f"{sequence.name}: no frame has a box to start with")
    return int(sequence.labelled.argmax())


def prepared(found: Usable, list_: str | None = None) -> Usable:
    """Return the sequences of one of OTB's lists, or all, as the toolbox runs trackers on them.

    It leaves out the first five frames of Tiger1.

    Raises:
        SettingsError: some of the list are not there.
    """
    good = {key(one.name): one for one in found.sequences}
    bad = {at: name for name in found.faults for at in keys(name) if at not in good}
    wanted = listed({at: at for at in [*good, *bad]}, list_, "the data set")
    return Usable(
        [_toolbox_part(good[at]) for at in wanted if at in good],
        {bad[at]: found.faults[bad[at]] for at in wanted if at in bad},
    )


def _toolbox_part(sequence: Sequence) -> Sequence:
    entry = entries().get(key(sequence.name))
    if entry is None or len(sequence) != entry.rows:
        return sequence
    return sequence.cut(entry.rows - entry.run_rows)


def run(
    entrants: Several[Entrant],
    sequences: Several[Sequence],
    out: Path,
    *,
    protocol: str = "ope",
    workers: Workers = 0,
    making: Making | None = None,
) -> Iterator[Outcome]:
    """Yield the outcome of each entrant's runs on each sequence.

    Results of OPE go to `out/LABEL/SEQUENCE.txt`, those of TRE and SRE to
    `out/LABEL/tre/SEQUENCE/SEQUENCE_001.txt` and on. A run of TRE has rows from its start on.

    Arguments and errors are those of `runner.run`; `protocol` is ope, tre or sre.
    """
    found = [one.experiment() for one in _runs(protocol)]
    return runner.run(found, entrants, sequences, out, workers=workers, making=making)


def frames(protocol: str, sequence: Sequence) -> int:
    """Return the number of frames of all runs on a sequence."""
    return sum(one.frames(sequence) for one in _runs(protocol))


def read_run(folder: Path, sequence: Sequence) -> Run:
    """Return a whole result of OPE on this sequence out of a tracker's folder.

    Raises:
        DataError: there is none: missing, of another length, or of another target.
    """
    return _runs("ope")[0].read(folder, sequence)


def read_runs(folder: Path, sequence: Sequence, protocol: str) -> list[tuple[Run, Array]]:
    """Return the runs of a protocol on a sequence, each with the labels (T, 4) of its frames.

    Raises:
        DataError: as `read_run`.
    """
    return [(one.read(folder, sequence), one.part(sequence).boxes) for one in _runs(protocol)]


@dataclass(frozen=True)
class _Run:
    """One of the runs of a protocol on a sequence, by its number from 0."""

    plan: Plan
    number: int

    def experiment(self) -> Experiment[Run]:
        name = f"run {self.number + 1} of {self.plan.runs}" if self.plan.folder else ""
        return Experiment(self.follow, self.write, self.read, name, self.plan.seed, self.frames)

    def follow(self, tracker: Tracker, sequence: Sequence) -> Run:
        box = None
        if self.plan.shifts:
            box = self._box(sequence, sequence.size())
        return follow(tracker, self.part(sequence), box)

    def write(self, folder: Path, sequence: Sequence, found: Run) -> None:
        results.write(*self._place(folder, sequence), found)

    def read(self, folder: Path, sequence: Sequence) -> Run:
        place, mine = self._place(folder, sequence), self.part(sequence)
        found = results.read(*place)
        path = results.boxes_path(*place)
        if len(found.boxes) != len(mine):
            raise DataError(f"{path}: {len(found.boxes)} rows for {len(mine)} frames; remove it")
        start = found.boxes[first_label(mine)]
        known = np.isclose(start, self._box(mine), rtol=0, atol=_ROUNDING)
        if self.plan.shifts:  # it may have been cut down to the frame
            known[2:] |= (start[2:] > 0) & (start[2:] < self._box(mine)[2:])
        if not known.all():
            raise DataError(f"{path}: starts with another box than {sequence.name}; remove it")
        return found

    def frames(self, sequence: Sequence) -> int:
        try:
            return len(self.part(sequence))
        except DataError:  # following it will tell
            return len(sequence)

    def part(self, sequence: Sequence) -> Sequence:
        """Return the part of a sequence that the run is on."""
        if self.plan.spread is None:
            return sequence
        starts = starts_on(sequence.boxes, entries().get(key(sequence.name)))
        if not starts:
            raise DataError(f"{sequence.name}: no frame that a run of TRE may start in")
        return sequence.cut(starts[self.number])

    def _box(self, sequence: Sequence, size: tuple[int, int] | None = None) -> Array:
        label = sequence.boxes[first_label(sequence)]
        if not self.plan.shifts:
            return label
        return sre_box(label, self.plan.shifts[self.number], size)

    def _place(self, folder: Path, sequence: Sequence) -> tuple[Path, str]:
        if not self.plan.folder:
            return folder, sequence.name
        return results.numbered(folder / self.plan.folder, sequence.name, self.number + 1)


def _runs(protocol: str) -> list[_Run]:
    mine = plan(f"otb-{protocol}")
    return [_Run(mine, number) for number in range(mine.runs)]
