"""Trackers' runs that go wrong, in a module that worker processes can import."""

from __future__ import annotations

import os
import resource
import signal
import time
from pathlib import Path

import numpy as np

from pursuit.datasets import Sequence
from pursuit.errors import ProgramHung
from pursuit.trackers.base import Tracker


def follow(tracker: Tracker, sequence: Sequence) -> list[float]:
    """Follow a sequence whose name says what goes wrong in its second frame."""
    frame = np.zeros((40, 60, 3), np.uint8)
    tracker.init(frame, [10, 10, 20, 20])
    what = sequence.name.split("-")[0]
    if what == "crash":
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "exit":
        os._exit(3)
    if what == "hang":
        time.sleep(600)
    if what == "silent":
        raise ProgramHung("gave no answer in 60 s")
    if what == "raise":
        raise ValueError("the lens\nfell off")
    return [float(value) for value in tracker.update(frame).box]


def write(folder: Path, sequence: Sequence, found: list[float]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / sequence.name).write_text(f"{os.getpid()} {found}", encoding="utf-8")


def read(folder: Path, sequence: Sequence) -> list[float]:
    from pursuit.errors import DataError

    if not (folder / sequence.name).exists():
        raise DataError("there is none")
    return []


def no_frames() -> None:
    raise AssertionError


def made_lazily() -> object:
    """Return what cannot be sent to another process."""
    return (number for number in range(3))
