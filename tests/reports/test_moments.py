"""The worst moments of runs, on boxes made for it."""

from __future__ import annotations

import math

import numpy as np

from pursuit.measures.vot import Code
from pursuit.reports.moments import failures, lost_in_pass, worst

TRUTH = np.tile([10.0, 10, 20, 20], (60, 1))


def run_lost_in(*stretches: tuple[int, int]) -> np.ndarray:
    boxes = TRUTH.copy()
    for first, last in stretches:
        boxes[first : last + 1, 0] = 100
    return boxes


def test_longest_time_without_overlap_is_the_worst() -> None:
    (found,) = lost_in_pass("OTB", "t", "s", run_lost_in((5, 9), (30, 44), (50, 55)), TRUTH)
    assert (found.start, found.frame, found.length) == (0, 30, 15)
    assert found.frames == (20, 26, 29, 30, 34, 40)
    assert found.overlap(29) == 1
    assert found.overlap(30) == 0
    assert found.what == "no overlap for 15 of 59 labelled frames"


def test_frames_of_a_strip_stay_in_the_sequence() -> None:
    (found,) = lost_in_pass("OTB", "t", "s", run_lost_in((2, 59)), TRUTH)
    assert found.frames == (1, 2, 6, 12)
    (late,) = lost_in_pass("OTB", "t", "s", run_lost_in((58, 59)), TRUTH)
    assert late.frames == (48, 54, 57, 58)


def test_unlabelled_frames_and_those_before_the_start_do_not_count() -> None:
    truth = TRUTH.copy()
    truth[:4] = np.nan
    truth[32:40] = np.nan
    boxes = run_lost_in((30, 41), (50, 54))
    boxes[:4] = np.nan
    (found,) = lost_in_pass("OTB", "t", "s", boxes, truth)
    # 30, 31, 40, 41 are labelled: fewer than 50 to 54.
    assert (found.start, found.frame, found.length) == (4, 50, 5)
    assert lost_in_pass("OTB", "t", "s", boxes[:4], truth[:4]) == []


def test_run_that_is_never_lost_shows_its_least_overlap() -> None:
    boxes = TRUTH.copy()
    boxes[33, 0] += 10
    (found,) = lost_in_pass("OTB", "t", "s", boxes, TRUTH)
    assert (found.frame, found.length) == (33, 0)
    assert found.what == "never lost; least overlap 0.33"
    boxes[33] = np.nan
    (gone,) = lost_in_pass("OTB", "t", "s", boxes, TRUTH)
    assert gone.length == 1
    assert math.isnan(gone.overlap(33))


def test_failures_soonest_after_a_start_come_first() -> None:
    codes = np.full(60, Code.FOLLOWED)
    codes[0], codes[20], codes[25], codes[28], codes[33] = 1, 2, 1, 2, 1
    codes[21:25] = codes[29:33] = Code.SKIPPED
    boxes = np.where((codes == Code.FOLLOWED)[:, None], TRUTH, np.nan)
    first, second = failures("t", "s", codes, boxes, TRUTH)
    assert (first.frame, first.start) == (28, 25)
    assert first.frames == (26, 27, 28)
    assert first.what == "failed 3 frames after it was started"
    assert (second.frame, second.start) == (20, 0)
    assert second.frames == (0, 10, 15, 18, 19, 20)
    assert second.overlap(0) == 1  # what it was started with


def test_worst_are_of_different_sequences_and_of_every_tracker() -> None:
    def moment(tracker: str, sequence: str, length: int):
        (found,) = lost_in_pass("OTB", tracker, sequence, run_lost_in((9, 8 + length)), TRUTH)
        return found

    every = [moment("a", "x", 3), moment("a", "y", 9), moment("a", "z", 5), moment("b", "x", 2)]
    chosen = worst([*every, moment("a", "y", 8)], 2)
    assert [(one.tracker, one.sequence, one.length) for one in chosen] == [
        ("a", "y", 9),
        ("a", "z", 5),
        ("b", "x", 2),
    ]
