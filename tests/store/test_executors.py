"""Where curation runs."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trouble

from pursuit import store as stores
from pursuit.errors import MissingExtra, SettingsError, WorkerError
from pursuit.executors import open_executor
from pursuit.workers import WorkerDied


def test_one_worker_is_this_process() -> None:
    with open_executor(1, None) as executor:
        assert executor.submit(os.getpid).result() == os.getpid()


def test_two_workers_are_others() -> None:
    with open_executor(2, None) as executor:
        assert executor.submit(os.getpid).result() != os.getpid()


def test_a_cluster_without_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(MissingExtra, match=r"pursuit\[cluster\]"),
        open_executor(None, "tcp://127.0.0.1:8786"),
    ):
        pass


@pytest.mark.parametrize("address", ["nonsense://somewhere:1", "tcp://127.0.0.1:not-a-port"])
def test_an_address_that_cannot_be(address: str) -> None:
    pytest.importorskip("distributed")
    with (
        pytest.raises(SettingsError, match="no dask scheduler answers at"),
        open_executor(None, address),
    ):
        pass


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of distributed's own
def test_a_cluster_makes_the_same_bytes(tmp_path: Path, data: Path, store_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        stores.curate(
            tmp_path / "out",
            [data / "videos"],
            [data / "stills", data / "pictures"],
            cluster=cluster.scheduler_address,
            room=8,
            shard_mb=0.1,
        )
    made = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    assert made == {file.name: file.read_bytes() for file in store_path.iterdir()}


def test_workers_start_without_torch() -> None:
    code = "import sys, pursuit.store; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_worker_that_dies_is_said() -> None:
    with (
        pytest.raises(WorkerError, match="a worker process ended unexpectedly"),
        open_executor(2, None) as executor,
    ):
        executor.submit(os._exit, 3).result()


def test_a_worker_that_dies_loses_its_job_only() -> None:
    with open_executor(1, None, apart=True) as executor:
        futures = [executor.submit(call, 3) for call in (abs, os._exit, abs)]
        with pytest.raises(WorkerDied) as caught:
            futures[1].result()
        assert caught.value.status == 3
        assert [futures[0].result(), futures[2].result()] == [3, 3]


def test_what_a_job_raises_and_what_cannot_be_sent() -> None:
    with open_executor(1, None, apart=True) as executor:
        with pytest.raises(ZeroDivisionError) as caught:
            executor.submit(divmod, 1, 0).result()
        assert "Traceback" in "".join(caught.value.__notes__)  # of the worker
        with pytest.raises(TypeError, match="generator"):
            executor.submit(trouble.made_lazily).result()
        with pytest.raises((AttributeError, pickle.PicklingError)):
            executor.submit(lambda: None).result()
        assert executor.submit(abs, -1).result() == 1


def test_an_error_does_not_wait_for_the_others() -> None:
    def stop() -> None:
        with open_executor(2, None) as executor:
            executor.submit(os.getpid).result()
            executor.submit(time.sleep, 300)
            raise KeyboardInterrupt

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        stop()
    assert time.monotonic() - start < 60
