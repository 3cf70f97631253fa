"""Jobs in worker processes and on a cluster: what is lost when one of them goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import trouble

from pursuit.datasets import Sequence
from pursuit.protocols import runner
from pursuit.protocols.entrants import Entrant
from pursuit.protocols.runner import Experiment

if os.name != "posix":
    pytest.skip("signals of POSIX", allow_module_level=True)

TROUBLE = Experiment(trouble.follow, trouble.write, trouble.read)
MOSSE = Entrant("mosse", "opencv-mosse")
WHY = {
    "crash": "its process died of SIGSEGV",
    "killed": "its process died of SIGKILL (out of memory?)",
    "exit": "its process ended with exit status 3",
    "raise": "ValueError: the lens fell off",
}


def sequences(*names: str) -> list[Sequence]:
    rows = np.tile([10.0, 10, 20, 20], (6, 1))
    return [Sequence(name, name, rows, trouble.no_frames) for name in names]


def ended(outcomes: Iterator[runner.Outcome]) -> dict[str, str]:
    return {one.sequence: one.error or one.status for one in outcomes}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_process_that_dies_loses_its_run_only(tmp_path: Path, workers: int) -> None:
    names = ["a", "crash", "b", "killed", "exit", "raise", "c"]
    found = ended(runner.run([TROUBLE], [MOSSE], sequences(*names), tmp_path, workers=workers))
    assert found == {**dict.fromkeys("abc", "done"), **WHY}
    assert {path.name for path in (tmp_path / "mosse").iterdir()} == {*"abc", "tracker.json"}
    # The caller writes, not the worker: on a cluster they may be far apart.
    assert (tmp_path / "mosse" / "a").read_text().startswith(f"{os.getpid()} [")


def test_a_tracker_that_hangs_loses_its_run_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "FRAME_SECONDS", 5)
    start = time.monotonic()
    found = ended(runner.run([TROUBLE], [MOSSE], sequences("a", "hang", "b"), tmp_path, workers=1))
    assert found == {
        "a": "done",
        "hang": "it took more than 5 s for a frame, and was ended",
        "b": "done",
    }
    assert time.monotonic() - start < 60


def test_workers_of_other_trackers_start_without_torch() -> None:
    code = (
        "import sys, pursuit.protocols.otb, pursuit.protocols.vot\n"
        "from pursuit.protocols.entrants import entrant\n"
        "entrant('opencv-kcf').load(), entrant('x=external:sh').load()\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of distributed's own
def test_a_cluster_loses_the_run_that_goes_wrong_only(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=True, dashboard_address=None
    ) as cluster:
        names = ["a", "raise", "b", "exit", "crash", "killed", "c"]
        where = cluster.scheduler_address
        found = ended(runner.run([TROUBLE], [MOSSE], sequences(*names), tmp_path, workers=where))
        # They ran beside its only worker, which lives.
        with distributed.Client(cluster) as client:
            assert client.run(os.getppid)
    assert found == {**dict.fromkeys("abc", "done"), **WHY}
    assert (tmp_path / "mosse" / "a").read_text().startswith(f"{os.getpid()} [")
