"""The one-pass runner: what it feeds to trackers, isolation, what it keeps and runs again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import ArrayLike

from pursuit.datasets import Sequence, Usable, open_videos
from pursuit.datasets.otb_list import entries
from pursuit.datasets.synthetic import Scene
from pursuit.errors import DataError, OutputError, SettingsError, WeightsError
from pursuit.protocols import otb, runner
from pursuit.protocols.entrants import Entrant
from pursuit.results import otb as results
from pursuit.trackers import registry
from pursuit.trackers.base import Result, State

NAN = [np.nan] * 4
STILL, FRAGILE = Entrant("still", "still"), Entrant("fragile", "fragile")
MOSSE = Entrant("mosse", "opencv-mosse")


class Still:
    """Says that nothing moves, and notes what it is shown."""

    name = "still"

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []
        self.box = np.zeros(4)

    def init(self, frame: Any, box: ArrayLike, **_: Any) -> Result:
        self.box = np.array(box, dtype=float)
        return self._see("init", frame)

    def update(self, frame: Any, **_: Any) -> Result:
        return self._see("update", frame)

    def _see(self, call: str, frame: Any) -> Result:
        self.seen.append((call, int(frame[0, 0, 0])))
        return Result(self.box, 1.0, State.TRACKED, 0, 0.0)


class Fragile(Still):
    """Raises in the fourth frame of what is 40 pixels wide."""

    name = "fragile"

    def update(self, frame: Any, **_: Any) -> Result:
        if frame.shape[1] == 40 and int(frame[0, 0, 0]) == 3:
            raise ValueError("the lens\nfell off")
        return super().update(frame)


def blank(name: str, boxes: ArrayLike, *, width: int = 60, missing: int = 0) -> Sequence:
    """Frames whose gray is their number, the last ones missing."""
    rows = np.array(boxes, dtype=float)

    def frames() -> Iterator[Any]:
        for number in range(len(rows) - missing):
            yield np.full((50, width, 3), number, dtype=np.uint8)

    return Sequence(name, name, rows, frames)


BOXES = [[5.0 + step, 6, 20, 10] for step in range(6)]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Still]]:
    """Let the registry know Still and Fragile; gives those that were loaded."""
    found: list[Still] = []
    kinds: dict[str, Callable[[], Still]] = {"still": Still, "fragile": Fragile}
    load = registry.load

    def find(name: str, **options: Any) -> Any:
        if name not in kinds:
            return load(name, **options)
        found.append(kinds[name]())
        return found[-1]

    monkeypatch.setattr(registry, "load", find)
    runner._loaded.cache_clear()
    yield found
    runner._loaded.cache_clear()


def statuses(outcomes: Iterator[runner.Outcome]) -> dict[tuple[str, str], str]:
    return {(one.label, one.sequence): one.status for one in outcomes}


def test_a_tracker_starts_at_the_first_label_and_sees_every_frame_after() -> None:
    tracker = Still()
    run = otb.follow(tracker, blank("a", [NAN, NAN, *BOXES[:2], NAN, BOXES[3]]))
    assert tracker.seen == [("init", 2), *(("update", number) for number in (3, 4, 5))]
    assert np.isnan(run.boxes[:2]).all()
    assert run.boxes[2:].tolist() == [BOXES[0]] * 4
    assert run.start == 2
    for times in (run.tracker_ms, run.decode_ms):
        assert np.isnan(times).tolist() == [True] * 2 + [False] * 4
        assert (times[2:] >= 0).all()


def test_times_of_tracker_and_decoding_are_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(otb.time, "perf_counter", lambda: now[0])

    class Slow(Still):
        def update(self, frame: Any, **_: Any) -> Result:
            now[0] += 0.03
            return super().update(frame)

    def frames() -> Iterator[Any]:
        for _ in BOXES:
            now[0] += 0.004
            yield np.zeros((50, 60, 3), dtype=np.uint8)

    run = otb.follow(Slow(), Sequence("a", "a", np.array(BOXES), frames))
    assert run.tracker_ms.tolist() == pytest.approx([0] + [30] * 5)
    assert run.decode_ms.tolist() == pytest.approx([4] * 6)


@pytest.mark.parametrize(
    ("sequence", "message"),
    [
        (blank("short", BOXES, missing=2), "short: its frames end after 4 of 6"),
        (blank("bare", [NAN, NAN]), "bare: no frame has a box"),
    ],
)
def test_sequences_that_cannot_be_followed(sequence: Sequence, message: str) -> None:
    with pytest.raises(DataError, match=message):
        otb.follow(Still(), sequence)


def test_a_tracker_that_raises_loses_that_sequence_only(tmp_path: Path, made: list[Still]) -> None:
    sequences = [blank("a", BOXES), blank("narrow", BOXES, width=40), blank("z", BOXES)]
    outcomes = list(otb.run([FRAGILE, STILL], sequences, tmp_path))
    failed = [one for one in outcomes if one.status == "failed"]
    assert [(one.label, one.sequence) for one in failed] == [("fragile", "narrow")]
    assert failed[0].error == "ValueError: the lens fell off"
    assert len(outcomes) == 6
    assert not results.boxes_path(tmp_path / "fragile", "narrow").exists()
    assert results.boxes_path(tmp_path / "fragile", "z").exists()
    # What raised may be in pieces: the sequence after it gets a new one.
    assert sum(isinstance(one, Fragile) for one in made) == 2


def test_whole_results_are_kept_and_failed_ones_tried_again(
    tmp_path: Path, made: list[Still]
) -> None:
    sequences = [blank("a", BOXES), blank("narrow", BOXES, width=40)]
    list(otb.run([FRAGILE], sequences, tmp_path))
    before = (tmp_path / "fragile" / "a.times.txt").read_bytes()
    made.clear()
    runner._loaded.cache_clear()
    assert statuses(otb.run([FRAGILE], sequences, tmp_path)) == {
        ("fragile", "a"): "kept",
        ("fragile", "narrow"): "failed",
    }
    assert (tmp_path / "fragile" / "a.times.txt").read_bytes() == before
    assert made[0].seen[0] == ("init", 0)
    assert len(made[0].seen) == 3


def test_a_run_that_was_stopped_goes_on(tmp_path: Path, made: list[Still]) -> None:
    sequences = [blank(name, BOXES) for name in "abc"]
    outcomes = otb.run([STILL], sequences, tmp_path)
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    assert [path.name for path in sorted((tmp_path / "still").glob("?.txt"))] == ["a.txt"]
    found = statuses(otb.run([STILL], sequences, tmp_path))
    assert list(found.values()) == ["kept", "done", "done"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],  # cut off in the middle of a row
        lambda text: text[: text.index("\n") + 1],
        lambda text: "",
        lambda text: text.replace("6,7,20,10", "9,9,9,9", 1),  # another target's
        lambda text: text + "1,1,1,1\n",
        None,
    ],
)
@pytest.mark.usefixtures("made")
def test_what_is_not_whole_is_run_again(
    tmp_path: Path, damage: Callable[[str], str] | None
) -> None:
    sequence = blank("a", BOXES)
    list(otb.run([STILL], [sequence], tmp_path))
    path = results.boxes_path(tmp_path / "still", "a")
    whole = path.read_text(encoding="utf-8")
    assert whole == "6,7,20,10\n" * 6
    if damage is None:
        results.times_path(tmp_path / "still", "a").unlink()
    else:
        path.write_text(damage(whole), encoding="utf-8")
    assert statuses(otb.run([STILL], [sequence], tmp_path)) == {("still", "a"): "done"}
    assert path.read_text(encoding="utf-8") == whole


@pytest.mark.usefixtures("made")
def test_another_trackers_results_are_not_taken(tmp_path: Path) -> None:
    list(otb.run([STILL], [blank("a", BOXES)], tmp_path))
    other = Entrant("still", "fragile")
    with pytest.raises(SettingsError, match=r"another still .*tracker differs.*--out"):
        otb.run([other], [blank("a", BOXES)], tmp_path)


def test_trackers_are_loaded_before_anything_runs(tmp_path: Path, made: list[Still]) -> None:
    missing = Entrant("mine", "siamfc-3s", (tmp_path / "mine.safetensors",))
    with pytest.raises(WeightsError, match="mine"):
        otb.run([STILL, missing], [blank("a", BOXES)], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("made")
def test_a_disk_that_is_full_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = otb.run([STILL], [blank("a", BOXES)], tmp_path)

    def full(*_: object) -> None:
        raise OutputError("no space")

    monkeypatch.setattr(otb.results, "write", full)
    with pytest.raises(OutputError):
        list(outcomes)


def test_read_run_names_what_does_not_fit(tmp_path: Path) -> None:
    results.write(tmp_path, "a", otb.follow(Still(), blank("a", BOXES)))
    with pytest.raises(DataError, match=r"a\.txt: 6 rows for 5 frames"):
        otb.read_run(tmp_path, blank("a", BOXES[1:]))
    with pytest.raises(DataError, match=r"a\.txt: starts with another box than a"):
        otb.read_run(tmp_path, blank("a", BOXES[::-1]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three short generated sequences in OTB's layout."""
    root = tmp_path_factory.mktemp("otb")
    for seed, frames in enumerate((6, 10, 8)):
        film = Scene(width=96, height=64, frames=frames, target=(24, 18), seed=seed).film()
        (root / f"S{seed}" / "img").mkdir(parents=True)
        for number, frame in enumerate(film.frames(), 1):
            path = root / f"S{seed}" / "img" / f"{number:04d}.png"
            path.write_bytes(cv2.imencode(".png", frame)[1].tobytes())
        np.savetxt(
            root / f"S{seed}" / "groundtruth_rect.txt",
            np.round(film.boxes + np.array([1, 1, 0, 0])),
            delimiter=",",
            fmt="%d",
        )
    return root


