"""Where TRE starts: worked by hand. Published runs: tests/system/test_score_published.py."""

from __future__ import annotations

import numpy as np

from pursuit.protocols.otb_starts import tre_starts


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
