"""`pursuit track LIST.csv` as a person uses it."""

from __future__ import annotations

import pkgutil
import re
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from commands import run
from programs import comes_true, program, wait_until

from pursuit import batches
from pursuit.batches import Outcome
from pursuit.cli import _track_list
from pursuit.results import tracks
from pursuit.runtimes import EngineWarning
from pursuit.video import VideoWarning, decode_frames

Clip = Callable[..., Path]
FAST = ("--tracker", "opencv-medianflow")


@pytest.fixture
def listed(write_clip: Clip, tmp_path: Path) -> Path:
    for name, frames in (("a", 8), ("b", 5)):
        write_clip(tmp_path / "clips" / f"{name}.mp4", frames)
    path = tmp_path / "clips" / "list.csv"
    path.write_text("video,x,y,w,h\na.mp4,10,40,20,20\nb.mp4,10,40,20,20\n")
    return path


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir(exist_ok=True)


def test_every_video_gets_its_files(listed: Path, tmp_path: Path) -> None:
    boxes, films = tmp_path / "boxes", tmp_path / "films"
    done = run("track", listed, *FAST, "--save", boxes, "--out", films, "--max-frames", 6)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("2 of 2 videos, 11 frames in ")
    assert done.stderr.count("\n") == 1 and done.stdout == ""
    assert {path.name for path in boxes.iterdir()} == {"a.csv", "b.csv"}
    assert tracks.read(boxes / "a.csv").frames.tolist() == list(range(6))
    assert len(list(decode_frames(films / "b.mp4"))) == 5


@pytest.mark.parametrize("workers", [1, 2])
def test_the_last_line_names_the_runtime(listed: Path, tmp_path: Path, workers: int) -> None:
    how = ("--workers", workers, "--max-frames", 2)
    done = run("track", listed, "--runtime", "tuned", *how, "--save", tmp_path / "boxes")
    assert re.search(r"in [\d.]+ s \(\d+ fps, tuned\), LOST in", done.stderr), done.stderr
    done = run("track", listed, *FAST, *how, "--save", tmp_path / "boxes")
    assert re.search(r"in [\d.]+ s \(\d+ fps\), LOST in", done.stderr), done.stderr


