"""OpenCV's trackers behind our door."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pursuit import boxes
from pursuit.errors import BoxError, FrameError, PursuitError, SettingsError, WeightsError
from pursuit.trackers.base import State, Tracker
from pursuit.trackers.opencv import OPENCV_NAMES, OpenCVTracker, load_opencv

PLAIN = [name for name in OPENCV_NAMES if name != "opencv-nano"]
REPEATABLE = [name for name in PLAIN if name != "opencv-mil"]


@pytest.fixture(scope="module")
def film() -> tuple[list[Any], np.ndarray]:
    """Frames (T, 120, 160, 3) and boxes (T, 4) of a target that moves 2 pixels a frame."""
    random = np.random.default_rng(1)
    ground, target = (
        cv2.normalize(
            cv2.GaussianBlur(random.normal(size=(*size, 3)), (0, 0), 2.5),
            None, 20, 235, cv2.NORM_MINMAX,
        ).astype(np.uint8)
        for size in ((120, 160), (30, 40))
    )  # fmt: skip
    truth = np.array([[60.0 + 2 * step, 40, 40, 30] for step in range(8)])
    frames = [ground.copy() for _ in truth]
    for frame, (x, y, w, h) in zip(frames, truth.astype(int), strict=True):
        frame[y : y + h, x : x + w] = target
    return frames, truth


def networks(shared_data: Path) -> dict[str, Path]:
    folder = shared_data / "reference-nets"
    return {
        "backbone": folder / "nanotrackv2_backbone.onnx",
        "head": folder / "nanotrackv2_head.onnx",
    }


@pytest.mark.parametrize("name", PLAIN)
def test_a_moving_target_is_followed(name: str, film: tuple[list[Any], np.ndarray]) -> None:
    frames, truth = film
    tracker = load_opencv(name)
    assert isinstance(tracker, Tracker)
    assert tracker.name == name
    copies = [frame.copy() for frame in frames]
    start = tracker.init(frames[0], truth[0])
    np.testing.assert_array_equal(start.box, truth[0])
    found = [tracker.update(frame) for frame in frames[1:]]
    assert boxes.overlap(np.array([one.box for one in found]), truth[1:]).min() > 0.5
    for one in found:
        assert (one.state, one.score, one.ids) == (State.TRACKED, 1.0, 0)
        assert one.box.shape == (4,)
        assert one.box.dtype == np.float64
        assert one.seconds > 0
    np.testing.assert_array_equal(frames, copies)


def test_nano_is_followed_with_a_score(
    shared_data: Path, film: tuple[list[Any], np.ndarray], capfd: pytest.CaptureFixture[str]
) -> None:
    frames, truth = film
    tracker = load_opencv("opencv-nano", **networks(shared_data))
    tracker.init(frames[0], truth[0])
    found = [tracker.update(frame) for frame in frames[1:]]
    assert boxes.overlap(np.array([one.box for one in found]), truth[1:]).mean() > 0.6
    assert all(0.5 < float(one.score) < 1 for one in found)
    assert capfd.readouterr().err == ""  # OpenCV's warnings are not ours


@pytest.mark.parametrize("name", REPEATABLE)
def test_n_targets_are_n_trackers(name: str, film: tuple[list[Any], np.ndarray]) -> None:
    frames, truth = film
    start = np.stack([truth[0], truth[0] + [4, -3, 5, 8]])
    together, alone = load_opencv(name), [load_opencv(name), load_opencv(name)]
    together.init(frames[0], start)
    for tracker, box in zip(alone, start, strict=True):
        tracker.init(frames[0], box)
    for frame in frames[1:4]:
        result = together.update(frame)
        expected = [tracker.update(frame).box for tracker in alone]
        np.testing.assert_array_equal(result.box, expected)
        assert np.asarray(result.ids).tolist() == [0, 1]
        assert np.shape(result.score) == np.shape(result.state) == (2,)


@pytest.mark.parametrize("name", REPEATABLE)
def test_order_of_colours_and_a_new_start(name: str, film: tuple[list[Any], np.ndarray]) -> None:
    frames, truth = film
    tracker = load_opencv(name)
    tracker.init(frames[0], truth[0])
    expected = [tracker.update(frame).box for frame in frames[1:4]]
    tracker.init(frames[0][:, :, ::-1], truth[0], colour="bgr")  # anew, with the same tracker
    found = [tracker.update(frame[:, :, ::-1], colour="bgr").box for frame in frames[1:4]]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", PLAIN)
def test_boxes_stay_boxes_whatever_comes(name: str, film: tuple[list[Any], np.ndarray]) -> None:
    frames, truth = film
    noise = np.random.default_rng(0).integers(0, 256, frames[0].shape, dtype=np.uint8)
    tracker = load_opencv(name)
    last = tracker.init(frames[0], truth[0])
    black, gray = np.zeros_like(frames[0]), frames[1][:, :, 0]
    for frame in (black, noise, gray, np.zeros((30, 40, 3), np.uint8), black):
        result = tracker.update(frame)
        assert np.isfinite(result.box).all()
        assert (result.box[2:] > 0).all()
        if result.state == State.LOST:
            assert result.score == 0
            np.testing.assert_array_equal(result.box, last.box)
        last = result


def test_mosse_says_that_it_lost_a_black_frame(film: tuple[list[Any], np.ndarray]) -> None:
    frames, truth = film
    tracker = load_opencv("opencv-mosse")
    tracker.init(frames[0], truth[0])
    lost = tracker.update(np.zeros_like(frames[0]))
    assert (lost.state, lost.score) == (State.LOST, 0)
    np.testing.assert_array_equal(lost.box, truth[0])
    assert tracker.update(frames[1]).state == State.TRACKED


def test_start_boxes_are_clipped_to_the_frame_and_rounded_inside_it(
    film: tuple[list[Any], np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[int, ...]] = []

    class Spy:
        def init(self, image: Any, box: tuple[int, ...]) -> None:
            given.append(box)

    tracker = OpenCVTracker("spy", Spy, 1)
    result = tracker.init(film[0][0], [[-10, -5, 40, 30], [119.6, 90.5, 60, 29.5]])
    np.testing.assert_allclose(result.box, [[0, 0, 30, 25], [119.6, 90.5, 40.4, 29.5]])
    assert given == [(0, 0, 30, 25), (120, 90, 40, 30)]


@pytest.mark.parametrize(
    ("name", "box", "message"),
    [
        ("opencv-mil", [10, 10, 4, 4], "5 x 5 pixels"),  # OpenCV would search for ever
        ("opencv-csrt", [10, 10, 1, 1], "2 x 2 pixels"),
        ("opencv-mosse", [10, 10, 9, 0.3], "2 x 2 pixels"),
        ("opencv-kcf", [10, 10, 0, 5], "positive"),
        ("opencv-kcf", [500, 10, 20, 20], "outside"),
        ("opencv-kcf", [10, 10, np.nan, 20], "finite"),
    ],
)
def test_boxes_it_cannot_start_with(
    name: str, box: list[float], message: str, film: tuple[list[Any], np.ndarray]
) -> None:
    with pytest.raises(BoxError, match=message):
        load_opencv(name).init(film[0][0], box)


def test_wrong_use(film: tuple[list[Any], np.ndarray]) -> None:
    tracker = load_opencv("opencv-kcf")
    with pytest.raises(PursuitError, match="init"):
        tracker.update(film[0][0])
    with pytest.raises(FrameError):
        tracker.init(film[0][0].astype(float), [1, 1, 20, 20])


@pytest.mark.parametrize(
    ("name", "paths", "message"),
    [
        ("opencv-crst", {}, "did you mean opencv-csrt"),
        ("opencv-csrt", {"backbone": "b.onnx"}, "takes nothing"),
        ("opencv-nano", {}, "backbone=FILE.onnx and head=FILE.onnx"),
        ("opencv-nano", {"backbone": "b.onnx"}, "got backbone"),
    ],
)
def test_names_and_paths_that_do_not_fit(name: str, paths: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_opencv(name, **paths)


def test_networks_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "b.onnx"
    with pytest.raises(WeightsError, match="no such file"):
        load_opencv("opencv-nano", backbone=path, head=path)
    path.write_bytes(b"no network")
    with pytest.raises(WeightsError, match="cannot read"):
        load_opencv("opencv-nano", backbone=path, head=path)
