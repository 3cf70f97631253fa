"""VOT's experiments: supervised, with region noise, unsupervised.

In the first two a tracker that loses its target is started again. It starts with the first
label. In the first labelled frame where its box does not overlap the label it has failed; five
frames later, or with the first label after that, it is started anew. It sees none of the frames
between. A frame without a label lets it go on, and never fails it. It is started with the part of
the label that lies in the frame, and where there is none it waits.

A label may be a polygon. The tracker is started with a box made of it, and judged by the polygon,
in real numbers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pursuit import boxes as bx
from pursuit.datasets import Sequence
from pursuit.errors import DataError
from pursuit.measures.vot import RESTART, Code, labelled
from pursuit.protocols import claims, repeat, runner
from pursuit.protocols.entrants import Entrant
from pursuit.protocols.plan import Noise, Plan, generator, plan
from pursuit.protocols.runner import Experiment, Making, Outcome, Workers
from pursuit.results import vot as results
from pursuit.results.vot import Run
from pursuit.trackers.base import Tracker

Array = NDArray[np.float64]
StartBox = Literal["min-max", "equal-area"]

# Pixels; the boxes on disk are rounded to less.
_ROUNDING = 1e-3
_SAME = 0.999  # overlap of boxes that are taken to be the same, as the MATLAB toolkit has it
_CLAIM = "protocol.json"


def follow(
    tracker: Tracker,
    sequence: Sequence,
    *,
    restart: int | None = RESTART,
    start_box: Callable[[Sequence, int], Array] | None = None,
) -> Run:
    """Return what a tracker does on a sequence.

    Args:
        tracker: whatever it did before.
        sequence: what it is shown.
        restart: frames from a failure to the next start; None: it never fails.
        start_box: returns the box (4,) to start with in a frame; None for the label's.

    Raises:
        DataError: no frame has a label inside it, or frames are missing at the end.
        PursuitError: as the tracker and the frames raise them.
    """
    known = labelled(sequence.boxes)
    codes = np.full(len(sequence), Code.SKIPPED, dtype=np.int64)
    boxes = np.full((len(sequence), 4), np.nan)
    times = np.zeros((2, len(sequence)))  # seconds: tracker, decoding
    start = 0  # the frame from which on it may be started; -1 while it follows
    frames = runner.every_frame(sequence)
    for index in range(len(sequence)):
        before = time.perf_counter()
        frame = next(frames)
        decoded = time.perf_counter()
        if start >= 0:
            if index < start or not known[index]:
                continue
            given = sequence.boxes[index] if start_box is None else start_box(sequence, index)
            inside = bx.clip(given, frame.shape[1], frame.shape[0])
            if (inside[2:] <= 0).any():
                continue
            tracker.init(frame, inside)
            codes[index], start = Code.STARTED, -1
            times[:, index] = time.perf_counter() - decoded, decoded - before
            continue
        box = tracker.update(frame).rows()[0][0]
        times[:, index] = time.perf_counter() - decoded, decoded - before
        # A box of NaN has failed too.
        if restart is not None and known[index] and not _overlap(box, sequence, index) > 0:
            codes[index], start = Code.FAILED, index + restart
        elif np.isfinite(box).all():  # what is no box cannot be written: the frame has none
            codes[index], boxes[index] = Code.FOLLOWED, box
    if not (codes == Code.STARTED).any():
        raise DataError(f"{sequence.name}: no frame has a box to start with")
    return Run(codes, boxes, *times)


def start_box(rule: StartBox, sequence: Sequence, index: int) -> Array:
    """Return the box (4,) that a tracker is started with in a frame, made of its label.

    Raises:
        DataError: a polygon that has not four corners, and `rule` is equal-area.
    """
    polygon = _polygon(sequence, index)
    if polygon is None:
        return sequence.boxes[index]
    return _box_of(rule, polygon, sequence.name)


def noisy_box(
    rule: StartBox, noise: Noise, draw: np.random.Generator, sequence: Sequence, index: int
) -> Array:
    """Return the box (4,) of a label that is a little off: moved, scaled and turned.

    As in VOT2014: about the middle of the box around the label, by the matrix
    [a cos r, -sin r; sin r, b cos r], and moved.

    Raises:
        DataError: as `start_box`.
    """
    around = sequence.boxes[index]
    polygon = _polygon(sequence, index)
    if polygon is None:
        polygon = bx.corners(around)
    scale = 1 + draw.uniform(-noise.scale, noise.scale, 2)
    move = around[2:] * draw.uniform(-noise.move, noise.move, 2)
    turn = draw.uniform(-noise.rotation, noise.rotation)
    cosine, sine = np.cos(turn), np.sin(turn)
    matrix = np.array([[scale[0] * cosine, -sine], [sine, scale[1] * cosine]])
    middle = bx.centres(around)
    return _box_of(rule, (polygon - middle) @ matrix.T + middle + move, sequence.name)


def run(
    entrants: Several[Entrant],
    sequences: Several[Sequence],
    out: Path,
    *,
    protocol: str = "supervised",
    start_box: StartBox = "min-max",
    workers: Workers = 0,
    making: Making | None = None,
) -> Iterator[Outcome]:
    """Yield the outcome of each entrant's runs on each sequence.

    Results go below `out/LABEL/EXPERIMENT`, the experiment being baseline, region_noise or
    unsupervised.

    Arguments and errors are those of `runner.run`, and:

    Args:
        protocol: supervised, region-noise or unsupervised.
        start_box: how a box is made of a polygon.
    """
    mine = plan(f"vot-{protocol}")
    found = [one.experiment() for one in runs(protocol, start_box)]
    outcomes = repeat.run(
        mine, found, entrants, sequences, out, equal=equal, workers=workers, making=making
    )
    what = {"protocol": mine.model_dump(), "start_box": start_box}
    for one in entrants:
        claims.claim(out / one.label / mine.folder / _CLAIM, what, "protocol")
    return outcomes


def equal(folder: Path, sequence: Sequence, experiments: Several[Experiment[Run]]) -> bool:
    """Return whether runs in a tracker's folder are the same, but for rounding."""
    try:
        first, *others = (one.read(folder, sequence) for one in experiments)
    except DataError:
        return False
    mine = first.codes == Code.FOLLOWED
    return all(
        np.array_equal(one.codes, first.codes)
        and bool((bx.overlap(one.boxes[mine], first.boxes[mine]) > _SAME).all())
        for one in others
    )


