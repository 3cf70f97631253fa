"""track: video and tracker joined, with a tracker that follows a red square."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from pathlib import Path

import cv2
import numpy as np
import pytest
from commands import run
from numpy.typing import ArrayLike

import pursuit
from pursuit import video
from pursuit.boxes import start_boxes
from pursuit.errors import BoxError, FrameError, SettingsError, VideoError
from pursuit.following import follow, load_follower, track
from pursuit.frames import Colour, as_frame
from pursuit.trackers.base import Result, State, Tracker

Clip = Callable[..., Path]


class RedFinder:
    """Follows the red square of the generated clips; each target is the same square."""

    name = "red finder"

    def init(self, frame: object, box: ArrayLike, *, colour: Colour = "rgb") -> Result:
        height, width = as_frame(frame, colour).shape[:2]
        self.boxes = start_boxes(box, width, height)
        return self._result()

    def update(self, frame: object, *, colour: Colour = "rgb") -> Result:
        red = np.argwhere((as_frame(frame, colour).astype(int) @ (1, -1, -1)) > 220)
        top, left = red.min(axis=0)
        self.boxes[..., :2] = left, top
        return self._result()

    def _result(self) -> Result:
        if self.boxes.ndim == 1:
            return Result(self.boxes.copy(), 1.0, State.TRACKED, 0, 0.0)
        count = len(self.boxes)
        ones = np.ones(count)
        return Result(self.boxes.copy(), ones, 2 * ones.astype(int), np.arange(count), 0.0)


def test_it_is_a_tracker() -> None:
    assert isinstance(RedFinder(), Tracker)


def test_results_of_a_whole_video(write_clip: Clip, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 20, options={"crf": "1"})
    results = list(track(path, (10, 40, 20, 20), tracker=RedFinder()))
    assert [result.frame for result in results] == list(range(20))
    assert results[0].box.tolist() == [10, 40, 20, 20]
    for result in results:
        error = np.abs(result.box - (10 + 2 * result.frame, 40, 20, 20))
        assert error[0] <= 1  # it moves by 2 a frame: a frame late would be seen
        assert error[1] <= 2  # colours of H.264 are coarse


def test_closing_the_results_early_leaves_no_thread(write_clip: Clip, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    results = track(write_clip(tmp_path / "a.mp4", 30), (10, 40, 20, 20), tracker=RedFinder())
    assert next(results).frame == 0
    assert next(results).frame == 1
    assert len(set(threading.enumerate()) - before) == 1
    assert isinstance(results, Generator)
    results.close()
    assert set(threading.enumerate()) <= before


def test_an_error_of_the_tracker_leaves_no_thread(write_clip: Clip, tmp_path: Path) -> None:
    class Fails(RedFinder):
        def update(self, frame: object, *, colour: Colour = "rgb") -> Result:
            raise FrameError("not this one")

    before = set(threading.enumerate())
    results = track(write_clip(tmp_path / "a.mp4", 30), (10, 40, 20, 20), tracker=Fails())
    with pytest.raises(FrameError, match="not this one"):
        list(results)
    assert set(threading.enumerate()) <= before


def test_start_and_max_frames(write_clip: Clip, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 20, options={"crf": "1"})
    for start in (6, 0.24, "0.24s"):
        found = track(path, (22, 40, 20, 20), tracker=RedFinder(), start=start, max_frames=3)
        assert [result.frame for result in found] == [6, 7, 8]


def test_several_targets(write_clip: Clip, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 4)
    results = list(track(path, [(10, 40, 20, 20), (12, 42, 10, 10)], tracker=RedFinder()))
    assert [result.box.shape for result in results] == [(2, 4)] * 4


def test_without_a_box_it_says_how_to_give_one() -> None:
    with pytest.raises(BoxError, match=r"say what to follow: box=\(x, y, w, h\)"):
        track("clip.mp4")


def test_mistakes_are_raised_at_once(write_clip: Clip, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 4)
    with pytest.raises(VideoError):
        track(tmp_path / "none.mp4", (1, 2, 3, 4), tracker=RedFinder())
    with pytest.raises(BoxError):
        track(path, (500, 2, 3, 4), tracker=RedFinder())
    with pytest.raises(SettingsError):
        track(path, (1, 2, 3, 4), tracker="no such tracker")


def test_trackers_by_name_and_the_front_door(write_clip: Clip, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 4)
    results = list(pursuit.track(path, box=(10, 40, 20, 20), tracker="opencv-medianflow"))
    assert [result.frame for result in results] == [0, 1, 2, 3]
    assert pursuit.track is track


def test_only_those_that_can_are_told_to_redetect(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, object]] = []
    monkeypatch.setattr(
        "pursuit.following.load_files", lambda name, files, **options: told.append(options)
    )
    for name in ("siamfc-slim", "goturn:w.caffemodel", "opencv-kcf"):
        load_follower(name, None, "cpu", redetect=True)
    plain = {"device": "cpu", "runtime": "auto"}
    assert told == [{**plain, "redetect": True}, plain, plain]


def test_follow_gives_each_frame_with_its_result(write_clip: Clip, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 5)
    with video.read(path) as reader:
        pairs = list(follow(reader, RedFinder(), (10, 40, 20, 20)))
    frames = list(video.decode_frames(path))
    assert len(pairs) == 5
    for (frame, result), expected in zip(pairs, frames, strict=True):
        assert np.array_equal(frame, expected)
        assert result.frame >= 0


@pytest.mark.parametrize("way", ["python", "command"])
def test_a_camera_is_opened_once_the_tracker_is_loaded(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it goes on while the tracker is loaded, and the second frame is seconds later."""
    done: list[str] = []

    class Camera:
        def __init__(self, number: int) -> None:
            done.append("opened")

        def isOpened(self) -> bool:
            return False

    def load(*_: object, **__: object) -> RedFinder:
        done.append("loaded")
        return RedFinder()

    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    monkeypatch.setattr("pursuit.following.load_follower", load)
    if way == "python":
        with pytest.raises(VideoError, match="cannot open camera 7"):
            track(7, (1, 2, 3, 4))
    else:
        answer = run("track", "7", "--box", "1,2,3,4")
        assert answer.returncode == 2 and "cannot open camera 7" in answer.stderr
    assert done == ["loaded", "opened"]
