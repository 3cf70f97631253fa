"""Where TRE starts, and SRE's boxes, worked by hand.

Published runs: tests/system/test_score_published.py.
"""

from __future__ import annotations

import numpy as np
import pytest

from pursuit.datasets.otb_list import entries
from pursuit.protocols.otb_starts import SRE, sre_box, starts_on, tre_starts


def test_starts_are_spread_and_leave_twenty_frames() -> None:
    starts = tre_starts(np.ones(210, bool))
    # 191 frames leave 20: candidates 1 + k * 191 / 19 rounded down, and the last, from 1.
    assert starts == [191 * k // 19 for k in range(19)] + [190]


def test_omitted_and_invalid_frames_start_no_run() -> None:
    valid = np.ones(60, bool)
    valid[10] = False
    starts = tre_starts(valid, [(1, 5), (41, 41)])
    assert starts[0] == 5
    assert starts[-1] == 39
    assert not {0, 4, 10, 40} & set(starts)


def test_no_frame_to_start_in() -> None:
    assert tre_starts(np.ones(19, bool)) == []
    assert len(tre_starts(np.ones(20, bool))) == 20


def test_omitted_frames_are_those_of_the_list() -> None:
    boxes = np.tile([10.0, 10, 5, 5], (354, 1))
    whole = starts_on(boxes, entries()["tiger1"])
    assert whole[0] == 5  # rows 1 to 5 are omitted
    assert [start - 5 for start in whole] == starts_on(boxes[5:], entries()["tiger1"])
    deer = starts_on(boxes[:71], entries()["deer"])
    # 52 frames leave 20 of 71: floor(k 52 / 19), and the last of them.
    assert deer == [0, 2, 5, 8, 10, 13, 16, 19, 21, 24, 27, 30, 32, 35, 38, 41, 43, 46, 49, 51]


# x, y, w, h from 1 of a box at 51, 41 of 30 x 25, by the toolbox's rules; 0.1 w = 3, 0.1 h = 2.5.
SHIFTED = [
    (48, 41, 30, 25),  # left
    (54, 41, 30, 25),  # right
    (51, 38, 30, 25),  # up: 2.5 is 3 whole pixels
    (51, 44, 30, 25),  # down
    (48, 39, 33, 27),  # top left: y 38.5 is rounded to 39; right edge 80, bottom 65 stay
    (51, 39, 33, 27),  # top right: right edge 83
    (48, 41, 33, 28),  # bottom left: bottom 67.5 is rounded to 68
    (51, 41, 33, 28),  # bottom right
    (54, 44, 24, 20),  # 0.8 about (66, 53.5): 54, 43.5
    (53, 42, 27, 23),  # 0.9: 52.5, 42.25; 27, 22.5
    (50, 40, 33, 28),  # 1.1: 49.5, 39.75; 33, 27.5
    (48, 39, 36, 30),  # 1.2: 48, 38.5
]


@pytest.mark.parametrize(("number", "expected"), list(enumerate(SHIFTED)))
def test_sre_boxes_worked_by_hand(number: int, expected: tuple[int, ...]) -> None:
    found = sre_box(np.array([50.0, 40, 30, 25]), SRE.shifts[number], (640, 480))
    assert (found + [1, 1, 0, 0]).tolist() == list(expected)


def test_sre_boxes_are_limited_to_the_frame() -> None:
    # At 2, 1 from 1, of 40 x 30 in a frame of 45 x 31.
    box, size = np.array([1.0, 0, 40, 30]), (45, 31)
    left, right, up, down = (sre_box(box, SRE.shifts[at], size).tolist() for at in range(4))
    assert left == [0, 0, 40, 30]  # moved to the edge, as wide as before
    assert right == [5, 0, 40, 30]
    assert up == [1, 0, 40, 30]
    assert down == [1, 3, 40, 28]  # cut at the bottom
    # 1.2 of 40 x 30 about (22, 16): 48 x 36 at -2, -2, moved to 1, 1 and cut.
    assert sre_box(box, SRE.shifts[11], size).tolist() == [0, 0, 45, 31]


def test_the_number_of_runs_is_otbs() -> None:
    assert len(SHIFTED) == SRE.runs == 12
