"""Work on rows that stand for themselves, shared between threads of this process."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise


def in_parts(number: int, threads: int, work: Callable[[range], None]) -> None:
    """Do some work on rows in so many threads, one of which is the caller's.

    It is for work that Python's lock is not held in: OpenCV's, PyTorch's.

    Args:
        number: of rows, from 0.
        threads: at most.
        work: on some rows, that follow each other.
    """
    parts = min(threads, number)
    if parts < 2:
        work(range(number))
        return
    ends = [number * part // parts for part in range(parts + 1)]
    jobs = [_pool(parts - 1).submit(work, range(*pair)) for pair in pairwise(ends[1:])]
    try:
        work(range(ends[1]))
    finally:  # whoever is told of an error may use what the others still write to
        errors = [job.exception() for job in jobs]
    for error in errors:
        if error is not None:
            raise error


@cache
def _pool(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, "pursuit")


if hasattr(os, "register_at_fork"):  # a child has no threads but the one that made it
    os.register_at_fork(after_in_child=_pool.cache_clear)
