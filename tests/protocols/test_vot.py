"""VOT's supervised experiment: when a tracker fails, what it is shown, what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from pursuit.datasets import Sequence
from pursuit.errors import DataError
from pursuit.measures.vot import Code
from pursuit.protocols import vot
from pursuit.protocols.entrants import Entrant
from pursuit.results import vot as results
from pursuit.trackers.base import Result, State

NAN = [np.nan] * 4
HERE = [10.0, 10, 20, 10]
TOUCHING = [30.0, 10, 20, 10]  # a common edge is no overlap
BARELY = [29.99, 10, 20, 10]


class Scripted:
    """Gives the box that is written for each frame, and notes what it is shown."""

    name = "scripted"

    def __init__(self, boxes: dict[int, ArrayLike]) -> None:
        self.boxes = boxes
        self.seen: list[tuple[str, int]] = []

    def init(self, frame: Any, box: ArrayLike, **_: Any) -> Result:
        self.seen.append(("init", int(frame[0, 0, 0])))
        return Result(np.array(box, dtype=float), 1.0, State.TRACKED, 0, 0.0)

    def update(self, frame: Any, **_: Any) -> Result:
        number = int(frame[0, 0, 0])
        self.seen.append(("update", number))
        return Result(np.array(self.boxes.get(number, HERE)), 1.0, State.TRACKED, 0, 0.0)

    def starts(self) -> list[int]:
        return [number for call, number in self.seen if call == "init"]


def blank(boxes: ArrayLike, *, missing: int = 0) -> Sequence:
    """Frames whose gray is their number, the last ones missing."""
    rows = np.array(boxes, dtype=float)

    def frames() -> Iterator[Any]:
        for number in range(len(rows) - missing):
            yield np.full((50, 60, 3), number, dtype=np.uint8)

    return Sequence("a", "a", rows, frames)


def letters(run: results.Run) -> str:
    return "".join("-sxf"[code] for code in run.codes)


def test_a_tracker_starts_again_five_frames_after_it_failed() -> None:
    tracker = Scripted({2: BARELY, 4: TOUCHING, 12: TOUCHING, 13: NAN})
    run = vot.follow(tracker, blank([HERE] * 16))
    #                   0123456789
    assert letters(run) == "sfffx----sffx---"
    assert tracker.starts() == [0, 9]
    assert [number for call, number in tracker.seen if call == "update"] == [1, 2, 3, 4, 10, 11, 12]
    assert run.boxes[2].tolist() == BARELY
    assert np.isnan(run.boxes[run.codes != Code.FOLLOWED]).all()


def test_frames_without_a_label_neither_fail_nor_start() -> None:
    truth = [NAN, HERE, HERE, NAN, HERE, NAN, NAN, NAN, NAN, NAN, NAN, HERE, HERE]
    tracker = Scripted({3: TOUCHING, 4: TOUCHING})
    run = vot.follow(tracker, blank(truth))
    # Failed in 4; 9 and 10 have no label to start with.
    assert letters(run) == "-sffx------sf"
    assert run.boxes[3].tolist() == TOUCHING


def test_an_empty_label_is_none() -> None:
    run = vot.follow(Scripted({2: TOUCHING}), blank([[5, 5, 0, 9], HERE, [9, 9, 9, 0], HERE]))
    assert letters(run) == "-sff"


def test_it_is_started_with_what_of_the_label_lies_in_the_frame() -> None:
    outside, over = [70.0, 10, 20, 10], [-5.0, 10, 70, 10]  # the frame is 60 wide
    sequence = blank([outside, over, HERE])
    started: list[list[float]] = []

    class Noting(Scripted):
        def init(self, frame: Any, box: ArrayLike, **options: Any) -> Result:
            started.append(np.asarray(box).tolist())
            return super().init(frame, box, **options)

    assert letters(vot.follow(Noting({}), sequence)) == "-sf"
    assert started == [[0, 10, 60, 10]]


def test_a_box_that_is_none_has_failed() -> None:
    run = vot.follow(Scripted({1: NAN}), blank([HERE] * 3))
    assert letters(run) == "sx-"


def test_a_failure_in_the_last_frame() -> None:
    assert letters(vot.follow(Scripted({2: TOUCHING}), blank([HERE] * 3))) == "sfx"


@pytest.mark.parametrize(
    ("sequence", "message"),
    [
        (blank([HERE] * 6, missing=2), "a: its frames end after 4 of 6"),
        (blank([NAN, NAN]), "a: no frame has a box"),
        (blank([[70, 10, 20, 10]] * 2), "a: no frame has a box"),
    ],
)
def test_sequences_that_cannot_be_followed(sequence: Sequence, message: str) -> None:
    with pytest.raises(DataError, match=message):
        vot.follow(Scripted({}), sequence)


def film(frames: int = 20) -> Sequence:
    """A target that jumps away once: no tracker follows it there."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (120, 160, 3), dtype=np.uint8)
    rows = np.tile([20.0, 20, 30, 30], (frames, 1))
    rows[8:, 0] = 110

    def open_frames() -> Iterator[Any]:
        for row in rows.astype(int):
            frame = np.full((120, 160, 3), 127, dtype=np.uint8)
            x, y, w, h = row
            frame[y : y + h, x : x + w] = noise[:h, :w]
            yield frame

    return Sequence("jump", "jump", rows, open_frames)


def test_a_real_tracker_fails_where_the_target_jumps_and_its_result_is_kept(tmp_path: Path) -> None:
    mosse, sequence = Entrant("mosse", "opencv-mosse"), film()
    (outcome,) = vot.run([mosse], [sequence], tmp_path)
    assert (outcome.status, outcome.error) == ("done", "")
    path = tmp_path / "mosse" / "baseline" / "jump" / "jump_001.txt"
    assert path.is_file()
    run = vot.read_run(tmp_path / "mosse", sequence)
    assert letters(run) == "s" + "f" * 7 + "x----s" + "f" * 6
    (again,) = vot.run([mosse], [sequence], tmp_path)
    assert again.status == "kept"
    path.write_text("1\n", encoding="utf-8")
    (again,) = vot.run([mosse], [sequence], tmp_path)
    assert again.status == "done"
    assert letters(vot.read_run(tmp_path / "mosse", sequence)) == letters(run)


def test_read_run_names_what_does_not_fit(tmp_path: Path) -> None:
    run = vot.follow(Scripted({4: TOUCHING}), blank([HERE] * 6))
    results.write(tmp_path / "baseline", "a", run)
    with pytest.raises(DataError, match=r"a_001\.txt: 6 rows for 5 frames"):
        vot.read_run(tmp_path, blank([HERE] * 5))
    assert letters(vot.read_run(tmp_path, blank([HERE] * 6))) == "sfffx-"
    for truth in ([NAN, *[HERE] * 5], [HERE, HERE, HERE, HERE, NAN, HERE]):
        with pytest.raises(DataError, match="starts or fails where a has no label"):
            vot.read_run(tmp_path, blank(truth))
    with pytest.raises(DataError, match="does not fail where it has left a; remove it"):
        vot.read_run(tmp_path, blank([[31.0, 10, 20, 10]] * 6))


def test_rounding_makes_no_failure(tmp_path: Path) -> None:
    almost = [29.99999, 10, 20, 10]
    run = vot.follow(Scripted({1: almost}), blank([HERE] * 2))
    assert letters(run) == "sf"
    results.write(tmp_path / "baseline", "a", run)
    assert letters(vot.read_run(tmp_path, blank([HERE] * 2))) == "sf"
