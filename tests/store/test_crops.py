"""The geometry and the pixels of one crop."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pursuit import boxes as bx
from pursuit import windows
from pursuit.errors import SettingsError
from pursuit.frames import Frame
from pursuit.store.crops import CropSettings, border_colour, cut_crop, middle_box

SETTINGS = CropSettings()


def decode(data: bytes) -> Frame:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]


def test_the_scale_is_that_of_siamfc() -> None:
    # A box of 60 x 60 has an exemplar square of 120 px and a search square of 240.94.
    scale = float(SETTINGS.scale(np.array([0.0, 0, 60, 60])))
    assert 120 * scale == pytest.approx(127)
    assert 240.94 * scale == pytest.approx(255, abs=0.01)
    assert SETTINGS.size == 351


def test_the_target_lies_in_the_middle_at_that_scale() -> None:
    boxes = np.array([[10.0, 20, 60, 60], [300, 5, 30, 90]])
    placed = SETTINGS.boxes_in_crops(boxes)
    np.testing.assert_allclose(bx.centres(placed), 175.5)
    np.testing.assert_allclose(bx.context_side(placed[:, 2:]), 127)
    np.testing.assert_allclose(placed[:, 2] / placed[:, 3], boxes[:, 2] / boxes[:, 3])


def test_what_the_frame_fills() -> None:
    boxes = np.array([[90.0, 90, 20, 20], [0, 0, 20, 20], [-500, -500, 20, 20]])
    inside = SETTINGS.frame_in_crops(boxes, 200, 200)
    np.testing.assert_allclose(inside[0], [0, 0, 351, 351])  # the square is 110.6 px
    scale = 127 / 40
    corner = 175.5 - 10 * scale
    np.testing.assert_allclose(inside[1], [corner, corner, 351 - corner, 351 - corner])
    assert inside[2, 2] == inside[2, 3] == 0


@given(
    x=st.floats(-10, 130),
    y=st.floats(-10, 90),
    w=st.floats(12, 60),
    h=st.floats(12, 60),
)
def test_a_box_is_found_where_the_store_says(x: float, y: float, w: float, h: float) -> None:
    # A bright rectangle with edges drawn to a part of a pixel, on a dark frame.
    frame = np.zeros((120, 180, 3), np.uint8)
    cover_x = np.clip(np.minimum(np.arange(180) + 1, x + w) - np.maximum(np.arange(180), x), 0, 1)
    cover_y = np.clip(np.minimum(np.arange(120) + 1, y + h) - np.maximum(np.arange(120), y), 0, 1)
    frame[:] = np.round(220 * np.outer(cover_y, cover_x))[:, :, None]
    box = np.array([x, y, w, h])
    crop = decode(cut_crop(frame, box, np.zeros(3, np.uint8), SETTINGS))[:, :, 1].astype(float)
    visible = bx.clip(box, 180, 120)
    scale = float(SETTINGS.scale(box))
    if (visible[2:] < 6).any():
        return
    # Centre and size of what is bright, in pixels of the crop; pixel i covers i to i + 1.
    along_x, along_y = crop.sum(axis=0), crop.sum(axis=1)
    positions = np.arange(351) + 0.5
    found = np.array([along_x @ positions / along_x.sum(), along_y @ positions / along_y.sum()])
    offset = bx.centres(visible) - bx.centres(box)
    np.testing.assert_allclose(found, 175.5 + offset * scale, atol=0.5)
    area = crop.sum() / 220
    assert area == pytest.approx(visible[2] * visible[3] * scale**2, rel=0.04)


def test_colours_are_in_their_order() -> None:
    frame = np.full((60, 60, 3), (200, 40, 90), np.uint8)
    crop = decode(cut_crop(frame, np.array([20.0, 20, 20, 20]), np.zeros(3, np.uint8), SETTINGS))
    np.testing.assert_allclose(crop[175, 175], (200, 40, 90), atol=3)


def test_outside_of_the_frame_lies_its_mean_colour() -> None:
    frame = np.zeros((40, 40, 3), np.uint8)
    frame[:, :20] = (100, 200, 50)
    border = border_colour(frame)
    assert border.tolist() == [50, 100, 25]
    crop = decode(cut_crop(frame, np.array([5.0, 5, 30, 30]), border, SETTINGS))
    np.testing.assert_allclose(crop[2, 2], (50, 100, 25), atol=3)


@pytest.mark.parametrize("quality", [60, 90])
def test_the_crop_is_the_window_within_the_error_of_jpeg(quality: int) -> None:
    y, x = np.mgrid[:240, :320]
    frame = np.stack([128 + 100 * np.sin(x / 15), y * 0.9, (x + y) * 0.4], 2).astype(np.uint8)
    settings = CropSettings(room=20, quality=quality)
    box = np.array([200.0, 100, 70, 40])
    border = border_colour(frame)
    crop = decode(cut_crop(frame, box, border, settings)).astype(float)
    side = 295 / 127 * float(bx.context_side(box[2:]))
    window = windows.cut(frame, (235, 120), side, 295, border)
    assert np.abs(crop - window).mean() < (1.5 if quality == 90 else 3)


def test_middle_box() -> None:
    assert middle_box(400, 300).tolist() == [100, 75, 200, 150]


@pytest.mark.parametrize(("room", "quality"), [(-1, 90), (5000, 90), (48, 0), (48, 101)])
def test_settings_that_cannot_be(room: int, quality: int) -> None:
    with pytest.raises(SettingsError):
        CropSettings(room, quality)
