"""`pursuit evaluate` with programs on pipes, good and bad ones, here and on a cluster."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from commands import run
from programs import comes_true, program, running, wait_until

from pursuit.datasets.synthetic import Scene
from tests.commands import run_apart

pytest.importorskip("matplotlib")
if not Path("/proc/self/cmdline").exists():
    pytest.skip("looks into /proc", allow_module_level=True)

NAMES = ("Bus", "Cab", "Tram")
DOCS = Path(__file__).parents[2] / "docs" / "evaluation.md"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three generated sequences in OTB's layout; the second is narrower."""
    folder = tmp_path_factory.mktemp("data")
    for seed, name in enumerate(NAMES):
        width = 120 if name == "Cab" else 160
        film = Scene(width=width, height=120, frames=8, target=(40, 30), speed=1, seed=seed).film()
        (folder / name / "img").mkdir(parents=True)
        for number, frame in enumerate(film.frames(), 1):
            picture = cv2.imencode(".png", frame[:, :, ::-1])[1].tobytes()
            (folder / name / "img" / f"{number:04d}.png").write_bytes(picture)
        rows = np.round(film.boxes + np.array([1, 1, 0, 0]))
        np.savetxt(folder / name / "groundtruth_rect.txt", rows, delimiter=",", fmt="%d")
    return folder


@pytest.mark.parametrize("workers", [1, 2])
def test_a_program_that_dies_loses_one_sequence(root: Path, tmp_path: Path, workers: int) -> None:
    dies = "if count == 2 and content[3:6] == b'120': sys.exit('no film')"  # 120 pixels wide
    command = program(tmp_path, dies)
    out, scores = tmp_path / "out", tmp_path / "scores.json"
    words = ("--workers", workers, "--out", out, "--json", scores)
    done = run_apart("evaluate", "otb", root, "--tracker", f"mine=external:{command}", *words)
    assert done.returncode == 1, done.stderr
    why = f"external:{command} ended with exit status 1; its standard error ends: no film"
    assert done.stderr.count(f"failed: mine on Cab: {why}") == 1
    assert "failed: mine on Cab" in done.stdout
    assert "* mean of the sequences that it ran on" in done.stdout
    found = json.loads(scores.read_text(encoding="utf-8"))["mine"]
    assert set(found["sequences"]) == {"Bus", "Tram"}
    assert found["failed"] == {"Cab": why}
    boxes = np.loadtxt(out / "mine" / "Bus.txt", delimiter=",")
    assert (boxes == boxes[0]).all()
    assert wait_until(0, command.split()[-1])


def test_the_example_of_the_docs(root: Path, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    (example,) = [block for block in blocks if "sys.stdin" in block]
    assert len(example.splitlines()) <= 15
    (tmp_path / "my_tracker.py").write_text(example, encoding="utf-8")
    command = shlex.join([sys.executable, str(tmp_path / "my_tracker.py")])
    scores = tmp_path / "scores.json"
    trackers = ("--tracker", f"mine=external:{command}", "--tracker", "opencv-mosse")
    words = (*trackers, "--out", tmp_path / "out", "--json", scores)
    done = run("evaluate", "otb", root, *words)
    assert done.returncode == 0, done.stderr
    found = json.loads(scores.read_text(encoding="utf-8"))
    assert found["mine"]["auc"] > 0.5
    for name in NAMES:  # the same tracker, on another road
        mine, theirs = (
            np.loadtxt(tmp_path / "out" / label / f"{name}.txt", delimiter=",")
            for label in ("mine", "opencv-mosse")
        )
        np.testing.assert_allclose(mine, theirs, atol=1e-3)


def test_a_program_follows_in_a_video_too(tmp_path: Path, write_clip: object) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 5)  # type: ignore[operator]
    command = program(tmp_path, "if count: answer = f'{10 + 2 * count} 40 20 20 0.5'")
    done = run("track", clip, "--box", "10,40,20,20", "--tracker", f"external:{command}")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 6
    assert "18" in done.stdout.splitlines()[-1]
    assert running(command.split()[-1]) == [] or wait_until(0, command.split()[-1])


@pytest.mark.parametrize(
    ("tracker", "message"),
    [
        ("external:sh x", "a program needs a label: write mine=external:sh x"),
        ("mine=external:", "name the program to run"),
        ("mine=external:no-such-program x", "there is no program 'no-such-program' to run"),
    ],
)
def test_bad_input(root: Path, tmp_path: Path, tracker: str, message: str) -> None:
    done = run("evaluate", "otb", root, "--tracker", tracker, "--out", tmp_path / "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("workers", [1, 2])
def test_no_process_is_left(root: Path, tmp_path: Path, how: signal.Signals, workers: int) -> None:
    command = program(tmp_path, f"if count: open('{tmp_path}/hangs', 'w'); time.sleep(300)")
    words = ("evaluate", "otb", str(root), "--tracker", f"mine=external:{command}")
    more = ("--workers", str(workers), "--out", str(tmp_path / "out"))
    with subprocess.Popen(
        [sys.executable, "-m", "pursuit", *words, *more],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        # A shell's background jobs, and what they start, ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as mine:
        hangs = comes_true(lambda: (tmp_path / "hangs").exists(), 120)
        # As a terminal does: all of the foreground's group are told of Ctrl-C.
        (os.killpg if how == signal.SIGINT else os.kill)(mine.pid, how)
        assert hangs and mine.wait(60) == (130 if how == signal.SIGINT else -how)
    assert wait_until(0, command.split()[-1])
    assert wait_until(0, f"{tmp_path}")
    assert not list(tmp_path.glob("pursuit-*"))
    assert not list((tmp_path / "out").rglob("*.txt"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of distributed's own
@pytest.mark.parametrize("protocol", ["otb", "vot"])
def test_a_cluster_finds_the_same(root: Path, tmp_path: Path, protocol: str) -> None:
    distributed = pytest.importorskip("distributed")
    command = program(tmp_path, "if count == 2 and content[3:6] == b'120': print('oh')")
    trackers = ("--tracker", "opencv-mosse", "--tracker", f"mine=external:{command}")
    found = []
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        for where in (("--cluster", cluster.scheduler_address), ("--workers", "1")):
            out = tmp_path / where[0].strip("-")
            words = (*trackers, *where, "--out", out)
            done = run_apart("evaluate", protocol, root, *words)
            assert done.returncode == (1 if "failed:" in done.stdout else 0), done.stderr
            found.append(
                {
                    path.relative_to(out): path.read_bytes()
                    for path in out.rglob("*.txt")
                    if "time" not in path.name
                }
            )
    assert found[0] == found[1]
    assert len(found[0]) >= 5
    assert wait_until(0, command.split()[-1])
