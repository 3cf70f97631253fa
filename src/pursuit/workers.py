"""Worker processes that do one job at a time; one that dies loses its job only.

multiprocessing is not used: its processes cannot be started from the workers of dask, and a pool
of them ends when one dies.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any, TypeVar

import cv2

from pursuit.errors import WorkerError

T = TypeVar("T")

_PATIENCE = 5  # seconds that a worker without work has to end
_GRACE = 10  # seconds that a job has to put things in order; a busy machine needs some
_IDLE = 60  # seconds without work after which a worker ends by itself

_MAIN = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from pursuit.workers import serve; serve(alone={alone})"
)


class WorkerDied(WorkerError):
    """The process that ran a job ended before the job did.

    Attributes:
        status: its exit status, or the number of the signal that killed it, negative; None
            where nobody tells.
    """

    def __init__(self, status: int | None) -> None:
        self.status = status
        super().__init__(
            "a worker process ended unexpectedly (out of memory?): run again with fewer "
            "--workers, it goes on where it stopped"
        )

    def __reduce__(self) -> tuple[type[WorkerDied], tuple[int | None]]:
        return WorkerDied, (self.status,)


class WorkerProcesses:
    """Processes, one for each thread that asks. Alone, a process has all the cores.

    One that has died, or was without work for long, is followed by another.
    """

    def __init__(self, *, alone: bool) -> None:
        self._alone = alone
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._all: list[_Worker] = []
        self._closed = False

    def do(self, job: Callable[[], T]) -> T:
        """Return what a job returns in this thread's process, or raise what it raises.

        Raises:
            WorkerDied: the process ended before.
        """
        content = pickle.dumps(job)
        worker: _Worker | None = getattr(self._mine, "worker", None)
        if worker is None or not worker.is_fresh():
            if worker is not None:
                worker.dismiss()
            worker = self._mine.worker = self._started()
        good, found = worker.do(content)
        if good:
            return found
        raise found

    def close(self) -> None:
        """End all processes, which have nothing to do."""
        for worker in self._all:
            worker.dismiss()
        for worker in self._all:
            worker.end(_PATIENCE)

    def kill(self) -> None:
        """End all processes, whatever they do; no others are started.

        A job that waits for SIGTERM has a moment to put things in order.
        """
        with self._lock:
            self._closed = True
        for worker in self._all:
            worker.terminate()
        for worker in self._all:
            worker.end(_GRACE)

    def _started(self) -> _Worker:
        with self._lock:
            if self._closed:
                raise WorkerDied(None)
            worker = _Worker(self._alone)
            self._all.append(worker)
            return worker


class _Worker:
    """A process and the pipes to it."""

    def __init__(self, alone: bool) -> None:
        pipe = subprocess.PIPE
        code = _MAIN.format(alone=alone)
        # A session of its own: Ctrl-C in the terminal does not reach it.
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=pipe, stdout=pipe, start_new_session=True
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._to, self._answers = self._process.stdin, self._process.stdout
        self._last = time.monotonic()
        self._send(sys.path)

    def is_fresh(self) -> bool:
        """Return whether it lives, and will not end by itself just now."""
        return self._process.poll() is None and time.monotonic() - self._last < _IDLE / 2

    def do(self, content: bytes) -> tuple[bool, Any]:
        """Return the answer to a pickled job."""
        self._send(content)
        try:
            answer = pickle.load(self._answers)
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):  # cut off
            raise WorkerDied(self._process.wait()) from None
        self._last = time.monotonic()
        return pickle.loads(answer)

    def dismiss(self) -> None:
        """Let it end by itself."""
        with suppress(OSError):
            self._to.close()

    def terminate(self) -> None:
        """Ask it to end now, whatever it does."""
        self._process.terminate()

    def end(self, patience: float) -> None:
        """End it, at the latest after some seconds."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        self._process.kill()
        self._process.wait()
        self.dismiss()
        with suppress(OSError):
            self._answers.close()

    def _send(self, what: object) -> None:
        with suppress(OSError):  # it has died: its answer will say so
            pickle.dump(what, self._to)
            self._to.flush()


def serve(*, alone: bool) -> None:
    """Do the jobs that come on standard input until it ends; the work of a worker process.

    It is gone when its parent is gone, and has one thread unless `alone`. What jobs print goes
    to standard error.
    """
    jobs = sys.stdin.detach()  # type: ignore[union-attr]  # with what it has read ahead
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    if not alone:
        cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    busy = threading.Event()
    threading.Thread(target=_listen, args=(jobs, waiting, busy), daemon=True).start()
    with suppress(queue.Empty):
        while (content := waiting.get(timeout=_IDLE)) is not None:
            answer = _answer(content)
            busy.clear()
            pickle.dump(answer, answers)
            answers.flush()


def _listen(
    jobs: IO[bytes], waiting: queue.SimpleQueue[bytes | None], busy: threading.Event
) -> None:
    """Take the jobs; when they end, its parent has no more, or is gone while one is done."""
    while True:
        try:
            content = pickle.load(jobs)
        except EOFError:
            if busy.is_set():
                os._exit(1)
            waiting.put(None)
            return
        busy.set()
        waiting.put(content)


def _answer(content: bytes) -> bytes:
    """Do a pickled job; return, pickled, True and what it returned, or False and its error."""
    try:
        answer = True, pickle.loads(content)()
    except Exception as error:
        error.add_note(traceback.format_exc())
        answer = False, error
    try:
        return pickle.dumps(answer)
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        kind = type(answer[1]).__name__
        return pickle.dumps((False, TypeError(f"{kind} cannot be sent: {error}")))
