"""Lists of videos: what they say, and that a video's failure is its own."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from pursuit import batches
from pursuit.batches import Clip, Outcome, Task, read_list, run
from pursuit.errors import DataError, SettingsError
from pursuit.following import load_follower
from pursuit.results import tracks
from pursuit.runtimes import EngineWarning
from pursuit.trackers.base import Tracker
from pursuit.trackers.external import ExternalTracker
from pursuit.workers import WorkerDied

MakeClip = Callable[..., Path]


def written(folder: Path, text: str) -> Path:
    path = folder / "list.csv"
    path.write_text(text, encoding="utf-8")
    return path


def task(folder: Path, tracker: str = "opencv-medianflow", **more: object) -> Task:
    return Task(tracker, None, "auto", "auto", True, "0", None, save=folder, **more)  # type: ignore[arg-type]


def test_rows_of_a_video_are_its_targets(tmp_path: Path) -> None:
    clips = read_list(
        written(tmp_path, "video, x,y,w,h\nb.mp4,1,2,3,4\nsub/a.mp4,5,6,7.5,8\nb.mp4,9,8,7,6\n")
    )
    assert clips == [
        Clip("b", str(tmp_path / "b.mp4"), ((1, 2, 3, 4), (9, 8, 7, 6))),
        Clip("a", str(tmp_path / "sub" / "a.mp4"), ((5, 6, 7.5, 8),)),
    ]


def test_paths_and_names(tmp_path: Path) -> None:
    other = tmp_path / "other" / "a.mp4"
    text = f"note,video,x,y,w,h\n1,a/v.mp4,1,2,3,4\n2,{other},1,2,3,4\n3,b/v.mp4,1,2,3,4\n"
    clips = read_list(written(tmp_path, text))
    assert [clip.name for clip in clips] == ["a-v", "a", "b-v"]
    assert clips[1].source == str(other)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "its first line lacks video, x, y, w, h"),
        ("video,x,y,w\na.mp4,1,2,3\n", "its first line lacks h"),
        ("video,x,y,w,h\n", "names no videos"),
        ("video,x,y,w,h\na.mp4,1,2,3,4\n,1,2,3,4\n", "line 3: names no video"),
        ("video,x,y,w,h\na.mp4,1,2,wide,4\n", "line 2: x,y,w,h are four numbers .* got 1,2,wide,4"),
        ("video,x,y,w,h\na.mp4,1,2\n", "line 2: x,y,w,h are four numbers"),
        ("video,x,y,w,h\na.mp4,1,2,0,4\n", "line 2: a box has a width and a height above 0"),
        ("video,x,y,w,h\na.mp4,1,2,nan,4\n", "line 2: a box has"),
        ("video,x,y,w,h\na/b/v.mp4,1,2,3,4\nc/b/v.mp4,1,2,3,4\n", "results named b-v"),
    ],
)
def test_what_is_no_list(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_list(written(tmp_path, text))


def clips(make: MakeClip, folder: Path) -> list[Clip]:
    box = ((10.0, 40.0, 20.0, 20.0),)
    good = [str(make(folder / f"{number}.mp4", 6 + number)) for number in range(2)]
    (folder / "bad.mp4").write_bytes(b"no video")
    return [
        Clip("0", good[0], box),
        Clip("bad", str(folder / "bad.mp4"), box),
        Clip("outside", good[0], ((900.0, 900.0, 20.0, 20.0),)),
        Clip("1", good[1], box * 2),
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failing_video_loses_itself_only(
    write_clip: MakeClip, tmp_path: Path, workers: int
) -> None:
    found = {
        one.name: one for one in run(clips(write_clip, tmp_path), task(tmp_path / "boxes"), workers)
    }
    assert found["0"] == Outcome("0", 6, found["0"].lost)
    assert found["1"].frames == 7 and not found["1"].error
    assert "bad.mp4: not a video" in found["bad"].error
    assert "outside" in found["outside"].error
    assert {path.name for path in (tmp_path / "boxes").iterdir()} == {"0.csv", "1.csv"}
    assert tracks.read(tmp_path / "boxes" / "0.csv").boxes[0].tolist() == [10, 40, 20, 20]
    assert tracks.read(tmp_path / "boxes" / "1.csv").ids.tolist() == [0, 1] * 7


def test_a_tracker_that_is_not_there_shows_before_anything_runs(
    write_clip: MakeClip, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="no tracker 'none'"):
        next(run(clips(write_clip, tmp_path), task(tmp_path / "boxes", "none")))
    assert not (tmp_path / "boxes").exists()


def test_whatever_a_tracker_raises_is_told_in_a_line(
    write_clip: MakeClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr(batches, "follow", broken)
    (outcome,) = run(clips(write_clip, tmp_path)[:1], task(tmp_path / "boxes"))
    assert outcome.error == "ZeroDivisionError: by zero"
    assert list((tmp_path / "boxes").iterdir()) == []


class Recorder(Executor):
    """Executes nothing: keeps the tasks, and the first job's process has died."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []

    def submit(self, fn, /, clip, task):  # type: ignore[no-untyped-def, override]
        future: Future[Outcome] = Future()
        if self.tasks:
            future.set_result(Outcome(clip.name, 3, 0))
        else:
            future.set_exception(WorkerDied(-9))
        self.tasks.append(task)
        return future


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()

    @contextmanager
    def give(workers: int, cluster: None) -> Iterator[Recorder]:
        yield recorder

    monkeypatch.setattr(batches, "open_executor", give)
    return recorder


