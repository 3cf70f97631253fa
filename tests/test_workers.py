"""Worker processes: what comes back, and that none is left."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from programs import comes_true, gone

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
        "import os\n"
        "from functools import partial\n"
        "from pursuit.workers import WorkerProcesses\n"
        "mine = WorkerProcesses(alone=True)\n"
        "print(mine.do(os.getpid), flush=True)\n"
        # What a job prints goes to standard error, which is standard output here.
        "mine.do(partial(exec, 'import time; print(\"busy\", flush=True); time.sleep(300)'))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        assert parent.stdout.readline() == "busy\n"
        assert not gone(worker)
        parent.kill()
    assert comes_true(lambda: gone(worker))
