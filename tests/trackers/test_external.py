"""A tracker that is a program on a pipe: what it is told, what it may answer, how it ends."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from programs import comes_true, program, running, wait_until

import pursuit
from pursuit.errors import BoxError, ProgramError, PursuitError, SettingsError
from pursuit.trackers.base import State, Tracker

FRAME = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
BOX = [10.25, 12, 20, 15]


def load(command: str, **settings: float) -> Tracker:
    return pursuit.load(f"external:{command}", **settings)


def test_boxes_scores_and_states(tmp_path: Path) -> None:
    tracker = load(program(tmp_path, 'if count: answer = ["1.5 2 3 4 0.25", "1 2 3 4"][count % 2]'))
    assert isinstance(tracker, Tracker)
    result = tracker.init(FRAME, BOX)
    assert (result.box.tolist(), result.state) == (BOX, State.TRACKED)
    result = tracker.update(FRAME)
    assert (result.box.tolist(), result.score, result.ids) == ([1, 2, 3, 4], 1.0, 0)
    result = tracker.update(FRAME)
    assert (result.box.tolist(), result.score) == ([1.5, 2, 3, 4], 0.25)
    assert 0 < result.seconds < 60
    assert tracker.init(FRAME, [1, 2, 3, 4]).box.tolist() == [1, 2, 3, 4]  # anew


@pytest.mark.parametrize("answer", ["nan nan nan nan", "inf 1 5 5", "5 5 0 5 0.5", "1 1 9 -3 0"])
def test_a_box_that_is_none_says_lost(tmp_path: Path, answer: str) -> None:
    tracker = load(program(tmp_path, f"if count == 1: answer = {answer!r}"))
    tracker.init(FRAME, BOX)
    result = tracker.update(FRAME)
    assert (result.box.tolist(), result.score, result.state) == (BOX, 0.0, State.LOST)
    assert tracker.update(FRAME).state == State.TRACKED


@pytest.mark.parametrize("kind", ["rgb", "bgr", "gray"])
def test_pictures_are_whole_and_gone_when_they_were_seen(tmp_path: Path, kind: str) -> None:
    seen = tmp_path / "seen.ppm"
    noting = f"open({str(seen)!r}, 'wb').write(content); answer += ' ' + str(len(path) > 4)[0:0]"
    tracker = load(program(tmp_path, noting))
    given = {"rgb": FRAME, "bgr": FRAME[:, :, ::-1], "gray": FRAME[:, :, 0]}[kind]
    tracker.init(given, BOX, colour="bgr" if kind == "bgr" else "rgb")
    content = seen.read_bytes()
    assert content.startswith(b"P6\n60 40\n255\n")
    pixels = np.frombuffer(content[-FRAME.size :], np.uint8).reshape(FRAME.shape)
    expected = np.repeat(FRAME[:, :, :1], 3, 2) if kind == "gray" else FRAME
    np.testing.assert_array_equal(pixels, expected)
    assert list(tracker._guard.folder.iterdir()) == []  # type: ignore[attr-defined]


def test_several_targets_are_several_programs(tmp_path: Path) -> None:
    command = program(tmp_path, "if count: answer = f'{float(start[0]) + count} 2 3 4'")
    tracker = load(command)
    tracker.init(FRAME, [[1, 2, 3, 4], [30, 2, 3, 4]])
    assert len(running(command.split()[-1])) >= 2
    result = tracker.update(FRAME)
    assert result.box.tolist() == [[2, 2, 3, 4], [31, 2, 3, 4]]
    assert tracker.update(FRAME).box[:, 0].tolist() == [3, 32]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("answer = 'loading the network'", "printed 'loading the network' where a box"),
        ("answer = '1 2 3'", "printed '1 2 3' where a box"),
        ("answer = ''", "printed '' where a box"),
        ("answer = '1 2 3 4 5 6'", "where a box X Y W H"),
        ("answer = '1 2 3 4 7.5'", "printed a score of 7.5; a score is between 0 and 1"),
        ("answer = 'x' * 100000", "printed 'xxxxxx"),
        ("sys.stdout.buffer.write(bytes(range(128, 256)))", "where a box"),
        ("time.sleep(100)", "gave no answer in 0.5 s"),
        ("sys.stdout.write('1 2 3 4')\n    while True: sys.stdout.flush()", "gave no answer in"),
        ("sys.exit('no\\nmemory')", "ended with exit status 1; its standard error ends: no | mem"),
        ("os.kill(os.getpid(), 11)", "died of SIGSEGV"),
        ("os.close(1); time.sleep(100)", "closed its standard output"),
        ("1 / 0", "standard error ends: .*ZeroDivisionError: division by zero"),
    ],
)
def test_programs_that_fail_are_started_anew(tmp_path: Path, body: str, message: str) -> None:
    command = program(tmp_path, f"if count == 2:\n    {body}")
    tracker = load(command, limit=0.5 if "gave no answer" in message else 60)
    tracker.init(FRAME, BOX)
    for _ in range(20):  # a machine with other work may take long for a good answer too
        try:
            tracker.update(FRAME)
            break
        except ProgramError:
            tracker.init(FRAME, BOX)
    with pytest.raises(ProgramError, match=message) as caught:
        tracker.update(FRAME)
    assert str(caught.value).startswith(f"external:{command} ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert wait_until(0, command.split()[-1])
    with pytest.raises(PursuitError, match="follows nothing yet"):
        tracker.update(FRAME)
    assert tracker.init(FRAME, BOX).state == State.TRACKED


def test_what_nobody_asked_for(tmp_path: Path) -> None:
    command = program(tmp_path, before="print('ready', flush=True)")
    with pytest.raises(ProgramError, match="printed 'ready' w"):
        load(command).init(FRAME, BOX)
    tracker = load(program(tmp_path, "answer += '\\n1 2 3 4'"))
    tracker.init(FRAME, BOX)
    (asked,) = tracker._programs  # type: ignore[attr-defined]
    assert comes_true(lambda: asked._lines.qsize() == 1)
    with pytest.raises(ProgramError, match="printed '1 2 3 4' without being asked"):
        tracker.update(FRAME)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("no-such-program x.py", "external:no-such-program x.py: there is no program 'no-such-p"),
        ("", "name the program to run: external:COMMAND"),
        ("sh 'x", "no closing quotation in the command"),
    ],
)
def test_commands_that_cannot_be(command: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load(command)


def test_other_mistakes(tmp_path: Path) -> None:
    bad = tmp_path / "tracker"
    bad.write_text("#!/no/such/interpreter\n")
    bad.chmod(0o755)
    with pytest.raises(ProgramError, match="tracker cannot be started: No such file"):
        load(str(bad)).init(FRAME, BOX)
    tracker = load(program(tmp_path))
    with pytest.raises(BoxError):
        tracker.init(FRAME, [1, 2, -3, 4])
    with pytest.raises(SettingsError, match="takes no weights file"):
        pursuit.load("external:sh", weights="w.pt")


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks into /proc")
@pytest.mark.parametrize("way", ["dropped", "ended", "killed"])
def test_no_process_is_left(tmp_path: Path, way: str) -> None:
    # One that hangs, and has started another one that does.
    command = program(
        tmp_path,
        "if count: time.sleep(100)",
        before="import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "import os\nif os.fork() == 0:\n    import time; time.sleep(100)\n",
    )
    mark = command.split()[-1]
    if way == "dropped":
        tracker = load(command, limit=100)
        tracker.init(FRAME, BOX)
        assert len(running(mark)) == 2
        folder = tracker._guard.folder  # type: ignore[attr-defined]
        del tracker
        gc.collect()
        assert wait_until(0, mark)
        assert not folder.exists()
        return
    code = (
        "import sys, os, signal, threading, numpy as np, pursuit\n"
        f"tracker = pursuit.load('external:{command}')\n"
        "frame = np.zeros((40, 60, 3), np.uint8)\n"
        "tracker.init(frame, [1, 2, 30, 4])\n"
        "print(tracker._guard.folder, flush=True)\n"
        f"{'sys.exit()' if way == 'ended' else 'tracker.update(frame)'}\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as mine:
        assert mine.stdout is not None
        folder = Path(mine.stdout.readline().strip())
        assert folder.name.startswith("pursuit-")
        if way == "killed":
            mine.kill()
        mine.wait(60)
    assert wait_until(0, mark)
    assert comes_true(lambda: not folder.exists())


def test_a_process_that_dies_between_folder_and_program_leaves_neither(tmp_path: Path) -> None:
    code = (
        "import os; from pursuit.trackers.program import Guard; guard = Guard(); "
        "print(guard.folder, guard.folder.exists(), flush=True); os.kill(os.getpid(), 9)"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    folder, there = done.stdout.split()
    assert (done.returncode, Path(folder).parent, there) == (-9, tmp_path, "True")
    assert wait_until(0, str(tmp_path))
    assert list(tmp_path.iterdir()) == []
