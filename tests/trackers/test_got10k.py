"""The form of a tracker that the got10k toolkit runs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pursuit import load
from pursuit.datasets.synthetic import Scene
from pursuit.errors import BoxError, SettingsError
from pursuit.trackers.got10k import Got10kTracker

Image = pytest.importorskip("PIL.Image")

FILM = Scene(width=160, height=120, frames=8, seed=1, target=(40, 30)).film()
BOX = FILM.boxes[0]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("sequence")
    paths = [folder / f"{number:08d}.png" for number in range(1, 9)]
    for path, frame in zip(paths, FILM.frames(), strict=True):
        path.write_bytes(cv2.imencode(".png", frame[..., ::-1])[1].tobytes())
    return [str(path) for path in paths]


def forward_test(tracker: Got10kTracker, files: list[str], box: np.ndarray) -> np.ndarray:
    """Call a tracker as the base class of got10k's trackers does."""
    boxes = np.zeros((len(files), 4))
    boxes[0] = box
    for number, file in enumerate(files):
        image = Image.open(file)
        if image.mode != "RGB":
            image = image.convert("RGB")
        if number == 0:
            tracker.init(image, box)
        else:
            boxes[number, :] = tracker.update(image)
    return boxes


@pytest.mark.parametrize("name", ["opencv-kcf", "siamfc-slim"])
def test_it_gives_the_boxes_of_the_tracker(pictures: list[str], name: str) -> None:
    alone = load(name)
    alone.init(next(iter(FILM.frames())), BOX)
    expected = np.array([BOX, *(alone.update(frame).box for frame in list(FILM.frames())[1:])])
    tracker = Got10kTracker(load(name))
    np.testing.assert_allclose(forward_test(tracker, pictures, BOX), expected, atol=1e-9)
    # Its experiments call this instead, by one name or the other.
    for call in (tracker.track, tracker.forward_test):
        boxes, seconds = call(pictures, BOX, visualize=False)
        np.testing.assert_allclose(boxes, expected, atol=1e-9)
        assert seconds.shape == (8,) and (seconds > 0).all()


def test_its_name_and_whether_runs_differ() -> None:
    tracker = Got10kTracker(load("opencv-kcf"))
    assert (tracker.name, tracker.is_deterministic) == ("opencv-kcf", True)
    tracker = Got10kTracker(load("opencv-mil"), name="mine")
    assert (tracker.name, tracker.is_deterministic) == ("mine", False)


def test_arrays_and_gray_pictures_do_too() -> None:
    frame = next(iter(FILM.frames()))
    gray = Image.fromarray(frame).convert("L")
    for image in (frame, gray, np.asarray(gray)):
        tracker = Got10kTracker(load("opencv-kcf"))
        tracker.init(image, BOX)
        np.testing.assert_allclose(tracker.update(image), BOX, atol=1)


def test_a_label_that_sticks_out_is_cut_off() -> None:
    frame = next(iter(FILM.frames()))
    tracker = Got10kTracker(load("opencv-kcf"))
    tracker.init(frame, [-20, -30, 400, 400])  # larger than the frame
    with pytest.raises(BoxError):
        tracker.init(frame, [500, 10, 20, 20])


def test_it_shows_nothing(pictures: list[str]) -> None:
    with pytest.raises(SettingsError, match="visualize"):
        Got10kTracker(load("opencv-kcf")).track(pictures, BOX, visualize=True)


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    from pursuit.errors import DataError

    with pytest.raises(DataError, match="gone"):
        Got10kTracker(load("opencv-kcf")).track([tmp_path / "gone.jpg"], BOX)
