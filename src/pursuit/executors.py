"""Where jobs of curation and evaluation run: this process, several processes, a cluster."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any, ParamSpec, TypeVar

import cv2

from pursuit.errors import MissingExtra, SettingsError, WorkerError

P = ParamSpec("P")
T = TypeVar("T")

_PATIENCE = 5  # seconds that a worker without work has to end


class WorkerDied(WorkerError):
    """The process that ran a job ended before the job did.

    Attributes:
        status: its exit status, or the number of the signal that killed it, negative; None
            where nobody tells, on a cluster.
    """

    def __init__(self, status: int | None) -> None:
        self.status = status
        super().__init__(
            "a worker process ended unexpectedly (out of memory?): run again with fewer "
            "--workers, it goes on where it stopped"
        )


@contextmanager
def open_executor(
    workers: int | None, cluster: str | None, *, apart: bool = False
) -> Iterator[Executor]:
    """Give an executor: a dask cluster's, or `workers` processes here (None: one a core).

    A worker that dies loses the job it ran, whose future raises WorkerDied, and no other.
    After an error inside, what it still had to do is dropped. One worker is a thread of this
    process, whose start costs nothing; with `apart` it is a process too.

    Raises:
        MissingExtra: distributed is not installed.
        SettingsError: no scheduler answers at the address `cluster`.
        WorkerError: a worker or the scheduler was lost while it ran.
    """
    if cluster is not None:
        with _dask(cluster) as executor:
            yield executor
    elif (count := workers or cores()) == 1 and not apart:
        with _thread() as executor:
            yield executor
    else:
        with _processes(count) as executor:
            yield executor


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _thread() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as executor:
        try:
            yield executor
        except BaseException:
            executor.shutdown(cancel_futures=True)
            raise


@contextmanager
def _processes(count: int) -> Iterator[Executor]:
    executor = _Processes(count)
    try:
        yield executor
    except BaseException:
        # Leaving would wait for the jobs that run; each may be a long video.
        executor.kill()
        raise
    executor.shutdown()


class _Processes(Executor):
    """Processes that do one job at a time each. concurrent's own pool ends when one of them dies.

    A thread waits for each process, and starts another one where it has died.
    """

    def __init__(self, count: int) -> None:
        self._threads = ThreadPoolExecutor(count)
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._workers: list[_Worker] = []
        self._alone = count == 1
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        return self._threads.submit(self._run, partial(fn, *args, **kwargs))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        for worker in self._workers:
            worker.pipe.close()  # it ends when it sees this
        for worker in self._workers:
            worker.process.join(_PATIENCE)
            worker.process.kill()

    def kill(self) -> None:
        with self._lock:
            self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.process.kill()
        self._threads.shutdown()

    def _run(self, job: Callable[[], T]) -> T:
        worker: _Worker | None = getattr(self._mine, "worker", None)
        if worker is None:
            worker = self._mine.worker = self._started()
        try:
            return worker.do(job)
        except WorkerDied:
            self._mine.worker = None
            raise

    def _started(self) -> _Worker:
        with self._lock:
            if self._closed:
                raise CancelledError
            worker = _Worker(self._alone)
            self._workers.append(worker)
            return worker


class _Worker:
    """A process, and this end of the pipe to it."""

    def __init__(self, alone: bool) -> None:
        # spawn: the same on all systems, and no locks of other threads are copied.
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, alone))
        self.process.start()
        theirs.close()  # else its end would not be seen

    def do(self, job: Callable[[], T]) -> T:
        """Return what a job returns in the process, or raise what it raises."""
        try:
            self.pipe.send(job)
            good, found = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            raise WorkerDied(self.process.exitcode) from None
        if good:
            return found
        raise found


def _serve(pipe: Connection, alone: bool) -> None:
    """Do the jobs that come through a pipe until it ends; the work of a worker process.

    It is silent on Ctrl-C, gone when its parent is gone, and has one thread unless `alone`.
    """
    if not alone:
        cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()
    while True:
        try:
            content = pipe.recv_bytes()
        except EOFError:
            return
        answer = _answer(content)
        try:
            pipe.send(answer)
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            pipe.send((False, TypeError(f"{type(answer[1]).__name__}: {error}")))


def _answer(content: bytes) -> tuple[bool, Any]:
    """Do a pickled job; return True and what it returned, or False and what it raised."""
    try:
        return True, pickle.loads(content)()
    except Exception as error:
        error.add_note(traceback.format_exc())
        return False, error


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


class _Dask(Executor):
    """A dask client's executor; a job whose workers died raises WorkerDied."""

    def __init__(self, executor: Executor, died: type[Exception]) -> None:
        self._executor = executor
        self._died = died

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        mine: Future[T] = Future()
        theirs = self._executor.submit(fn, *args, **kwargs)
        theirs.add_done_callback(partial(self._hand_on, mine))
        return mine

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._executor.shutdown(wait)  # without waiting, it cancels them

    def _hand_on(self, mine: Future[T], theirs: Future[T]) -> None:
        try:
            mine.set_result(theirs.result())
        except self._died:
            mine.set_exception(WorkerDied(None))
        except BaseException as error:
            mine.set_exception(error)


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client, KilledWorker
        from distributed.comm.core import CommClosedError
    except ModuleNotFoundError:
        raise MissingExtra("distributed", "cluster") from None
    try:
        client = Client(address, timeout=10)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:100]
        raise SettingsError(f"no dask scheduler answers at {address} ({reason})") from None
    with client:
        executor = _Dask(client.get_executor(), KilledWorker)  # type: ignore[no-untyped-call]
        try:
            yield executor
        except (CommClosedError, CancelledError) as error:
            reason = " ".join(str(error).split())[:100]
            raise WorkerError(
                f"the cluster at {address} lost a worker or its scheduler ({reason}): run again, "
                "it goes on where it stopped"
            ) from None
        finally:
            executor.shutdown(wait=False)