def test_several_workers_find_the_same_boxes(tmp_path: Path, folder: Path) -> None:
    sequences = open_videos(folder)
    # MOSSE does not start on a single pixel: a failure comes back from a worker too.
    pixel = sequences[0].boxes.copy()
    pixel[0, 2:] = 1
    sequences.append(Sequence("tiny", "tiny", pixel, sequences[0].open_frames))
    alone = statuses(otb.run([MOSSE], sequences, tmp_path / "alone"))
    together = statuses(otb.run([MOSSE], sequences, tmp_path / "together", workers=2))
    assert together == alone
    assert [key for key, status in alone.items() if status != "done"] == [("mosse", "tiny")]
    for sequence in sequences[:3]:
        one, two = (
            results.boxes_path(tmp_path / run / "mosse", sequence.name).read_bytes()
            for run in ("alone", "together")
        )
        assert one == two


def test_tre_runs_from_twenty_frames_to_the_end(tmp_path: Path, made: list[Still]) -> None:
    rows = [[5.0 + step / 10, 6, 20, 10] for step in range(40)]
    outcomes = list(otb.run([STILL], [blank("a", rows)], tmp_path, protocol="tre"))
    starts = [21 * k // 19 for k in range(19)] + [20]  # 21 frames leave 20 of 40
    assert [one.frames for one in outcomes] == [40 - start for start in starts]
    assert (outcomes[1].run, outcomes[1].status) == ("run 2 of 20", "done")
    inits = [number for call, number in made[0].seen if call == "init"]
    assert inits == starts
    lines = (tmp_path / "still" / "tre" / "a" / "a_020.txt").read_text("utf-8").splitlines()
    assert lines == ["8,7,20,10"] * 20
    found = otb.read_runs(tmp_path / "still", blank("a", rows), "tre")
    assert [(len(run.boxes), len(truth)) for run, truth in found] == [(40 - s,) * 2 for s in starts]
    assert found[-1][1].tolist() == rows[20:]
    again = otb.run([STILL], [blank("a", rows)], tmp_path, protocol="tre")
    assert {one.status for one in again} == {"kept"}
    (short,) = {
        one.error for one in otb.run([STILL], [blank("b", BOXES)], tmp_path, protocol="tre")
    }
    assert short == "b: no frame that a run of TRE may start in"


def test_sre_starts_with_twelve_other_boxes(tmp_path: Path, made: list[Still]) -> None:
    sequence = blank("a", [[1.0, 6, 20, 10]] * 3)
    list(otb.run([STILL], [sequence], tmp_path, protocol="sre"))
    found = otb.read_runs(tmp_path / "still", sequence, "sre")
    starts = [run.boxes[0].tolist() for run, _ in found]
    assert starts[:4] == [[0, 6, 20, 10], [3, 6, 20, 10], [1, 5, 20, 10], [1, 7, 20, 10]]
    assert [truth.tolist() for _, truth in found] == [sequence.boxes.tolist()] * 12
    assert [call for call, _ in made[0].seen].count("init") == 12
    # A result with another first box is not taken for whole.
    path = tmp_path / "still" / "sre" / "a" / "a_002.txt"
    path.write_text(path.read_text("utf-8").replace("4,7,20,10", "5,7,20,10"), encoding="utf-8")
    again = [one.status for one in otb.run([STILL], [sequence], tmp_path, protocol="sre")]
    assert sorted(again) == ["done"] + ["kept"] * 11


def test_the_toolbox_leaves_out_the_first_frames_of_tiger1() -> None:
    rows = np.tile([5.0, 6, 20, 10], (354, 1))
    rows[:, 0] += np.arange(354)
    (cut,) = otb.prepared(Usable([blank("Tiger1", rows)], {})).sequences
    assert (len(cut), cut.boxes[0, 0]) == (349, 10)
    assert int(next(cut.frames())[0, 0, 0]) == 5
    (own,) = otb.prepared(Usable([blank("Tiger1", rows[:100])], {})).sequences
    assert len(own) == 100  # another video of that name
    with pytest.raises(SettingsError, match="the data set lacks 50 of the 51"):
        otb.prepared(Usable([own], {}), "otb2013")


def test_a_list_has_what_is_not_good_of_it() -> None:
    names = {one.name for one in entries().values() if "otb2013" in one.lists}
    good = [blank(name, [[1.0, 6, 20, 10]]) for name in sorted(names - {"Jogging-2", "Deer"})]
    bad = {"Jogging-2": "short", "Deer": "torn", "Bird1": "of another list"}
    found = otb.prepared(Usable(good, bad), "otb2013")
    assert (len(found.sequences), found.faults) == (49, {"Jogging-2": "short", "Deer": "torn"})
    # A video of which nothing tells the targets stands for both.
    good = [one for one in good if one.name != "Jogging-1"]
    found = otb.prepared(Usable(good, {"Jogging": "no labels", "Deer": "torn"}), "otb2013")
    assert (len(found.sequences), set(found.faults)) == (48, {"Jogging", "Deer"})


def test_runs_are_seeded_by_sequence_and_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Random(Still):
        def update(self, frame: Any, **_: Any) -> Result:
            self.box = self.box + np.random.default_rng(np.random.randint(2**31)).normal(size=4)
            return super().update(frame)

    monkeypatch.setattr(registry, "load", lambda _name, **_: Random())
    runner._loaded.cache_clear()
    sequences = [blank(name, [[5.0, 6, 20, 10]] * 3) for name in "ab"]

    def last(out: Path, *parts: Sequence) -> dict[str, list[list[float]]]:
        list(otb.run([STILL], parts, out, protocol="sre"))
        return {
            part.name: [
                run.boxes[-1].tolist() for run, _ in otb.read_runs(out / "still", part, "sre")
            ]
            for part in parts
        }

    both = last(tmp_path / "both", *sequences)
    assert last(tmp_path / "one", sequences[1]) == {"b": both["b"]}
    assert both["a"] != both["b"]
    runner._loaded.cache_clear()
