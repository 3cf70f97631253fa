"""Where jobs of curation and evaluation run: this process, several processes, a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from typing import ParamSpec, TypeVar

from pursuit.errors import MissingExtra, SettingsError, WorkerError
from pursuit.workers import WorkerDied, WorkerProcesses

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def open_executor(
    workers: int | None, cluster: str | None, *, apart: bool = False
) -> Iterator[Executor]:
    """Give an executor: a dask cluster's, or `workers` processes here (None: one a core).

    A worker that dies loses the job it ran, whose future raises WorkerDied, and no other.
    After an error inside, what it still had to do is dropped. One worker is a thread of this
    process, whose start costs nothing. With `apart` each job runs in a process made for such: one
    worker is a process too, and those of a cluster outlive whatever a job does.

    Raises:
        MissingExtra: distributed is not installed.
        SettingsError: no scheduler answers at the address `cluster`.
        WorkerError: a worker or the scheduler was lost while it ran.
    """
    if cluster is not None:
        with _dask(cluster, apart) as executor:
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
    """Processes that do one job at a time each; a thread waits for each of them.

    concurrent's own pool ends when one of its processes dies, with the jobs of all.
    """

    def __init__(self, count: int) -> None:
        self._threads = ThreadPoolExecutor(count)
        self._workers = WorkerProcesses(alone=count == 1)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        return self._threads.submit(self._workers.do, partial(fn, *args, **kwargs))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        self._workers.close()

    def kill(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._workers.kill()
        self._threads.shutdown()


class _Dask(Executor):
    """A dask client's executor; a job whose workers died raises WorkerDied.

    dask itself starts a worker that died again, and tries what it ran on four of them, whoever is
    to blame. With `apart` jobs run in processes beside its workers.
    """

    def __init__(self, executor: Executor, died: type[Exception], apart: bool) -> None:
        self._executor = executor
        self._died = died
        self._apart = apart

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        mine: Future[T] = Future()
        job = partial(fn, *args, **kwargs)
        theirs = self._executor.submit(_beside, job) if self._apart else self._executor.submit(job)
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


@cache
def _workers() -> WorkerProcesses:
    """Return the processes beside this one; a thread of it has one."""
    return WorkerProcesses(alone=False)


def _beside(job: Callable[[], T]) -> T:
    """Return what a job returns in a process beside this one; runs in a worker of dask."""
    return _workers().do(job)


@contextmanager
def _dask(address: str, apart: bool) -> Iterator[Executor]:
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
        inner = client.get_executor(pure=False)  # type: ignore[no-untyped-call]
        executor = _Dask(inner, KilledWorker, apart)
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
