"""`pursuit track` as a person uses it: outputs, start, interrupts, messages."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from commands import run
from programs import comes_true, program

from pursuit import weights
from pursuit.cli import _track_tally
from pursuit.cli._track_tally import Tally
from pursuit.results import tracks
from pursuit.trackers.base import Result, State
from pursuit.video import decode_frames, save_picture

Clip = Callable[..., Path]
BOX = ("--box", "10,40,20,20")
FAST = ("--tracker", "opencv-medianflow")


@pytest.fixture(scope="module")
def clip(write_clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 30, sound="aac")


def test_all_outputs_at_once(clip: Path, tmp_path: Path) -> None:
    names = ["a.csv", "a.json", "a.txt", "a.mot.txt", "a.coco.json"]
    saves = [word for name in names for word in ("--save", tmp_path / name)]
    words = ["track", clip, *BOX, *FAST, "--out", tmp_path / "a.mp4", *saves]
    command = [sys.executable, "-m", "pursuit", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1  # no progress bar in a pipe
    assert done.stderr.startswith("30 frames, tracker ")
    assert re.search(r" together \S+ fps \(set by (decoding|tracking|writing)\), ", done.stderr)
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", *names}
    rows = tracks.read(tmp_path / "a.csv")
    assert rows.frames.tolist() == list(range(30))
    assert rows.boxes[0].tolist() == [10, 40, 20, 20]
    assert abs(rows.boxes[5, 0] - 20) < 3  # it follows the square
    assert len((tmp_path / "a.txt").read_text().splitlines()) == 30
    assert len(json.loads((tmp_path / "a.coco.json").read_text())["images"]) == 30
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.video[0].frames == 30
        assert container.streams.audio[0].codec_context.name == "aac"
        assert container.duration == pytest.approx(1_200_000, abs=60_000)


def test_the_runtime_is_chosen_and_named(clip: Path) -> None:
    ours = ("track", clip, *BOX, "--max-frames", 3)
    assert "fps (tuned)" in run(*ours).stderr  # as tests have it
    done = run(*ours, "--runtime", "eager")
    assert done.returncode == 0 and "fps (eager)" in done.stderr
    done = run(*ours, "--runtime", "egaer")
    assert done.returncode == 2 and "no runtime 'egaer' (did you mean eager?)" in done.stderr
    done = run(*ours, *FAST, "--runtime", "eager")
    assert done.returncode == 2 and "opencv-medianflow is OpenCV's" in done.stderr
    done = run(*ours, *FAST, "--device", "cuda")
    assert done.returncode == 2 and "name no device" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_video_shows_the_box(clip: Path, tmp_path: Path) -> None:
    run("track", clip, *BOX, *FAST, "--out", tmp_path / "a.mp4", "--max-frames", 3)
    drawn, plain = (next(decode_frames(path)) for path in (tmp_path / "a.mp4", clip))
    changed = np.abs(drawn.astype(int) - plain).max(axis=2) > 60
    assert changed[40:60, 9:31].any()
    assert not changed[80:, 60:].any()


def test_the_default_tracker_follows_the_square(clip: Path, tmp_path: Path) -> None:
    done = run("track", clip, *BOX, "--save", tmp_path / "a.csv", "--max-frames", 6)
    assert done.returncode == 0, done.stderr
    rows = tracks.read(tmp_path / "a.csv")
    centres = rows.boxes[:, 0] + rows.boxes[:, 2] / 2
    assert np.abs(centres - (20 + 2 * rows.frames)).max() < 4


def test_without_outputs_boxes_go_to_standard_output(clip: Path) -> None:
    done = run("track", clip, *BOX, *FAST, "--max-frames", 4)
    lines = done.stdout.splitlines()
    assert lines[:2] == ["frame,id,x,y,w,h,score,state", "0,0,10.0,40.0,20.0,20.0,1.0,TRACKED"]
    assert len(lines) == 5
    assert done.stderr.startswith("4 frames")


def test_a_reader_that_goes_away_ends_the_run(clip: Path) -> None:
    command = [sys.executable, "-m", "pursuit", "track", str(clip), *BOX, *FAST]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        message = process.stderr.read().decode()
        assert process.wait(60) == 0
    assert message.count("\n") == 1
    assert "frame" in message


def test_several_targets(clip: Path, tmp_path: Path) -> None:
    two = (*BOX, "--box", "60.5,70,30,30")
    done = run("track", clip, *two, *FAST, "--save", tmp_path / "a.csv", "--max-frames", 3)
    assert done.returncode == 0, done.stderr
    rows = tracks.read(tmp_path / "a.csv")
    assert rows.ids.tolist() == [0, 1] * 3
    assert rows.boxes[1, 1] == 70


@pytest.mark.parametrize("start", ["10", "0.4", "0.4s"])
def test_start(clip: Path, tmp_path: Path, start: str) -> None:
    box = ("--box", "30,40,20,20")
    out, save = tmp_path / "a.mp4", tmp_path / "a.csv"
    done = run("track", clip, *box, *FAST, "--start", start, "--out", out, "--save", save)
    assert done.returncode == 0, done.stderr
    assert tracks.read(save).frames.tolist() == list(range(10, 30))
    with av.open(str(out)) as container:
        sound = container.streams.audio[0]
        assert float(sound.duration * sound.time_base) == pytest.approx(0.8, abs=0.03)


def test_a_folder_of_pictures(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    for number, frame in zip(range(12), decode_frames(clip), strict=False):
        save_picture(folder / f"{number}.png", frame)
    for source in (folder, folder / "*.png"):
        outputs = ("--save", tmp_path / "a.csv", "--out", tmp_path / "a.mp4")
        done = run("track", source, *BOX, *FAST, *outputs)
        assert done.returncode == 0, done.stderr
        assert tracks.read(tmp_path / "a.csv").frames.tolist() == list(range(12))
        assert len(list(decode_frames(tmp_path / "a.mp4"))) == 12


def test_a_truncated_video_warns_and_succeeds(write_clip: Clip, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", 30, in_front=True)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    done = run("track", path, *BOX, *FAST, "--save", tmp_path / "a.csv")
    assert done.returncode == 0
    assert done.stderr.startswith("warning: ")
    assert done.stderr.count("warning") == 1
    assert 5 < len(tracks.read(tmp_path / "a.csv").frames) < 30


@pytest.mark.skipif(sys.platform == "win32", reason="no signals for another process")
@pytest.mark.parametrize(
    ("number", "status", "by"),
    [(signal.SIGINT, 130, b"Ctrl-C"), (signal.SIGTERM, 143, b"a signal")],
)
def test_ctrl_c_and_sigterm_keep_what_was_done(
    write_clip: Clip, tmp_path: Path, number: int, status: int, by: bytes
) -> None:
    path = write_clip(tmp_path / "long.mp4", 60, sound="aac")
    # A tracker that waits in the sixth frame until the signal was sent.
    hangs, sent = tmp_path / "hangs", tmp_path / "sent"
    waiting = f"while not os.path.exists({str(sent)!r}): time.sleep(0.01)"
    slow = program(tmp_path, f"if count == 5:\n    open({str(hangs)!r}, 'w')\n    {waiting}")
    results = tmp_path / "results"
    out, save = results / "a.mp4", results / "a.csv"
    words = ["track", path, *BOX, "--tracker", f"external:{slow}", "--out", out, "--save", save]
    command = [sys.executable, "-m", "pursuit", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert comes_true(lambda: hangs.exists() or process.poll() is not None, 120)
        process.send_signal(number)
        sent.touch()
        _, message = process.communicate(timeout=60)
    assert process.returncode == status, message
    assert b"stopped by " + by in message
    assert {item.name for item in results.iterdir()} == {"a.mp4", "a.csv"}
    assert tracks.read(save).frames.tolist() == list(range(6))
    assert len(list(decode_frames(out))) == 6


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limit on the size of files")
def test_a_full_disk_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    # A limit on the size of files fails as a full disk does: within a write.
    program = (
        "import resource, signal, sys; from pursuit.cli import main;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (900, 900));"
        "print(main([*sys.argv[1:], '--out', 'a.mp4']), main([*sys.argv[1:], '--save', 'a.csv']))"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", program, "track", str(clip), *BOX, *FAST],
        capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout == "2 2\n"
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    for line, name in zip(lines, ("a.mp4", "a.csv"), strict=True):
        assert line.startswith(f"error: cannot write {name}: ")
    assert list(tmp_path.iterdir()) == []


def test_networks_and_shipped_weights_by_name(
    clip: Path, tmp_path: Path, shared_data: Path
) -> None:
    nets = [shared_data / "reference-nets" / f"nanotrackv2_{part}.onnx" for part in
            ("backbone", "head")]  # fmt: skip
    for words in (
        ("--tracker", f"opencv-nano:{nets[0]},{nets[1]}"),
        ("--tracker", "siamfc-3s", "--weights", "siamfc-slim"),
        ("--tracker", "siamfc-3s:siamfc-slim"),
    ):
        done = run("track", clip, *BOX, *words, "--save", tmp_path / "a.csv", "--max-frames", 6)
        assert done.returncode == 0, done.stderr
        rows = tracks.read(tmp_path / "a.csv")
        centres = rows.boxes[:, 0] + rows.boxes[:, 2] / 2
        assert np.abs(centres - (20 + 2 * rows.frames)).max() < 6


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("goturn",), "the weights of goturn are too large to ship: name a file, goturn:PATH"),
        (("goturn", "--weights", "siamfc-slim"), "holds a SiamFC network and goturn needs GOTURN"),
        (("goturn:none.caffemodel",), "no weights none.caffemodel"),
    ],
)
def test_goturn_without_its_weights(clip: Path, words: tuple[str, ...], message: str) -> None:
    done = run("track", clip, *BOX, "--tracker", *words)
    assert done.returncode == 2
    assert message in done.stderr and done.stderr.count("\n") == 1


def test_the_last_line_counts_lost_and_unsure_frames() -> None:
    box = np.array([[1.0, 2, 3, 4]] * 2)
    tally = Tally()
    for states in ([2, 2], [1, 2], [1, 1], [0, 1], [0, 2]):
        tally.add(Result(box, np.ones(2), np.array(states), np.arange(2), 0.1))
    assert tally.summary(0, []).endswith("LOST in 2, unsure in 3")
    sure = Tally()
    sure.add(Result(box, np.ones(2), np.array([2, 2]), np.arange(2), 0.1))
    assert sure.summary(0, []) == "1 frame, never lost"


def result(frame: int, seconds: float) -> Result:
    return Result(np.array([1.0, 2, 3, 4]), 1.0, State.TRACKED, 0, seconds, frame)


@pytest.mark.parametrize(
    ("tracking", "writing", "reading", "pace"),
    [
        (0.02, 0.0, 0.01, "tracking"),
        (0.01, 0.0, 0.3, "decoding"),
        (0.01, 0.02, 0.025, "writing"),
        (0.02, 0.01, 0.025, "tracking"),
        (0.02, 0.01, 0.2, "decoding"),
    ],
)
def test_the_last_line_says_what_set_the_pace(
    tracking: float, writing: float, reading: float, pace: str
) -> None:
    tally = Tally()
    for number in range(3):  # of the first only the frame counts
        tally.add(result(number, tracking / 2), writing / 2)
    text = tally.summary(reading, [Path("a.csv")])
    assert f"tracker {2 / tracking:.0f} fps" in text
    assert f"fps (set by {pace}), never lost" in text
    assert text.count(" fps") == 2  # decoding's and writing's own help nobody
    assert all(text.count(stage) == (stage == pace) for stage in ("decoding", "writing"))


@pytest.mark.parametrize("live", [False, True])
def test_on_a_terminal_the_speeds_have_a_line(monkeypatch: pytest.MonkeyPatch, live: bool) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    clock = SimpleNamespace(perf_counter=itertools.count(0, 0.0075).__next__)
    monkeypatch.setattr(_track_tally, "time", clock)
    tally = Tally()
    for number in range(1200):
        tally.add(result(number, 1 / 123), 1 / 15000, 0.12 if live else None)
    speeds, told = tally.summary(12.0, [Path("a.csv")], "openvino-int8", 25.0).splitlines()
    assert speeds.startswith("1200 frames, tracker 123 fps (openvino-int8), ")
    assert ("capture to box" if live else "set by decoding") in speeds
    assert max(len(speeds), len(told)) <= 80
    missed = "0 frames missed, " if live else ""
    assert told == f"{missed}budget of 25 fps held, never lost; wrote a.csv"


def test_the_last_line_of_a_live_source_tells_its_delay() -> None:
    tally = Tally()
    for number, delay in ((10, 9.0), (11, 0.02), (14, 0.03), (15, 0.2)):
        tally.add(result(number, 0.01), 0, delay)
    text = tally.summary(1.0, [])
    assert "capture to box 30 ms (p95 30 ms), 2 frames missed" in text
    assert "decoding" not in text


def test_a_budget_says_what_is_taken(clip: Path, tmp_path: Path) -> None:
    words = (*BOX, "--max-frames", 3, "--save", tmp_path / "a.csv", "--budget-fps")
    starts = {
        0.01: "budget of 0.01 fps: siamfc-slim follows ",
        99999: "warning: budget of 99999 fps: nothing is so fast here; ",
    }
    for budget, start in starts.items():
        done = run("track", clip, *words, budget)
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith(start) and done.stderr.count("\n") == 2
        last = done.stderr.splitlines()[-1]
        assert f"budget of {budget:g} fps {'held' if budget < 1 else 'NOT held'}, " in last
        assert tracks.read(tmp_path / "a.csv").frames.tolist() == [0, 1, 2]
    for budget in ("-3", "1000000", "inf", "nan"):
        done = run("track", clip, *words, budget)
        assert done.returncode == 2 and "a second above 0 and below 1,000,000; got" in done.stderr


def test_a_budget_is_held_by_the_rate_that_was_measured() -> None:
    tally = Tally()
    for number in range(5):  # the first is the start, and not of the pace
        tally.add(result(number, 0.01 if number else 5.0))
    assert "tracker 100 fps, budget of 99 fps held, never" in tally.summary(0, [], "", 99)
    assert "tracker 100 fps, budget of 101 fps NOT held, never" in tally.summary(0, [], "", 101)
    assert "budget" not in tally.summary(0, [])


class Camera:
    """Stands in for cv2.VideoCapture: a picture that does not change, 100 a second."""

    def __init__(self, number: int) -> None:
        pass

    def isOpened(self) -> bool:
        return True

    def get(self, _: int) -> float:
        return 100.0

    def read(self) -> tuple[bool, np.ndarray]:
        time.sleep(0.01)
        return True, np.full((60, 80, 3), 90, np.uint8)

    def release(self) -> None:
        pass


def test_a_camera(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("cv2.VideoCapture", Camera)
    words = ("--box", "10,10,20,20", *FAST, "--max-frames", 8, "--save", tmp_path / "a.csv")
    done = run("track", "0", *words)
    assert done.returncode == 0, done.stderr
    found = re.search(r"capture to box (\d+) ms \(p95 (\d+) ms\), \d+ frames? missed", done.stderr)
    assert found is not None, done.stderr
    # A busy machine may take long, but not as long as it has run: the clocks are one.
    assert int(found[1]) <= int(found[2]) < 20_000


def test_a_card_is_not_written_over(clip: Path, tmp_path: Path) -> None:
    for suffix in (".safetensors", ".json"):
        shutil.copy(weights.find("siamfc-slim").with_suffix(suffix), tmp_path / f"mine{suffix}")
    card = (tmp_path / "mine.json").read_bytes()
    file = tmp_path / "mine.safetensors"
    for words in (("--weights", file), ("--tracker", f"siamfc-slim:{file}")):
        done = run("track", clip, *BOX, *words, "--save", tmp_path / "mine.json")
        assert done.returncode == 2
        assert "mine.json is read by this command" in done.stderr
    assert (tmp_path / "mine.json").read_bytes() == card


def test_help_fits_a_terminal() -> None:
    text = run("track", "--help").stdout
    assert max(map(len, text.splitlines())) <= 80
    for option in ("--box", "--tracker", "--weights", "--out", "--save", "--start", "--max-frames",
                   "--device", "--workers", "--budget-fps"):  # fmt: skip
        assert option in text
