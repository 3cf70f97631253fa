"""Running trackers on sequences, whatever the protocol: jobs, workers, what is kept.

Each run of a tracker on a sequence is one job; jobs run one after the other in this process, or in
several. What a job finds goes to disk whole; a whole result is kept and not run again. A
tracker that raises loses that sequence and no other.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from collections.abc import Sequence as Several
from concurrent.futures import Executor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import cv2
import numpy as np
import torch

from pursuit.datasets import Sequence
from pursuit.errors import DataError, PursuitError
from pursuit.executors import cores, open_executor
from pursuit.frames import Frame
from pursuit.protocols.entrants import Entrant, claim
from pursuit.protocols.plan import seed_of
from pursuit.trackers.base import Tracker

Found = TypeVar("Found")
Status = Literal["done", "kept", "failed", "spared"]


@dataclass(frozen=True)
class Experiment(Generic[Found]):
    """One run of a tracker on a sequence by a protocol; functions that processes can share.

    Attributes:
        follow: returns what a tracker does on a sequence.
        write: writes that into a tracker's folder, whole or not at all.
        read: returns a whole result of a sequence out of a tracker's folder, or raises DataError.
        name: what the run is called beside others on a sequence, "" where it is the only one.
        seed: decides what is left to chance, with the sequence.
        frames: returns the number of frames of a sequence that the run is on.
    """

    follow: Callable[[Tracker, Sequence], Found]
    write: Callable[[Path, Sequence, Found], None]
    read: Callable[[Path, Sequence], Found]
    name: str = ""
    seed: int = 0
    frames: Callable[[Sequence], int] = len


@dataclass(frozen=True)
class Outcome:
    """How a tracker's job on one sequence ended.

    Attributes:
        label: the entrant's.
        sequence: name of the sequence.
        frames: number of its frames.
        status: "done" just now, "kept" from before, "failed", or "spared": others say the same.
        error: why it failed, one line.
        run: name of the experiment.
    """

    label: str
    sequence: str
    frames: int
    status: Status
    error: str = ""
    run: str = ""


def every_frame(sequence: Sequence) -> Iterator[Frame]:
    """Yield the frames of a sequence, as many as it has rows.

    Raises:
        DataError: frames are missing at the end.
    """
    frames, total = sequence.frames(), len(sequence)
    for index in range(total):
        frame = next(frames, None)
        if frame is None:
            raise DataError(f"{sequence.name}: its frames end after {index} of {total}")
        yield frame


def run(
    experiments: Several[Experiment[Any]],
    entrants: Several[Entrant],
    sequences: Several[Sequence],
    out: Path,
    *,
    workers: int = 1,
) -> Iterator[Outcome]:
    """Yield the outcome of each entrant on each sequence, as they end; those kept come first.

    Args:
        experiments: what is done with each, a run after the other.
        entrants: trackers, each under a label of its own.
        sequences: what they follow.
        out: results go to the folders `out/LABEL`.
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
    return _outcomes(
        [
            _Job(each, one, part, out)
            for one in entrants
            for part in sequences
            for each in experiments
        ],
        workers,
    )


@dataclass(frozen=True)
class _Job:
    experiment: Experiment[Any]
    entrant: Entrant
    sequence: Sequence
    out: Path
    threads: int = 0  # 0 leaves them as they are

    @property
    def folder(self) -> Path:
        return self.out / self.entrant.label

    def is_done(self) -> bool:
        try:
            self.experiment.read(self.folder, self.sequence)
        except DataError:
            return False
        return True

    @property
    def frames(self) -> int:
        return self.experiment.frames(self.sequence)

    def outcome(self, status: Status, error: str = "") -> Outcome:
        name, run = self.sequence.name, self.experiment.name
        return Outcome(self.entrant.label, name, self.frames, status, error, run)


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
    left.sort(key=lambda job: -job.frames)
    with open_executor(workers, None) as executor:
        yield from _spread(executor, [replace(job, threads=threads) for job in left])


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
    _seed(seed_of(job.experiment.seed, job.sequence.name, job.experiment.name))
    try:
        found = job.experiment.follow(_loaded(job.entrant), job.sequence)
    except Exception as error:  # whatever a tracker raises costs this sequence only
        _loaded.cache_clear()  # its state may be broken
        return job.outcome("failed", _one_line(error))
    job.experiment.write(job.folder, job.sequence, found)
    return job.outcome("done")


def _seed(value: int) -> None:
    """Seed all that a tracker may draw from: runs do not depend on who ran before them."""
    random.seed(value)
    np.random.seed(value)
    torch.manual_seed(value)
    cv2.setRNGSeed(value & 0x7FFFFFFF)


@lru_cache(maxsize=8)
def _loaded(entrant: Entrant) -> Tracker:
    return entrant.load()


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, PursuitError) else f"{type(error).__name__}: {text}"
