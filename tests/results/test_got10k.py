"""Results in the got10k toolkit's form: each run keeps its boxes and its times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pursuit.errors import DataError
from pursuit.results import got10k
from pursuit.results.otb import Run


def of(number: int) -> Run:
    """A run of three frames that no other number's is like."""
    boxes = np.arange(12.0).reshape(3, 4) + number
    return Run(boxes, np.array([4.0, 5, 6]) * number, np.array([1.0, 2, 3]) * number)


def test_runs_keep_their_times_and_share_the_toolkits_one_file(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        got10k.write(tmp_path, "A", of(number), number)
    runs = [got10k.read(tmp_path, "A", number) for number in (1, 2, 3)]
    for number, run in enumerate(runs, 1):
        np.testing.assert_allclose(run.boxes, of(number).boxes)
        np.testing.assert_allclose(run.tracker_ms, of(number).tracker_ms)
        np.testing.assert_allclose(run.decode_ms, of(number).decode_ms)
    got10k.write_times(tmp_path, "A", runs)
    # As its `_record` leaves it: seconds, a row a frame, a column a run.
    lines = (tmp_path / "A" / "A_time.txt").read_text(encoding="utf-8").splitlines()
    assert lines == [
        "0.00400000,0.00800000,0.01200000",
        "0.00500000,0.01000000,0.01500000",
        "0.00600000,0.01200000,0.01800000",
    ]


def test_a_run_without_a_time_for_each_frame_is_not_whole(tmp_path: Path) -> None:
    got10k.write(tmp_path, "A", of(1))
    (tmp_path / "A" / "A_001_time.value").write_text("0.1\n", encoding="utf-8")
    with pytest.raises(DataError, match="not a time for each of 3 frames; remove it"):
        got10k.read(tmp_path, "A")
