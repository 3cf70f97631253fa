"""Scores of runs with resets: the table, its intervals, and JSON."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from rich.console import Console

from pursuit.measures.vot import Code
from pursuit.reports.vot import (
    SequenceScore,
    TrackerScore,
    as_json,
    notes,
    sequence_score,
    table,
)
from pursuit.results.vot import Run

# 60 frames of 100 that count, overlap 0.5 in each; 100 frames and a failure.
HALF = SequenceScore("half", 100, 1, 60, 30.0)
GOOD = SequenceScore("good", 300, 0, 240, 216.0)
SHORT = SequenceScore("short", 8, 0, 0, 0.0)


def shown(*scores: TrackerScore) -> list[str]:
    console = Console(file=io.StringIO(), width=80, highlight=False)
    console.print(table(list(scores)))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_row_holds_what_goturns_table_has() -> None:
    # The failures of its authors in VOT2014, as one sequence, with the overlap of its report.
    whole = SequenceScore("vot2014", 10_213, 36, 10_000, 6139.0)
    lines = shown(TrackerScore("goturn", (whole,), {}))
    assert lines[-1].split() == ["goturn", "0.614", "0.900", "36", "0.243", "0.386", "0.100", "1/1"]


def test_frames_are_pooled_and_sequences_drawn_again() -> None:
    one = TrackerScore("one", (HALF, GOOD), {})
    assert one.figures.accuracy == pytest.approx(246 / 300)
    assert one.figures.robustness == pytest.approx(np.exp(-30 / 400))
    row, low, high = (line.split() for line in shown(one)[-3:])
    assert row[1:4] == ["0.820", "0.928", "1"]
    # A quarter of the draws have the one twice, a quarter the other.
    assert (low[-5:], high[-5:]) == (
        ["0.500", f"{np.exp(-0.3):.3f}", "0.050", "0.100", "0.000"],
        [
            "0.900",
            "1.000",
            f"{1 - (0.5 + np.exp(-0.3)) / 2:.3f}",
            "0.500",
            f"{1 - np.exp(-0.3):.3f}",
        ],
    )


def test_sequences_too_short_to_count_for_accuracy() -> None:
    lines = shown(TrackerScore("brief", (SHORT,), {}), TrackerScore("one", (SHORT, HALF), {}))
    assert lines[-1].split() == ["brief", "-", "1.000", "0", "-", "-", "0.000", "1/1"]
    assert lines[-4].split()[:2] == ["one", "0.500"]
    # Draws of the short one alone have no accuracy: the others tell.
    assert lines[-3].split()[-5] == lines[-2].split()[-5] == "0.500"


def test_the_least_error_comes_first_and_failures_to_run_are_told() -> None:
    lost = {"Woman": "BoxError: fell off"}
    scores = [
        TrackerScore("nothing", (), lost),
        TrackerScore("half", (HALF,), {}),
        TrackerScore("good", (GOOD,), lost),
    ]
    lines = shown(*scores)
    assert [line.split()[0] for line in lines[-3:]] == ["good", "half", "nothing"]
    assert lines[-1].split()[1:] == ["-"] * 6 + ["0/1"]
    assert lines[-3].split()[-1] == "1/2*"
    assert notes(scores) == [
        "* of the sequences that it ran on: not to be compared with the others",
        "failed: nothing on Woman: BoxError: fell off",
        "failed: good on Woman: BoxError: fell off",
    ]
    assert notes(scores[1:2]) == []


def test_the_widest_row_fits_80_columns_uncut() -> None:
    many = (SequenceScore("s", 10**6, 12345, 10, 5.0),) * 100
    lost = {str(number): "lost" for number in range(100)}
    lines = shown(TrackerScore("a-tracker-with-a-name-of-45-letters-and-digits", many, lost))
    assert max(map(len, lines)) <= 80
    assert "1234500" in "".join(lines)
    assert "100/200*" in "".join(lines)
    assert "…" not in "".join(lines)


def test_a_sequences_score_of_its_run() -> None:
    truth = np.tile([0.0, 0, 10, 10], (20, 1))
    truth[15] = np.nan
    boxes = np.tile([5.0, 0, 10, 10], (20, 1))
    codes = np.array([Code.STARTED, *[Code.FOLLOWED] * 17, Code.FAILED, Code.SKIPPED])
    found = sequence_score("s", Run(codes, boxes), truth)
    # Frames 10 to 17 but for 15 count.
    assert (found.frames, found.failures, found.counted) == (19, 1, 7)
    assert found.overlap == pytest.approx(7 / 3)


def test_json_holds_all_and_no_nan() -> None:
    scores = [
        TrackerScore("one", (HALF, SHORT), {"Woman": "lost"}),
        TrackerScore("nothing", (), {"Woman": "lost"}),
    ]
    found = json.loads(json.dumps(as_json(scores), allow_nan=False))
    one, nothing = found["one"], found["nothing"]
    assert (one["accuracy"], one["failures"], one["frames"]) == (0.5, 1, 108)
    assert one["overall_error"] == pytest.approx(1 - (0.5 + np.exp(-30 / 108)) / 2)
    assert one["interval"]["accuracy_error"] == [0.5, 0.5]
    assert one["sequences"]["short"] == {"accuracy": None, "counted": 0, "failures": 0, "frames": 8}
    assert nothing["accuracy"] is None
    assert nothing["interval"]["robustness"] == [None, None]
    assert nothing["failed"] == {"Woman": "lost"}
