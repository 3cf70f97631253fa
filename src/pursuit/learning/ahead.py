"""Batches made a little ahead of the steps that learn from them, and where the time goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any


@contextmanager
def ahead(
    batch: Callable[[int], Any], start: int, end: int
) -> Iterator[Iterator[tuple[Any, float]]]:
    """Give an iterator over the batches of steps start..end - 1, made a little ahead.

    With each come the seconds that it took to make.
    """

    def made(step: int) -> tuple[Any, float]:
        begin = time.monotonic()
        return batch(step), time.monotonic() - begin

    with ThreadPoolExecutor(1) as thread:
        waiting: list[Future[tuple[Any, float]]] = []

        def each() -> Iterator[tuple[Any, float]]:
            for step in range(start, end):
                while len(waiting) < 3 and step + len(waiting) < end:
                    waiting.append(thread.submit(made, step + len(waiting)))
                yield waiting.pop(0).result()

        try:
            yield each()
        finally:
            for future in waiting:
                future.cancel()


class Clock:
    """Where the time of a span of steps goes: waiting for batches, or learning from them."""

    def __init__(self) -> None:
        self._start = self._since = time.monotonic()
        self._count = 0
        self._waited = self._loading = 0.0

    def waits(self) -> None:
        """Note that the next batch is asked for."""
        self._since = time.monotonic()

    def got(self, seconds: float) -> None:
        """Note that a batch came, which took these seconds to make."""
        self._waited += time.monotonic() - self._since
        self._loading += seconds
        self._count += 1

    def speeds(self, batch: int) -> tuple[float, float, float, float]:
        """Return pairs a second: in all, of the loader, of the network; share waited."""
        seconds = max(time.monotonic() - self._start, 1e-9)
        pairs = self._count * batch
        learning = max(seconds - self._waited, 1e-9)
        loading = max(self._loading, 1e-9)
        return pairs / seconds, pairs / loading, pairs / learning, self._waited / seconds
