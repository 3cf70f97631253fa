"""`pursuit evaluate` and `score` cut short: by Ctrl-C, by a kill, by a reader that goes away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import run
from programs import program

from pursuit.results import made_with

pytest.importorskip("matplotlib")

MOSSE = ("--tracker", "opencv-mosse")


@pytest.fixture(scope="module")
def root(
    tmp_path_factory: pytest.TempPathFactory, write_labelled_video: Callable[..., Path]
) -> Path:
    """Two videos of 6 frames, the first 96 and the second 120 pixels wide."""
    folder = tmp_path_factory.mktemp("data")
    rows = [(number, 1, 30, 20, 24, 20) for number in range(6)]
    write_labelled_video(folder, "bus", rows, size=(96, 64))
    write_labelled_video(folder, "cab", rows, size=(120, 64))
    return folder


def unread(*words: object) -> tuple[int, str]:
    """Run the command where nobody reads what it prints; return its status and its errors."""
    with subprocess.Popen(
        [sys.executable, "-m", "pursuit", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
        return process.wait(120), errors


@pytest.mark.parametrize("protocol", ["otb", "vot", "got10k"])
def test_files_are_written_where_nobody_reads_the_table(
    root: Path, tmp_path: Path, protocol: str
) -> None:
    out, scores = tmp_path / "out", tmp_path / "scores.json"
    status, errors = unread("evaluate", protocol, root, *MOSSE, "--out", out, "--json", scores)
    assert status == 0, errors
    assert "error" not in errors and "Traceback" not in errors
    assert list(json.loads(scores.read_text(encoding="utf-8"))) == ["opencv-mosse"]
    assert (protocol != "otb") or (out / "success.png").is_file()


def test_the_status_tells_what_is_wrong_where_nobody_reads_the_table(
    root: Path, tmp_path: Path
) -> None:
    results, scores = tmp_path / "results", tmp_path / "scores.json"
    (results / "mine").mkdir(parents=True)
    np.savetxt(results / "mine" / "bus.txt", np.full((6, 4), 20.0), delimiter=",")
    status, errors = unread("score", "otb", results, "--ground-truth", root, "--json", scores)
    assert status == 2
    assert "error: mine" in errors and "cab" in errors
    assert list(json.loads(scores.read_text(encoding="utf-8"))) == ["mine"]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_what_was_made_before_an_interrupt_is_told(
    root: Path, tmp_path: Path, how: signal.Signals
) -> None:
    # It hangs on the second video, until it is stopped.
    hangs = f"if count == 2 and content[3:6] == b'120': open('{tmp_path}/hangs', 'w')"
    hangs += f"\nwhile os.path.exists('{tmp_path}/hangs'): time.sleep(0.05)"
    out = tmp_path / "out"
    mine = f"mine=external:{program(tmp_path, hangs)}"
    words = ["evaluate", "otb", str(root), "--tracker", mine, "--out", str(out)]
    with subprocess.Popen(
        [sys.executable, "-m", "pursuit", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background jobs, and what they start, ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        end = time.monotonic() + 60
        while not (tmp_path / "hangs").exists() and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(how)
        assert process.stderr is not None
        errors = process.stderr.read()
        assert process.wait(60) == (130 if how == signal.SIGINT else -how)
    (made,) = made_with.read(out / "mine")
    assert made.versions["NumPy"] == np.__version__
    assert (out / "mine" / "bus.txt").is_file() and not (out / "mine" / "cab.txt").exists()
    if how == signal.SIGINT:
        kept = f"stopped: 1 whole result in {out}; the same command goes on from there\n"
        assert errors.endswith(kept)
    (tmp_path / "hangs").unlink()
    (tmp_path / "program-0.py").write_text(
        (tmp_path / "program-0.py").read_text().replace("count == 2", "count == 99")
    )
    (out / "mine" / "tracker.json").unlink()  # the program is another now
    again = run(*words)
    assert again.returncode == 0, again.stderr
    assert "1 whole results were there and are kept" in again.stderr
    assert made_with.read(out / "mine") == (made,)


def test_no_plots_are_told_of_where_there_are_none(root: Path, tmp_path: Path) -> None:
    bad = f"mine=external:{program(tmp_path, 'sys.exit(3)')}"
    done = run("evaluate", "otb", root, "--tracker", bad, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == f"results: {tmp_path / 'out'}"
    assert not list((tmp_path / "out").glob("*.png"))


def test_a_label_that_is_a_sequence(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("evaluate", "otb", root, "--tracker", "Bus=opencv-mosse", "--out", out)
    assert done.returncode == 2 and not out.exists()
    assert done.stderr.startswith("error: 'Bus' is a sequence of the data set")
    assert done.stderr.count("\n") == 1
