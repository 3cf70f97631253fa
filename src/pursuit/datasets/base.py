"""What every reader yields: a Sequence (frames and one target's boxes) or a LabelledImage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pursuit.frames import Frame


@dataclass(frozen=True)
class Sequence:
    """Frames and the boxes of one target.

    Attributes:
        name: unique in its data set; `VIDEO` or `VIDEO-OBJECT` where a video holds several.
        video: name of the video; the sequences of one video share it.
        boxes: float64 (T, 4), a row a frame, x, y, w, h, 0-based; NaN where the frame has
            no label.
        open_frames: gives an iterator over the T frames (H, W, 3), RGB, in order; called
            anew for every pass.
        source: data set it comes from, and its licence where known.
        path: the video file or the folder of pictures, None where there is none.
    """

    name: str
    video: str
    boxes: NDArray[np.float64]
    open_frames: Callable[[], Iterator[Frame]] = field(repr=False, compare=False)
    source: str = ""
    licence: str = ""
    path: Path | None = None

    def __len__(self) -> int:
        return len(self.boxes)

    def frames(self) -> Iterator[Frame]:
        """Return an iterator over the frames (H, W, 3), RGB, in order."""
        return self.open_frames()

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """(T,) True where the frame has a box."""
        return np.asarray(np.isfinite(self.boxes).all(axis=1))


@dataclass(frozen=True)
class LabelledImage:
    """A still picture and the boxes in it.

    Attributes:
        name: unique in its data set.
        boxes: float64 (N, 4), x, y, w, h, 0-based; N may be 0 where nothing is labelled.
        labels: the class of each box, "" where unknown.
        open_frame: gives the picture (H, W, 3), RGB.
        source: data set it comes from, and its licence where known.
        path: the picture's file, None where there is none.
    """

    name: str
    boxes: NDArray[np.float64]
    labels: tuple[str, ...]
    open_frame: Callable[[], Frame] = field(repr=False, compare=False)
    source: str = ""
    licence: str = ""
    path: Path | None = None

    def frame(self) -> Frame:
        """Return the picture (H, W, 3), RGB."""
        return self.open_frame()