def test_a_worker_that_dies_costs_its_video_only(
    write_clip: MakeClip, tmp_path: Path, recorder: Recorder
) -> None:
    several = clips(write_clip, tmp_path)[:2]
    found = {one.name: one for one in run(several, task(tmp_path / "boxes"), 2)}
    assert "a worker process died" in found["0"].error
    assert found["bad"] == Outcome("bad", 3, 0)


def test_all_jobs_have_the_runtime_that_was_measured_once(
    write_clip: MakeClip, tmp_path: Path, recorder: Recorder
) -> None:
    several = clips(write_clip, tmp_path)[:2]
    for name, runtime in (("siamfc-slim", "tuned"), ("opencv-medianflow", "auto")):
        [*run(several, task(tmp_path / "boxes", name), 2)]  # the tests' `auto` is tuned
        assert [one.runtime for one in recorder.tasks[-2:]] == [runtime] * 2
    assert all(one.threads >= 1 for one in recorder.tasks)


def test_each_job_tries_the_gpu_for_itself(
    write_clip: MakeClip, tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have no room for all: one that fails there takes the CPU, and says why."""
    loaded: list[object] = []

    def load(*_: object, **__: object) -> object:
        tracker = ExternalTracker("python")
        tracker.runtime = "cuda"  # type: ignore[attr-defined]
        loaded.append(weakref.ref(tracker))
        return tracker

    monkeypatch.setattr(batches, "load_follower", load)
    left: list[object] = []
    monkeypatch.setattr(
        torch.cuda,
        "empty_cache",
        lambda: left.extend(one() for one in loaded),  # type: ignore[operator]
    )
    [*run(clips(write_clip, tmp_path)[:2], task(tmp_path / "boxes"), 2)]
    assert [(one.device, one.runtime) for one in recorder.tasks] == [("auto", "auto")] * 2
    assert left == [None]  # its memory is given back once it is gone


def test_what_a_job_says_of_its_engine_is_told(
    write_clip: MakeClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*given: object, **how: object) -> Tracker:
        warnings.warn("cuda:0 is full; another runtime is taken", EngineWarning, stacklevel=1)
        return load_follower(*given, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(batches, "load_follower", load)
    done = batches._done(clips(write_clip, tmp_path)[0], task(tmp_path / "boxes", "opencv-kcf"))
    (said,) = done.warnings
    assert isinstance(said, EngineWarning)
    assert str(said) == "cuda:0 is full; another runtime is taken"
