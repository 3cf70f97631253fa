"""Programs that are trackers, good and bad ones, for the tests of pipes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

_LOOP = """\
import os, subprocess, sys, time
count = 0
for line in sys.stdin:
    word, *box, path = line.split()
    count = 0 if word == "init" else count + 1
    start = box or start
    content = open(path, "rb").read()
    answer = " ".join(start)
{body}
    print(answer, flush=True)
"""


def program(folder: Path, body: str = "", *, before: str = "") -> str:
    """Return the command of a program that says that its target stands still, but for `body`.

    There `word`, `count` (updates since its start), `content` (of the picture) and `answer` are
    known.
    """
    path = folder / f"program-{len(list(folder.glob('program-*')))}.py"
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    path.write_text(before + "\n" + _LOOP.format(body=lines), encoding="utf-8")
    return f"{sys.executable} {path}"


def running(mark: str) -> list[int]:
    """Return the processes whose command line holds a text; Linux."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace")
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if mark in words and state != "Z" and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def gone(number: int) -> bool:
    """Return whether a process has ended (it may wait for somebody to collect it); Linux."""
    try:
        state = Path(f"/proc/{number}/stat").read_text(encoding="utf-8")
    except OSError:
        return True
    return state.rpartition(")")[2].split()[0] == "Z"


def comes_true(what: Callable[[], bool], seconds: float = 60) -> bool:
    """Return whether something is so; waits for it."""
    end = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def wait_until(count: int, mark: str) -> bool:
    """Return whether so many processes run that a text marks; waits for it."""
    return comes_true(lambda: len(running(mark)) == count)
