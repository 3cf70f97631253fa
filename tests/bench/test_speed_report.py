"""Timings shown: 80 columns, JSON, a plot."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from pursuit.bench import speed_report
from pursuit.bench.peaks import Peaks, machine
from pursuit.bench.speed import Clip, Timing
from pursuit.errors import OutputError

CLIP = Clip("clip.mp4", [np.zeros((60, 80, 3), np.uint8)] * 2, np.array([1.0, 2, 3, 4]), 1.25)
PEAKS = Peaks({"bf16": 0.4123, "fp32": 0.2}, 12.34)


def timing(tracker: str, runtime: str, targets: int, ms: float, *, sway: float = 1.1) -> Timing:
    """A tracker whose updates all took `ms`, a tenth of it in each stage but the trunk."""
    stages = None if runtime == "opencv" else np.array([[0.1, 0.5, 0.1, 0.1]] * 3) * ms
    return Timing(tracker, runtime, targets, np.full(3, ms), stages, (ms, ms * sway), 1.25)


TIMINGS = [
    timing("siamfc-5s-paper", "openvino-f32", 1, 4),
    timing("opencv-csrt", "opencv", 1, 16, sway=1.5),
    timing("siamfc-5s-paper", "openvino-f32", 32, 1234.4),
    timing("opencv-csrt", "opencv", 32, 9876),
]


def shown(timings: list[Timing]) -> list[list[str]]:
    """The words of each line of the table, as a terminal of 80 columns has it."""
    out = io.StringIO()
    Console(file=out, width=80).print(speed_report.table(timings))
    lines = out.getvalue().splitlines()
    assert max(len(line) for line in lines) <= 80
    return [line.split() for line in lines]


def test_a_peer_that_is_hundreds_of_times_as_fast_has_a_ratio_too() -> None:
    peer = timing("opencv-mosse", "opencv", 1, 0.056)
    csrt = timing("opencv-csrt", "opencv", 1, 16)
    rows = [line for line in shown([peer, csrt, TIMINGS[0]]) if line and line[1:2] == ["opencv"]]
    assert [row[-1] for row in rows] == ["0.004", "1.00"]


def test_the_table_fits_80_columns_and_compares_with_csrt() -> None:
    lines = shown(TIMINGS)
    assert ["1", "target"] in lines
    assert ["32", "targets"] in lines
    rows = [line for line in lines if line and line[0] in ("siamfc-5s-paper", "opencv-csrt")]
    assert rows == [
        ["siamfc-5s-paper", "openvino-f32", "250", "4.00", "4.00", "0.40", "2.40", "0.40", "0.80",
         "0.22"],
        ["opencv-csrt", "opencv", "62.5", "16.0*", "16.0", "-", "-", "-", "-", "1.00"],
        ["siamfc-5s-paper", "openvino-f32", "0.81", "1,234", "1,234", "123", "741", "123", "247",
         "0.12"],
        ["opencv-csrt", "opencv", "0.10", "9,876", "9,876", "-", "-", "-", "-", "1.00"],
    ]  # fmt: skip


def test_without_csrt_there_is_nothing_to_compare_with() -> None:
    lines = shown([timing("siamfc-slim", "tuned", 1, 4)])
    assert ["siamfc-slim", "tuned", "250", *["4.00"] * 2, "0.40", "2.40", "0.40", "0.80"] in lines


def test_unsteady_rounds_are_said() -> None:
    assert speed_report.notes(TIMINGS[:1]) == []
    (note,) = speed_report.notes(TIMINGS)
    assert "by 50% at most" in note


def test_a_peer_that_has_lost_its_targets_is_said() -> None:
    lost = [replace(one, lost=0.75) for one in TIMINGS[2:]]
    (note,) = speed_report.notes(lost)  # ours has the same work whatever it says
    assert note.startswith("opencv-csrt says LOST of 75% of 32 targets")


def test_what_stands_above() -> None:
    lines = speed_report.about(CLIP, machine(), PEAKS)
    assert lines[2] == "largest matrix product, TFLOP/s: 0.412 bf16, 0.2 fp32; copy: 12.3 GB/s"
    assert lines[3] == "clip.mp4: 2 frames of 80 x 60, in memory; decoding one takes 1.25 ms"


def test_json() -> None:
    found = speed_report.as_json(CLIP, TIMINGS, machine(), PEAKS, ["busy"])
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert set(found) == {"versions", "machine", "peaks", "clip", "warnings", "timings"}
    assert found["peaks"] == {"tflops": {"bf16": 0.4123, "fp32": 0.2}, "copy_gb_s": 12.34}
    assert found["clip"] == {
        "name": "clip.mp4", "frames": 2, "width": 80, "height": 60, "box": [1, 2, 3, 4],
        "decode_ms": 1.25,
    }  # fmt: skip
    ours, peer = found["timings"][:2]
    assert ours["stages_ms"] == pytest.approx(
        {"cut": 0.4, "trunk": 2, "head": 0.4, "decode": 0.4, "rest": 0.8}
    )
    assert {key: peer[key] for key in peer if key != "rounds_ms"} == {
        "tracker": "opencv-csrt", "runtime": "opencv", "targets": 1, "updates": 3, "lost": 0,
        "fps": 62.5,
        "median_ms": 16, "p95_ms": 16, "stages_ms": None,
    }  # fmt: skip
    assert peer["rounds_ms"] == [16, 24]


def test_the_plot_has_a_line_for_each_tracker_and_runtime(tmp_path: Path) -> None:
    (axes,) = speed_report.figure(TIMINGS).axes
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert set(lines) == {"siamfc-5s-paper, openvino-f32", "opencv-csrt"}
    assert list(lines["opencv-csrt"].get_xdata()) == [1, 32]
    assert list(lines["opencv-csrt"].get_ydata()) == pytest.approx([1000 / 16, 1000 / 9876])
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "32"]
    path = tmp_path / "speed.png"
    speed_report.save_plot(TIMINGS, path)
    image = cv2.imread(str(path))
    assert image is not None
    assert min(image.shape[:2]) > 600


def test_a_plot_has_a_suffix_that_can_be_drawn() -> None:
    speed_report.check_plot(Path("a.svg"))
    for name in ("speed.jpg", "speed"):
        with pytest.raises(OutputError, match=r"\.png or \.svg"):
            speed_report.check_plot(Path(name))