@pytest.mark.parametrize(
    ("spent", "pace"),
    [
        # Sums of all videos; decoding goes on beside the other two.
        ([(3.0, 1.0, 1.0), (1.0, 2.0, 1.0), (0.0, 0.0, 0.0)], "tracking"),
        ([(3.0, 1.0, 1.0), (2.1, 2.0, 1.0), (0.0, 0.0, 0.0)], "decoding"),
        ([(3.0, 1.0, 3.0), (1.0, 2.0, 1.0), (0.0, 0.0, 0.0)], "writing"),
    ],
)
@pytest.mark.parametrize("terminal", [False, True])
def test_the_end_says_what_set_the_pace(
    spent: list[tuple[float, float, float]],
    pace: str,
    terminal: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    outcomes = [
        Outcome(str(number), 33000 * (seconds[0] > 0), 7, runtime="openvino-int8", spent=seconds)
        for number, seconds in enumerate(spent)
    ]
    outcomes[-1] = replace(outcomes[-1], lost=0, error="no such file")
    text = _track_list.summary(outcomes * 40, 1234.56, [Path("boxes"), Path("films")])
    assert text.replace("\n", ", ") == (
        "80 of 120 videos, 2640000 frames in 1234.6 s (2138 fps, openvino-int8), "
        f"LOST in 560, pace set by {pace}; wrote boxes, films"
    )
    assert [len(line) <= 80 for line in text.splitlines()] == ([True] * 2 if terminal else [False])


@pytest.mark.parametrize(
    ("slow", "pace"),
    [
        ("pursuit.video.files.ToFrame.__call__", "decoding"),
        ("pursuit.video.draw", "writing"),
        ("pursuit.trackers.opencv.OpenCVTracker.update", "tracking"),
    ],
)
def test_the_pace_is_that_of_the_videos(
    listed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: str, pace: str
) -> None:
    done = pkgutil.resolve_name(slow)

    def slowly(*given: object, **named: object) -> object:
        time.sleep(0.1)
        answer = done(*given, **named)
        return replace(answer, seconds=0.1 + answer.seconds) if pace == "tracking" else answer

    monkeypatch.setattr(slow, slowly)
    out = ("--out", tmp_path / "films") if pace == "writing" else ()
    words = (*FAST, "--workers", 1, "--save", tmp_path / "boxes", *out)
    assert f", pace set by {pace}; wrote " in run("track", listed, *words).stderr


def test_what_jobs_say_alike_is_said_once_and_all_that_ran_is_named(
    listed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = EngineWarning("the GPU is  full")

    def run_them(*_: object) -> Iterator[Outcome]:
        warnings.warn(full, stacklevel=1)  # of the trial that goes before all jobs
        yield Outcome("a", 5, 0, (full, VideoWarning("a.mp4 is cut off")), runtime="tuned")
        yield Outcome("b", 6, 0, (EngineWarning("the GPU is  full"),), runtime="tuned")
        yield Outcome("c", 6, 0, (), runtime="cuda")

    monkeypatch.setattr(batches, "run", run_them)
    done = run("track", listed, "--save", tmp_path / "boxes")
    first, second, last = done.stderr.splitlines()
    assert (first, second) == ("warning: the GPU is full", "warning: a.mp4 is cut off")
    assert "fps, cuda, tuned), LOST in 0" in last


def test_a_list_gives_what_each_video_alone_gives(listed: Path, tmp_path: Path) -> None:
    video = listed.parent / "a.mp4"
    run("track", listed, *FAST, "--save", tmp_path / "boxes", "--workers", 1)
    run("track", video, "--box", "10,40,20,20", *FAST, "--save", tmp_path / "a.csv")
    assert (tmp_path / "boxes" / "a.csv").read_bytes() == (tmp_path / "a.csv").read_bytes()


def test_a_failing_video_is_named_and_the_status_tells(listed: Path, tmp_path: Path) -> None:
    with listed.open("a") as file:
        file.write("none.mp4,1,2,3,4\n")
    done = run("track", listed, *FAST, "--save", tmp_path / "boxes", "--workers", 1)
    assert done.returncode == 2
    first, last = done.stderr.splitlines()
    assert first.startswith("2 of 3 videos, 13 frames")
    assert last.startswith("error: none: cannot read ") and "no such file" in last
    assert {path.name for path in (tmp_path / "boxes").iterdir()} == {"a.csv", "b.csv"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--save", "boxes", "--box", "1,2,3,4"), "the boxes of a list stand in it"),
        ((), "say where the results of a list go: --save FOLDER"),
        (("--save", "a", "--save", "b"), "say where the results of a list go"),
        (("--save", "boxes.csv"), "go to a folder; boxes.csv is named as a file"),
        (("--save", "boxes", "--tracker", "none"), "no tracker 'none'"),
    ],
)
def test_what_a_list_does_not_take(
    listed: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(listed.parent)
    done = run("track", listed, *words)
    assert done.returncode == 2
    assert message in done.stderr and done.stderr.count("\n") == 1


def test_workers_are_for_lists(listed: Path) -> None:
    done = run("track", listed.parent / "a.mp4", "--box", "1,2,3,4", "--workers", 2)
    assert done.returncode == 2
    assert "--workers is for a list of videos" in done.stderr


def test_results_do_not_replace_the_list(listed: Path) -> None:
    text = listed.read_text()
    listed.write_text(text + "list.mp4,1,2,3,4\n")
    done = run("track", listed, *FAST, "--save", listed.parent)
    assert done.returncode == 2
    assert "list.csv is read by this command" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no signals for another process")
def test_ctrl_c_leaves_no_process_and_no_half_file(write_clip: Clip, tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    for name in "ab":
        write_clip(folder / f"{name}.mp4", 60)
    path = folder / "list.csv"
    path.write_text("video,x,y,w,h\na.mp4,10,40,20,20\nb.mp4,10,40,20,20\n")
    # A tracker that hangs in the sixth frame, and tells.
    hangs = "open(os.path.join(os.path.dirname(__file__), f'hangs-{os.getpid()}'), 'w')"
    slow = program(tmp_path, f"if count == 5: {hangs}; time.sleep(300)")
    out = tmp_path / "films"
    words = ["track", path, "--tracker", f"external:{slow}", "--out", out, "--workers", "2"]
    command = [sys.executable, "-m", "pursuit", *map(str, words)]
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # A shell's background jobs, and what they start, ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        both = comes_true(lambda: len([*tmp_path.glob("hangs-*")]) == 2, 120)
        half = [*out.glob(".part-*.mp4")]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert both and len(half) == 2
    assert process.returncode == 130
    assert [*out.iterdir()] == []
    assert wait_until(0, slow.split()[-1])
