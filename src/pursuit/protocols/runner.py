"""Running trackers on sequences, whatever the protocol: jobs, workers, what is kept.

Each run of a tracker on a sequence is one job. Jobs run in worker processes, here or on a
cluster, and hand back what they found; this process writes it, whole. A whole result is kept and
not run again. A tracker that raises, hangs, or brings its process down loses that run and no other.
"""

from __future__ import annotations

import random
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator
from collections.abc import Sequence as Several
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import cv2
import numpy as np
from numpy.typing import ArrayLike

from pursuit.datasets import Sequence
from pursuit.errors import DataError, ProgramHung, PursuitError
from pursuit.executors import cores, open_executor
from pursuit.frames import Colour, Frame
from pursuit.protocols.entrants import Entrant, claim
from pursuit.protocols.plan import seed_of
from pursuit.results import made_with
from pursuit.trackers.base import Result, Tracker
from pursuit.workers import WorkerDied

# Where jobs run: so many processes (0: none but this one), or the address of a dask scheduler.
Workers = int | str

# Tells where and with what results are made, for made-with.json.
Making = Callable[[], made_with.Made]

FRAME_SECONDS = 300  # for a frame; a tracker that takes longer hangs

Found = TypeVar("Found")
Status = Literal["done", "kept", "failed", "unreadable", "spared"]


