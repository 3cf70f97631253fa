"""Scores: means over sequences, paces, JSON."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from pursuit.reports.scores import TrackerScore, as_json, pace, ranked, sequence_score
from pursuit.results.otb import Run

TRUTH = np.array([[10.0, 10, 20, 10]] * 4)


def run(shift: float, ms: float = 10, start: int = 0) -> Run:
    boxes = TRUTH + np.array([shift, 0, 0, 0])
    times = np.full(4, float(ms))
    times[start] = 1000  # the start is slow, and no update
    decode = np.full(4, 3.0)
    for rows in (boxes, times, decode):
        rows[:start] = np.nan
    return Run(boxes, times, decode)


def score(label: str, *shifts: float, failed: dict[str, str] | None = None) -> TrackerScore:
    runs = [run(shift) for shift in shifts]
    parts = tuple(sequence_score(f"s{i}", [(one, TRUTH)]) for i, one in enumerate(runs))
    return TrackerScore(label, parts, failed or {}, pace(runs))


def test_every_sequence_counts_the_same() -> None:
    # Perfect: 20/21. A third of the overlap in 3 of 4 frames: those pass 7 of 21 thresholds.
    part = (20 + 3 * 7) / 4 / 21
    found = score("a", 0, 10)
    assert [len(one.success) for one in found.sequences] == [21, 21]
    assert found.auc == pytest.approx((20 / 21 + part) / 2)
    assert found.precision20 == 1
    assert score("b", 0, 21).precision20 == (1 + 1 / 4) / 2
    assert found.total == 2


def test_frames_are_those_that_are_labelled() -> None:
    truth = TRUTH.copy()
    truth[2] = np.nan
    assert sequence_score("s", [(run(0), truth)]).frames == 3


def test_pace_leaves_the_start_out() -> None:
    found = pace([run(0, ms=10), run(0, ms=20, start=2), run(0, ms=10, start=1)])
    assert found is not None
    assert found.fps == pytest.approx(100)
    assert found.p95_ms <= 20
    assert found.decode_ms == pytest.approx(3)
    assert pace([]) is None


def test_rank_puts_those_without_a_score_last() -> None:
    order = ranked([score("none", failed={"s0": "x"}), score("bad", 15), score("good", 1)])
    assert [one.label for one in order] == ["good", "bad", "none"]


def test_json_says_what_failed() -> None:
    nothing = score("nothing", failed={"s0": "no lens"})
    found = as_json([score("a", 0, failed={"s1": "fell off"}), nothing])
    text = json.dumps(found, allow_nan=False)
    assert json.loads(text) == found
    assert found["a"]["auc"] == pytest.approx(20 / 21)
    assert found["a"]["fps"] == pytest.approx(100)
    assert found["a"]["p95_ms"] == pytest.approx(10)
    assert found["a"]["decode_ms"] == pytest.approx(3)
    assert found["a"]["failed"] == {"s1": "fell off"}
    part = found["a"]["sequences"]["s0"]
    assert part == {
        "auc": pytest.approx(20 / 21),
        "precision20": 1,
        "frames": 4,
        "fps": pytest.approx(100),
    }
    assert found["nothing"] == {
        "auc": None,
        "auc_interval": None,
        "precision20": None,
        "fps": None,
        "p95_ms": None,
        "decode_ms": None,
        "sequences": {},
        "attributes": {},
        "failed": {"s0": "no lens"},
    }
    assert math.isnan(nothing.auc)


def test_attributes_are_those_of_otbs_sequences() -> None:
    runs = {"Deer": run(0), "Coke": run(10), "home": run(0)}
    parts = tuple(sequence_score(name, [(one, TRUTH)]) for name, one in runs.items())
    found = as_json([TrackerScore("a", parts, {}, None)])["a"]
    deer, coke = 20 / 21, (20 + 3 * 7) / 4 / 21
    assert found["attributes"] == {
        **{code: pytest.approx(deer) for code in ("LR", "MB")},
        **{code: pytest.approx(coke) for code in ("IV", "OCC", "OPR")},
        **{code: pytest.approx((deer + coke) / 2) for code in ("BC", "FM", "IPR")},
    }
    assert found["auc_interval"] == [pytest.approx(coke), pytest.approx(deer)]


def test_frames_of_several_runs_are_pooled() -> None:
    # A perfect run of 4 frames, and one of the last 2 that is right in its first alone.
    late = Run(run(10).boxes[2:], run(10).tracker_ms[2:], run(10).decode_ms[2:])
    found = sequence_score("s", [(run(0), TRUTH), (late, TRUTH[2:])])
    assert found.frames == 6
    assert found.success.mean() == pytest.approx((5 * 20 + 7) / 6 / 21)