def read_run(folder: Path, sequence: Sequence) -> Run:
    """Return the first whole run of the supervised experiment out of a tracker's folder.

    Raises:
        DataError: there is none: missing, of another length, or of another target.
    """
    return runs("supervised")[0].read(folder, sequence)


def read_runs(folder: Path, sequence: Sequence, protocol: str) -> list[Run]:
    """Return the runs of a sequence: all, or those that stand for all.

    Raises:
        DataError: as `read_run`.
    """
    every, enough = runs(protocol), plan(f"vot-{protocol}").enough
    if enough is not None and equal(folder, sequence, [x.experiment() for x in every[:enough]]):
        every = every[:enough]
    return [one.read(folder, sequence) for one in every]


def runs(protocol: str, start_box: StartBox = "min-max") -> list[VotRun]:
    """Return the runs of a protocol on a sequence."""
    mine = plan(f"vot-{protocol}")
    return [VotRun(mine, number, start_box) for number in range(mine.runs)]


@dataclass(frozen=True)
class VotRun:
    """One of the runs of a protocol on a sequence, by its number from 0."""

    plan: Plan
    number: int
    start_box: StartBox = "min-max"

    def experiment(self) -> Experiment[Run]:
        """Return it as the runner wants it."""
        many = self.plan.runs > 1
        name = f"run {self.number + 1} of {self.plan.runs}" if many else ""
        return Experiment(self.follow, self.write, self.read, name, self.plan.seed)

    def follow(self, tracker: Tracker, sequence: Sequence) -> Run:
        """Return what a tracker does."""
        return follow(tracker, sequence, restart=self.plan.restart, start_box=self.box)

    def box(self, sequence: Sequence, index: int) -> Array:
        """Return the box (4,) to start with in a frame: the same one for all trackers."""
        if self.plan.noise is None:
            return start_box(self.start_box, sequence, index)
        draw = generator(self.plan.seed, sequence.name, self.number, index)
        return noisy_box(self.start_box, self.plan.noise, draw, sequence, index)

    def write(self, folder: Path, sequence: Sequence, found: Run) -> None:
        """Write a run into a tracker's folder."""
        results.write(folder / self.plan.folder, sequence.name, found, self.number + 1)

    def read(self, folder: Path, sequence: Sequence) -> Run:
        """Return the whole run out of a tracker's folder, or raise DataError."""
        place = folder / self.plan.folder
        found = results.read(place, sequence.name, self.number + 1)
        path = results.run_path(place, sequence.name, self.number + 1)
        _check(found, sequence, path, may_fail=self.plan.restart is not None)
        return found


def _check(found: Run, sequence: Sequence, path: Path, *, may_fail: bool) -> None:
    """Make sure that a run is on this sequence.

    Raises:
        DataError: it is of another length, or of another target.
    """
    if len(found.codes) != len(sequence):
        raise DataError(f"{path}: {len(found.codes)} rows for {len(sequence)} frames; remove it")
    known = labelled(sequence.boxes)
    if not (found.codes == Code.STARTED).any() or not known[_judged(found.codes)].all():
        raise DataError(f"{path}: starts or fails where {sequence.name} has no label; remove it")
    if not may_fail:
        if (found.codes == Code.FAILED).any():
            raise DataError(f"{path}: has failures, and nothing fails unsupervised; remove it")
        return
    mine = known & (found.codes == Code.FOLLOWED)
    around = found.boxes[mine] + np.array([-1, -1, 2, 2]) * _ROUNDING
    if not (bx.overlap(around, sequence.boxes[mine]) > 0).all():
        raise DataError(f"{path}: does not fail where it has left {sequence.name}; remove it")


def _judged(codes: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray((codes == Code.STARTED) | (codes == Code.FAILED))


def _polygon(sequence: Sequence, index: int) -> Array | None:
    """Return the corners (V, 2) of a label, None where it is a box."""
    if sequence.regions is None or np.isnan(sequence.regions.polygons[index, 0, 0]):
        return None
    polygon = sequence.regions.polygons[index]
    return polygon[np.isfinite(polygon[:, 0])]


def _box_of(rule: StartBox, polygon: Array, name: str) -> Array:
    if rule == "min-max":
        return bx.around(polygon)
    if len(polygon) != 4:
        raise DataError(f"{name}: equal-area needs polygons of four corners; use min-max")
    return bx.equal_area(polygon)


def _overlap(box: Array, sequence: Sequence, index: int) -> float:
    polygon = _polygon(sequence, index)
    if polygon is None or not np.isfinite(box).all():
        return float(bx.overlap(box, sequence.boxes[index]))
    return float(bx.polygon_overlap(bx.corners(box)[None], polygon[None])[0])
