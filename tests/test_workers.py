"""Worker processes: what comes back, and that none is left."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from pursuit import workers
from pursuit.workers import WorkerDied, WorkerProcesses


def test_a_worker_is_kept_until_it_was_idle_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = WorkerProcesses(alone=False)
    try:
        first = mine.do(os.getpid)
        assert mine.do(os.getpid) == first != os.getpid()
        monkeypatch.setattr(workers, "_IDLE", 0)
        assert mine.do(os.getpid) != first
    finally:
        mine.close()


def test_what_a_job_prints_is_no_answer(capfd: pytest.CaptureFixture[str]) -> None:
    mine = WorkerProcesses(alone=True)
    try:
        assert mine.do(partial(print, "hello", flush=True)) is None
        assert mine.do(partial(os.write, 1, b"from below")) == 10
    finally:
        mine.close()
    told = capfd.readouterr()
    assert told.out == ""
    assert "hello" in told.err and "from below" in told.err


def test_none_is_started_after_the_end() -> None:
    mine = WorkerProcesses(alone=True)
    mine.kill()
    with pytest.raises(WorkerDied):
        mine.do(os.getpid)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc")
def test_a_busy_worker_ends_when_its_parent_is_killed() -> None:
    code = (
        "import os, time\n"
        "from functools import partial\n"
        "from pursuit.workers import WorkerProcesses\n"
        "mine = WorkerProcesses(alone=True)\n"
        "print(mine.do(os.getpid), flush=True)\n"
        "mine.do(partial(time.sleep, 300))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        worker = Path(f"/proc/{int(parent.stdout.readline())}")
        time.sleep(0.2)
        assert worker.exists()
        parent.kill()
    end = time.monotonic() + 20
    while worker.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not worker.exists()