class Unreadable(DataError):
    """A sequence whose frames cannot be read, whoever follows it."""


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
        status: "done" just now, "kept" from before, "failed"; "unreadable": so are the frames,
            which is not the tracker's fault; or "spared": others say the same.
        error: why it failed, or is unreadable, one line.
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
        Unreadable: one cannot be read, or frames are missing at the end.
    """
    frames, total = sequence.frames(), len(sequence)
    for index in range(total):
        try:
            frame = next(frames, None)
        except (PursuitError, OSError) as error:
            raise Unreadable(_one_line(error)) from error
        if frame is None:
            raise Unreadable(f"{sequence.name}: its frames end after {index} of {total}")
        yield frame


def run(
    experiments: Several[Experiment[Any]],
    entrants: Several[Entrant],
    sequences: Several[Sequence],
    out: Path,
    *,
    workers: Workers = 0,
    making: Making | None = None,
) -> Iterator[Outcome]:
    """Yield the outcome of each entrant on each sequence, as they end; those kept come first.

    Where a run of several on a sequence hangs, those that have not begun are not tried, but on a
    cluster.

    Args:
        experiments: what is done with each, a run after the other.
        entrants: trackers, each under a label of its own.
        sequences: what they follow.
        out: results go to the folders `out/LABEL`.
        workers: processes, each with its share of the machine's threads; or the address of a
            dask scheduler, whose workers see the same files. Only with one process, and nothing
            else running, are the times those of the tracker. With 0 all runs in this process,
            and nothing saves it from a tracker that hangs or crashes.
        making: is asked before the first run, if there is one to do; what it tells is noted in a
            tracker's folder before its first result is written.

    Raises:
        SettingsError: no such tracker, or `out` holds results of another under its label, or
            nothing can tell any more where those that it holds were made.
        WeightsError: a tracker's files are missing or not good.
        OutputError: a result cannot be written.
        MissingExtra, WorkerError: of a cluster, see `pursuit.executors.open_executor`.
    """
    for one in entrants:
        _loaded(one)  # what cannot be loaded shows before anything runs, or is written
        if making is not None:
            made_with.check(out / one.label)
    for one in entrants:
        claim(out / one.label, one)
    if isinstance(workers, str):  # elsewhere, a path would not start where it does here
        entrants = [replace(one, files=tuple(map(Path.absolute, one.files))) for one in entrants]
    return _outcomes(
        [
            _Job(each, one, part, out)
            for one in entrants
            for part in sequences
            for each in experiments
        ],
        workers,
        making,
    )


@dataclass(frozen=True)
class _Job:
    experiment: Experiment[Any]
    entrant: Entrant
    sequence: Sequence
    out: Path
    threads: int = 0  # 0 leaves them as they are
    seconds: int = 0  # for a frame; 0 is no limit

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

    def is_beside(self, other: _Job) -> bool:
        """Return whether both are runs of a tracker on a sequence."""
        mine, its = (self.entrant, self.sequence.name), (other.entrant, other.sequence.name)
        return mine == its

    def outcome(self, status: Status, error: str = "") -> Outcome:
        name, run = self.sequence.name, self.experiment.name
        return Outcome(self.entrant.label, name, self.frames, status, error, run)


def _outcomes(jobs: list[_Job], workers: Workers, making: Making | None) -> Iterator[Outcome]:
    left = []
    for job in jobs:
        if job.is_done():
            yield job.outcome("kept")
        else:
            left.append(job)
    if not left:
        return
    made = making() if making is not None else None
    if workers == 0:
        for job in left:
            yield _written(job, _do(job), made)
        return
    cluster = workers if isinstance(workers, str) else None
    count = 1 if isinstance(workers, str) else min(workers, len(left))
    threads = 1 if cluster else max(1, cores() // count) if count > 1 else 0
    if cluster or count > 1:
        # The longest first: no worker is left with one at the end.
        left.sort(key=lambda job: -job.frames)
    left = [replace(job, threads=threads, seconds=FRAME_SECONDS) for job in left]
    with open_executor(count, cluster, apart=True) as executor:
        # A cluster knows best how many it can do at once.
        for job, found in _spread(executor, left, len(left) if cluster else count):
            yield _written(job, found, made)


def _spread(executor: Executor, jobs: list[_Job], at_once: int) -> Iterator[tuple[_Job, Any]]:
    """Yield jobs and what they found, as they end; no more than `at_once` are handed out."""
    waiting = deque(jobs)
    running: dict[Future[Any], _Job] = {}
    while waiting or running:
        while waiting and len(running) < at_once:
            job = waiting.popleft()
            running[executor.submit(_do_apart, job)] = job
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            job = running.pop(future)
            try:
                found = future.result()
            except WorkerDied as died:
                found = _Lost(_cause(died.status), hung=_is_alarm(died.status))
            yield job, found
            if isinstance(found, _Lost) and found.hung:
                spared = [one for one in waiting if one.is_beside(job)]
                waiting = deque(one for one in waiting if not one.is_beside(job))
                for one in spared:
                    yield one, _Lost("not tried, as another run of it hung")


@dataclass(frozen=True)
class _Lost:
    """Instead of what a job found: why it found nothing."""

    why: str
    status: Status = "failed"
    hung: bool = False


def _written(job: _Job, found: Any, made: made_with.Made | None) -> Outcome:
    if isinstance(found, _Lost):
        return job.outcome(found.status, found.why)
    if made is not None:  # first: whatever interrupts this, no result is there without it
        made_with.add(job.folder, made)
    job.experiment.write(job.folder, job.sequence, found)
    return job.outcome("done")


def _do_apart(job: _Job) -> Any:
    """Return what a job finds, in a worker process; SIGALRM ends the process if it hangs."""
    try:
        return _do(job)
    finally:
        _expect(0)


def _do(job: _Job) -> Any:
    """Return what a job finds, or `_Lost`."""
    if job.seconds:
        _expect(job.seconds)
    try:
        tracker = _loaded(job.entrant)
        _set_threads(job.threads)
        _seed(seed_of(job.experiment.seed, job.sequence.name, job.experiment.name))
        watched = _Watched(tracker, job.seconds) if job.seconds else tracker
        return job.experiment.follow(watched, job.sequence)
    except Unreadable as error:
        return _Lost(_one_line(error), "unreadable")
    except ProgramHung as error:
        return _Lost(_one_line(error), hung=True)
    except Exception as error:  # whatever a tracker raises costs this run only
        _loaded.cache_clear()  # its state may be broken
        return _Lost(_one_line(error))


class _Watched:
    """A tracker whose process is ended when it takes too long for a frame."""

    def __init__(self, tracker: Tracker, seconds: int) -> None:
        self.name = tracker.name
        self._tracker = tracker
        self._seconds = seconds

    def init(self, frame: object, box: ArrayLike, *, colour: Colour = "rgb") -> Result:
        _expect(self._seconds)
        return self._tracker.init(frame, box, colour=colour)

    def update(self, frame: object, *, colour: Colour = "rgb") -> Result:
        _expect(self._seconds)
        return self._tracker.update(frame, colour=colour)


def _expect(seconds: int) -> None:
    """Let the system end this process after so many seconds, whatever it does; 0: never.

    No thread of ours could: one that hangs in a library may not let others run.
    """
    if hasattr(signal, "alarm"):  # not on Windows
        signal.alarm(seconds)


def _is_alarm(status: int | None) -> bool:
    """Return whether a process was ended by `_expect`."""
    return status is not None and status < 0 and signal.Signals(-status).name == "SIGALRM"


def _cause(status: int | None) -> str:
    """Return why a process ended, by its exit status."""
    if status is None:
        return "the workers of the cluster that tried it died"
    if status >= 0:
        return f"its process ended with exit status {status}"
    name = signal.Signals(-status).name
    if _is_alarm(status):
        return f"it took more than {FRAME_SECONDS} s for a frame, and was ended"
    return f"its process died of {name}" + (" (out of memory?)" if name == "SIGKILL" else "")


def _set_threads(count: int) -> None:
    if not count:
        return
    cv2.setNumThreads(count)
    if "torch" in sys.modules:  # the tracker needs it
        sys.modules["torch"].set_num_threads(count)


def _seed(value: int) -> None:
    """Seed all that a tracker may draw from: runs do not depend on who ran before them."""
    random.seed(value)
    np.random.seed(value)
    cv2.setRNGSeed(value & 0x7FFFFFFF)
    if "torch" in sys.modules:  # the tracker may need it
        sys.modules["torch"].manual_seed(value)


@lru_cache(maxsize=8)
def _loaded(entrant: Entrant) -> Tracker:
    return entrant.load()


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, PursuitError) else f"{type(error).__name__}: {text}"
