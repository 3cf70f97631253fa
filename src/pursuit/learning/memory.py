"""The memory of batches, made again and again."""

from __future__ import annotations

import contextlib
import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # of malloc.h
_MOST = 2**31 - 1


def keep_freed_memory() -> None:
    """Let the C library keep what is freed, for the whole process (glibc alone).

    It gives large blocks back to the system at once, and the system clears the pages of each
    block it hands out: on a CPU that takes as long as half of a training step.
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _MOST)
        mallopt(_TRIM_THRESHOLD, _MOST)
        mallopt(_ARENA_MAX, 1)  # threads' own arenas hold no large blocks
