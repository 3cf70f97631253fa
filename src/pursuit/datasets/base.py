"""What every reader yields: a Sequence (frames and one target's boxes) or a LabelledImage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pursuit.boxes import Regions
from pursuit.errors import DataError
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
        regions: the target in T frames, where it is told by more than boxes; `boxes` are those
            just around.
        tags: where (T,) a frame has a tag, such as VOT's occlusion, by name.
        practical: as `datasets.vot.Truth` has it.
        hidden: where (T,) a label is of a target that nothing is seen of; None for nowhere.
        kind: class of the target, "" where unknown.
    """

    name: str
    video: str
    boxes: NDArray[np.float64]
    open_frames: Callable[[], Iterator[Frame]] = field(repr=False, compare=False)
    source: str = ""
    licence: str = ""
    path: Path | None = None
    regions: Regions | None = None
    tags: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    practical: NDArray[np.float64] | None = None
    hidden: NDArray[np.bool_] | None = None
    kind: str = ""

    def __len__(self) -> int:
        return len(self.boxes)

    def frames(self) -> Iterator[Frame]:
        """Return an iterator over the frames (H, W, 3), RGB, in order."""
        return self.open_frames()

    def size(self) -> tuple[int, int]:
        """Return width and height of the first frame, which is decoded for that.

        Raises:
            DataError: there is no frame.
        """
        frame = next(self.frames(), None)
        if frame is None:
            raise DataError(f"{self.name}: it has no frames")
        return frame.shape[1], frame.shape[0]

    def cut(self, start: int) -> Sequence:
        """Return the part from a frame on."""
        if not start:
            return self
        regions, practical, hidden = self.regions, self.practical, self.hidden
        return replace(
            self,
            boxes=self.boxes[start:],
            open_frames=partial(_after, self.open_frames, start),
            regions=None if regions is None else regions.where(np.arange(start, len(self))),
            tags={name: tag[start:] for name, tag in self.tags.items()},
            practical=None if practical is None else practical[start:],
            hidden=None if hidden is None else hidden[start:],
        )

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


def _after(open_frames: Callable[[], Iterator[Frame]], start: int) -> Iterator[Frame]:
    """Yield the frames from a number on; a named function, for other processes."""
    yield from islice(open_frames(), start, None)
