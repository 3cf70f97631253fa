"""The generator: its truth against its pixels, its dials against what they promise."""

from __future__ import annotations

import dataclasses
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pursuit.boxes import centres, overlap
from pursuit.datasets.film import Actor, Film
from pursuit.datasets.painting import sprite
from pursuit.datasets.synthetic import Scene
from pursuit.errors import SettingsError


def grid(mask: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]] + 0.5
    return x, y


def moments(mask: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the centroid and the variances of a mask, in pixels."""
    weight = mask.astype(np.float64)
    x, y = grid(mask)
    total = weight.sum()
    centre = np.array([(weight * x).sum(), (weight * y).sum()]) / total
    spread = np.array(
        [(weight * (x - centre[0]) ** 2).sum(), (weight * (y - centre[1]) ** 2).sum()]
    )
    return centre, spread / total


@pytest.mark.parametrize(
    "dials",
    [
        {"shape": "ellipse", "rotation": 70, "scale_change": 1.7, "speed": 2.3},
        {"shape": "ellipse", "rotation": 20, "scale_change": 0.4, "background_speed": 1.5},
        {"shape": "ellipse", "target": (120, 90), "speed": 0.7},
    ],
)
def test_ellipse_boxes_agree_with_the_moments_of_the_mask(dials: dict[str, object]) -> None:
    """A uniform ellipse has the variance (half width)^2 / 4 along x, however it is turned."""
    film = Scene(frames=40, seed=5, **dials).film()  # type: ignore[arg-type]
    for index in range(0, 40, 3):
        centre, spread = moments(film.target_mask(index))
        # Drawing on pixels adds the variance of a pixel and of bilinear interpolation.
        half = 2 * np.sqrt(spread - 1 / 12 - 1 / 12)
        box = film.boxes[index]
        np.testing.assert_allclose(centre, box[:2] + box[2:] / 2, atol=0.05)
        np.testing.assert_allclose(2 * half, box[2:], atol=0.1)


def test_rectangle_boxes_agree_with_the_rows_of_the_mask() -> None:
    film = Scene(frames=60, shape="rectangle", speed=1.37, scale_change=1.5, seed=1).film()
    for index in range(0, 60, 5):
        mask = film.target_mask(index)
        x, y, w, h = film.boxes[index]
        row, column = mask[int(y + h / 2)], mask[:, int(x + w / 2)]
        assert row.sum() == pytest.approx(w, abs=0.1)
        assert column.sum() == pytest.approx(h, abs=0.1)
        first = int(np.argmax(row > 0.999))  # the part left of the first full pixel
        assert first - row[:first].sum() == pytest.approx(x, abs=0.1)


def test_car_boxes_hold_the_mask_tightly() -> None:
    film = Scene(frames=40, shape="car", target=(60, 30), rotation=80, seed=2).film()
    for index in range(0, 40, 3):
        mask = film.target_mask(index)
        x, y, w, h = film.boxes[index]
        inside_x = np.flatnonzero(mask.max(axis=0) > 0.5)
        inside_y = np.flatnonzero(mask.max(axis=1) > 0.5)
        edges = [inside_x[0], inside_y[0], inside_x[-1] + 1, inside_y[-1] + 1]
        np.testing.assert_allclose(edges, [x, y, x + w, y + h], atol=1.0)


def test_frames_show_the_target_where_the_box_is() -> None:
    """Found in the finished pixels: a white target over a black world."""
    white = dataclasses.replace(
        (shape := sprite("ellipse", (50, 30), np.random.default_rng(0))),
        levels=tuple(
            np.dstack([255 * level[..., 3:]] * 3 + [level[..., 3:]]) for level in shape.levels
        ),
    )
    time = np.arange(12.0)
    film = Film(
        size=(160, 120),
        world=np.zeros((200, 300, 3), np.uint8),
        camera=np.stack([150 + 1.3 * time, 100 - 0.4 * time, 1 + 0.03 * time], axis=1),
        target=Actor(
            white,
            np.stack([140 + 2.21 * time, 95 + 0.73 * time], axis=1),
            0.1 * time,
            np.full(12, 0.9),
        ),
        below=(),
        above=(),
        light=np.ones(12),
        shutter=0.5,
        defocus=np.full(12, 1.0),
        noise=0,
        seed=0,
    )
    for index, frame in enumerate(film.frames()):
        centre, _ = moments(frame[..., 0] / np.float32(255))
        np.testing.assert_allclose(centre, centres(film.boxes)[index], atol=0.1)


def test_same_seed_gives_same_pixels_and_another_seed_others() -> None:
    dials = {"noise": 3, "look_alikes": 1, "occlusion": 0.5, "frames": 5}
    first, again, other = (
        list(Scene(seed=seed, **dials).film().frames())  # type: ignore[arg-type]
        for seed in (4, 4, 5)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(np.int16(first[0]) - np.int16(other[0])).mean() > 5


def test_frames_can_be_read_twice_and_in_any_order() -> None:
    film = Scene(frames=6, noise=2, motion_blur=0.5).film()
    frames = list(film.frames())
    np.testing.assert_array_equal(film.frame(3), frames[3])
    assert frames[0].shape == (240, 320, 3)
    assert frames[0].dtype == np.uint8


def test_speed_is_the_way_from_frame_to_frame() -> None:
    boxes = Scene(frames=80, speed=3.5, seed=9).film().boxes
    steps = np.hypot(*np.diff(centres(boxes), axis=0).T)
    np.testing.assert_allclose(steps, 3.5, rtol=0.03)  # chords of a curve


def test_speed_zero_stands_still() -> None:
    boxes = Scene(frames=30, speed=0).film().boxes
    assert np.ptp(boxes, axis=0).max() == 0


def test_target_starts_at_its_size_and_swells_half_way() -> None:
    boxes = Scene(frames=41, target=(40, 30), scale_change=1.8).film().boxes
    np.testing.assert_allclose(boxes[[0, -1], 2:], [[40, 30], [40, 30]])
    np.testing.assert_allclose(boxes[20, 2:], [72, 54])


def test_rotation_turns_the_target() -> None:
    boxes = Scene(frames=41, shape="rectangle", target=(60, 20), rotation=90).film().boxes
    np.testing.assert_allclose(boxes[10, 2:], [20, 60], atol=1e-9)
    np.testing.assert_allclose(boxes[30, 2:], [20, 60], atol=1e-9)


def test_light_changes_brightness() -> None:
    plain = np.array([f.mean() for f in Scene(frames=41).film().frames()])
    swung = np.array([f.mean() for f in Scene(frames=41, light_change=0.3).film().frames()])
    assert swung[5] / plain[5] == pytest.approx(1.3, abs=0.03)
    assert swung[15] / plain[15] == pytest.approx(0.7, abs=0.01)


def sharpness(frame: NDArray[np.uint8]) -> float:
    return float(cv2.Laplacian(frame, cv2.CV_64F).var())


def test_defocus_blurs_half_way_and_not_at_the_ends() -> None:
    plain, blurred = (Scene(frames=21, defocus=value).film() for value in (0, 2.5))
    np.testing.assert_array_equal(plain.frame(0), blurred.frame(0))
    assert sharpness(blurred.frame(10)) < 0.1 * sharpness(plain.frame(10))


def test_motion_blur_smears_along_the_way_and_keeps_the_place() -> None:
    dials = {"frames": 9, "speed": 12, "shape": "car", "seed": 3}
    plain, blurred = (Scene(motion_blur=value, **dials).film() for value in (0, 1))  # type: ignore[arg-type]
    x, y, w, h = (int(value) for value in plain.boxes[4])
    inside = np.s_[y : y + h, x : x + w]
    assert sharpness(blurred.frame(4)[inside]) < 0.6 * sharpness(plain.frame(4)[inside])
    np.testing.assert_array_equal(plain.boxes, blurred.boxes)


@pytest.mark.parametrize("share", [0.3, 0.6, 1.0])
def test_occlusion_hides_this_share(share: float) -> None:
    film = Scene(frames=60, occlusion=share, rotation=30, speed=3, seed=8).film()
    assert film.visible[20] == pytest.approx(1 - share, abs=0.02)
    assert film.visible[0] == pytest.approx(1, abs=0.01)
    assert np.isfinite(film.boxes).all()  # boxes are of the whole target, hidden or not


def test_look_alikes_are_there_and_not_the_target() -> None:
    bare, crowded = (Scene(frames=3, look_alikes=n, seed=6).film() for n in (0, 3))
    changed = np.abs(np.int16(bare.frame(0)) - np.int16(crowded.frame(0))).max(axis=2) > 8
    area = bare.target.sprite.area
    assert 0.8 * area < changed.sum() < 3.3 * area
    assert (changed & (bare.target_mask(0) > 0.99)).sum() == 0
    np.testing.assert_array_equal(bare.boxes, crowded.boxes)


def test_leaving_target_is_outside_for_a_while_and_returns() -> None:
    film = Scene(frames=100, leaves_frame=True, seed=2).film()
    gone = ~np.isfinite(film.boxes).all(axis=1)
    assert 10 <= gone.sum() <= 40
    assert gone[66]
    assert not gone[:50].any()
    assert not gone[85:].any()
    np.testing.assert_array_equal(film.visible[gone], 0)
    assert film.visible[-1] > 0.99
    half = (film.visible > 0.2) & (film.visible < 0.8)
    x, _, w, _ = film.boxes[half].T
    assert ((x < 0) | (x + w > 320)).all()  # the whole outline, also what sticks out
    assert half.any()


def test_background_moves_by_its_speed() -> None:
    film = Scene(frames=20, background_speed=2, seed=3).film()
    first, second = (film.frame(index)[:, :100].mean(axis=2) for index in (10, 11))
    (dx, dy), _ = cv2.phaseCorrelate(first, second, cv2.createHanningWindow((100, 240), cv2.CV_64F))
    assert np.hypot(dx, dy) == pytest.approx(2, abs=0.15)


def test_noise_has_its_deviation() -> None:
    clean, noisy = (Scene(frames=2, noise=value).film().frame(1) for value in (0, 6))
    middle = (clean > 40) & (clean < 215)
    difference = np.int16(noisy)[middle] - np.int16(clean)[middle]
    assert difference.std() == pytest.approx(6, rel=0.03)
    assert abs(difference.mean()) < 0.05


def test_sequence_holds_frames_and_boxes() -> None:
    sequence = Scene(frames=7).sequence("town")
    assert (sequence.name, len(sequence), len(list(sequence.frames()))) == ("town", 7, 7)
    assert overlap(sequence.boxes, sequence.boxes).min() == 1
    assert sequence.labelled.all()


@pytest.mark.parametrize(
    ("dials", "message"),
    [
        ({"shape": "dragon"}, "dragon"),
        ({"occlusion": 1.2}, "occlusion is a share"),
        ({"speed": -1}, "speed is 0 or more"),
        ({"speed": float("nan")}, "speed is 0 or more"),
        ({"target": (400, 30)}, "fit into the frame"),
        ({"scale_change": 0}, "scale_change"),
        ({"frames": 0}, "one frame"),
    ],
)
def test_impossible_dials_are_errors(dials: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Scene(**dials)  # type: ignore[arg-type]
