"""One crop of the store: the square around a labelled box, as JPEG.

The square is centred on the box. SiamFC's exemplar square (eq. 7, `boxes.context_side`)
becomes EXEMPLAR pixels, its search square SEARCH pixels, and `room` pixels more on each
side are kept for augmentation: size = SEARCH + 2 * room. Outside the frame lies the mean
colour of that frame (the authors' curation does the same).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pursuit import boxes as bx
from pursuit import windows
from pursuit.errors import SettingsError
from pursuit.frames import Frame

EXEMPLAR = 127
SEARCH = 255


@dataclass(frozen=True)
class CropSettings:
    """What decides the pixels of a store.

    Attributes:
        room: pixels of a crop around SiamFC's 255, on each side.
        quality: of the JPEG, 1 to 100; 90 as the authors' curation.
    """

    room: int = 48
    quality: int = 90

    def __post_init__(self) -> None:
        if not 0 <= self.room <= 1000:
            raise SettingsError(f"room must be 0 to 1000 pixels; got {self.room}")
        if not 1 <= self.quality <= 100:
            raise SettingsError(f"quality must be 1 to 100; got {self.quality}")

    @property
    def size(self) -> int:
        """Side of a crop in pixels."""
        return SEARCH + 2 * self.room

    def scale(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the pixels (...) of the crops of boxes (..., 4) for one pixel of the frame."""
        return np.asarray(EXEMPLAR / bx.context_side(boxes[..., 2:]))

    def boxes_in_crops(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where boxes (..., 4) lie in their crops, (..., 4) in pixels of the crops."""
        sizes = boxes[..., 2:] * self.scale(boxes)[..., None]
        return bx.from_centres(np.full_like(sizes, self.size / 2), sizes)

    def frame_in_crops(
        self, boxes: NDArray[np.float64], width: int, height: int
    ) -> NDArray[np.float64]:
        """Return the parts (..., 4) that the frame fills of the crops of its boxes (..., 4)."""
        scale = self.scale(boxes)[..., None]
        corner = self.size / 2 - bx.centres(boxes) * scale
        whole = np.concatenate([corner, np.array([width, height]) * scale], axis=-1)
        return bx.clip(whole, self.size, self.size)


def border_colour(frame: Frame) -> NDArray[np.uint8]:
    """Return the mean colour (3,) of a frame, rounded."""
    return np.array([math.floor(value + 0.5) for value in cv2.mean(frame)[:3]], dtype=np.uint8)


def cut_crop(
    frame: Frame, box: NDArray[np.float64], border: NDArray[np.uint8], settings: CropSettings
) -> bytes:
    """Return the crop of one box (4,) of a frame as JPEG."""
    side = settings.size / float(settings.scale(box))
    crop = windows.cut(frame, bx.centres(box), side, settings.size, border)
    quality = [cv2.IMWRITE_JPEG_QUALITY, settings.quality]
    return cv2.imencode(".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), quality)[1].tobytes()


def middle_box(width: int, height: int) -> NDArray[np.float64]:
    """Return the box (4,) in the middle of a picture, of half its width and height."""
    return np.array([width / 4, height / 4, width / 2, height / 2])
