"""What a CPU is spared when networks run on it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pursuit.runtimes.cutting import Windows
from pursuit.threads import in_parts

# Windows that a trunk takes at a time. What lies between the layers of more does not stay in a
# core's memory; and an engine that makes itself ready for each number has but these to know.
PIECE = 6


def in_pieces(
    features: Callable[[NDArray[Any]], NDArray[np.float32]], windows: NDArray[Any]
) -> NDArray[np.float32]:
    """Return the features (M, C, s, s) of windows (M, S, S, 3), `PIECE` of them at a time.

    Args:
        features: of some windows; what it returns is read before it is called again.
        windows: one or more.
    """
    first = features(windows[:PIECE])
    out = np.empty((len(windows), *first.shape[1:]), np.float32)
    out[:PIECE] = first
    for start in range(PIECE, len(windows), PIECE):
        out[start : start + PIECE] = features(windows[start : start + PIECE])
    return out


def embedded(
    features: Callable[[Tensor], Tensor], windows: Windows, device: torch.device
) -> Tensor:
    """Return the features (M, C, s, s) of windows (M, S, S, 3) by PyTorch, on a device.

    A GPU takes all at once.
    """
    if device.type != "cpu":
        return features(torch.as_tensor(windows, device=device))

    def some(piece: NDArray[Any]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = features(torch.from_numpy(piece)).numpy()
        return found

    return torch.from_numpy(in_pieces(some, np.asarray(windows)))


class _Threads(threading.local):
    """How many PyTorch has in this thread where it is not alone; None where none has looked."""

    number: int | None = None


_ours = _Threads()
_lock = threading.Lock()
_alone: list[int] = []  # of each thread that is alone just now, what it had before


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch work in this thread alone.

    Its other threads wait for more work in circles, for milliseconds, and take the cores from an
    engine that has threads of its own.

    A thread has a number of its own, but a new one begins with what was set last, by whichever:
    here that may be 1, for the moment, and is not what the new one is to keep.
    """
    with _lock:
        before = torch.get_num_threads()
        if _alone and _ours.number is None:
            before = _alone[0]
        _ours.number = before
        _alone.append(before)
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _lock:
            _alone.remove(before)
            torch.set_num_threads(before)


def each_alone(number: int, work: Callable[[slice], None]) -> None:
    """Do some work of PyTorch's on rows, in as many threads as it has, each working alone.

    Args:
        number: of rows.
        work: on some of them.
    """
    threads = torch.get_num_threads()

    def some(rows: range) -> None:
        torch.set_num_threads(1)  # each thread has a number of its own
        work(slice(rows.start, rows.stop))

    with one_thread():
        in_parts(number, threads, some)
