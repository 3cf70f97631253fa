"""OTB's one-pass evaluation (OPE): start with the first label, follow to the end, look away.

Each tracker on each sequence is one job; jobs run one after the other in this process, or in
several. What a job finds goes to disk whole; a whole result is kept and not run again. A
tracker that raises loses that sequence and no other.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from collections.abc import Sequence as Several
from concurrent.futures import Executor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch

from pursuit.datasets import Sequence
from pursuit.errors import DataError, PursuitError
from pursuit.executors import cores, open_executor
from pursuit.protocols.entrants import Entrant, claim
from pursuit.results import otb as results
from pursuit.results.otb import Run
from pursuit.trackers.base import Tracker

# Steps between the boxes on disk, which are rounded, and those of the data set.
_ROUNDING = 1e-3


@dataclass(frozen=True)
class Outcome:
    """How a tracker's job on one sequence ended.

    Attributes:
        label: the entrant's.
        sequence: name of the sequence.
        frames: number of its frames.
        status: "done" just now, "kept" from before, or "failed".
        error: why it failed, one line.
    """

    label: str
    sequence: str
    frames: int
    status: Literal["done", "kept", "failed"]
    error: str = ""


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
    frames = sequence.frames()
    for index in range(total):
        before = time.perf_counter()
        frame = next(frames, None)
        decoded = time.perf_counter()
        if frame is None:
            raise DataError(f"{sequence.name}: its frames end after {index} of {total}")
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
    entrants: Several[Entrant], sequences: Several[Sequence], out: Path, *, workers: int = 1
) -> Iterator[Outcome]:
    """Yield the outcome of each entrant on each sequence, as they end; those kept come first.

    Args:
        entrants: trackers, each under a label of its own.
        sequences: what they follow.
        out: results go to `out/LABEL/SEQUENCE.txt`.
        workers: processes, each with its share of the machine's threads. Only with one, and
            nothing else running, are the times those of the tracker.

    Raises:
        SettingsError: no such tracker, or `out` holds results of another under its label.
        WeightsError: a tracker's files are missing or not good.
        OutputError: a result cannot be written.
    """
    for one in entrants:
        _loaded(one)  # what cannot be loaded shows before anything runs
    for one in entrants:
        claim(out / one.label, one)
    return _outcomes([_Job(one, part, out) for one in entrants for part in sequences], workers)


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


@dataclass(frozen=True)
class _Job:
    entrant: Entrant
    sequence: Sequence
    out: Path
    threads: int = 0  # 0 leaves them as they are

    @property
    def folder(self) -> Path:
        return self.out / self.entrant.label

    def is_done(self) -> bool:
        try:
            read_run(self.folder, self.sequence)
        except DataError:
            return False
        return True

    def outcome(self, status: Literal["done", "kept", "failed"], error: str = "") -> Outcome:
        name, frames = self.sequence.name, len(self.sequence)
        return Outcome(self.entrant.label, name, frames, status, error)


def _outcomes(jobs: list[_Job], workers: int) -> Iterator[Outcome]:
    left = []
    for job in jobs:
        if job.is_done():
            yield job.outcome("kept")
        else:
            left.append(job)
    workers = min(workers, len(left))
    if workers <= 1:
        yield from map(_do, left)
        return
    threads = max(1, cores() // workers)
    # The longest first: no worker is left with one at the end.
    left.sort(key=lambda job: -len(job.sequence))
    with open_executor(workers, None) as executor:
        yield from _spread(
            executor, [_Job(job.entrant, job.sequence, job.out, threads) for job in left]
        )


def _spread(executor: Executor, jobs: list[_Job]) -> Iterator[Outcome]:
    futures = {executor.submit(_do, job): job for job in jobs}
    for future in as_completed(futures):
        try:
            yield future.result()
        except BrokenProcessPool:
            yield futures[future].outcome(
                "failed", "a worker process died; the same command tries again what is missing"
            )


def _do(job: _Job) -> Outcome:
    """Run a job; runs in a worker process too."""
    if job.threads:
        cv2.setNumThreads(job.threads)
        torch.set_num_threads(job.threads)
    try:
        found = follow(_loaded(job.entrant), job.sequence)
    except Exception as error:  # whatever a tracker raises costs this sequence only
        _loaded.cache_clear()  # its state may be broken
        return job.outcome("failed", _one_line(error))
    results.write(job.folder, job.sequence.name, found)
    return job.outcome("done")


@lru_cache(maxsize=8)
def _loaded(entrant: Entrant) -> Tracker:
    return entrant.load()


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, PursuitError) else f"{type(error).__name__}: {text}"
