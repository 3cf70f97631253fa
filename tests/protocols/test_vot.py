"""VOT's supervised experiment: when a tracker fails, what it is shown, what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from pursuit.boxes import Regions
from pursuit.datasets import Sequence
from pursuit.errors import DataError, SettingsError
from pursuit.measures.vot import RESTART, Code
from pursuit.protocols import vot
from pursuit.protocols.entrants import Entrant
from pursuit.protocols.plan import plan
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


def test_a_real_tracker_fails_where_the_target_jumps_and_its_results_are_kept(
    tmp_path: Path,
) -> None:
    mosse, sequence = Entrant("mosse", "opencv-mosse"), film()
    outcomes = list(vot.run([mosse], [sequence], tmp_path))
    # Three that are the same stand for fifteen.
    assert [one.status for one in outcomes] == ["done"] * 3 + ["spared"] * 12
    assert (outcomes[2].run, outcomes[2].frames) == ("run 3 of 15", 20)
    folder = tmp_path / "mosse" / "baseline" / "jump"
    assert {path.name for path in folder.iterdir()} == {
        f"jump_00{number}{end}"
        for number in (1, 2, 3)
        for end in (".txt", "_time.value", "_decode.value")
    }
    run = vot.read_run(tmp_path / "mosse", sequence)
    assert letters(run) == "s" + "f" * 7 + "x----s" + "f" * 6
    assert run.tracker_s is not None and run.decode_s is not None
    assert (run.tracker_s > 0).tolist() == [code != Code.SKIPPED for code in run.codes]
    assert len(vot.read_runs(tmp_path / "mosse", sequence, "supervised")) == 3
    again = [one.status for one in vot.run([mosse], [sequence], tmp_path)]
    assert again == ["kept"] * 3 + ["spared"] * 12
    (folder / "jump_002.txt").write_text("1\n", encoding="utf-8")
    again = [one.status for one in vot.run([mosse], [sequence], tmp_path)]
    assert again == ["kept", "kept", "done"] + ["spared"] * 12
    assert letters(vot.read_run(tmp_path / "mosse", sequence)) == letters(run)


def test_runs_that_differ_are_all_made(tmp_path: Path) -> None:
    sequence = blank([HERE] * 4)
    for number in range(1, 4):
        run = vot.follow(Scripted({3: TOUCHING} if number == 2 else {}), sequence)
        results.write(tmp_path / "mosse" / "baseline", "a", run, number)
    outcomes = vot.run([Entrant("mosse", "opencv-mosse")], [sequence], tmp_path)
    statuses = [one.status for one in outcomes]
    assert statuses == ["kept"] * 3 + ["done"] * 12
    assert len(vot.read_runs(tmp_path / "mosse", sequence, "supervised")) == 15


def test_who_cannot_run_is_not_tried_fifteen_times(tmp_path: Path) -> None:
    tiny = blank([[10, 10, 1, 1]] * 3)  # too small for MOSSE
    outcomes = vot.run([Entrant("mosse", "opencv-mosse")], [tiny], tmp_path)
    assert [one.status for one in outcomes] == ["failed"] * 3 + ["spared"] * 12


def test_results_of_other_start_boxes_are_not_mixed(tmp_path: Path) -> None:
    mosse = Entrant("mosse", "opencv-mosse")
    list(vot.run([mosse], [], tmp_path))
    with pytest.raises(
        SettingsError,
        match=r"another protocol \(start_box differs: min-max there, equal-area now\)",
    ):
        vot.run([mosse], [], tmp_path, start_box="equal-area")


def test_unsupervised_nobody_fails(tmp_path: Path) -> None:
    run = vot.follow(Scripted({2: TOUCHING, 3: NAN}), blank([HERE] * 5), restart=None)
    assert letters(run) == "sff-f"  # what is no box cannot be written
    mosse = Entrant("mosse", "opencv-mosse")
    (outcome,) = vot.run([mosse], [film()], tmp_path, protocol="unsupervised")
    assert (outcome.status, outcome.run) == ("done", "")
    (run,) = vot.read_runs(tmp_path / "mosse", film(), "unsupervised")
    assert letters(run) == "s" + "f" * 19
    assert results.run_path(tmp_path / "mosse" / "unsupervised", "jump").is_file()


DIAMOND = np.array([[20.0, 10], [30, 20], [20, 30], [10, 20]])


def turned(count: int = 3) -> Sequence:
    """A target whose label is a diamond, 20 pixels wide, in all frames."""
    boxes = np.tile([10.0, 10, 20, 20], (count, 1))
    regions = Regions(np.full((count, 4), np.nan), np.tile(DIAMOND, (count, 1, 1)))
    return replace(blank(boxes), regions=regions)


def test_a_start_box_of_a_polygon() -> None:
    assert vot.start_box("min-max", turned(), 0).tolist() == [10, 10, 20, 20]
    # 200 square pixels, half of those of the box around it: sides of 20 / sqrt(2), and a pixel.
    side = 20 / np.sqrt(2) + 1
    found = vot.start_box("equal-area", turned(), 0)
    np.testing.assert_allclose(found, [20 - side / 2, 20 - side / 2, side, side])
    # A label that is a box stays one.
    assert vot.start_box("equal-area", blank([HERE]), 0).tolist() == HERE
    three = replace(
        turned(), regions=Regions(np.full((3, 4), np.nan), turned().regions.polygons[:, :3])
    )  # type: ignore[union-attr]
    with pytest.raises(DataError, match="four corners"):
        vot.start_box("equal-area", three, 0)


def test_failures_are_of_the_polygon_not_of_the_box_around_it() -> None:
    pytest.importorskip("shapely")
    corner = [10.0, 10, 4, 4]  # in the box, outside the diamond
    touching = [10.0, 10, 6, 6]  # a corner of it is in the diamond
    assert letters(vot.follow(Scripted({1: corner}), turned())) == "sx-"
    assert letters(vot.follow(Scripted({1: touching, 2: touching}), turned())) == "sff"


class Drawn:
    """Gives numbers in order, scaled to the range that is asked for."""

    def __init__(self, *shares: float) -> None:
        self.shares = list(shares)

    def uniform(self, low: float, high: float, size: int | None = None) -> Any:
        mine = [low + (high - low) * self.shares.pop(0) for _ in range(size or 1)]
        return np.array(mine) if size else mine[0]


def noisy(sequence: Sequence, *shares: float) -> list[float]:
    noise = plan("vot-region-noise").noise
    assert noise is not None
    found = vot.noisy_box("min-max", noise, Drawn(*shares), sequence, 0)  # type: ignore[arg-type]
    return found.tolist()


def test_region_noise_worked_by_hand() -> None:
    box = blank([[10.0, 10, 20, 10]])
    # Wider by a tenth, lower by a tenth, a twentieth to the right, a tenth up, not turned.
    assert noisy(box, 1, 0, 0.75, 0, 0.5) == pytest.approx([10, 9.5, 22, 9])
    assert noisy(box, 0.5, 0.5, 0.5, 0.5, 0.5) == pytest.approx([10, 10, 20, 10])
    # Turned by 0.1: half sides 10 cos + 5 sin and 5 cos + 10 sin about (20, 15).
    c, s = np.cos(0.1), np.sin(0.1)
    half = 10 * c + 5 * s, 5 * c + 10 * s
    expected = [20 - half[0], 15 - half[1], 2 * half[0], 2 * half[1]]
    assert noisy(box, 0.5, 0.5, 0.5, 0.5, 1) == pytest.approx(expected)
    # A diamond keeps its middle, and its corners go in a circle: half sides of 10 cos.
    assert noisy(turned(), 0.5, 0.5, 0.5, 0.5, 0) == pytest.approx(
        [20 - 10 * c, 20 - 10 * c, 20 * c, 20 * c]
    )


def test_noise_is_the_same_for_all_trackers_and_within_its_bounds() -> None:
    sequence = blank([[10.0, 10, 20, 10]] * 8)
    every = vot.runs("region-noise")
    assert len(every) == 15
    found = np.array([[one.box(sequence, frame) for frame in (0, 7)] for one in every])
    assert (found == [[one.box(sequence, frame) for frame in (0, 7)] for one in every]).all()
    assert len({tuple(box) for box in found.reshape(-1, 4)}) == 30
    middle = found[..., :2] + found[..., 2:] / 2
    assert (abs(middle - [20, 15]) <= [2, 1]).all()
    assert (found[..., 2:] <= [22 + 1.0, 11 + 2.0]).all()
    assert (found[..., 2:] >= [18 * np.cos(0.1), 9 * np.cos(0.1)]).all()
    other = replace(sequence, name="b")
    assert not (every[0].box(other, 0) == found[0, 0]).any()


def test_region_noise_is_run_fifteen_times(tmp_path: Path) -> None:
    mosse = Entrant("mosse", "opencv-mosse")
    outcomes = list(vot.run([mosse], [film(12)], tmp_path, protocol="region-noise"))
    assert [one.status for one in outcomes] == ["done"] * 15
    found = vot.read_runs(tmp_path / "mosse", film(12), "region-noise")
    assert len({tuple(run.boxes[1]) for run in found}) == 15
    assert results.run_path(tmp_path / "mosse" / "region_noise", "jump", 15).is_file()


def test_the_plan_restarts_as_the_measures_expect() -> None:
    assert plan("vot-supervised").restart == plan("vot-region-noise").restart == RESTART


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
