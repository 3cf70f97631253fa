"""Jobs in worker processes and on a cluster: what is lost when one of them goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trouble

from pursuit.datasets import Sequence
from pursuit.errors import SettingsError
from pursuit.protocols import runner
from pursuit.protocols.entrants import Entrant
from pursuit.protocols.runner import Experiment
from pursuit.results import made_with

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


def test_runs_of_a_sequence_that_hangs_are_tried_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "FRAME_SECONDS", 1)
    runs = [Experiment(trouble.follow, trouble.write, trouble.read, f"run {at}") for at in (1, 2)]
    parts = sequences("raise", "hang", "silent", "a")
    found = [
        (one.sequence, one.run, one.error or one.status)
        for one in runner.run(runs, [MOSSE], parts, tmp_path, workers=1)
    ]
    assert sorted(found) == [
        ("a", "run 1", "done"),
        ("a", "run 2", "done"),
        ("hang", "run 1", "it took more than 1 s for a frame, and was ended"),
        ("hang", "run 2", "not tried, as another run of it hung"),
        ("raise", "run 1", WHY["raise"]),
        ("raise", "run 2", WHY["raise"]),
        ("silent", "run 1", "gave no answer in 60 s"),
        ("silent", "run 2", "not tried, as another run of it hung"),
    ]


def test_where_results_are_made_is_noted_before_the_first_is_written(tmp_path: Path) -> None:
    asked, seen = [], []

    def making() -> made_with.Made:
        asked.append(len(seen))
        return made_with.Made({"cores": "2"})

    def write(folder: Path, sequence: Sequence, found: list[float]) -> None:
        seen.append(made_with.read(folder))
        trouble.write(folder, sequence, found)

    experiment = Experiment(trouble.follow, write, trouble.read)
    parts = sequences("a", "b")
    list(runner.run([experiment], [MOSSE], parts[:1], tmp_path, making=making))
    assert asked == [0]
    assert seen == [(made_with.Made({"cores": "2"}),)]
    made_with.add(tmp_path / "mosse", made_with.Made({"cores": "8"}))
    list(runner.run([experiment], [MOSSE], parts, tmp_path, making=making))
    assert [one.versions["cores"] for one in made_with.read(tmp_path / "mosse")] == ["2", "8"]
    assert asked == [0, 1]
    # With nothing to do nobody is asked, and who fails at all has no part.
    list(runner.run([experiment], [MOSSE], parts, tmp_path, making=making))
    list(runner.run([experiment], [MOSSE], sequences("raise"), tmp_path / "other", making=making))
    assert asked == [0, 1, 2]
    assert made_with.read(tmp_path / "other" / "mosse") == ()


def test_nothing_runs_where_nobody_can_tell_any_more_where_results_were_made(
    tmp_path: Path,
) -> None:
    def making() -> made_with.Made:
        return made_with.Made({"cores": "2"})

    def run(*names: str, **how: Any) -> list[str]:
        parts = sequences(*names)
        return [one.status for one in runner.run([TROUBLE], [MOSSE], parts, tmp_path, **how)]

    assert run("a", making=making) == ["done"]
    note = tmp_path / "mosse" / made_with.NAME
    note.write_text('[{"versions": {"cores"', encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    for names in (("a", "b"), ("a",)):
        with pytest.raises(SettingsError, match=r"made-with\.json is damaged"):
            run(*names, making=making)
    both = [Entrant("new", "opencv-mosse"), MOSSE]
    with pytest.raises(SettingsError, match=r"made-with\.json is damaged"):
        runner.run([TROUBLE], both, sequences("a"), tmp_path, making=making)
    assert sorted(tmp_path.rglob("*")) == before
    # A cluster's results have no such note; removed, it counts all as made here.
    assert run("a", "b") == ["kept", "done"]
    note.unlink()
    assert run("a", "c", making=making) == ["kept", "done"]
    assert made_with.read(tmp_path / "mosse") == (making(),)
