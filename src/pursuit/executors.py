"""Where jobs of curation and evaluation run: this process, a pool of processes, a cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait

import cv2

from pursuit.errors import MissingExtra, SettingsError, WorkerError


@contextmanager
def open_executor(workers: int | None, cluster: str | None) -> Iterator[Executor]:
    """Give an executor: a dask cluster's, or `workers` processes here (None: one a core).

    After an error inside, what it still had to do is dropped. One worker is a thread of
    this process: a pool of one would only cost its start.

    Raises:
        MissingExtra: distributed is not installed.
        SettingsError: no scheduler answers at the address `cluster`.
        WorkerError: a worker or the scheduler was lost while it ran.
    """
    if cluster is not None:
        with _dask(cluster) as executor:
            yield executor
    elif (count := workers or cores()) == 1:
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
    before = set(multiprocessing.active_children())
    # spawn: the same on all systems, and no locks of other threads are copied.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_start) as executor:
        try:
            yield executor
        except BrokenProcessPool:
            raise WorkerError(
                "a worker process ended unexpectedly (out of memory?): run again with fewer "
                "--workers, it goes on where it stopped"
            ) from None
        except BaseException:
            # Leaving would wait for the jobs that run; each may be a long video. Cancelling
            # them first would upset the pool when it finds its processes gone.
            for child in set(multiprocessing.active_children()) - before:
                child.terminate()
            raise


def _start() -> None:
    """Set up a worker: one thread, silent on Ctrl-C, and gone when its parent is gone."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    try:
        from distributed import CancelledError, Client, KilledWorker
        from distributed.comm.core import CommClosedError
    except ModuleNotFoundError:
        raise MissingExtra("distributed", "cluster") from None
    try:
        client = Client(address, timeout=10)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:100]
        raise SettingsError(f"no dask scheduler answers at {address} ({reason})") from None
    with client:
        executor = client.get_executor()  # type: ignore[no-untyped-call]
        try:
            yield executor
        except (KilledWorker, CommClosedError, CancelledError) as error:
            reason = " ".join(str(error).split())[:100]
            raise WorkerError(
                f"the cluster at {address} lost a worker or its scheduler ({reason}): run again, "
                "it goes on where it stopped"
            ) from None
        finally:
            executor.shutdown(wait=False)
