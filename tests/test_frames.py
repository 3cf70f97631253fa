"""What a frame is, and what is turned away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pursuit.errors import FrameError
from pursuit.frames import as_frame, mean_colour


def test_rgb_passes_as_it_is() -> None:
    image = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    frame = as_frame(image)
    assert np.shares_memory(frame, image)
    assert (frame == image).all()


def test_bgr_is_seen_as_rgb_without_a_copy() -> None:
    image = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    frame = as_frame(image, "bgr")
    assert np.shares_memory(frame, image)
    assert frame[1, 2].tolist() == image[1, 2, ::-1].tolist()


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1)])
def test_gray_is_repeated_three_times(shape: tuple[int, ...]) -> None:
    image = np.arange(20, dtype=np.uint8).reshape(shape)
    frame = as_frame(image)
    assert frame.shape == (4, 5, 3)
    for channel in range(3):
        assert (frame[:, :, channel] == image.reshape(4, 5)).all()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 5, 3)), "uint8"),
        (np.zeros((4, 5, 3), np.uint16), "uint8"),
        (np.zeros((4, 5, 4), np.uint8), "alpha"),
        (np.zeros((4, 5, 2), np.uint8), "channels"),
        (np.zeros((0, 5, 3), np.uint8), "shape"),
        (np.zeros((2, 4, 5, 3), np.uint8), "shape"),
        (np.zeros(5, np.uint8), "shape"),
        ([[0, 0], [0, 0]], "numpy"),
        (None, "NoneType"),
    ],
)
def test_anything_else_is_an_error(image: Any, message: str) -> None:
    with pytest.raises(FrameError, match=message):
        as_frame(image)


def test_unknown_colour_order_is_an_error() -> None:
    with pytest.raises(FrameError, match="colour"):
        as_frame(np.zeros((4, 5, 3), np.uint8), "bgra")  # type: ignore[arg-type]


def test_mean_colour_keeps_channels_apart() -> None:
    frame = np.zeros((2, 4, 3), np.uint8)
    frame[:, :2] = (10, 20, 30)
    frame[:, 2:] = (20, 40, 61)
    assert mean_colour(frame).tolist() == [15.0, 30.0, 45.5]
