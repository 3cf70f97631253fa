"""`pursuit demo`, as a person runs it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import av
import numpy as np

from pursuit import datasets
from pursuit.bench.demo import clip


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pursuit", "demo", *(str(word) for word in words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_demo_follows_the_car_and_writes_the_video(tmp_path: Path) -> None:
    out = tmp_path / "new folder" / "followed.mp4"
    done = run("--out", out)
    assert done.returncode == 0, done.stderr
    assert str(out) in done.stdout
    overlap = float(re.search(r"true boxes: ([\d.]+)", done.stdout)[1])  # type: ignore[index]
    assert overlap > 0.5
    with av.open(str(out)) as container, av.open(str(clip())) as source:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        first = next(source.decode(video=0)).to_ndarray(format="rgb24")
    assert len(frames) == 240
    # The box is drawn where the target is, and the rest of the picture is left alone.
    x, y, w, h = (int(value) for value in datasets.open_videos(clip().parent)[0].boxes[0])
    changed = np.abs(np.int16(frames[0]) - np.int16(first)).max(axis=2) > 60
    near = np.zeros_like(changed)
    near[max(0, y - 40) : y + h + 40, max(0, x - 40) : x + w + 120] = True
    assert changed[near].sum() > w + h
    assert changed[~near].mean() < 0.02


def test_demo_to_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    done = run("--out", tmp_path / "file" / "followed.mp4")
    assert done.returncode == 2
    assert done.stderr.startswith("error: cannot write")
    assert done.stderr.count("\n") == 1


def test_clip_and_its_boxes_are_small_and_fit_together() -> None:
    (sequence,) = datasets.open_videos(clip().parent)
    assert clip().stat().st_size < 1.5e6
    assert len(sequence) == 240
    assert sequence.labelled.all()
    frames = sum(1 for _ in sequence.frames())
    assert frames == 240
