"""Scores of runs with resets: the table, its intervals, and JSON."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from pursuit.datasets import Sequence
from pursuit.measures.vot import Code
from pursuit.reports import vot_overlap
from pursuit.reports.vot import Scores, as_json, benchmark, notes, pace, scores, table
from pursuit.results.vot import Run

BOX = np.array([20.0, 20, 20, 10])
S, X, F = Code.STARTED, Code.FAILED, Code.FOLLOWED


def sequence(name: str, frames: int) -> Sequence:
    def open_frames() -> Iterator[Any]:
        for _ in range(frames):
            yield np.zeros((60, 80, 3), np.uint8)

    return Sequence(name, name, np.tile(BOX, (frames, 1)), open_frames)


def run(frames: int, width: float = 20, failed: int | None = None) -> Run:
    """Follow with a box as wide; fail in a frame, be started again five later."""
    codes = np.full(frames, F)
    codes[0] = S
    if failed is not None:
        codes[failed : failed + 5] = [X, 0, 0, 0, 0]
        codes[failed + 5] = S
    boxes = np.where((codes == F)[:, None], [20, 20, width, 10], np.nan)
    return Run(codes, boxes, np.full(frames, 0.01), np.full(frames, 0.002))


GOOD, HALF = sequence("good", 100), sequence("half", 60)
# Of half: 30 to 34 are lost, the first ten from 0 and 35 on do not count: 35 do.
RUNS = {"one": {"good": [run(100)], "half": [run(60, width=10, failed=30)]}}


def judged(**failed: str) -> Scores:
    return scores(RUNS, {"one": failed}, [GOOD, HALF], None)


def shown(found: Scores) -> list[str]:
    console = Console(file=io.StringIO(), width=80, highlight=False)
    console.print(table(found))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_frames_are_pooled_and_sequences_drawn_again() -> None:
    found = judged()
    one = found.trackers[0]
    accuracy, robustness = (90 + 35 * 0.5) / 125, np.exp(-30 / 160)
    assert one.score.total.accuracy == pytest.approx(accuracy)
    assert one.score.total.robustness == pytest.approx(robustness)
    row, low, high = (line.split() for line in shown(found)[-3:])
    eao = f"{one.score.eao:.3f}"
    error = f"{1 - (accuracy + robustness) / 2:.3f}"
    assert row == ["one", f"{accuracy:.3f}", f"{robustness:.3f}", "1", eao, error, "100", "2/2"]
    # A quarter of the draws have the one twice, a quarter the other.
    assert low[-4:-2] == ["0.500", f"{np.exp(-0.5):.3f}"]
    assert high[-4:-2] == ["1.000", "1.000"]
    assert (low[-1], high[-1]) == ("0.000", f"{1 - (0.5 + np.exp(-0.5)) / 2:.3f}")


def test_eao_is_drawn_with_the_sequences() -> None:
    found = judged()
    assert found.stored.interval is not None
    least, greatest = as_json(found)["one"]["interval"]["eao"]
    assert greatest == pytest.approx(1)  # of good alone: the start does not count
    # Of half alone: 0.5 to frame 30, nothing to 35, of its second piece nothing is known later.
    low, high = found.stored.interval
    sums = np.cumsum([0, *[0.5] * 29, *[0] * 70])
    first = np.array([sums[n - 1] / (n - 1) for n in range(low, high + 1)])
    second = np.array([0.5 if n <= 25 else np.nan for n in range(low, high + 1)])
    assert least == pytest.approx(np.nanmean([first, second], axis=0).mean())


def test_json_has_what_score_vot_has_and_more() -> None:
    content = as_json(judged())["one"]
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert (content["failures"], content["frames"], content["counted"]) == (1, 160, 125)
    errors = [content[f"{name}_error"] for name in ("accuracy", "robustness", "overall")]
    assert errors[2] == pytest.approx(sum(errors[:2]) / 2)
    assert content["interval"]["robustness"] == [pytest.approx(np.exp(-0.5)), 1]
    assert content["fps"] == pytest.approx(100)
    assert content["decode_ms"] == pytest.approx(2)
    assert content["sequences"]["half"]["accuracy"] == pytest.approx(0.5)


def test_what_could_not_be_run_is_told() -> None:
    some = {"one": {"good": [run(100)]}, "none": {}}
    wrong = {"one": {"half": "no lens"}, "none": {"good": "x", "half": "y"}}
    found = scores(some, wrong, [GOOD, HALF], None)
    one, none = (line.split() for line in shown(found)[-2:])
    assert (one[0], one[-1]) == ("one", "1/2*")
    assert none == ["none", "-", "-", "-", "-", "-", "-", "0/2"]
    said = notes(found, {})
    assert said[0].startswith("EAO over lengths")
    assert "failed: one on half: no lens" in said
    assert len(said) == 5


def test_pace_is_of_updates_alone() -> None:
    slow = run(4)
    assert slow.tracker_s is not None
    slow.tracker_s[0] = 9
    found = pace([[slow], [run(4)]])
    assert found is not None
    assert (found.fps, found.p95_ms) == (pytest.approx(100), pytest.approx(10))
    assert pace([]) is None


def test_unsupervised_all_frames_count_but_the_start_has_no_overlap() -> None:
    runs = {"one": {"good": [run(100)], "half": [run(60, width=10)]}}
    truth = benchmark([GOOD, HALF], None)
    (one,) = vot_overlap.scores(runs, {"one": {}}, truth)
    assert one.overlap == pytest.approx((99 + 59 * 0.5) / 160)
    assert one.interval == (pytest.approx(59 * 0.5 / 60), pytest.approx(0.99))
    content = vot_overlap.as_json([one])["one"]
    assert content["sequences"]["half"] == {
        "average_overlap": pytest.approx(59 * 0.5 / 60),
        "frames": 60,
    }
