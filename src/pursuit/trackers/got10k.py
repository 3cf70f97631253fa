"""A tracker in the form that the got10k toolkit runs.

    from got10k.experiments import ExperimentGOT10k
    from pursuit.trackers.got10k import Got10kTracker

    ExperimentGOT10k("GOT-10k", subset="val").run(Got10kTracker(pursuit.load("siamfc-slim")))

Its experiments ask for a name, whether all runs are alike, and `init` and `update` or one call
for all pictures: `track`, or `forward_test` as its later versions say. Nothing of got10k is
needed here.
"""

from __future__ import annotations

import time
from collections.abc import Sequence as Several
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pursuit import boxes as bx
from pursuit.datasets.reading import read_picture
from pursuit.errors import SettingsError
from pursuit.frames import Frame, as_frame
from pursuit.trackers.base import Tracker

Array = NDArray[np.float64]

_RANDOM = ("opencv-mil",)  # two runs of it differ


class Got10kTracker:
    """A tracker of ours for the got10k toolkit.

    Attributes:
        name: names the folder of its results.
        is_deterministic: all runs give the same boxes, so that one is enough.
    """

    def __init__(self, tracker: Tracker, name: str | None = None) -> None:
        self.name = tracker.name if name is None else name
        self.is_deterministic = tracker.name not in _RANDOM
        self._tracker = tracker

    def init(self, image: object, box: ArrayLike) -> None:
        """Start anew.

        Args:
            image: a PIL image (RGB or gray), or an array as `Tracker` takes it.
            box: (4,) x, y, w, h. The toolkit gives its labels as they are; what sticks out of
                the image is cut off.

        Raises:
            FrameError, BoxError: as the tracker.
        """
        frame = _frame(image)
        inside = bx.clip(bx.as_boxes(box), frame.shape[1], frame.shape[0])
        self._tracker.init(frame, inside)

    def update(self, image: object) -> Array:
        """Return the box (4,) in the next image.

        Raises:
            FrameError: as the tracker.
        """
        return self._tracker.update(_frame(image)).rows()[0][0]

    def track(
        self, img_files: Several[str | Path], box: ArrayLike, visualize: bool = False
    ) -> tuple[Array, Array]:
        """Return boxes (T, 4) and seconds (T,), reading apart; the first box is the one given.

        Args:
            img_files: the T pictures.
            box: (4,) x, y, w, h in the first.
            visualize: must be False: `pursuit track` shows what is tracked.

        Raises:
            SettingsError: it should show them.
            DataError: a picture cannot be read.
            FrameError, BoxError: as the tracker.
        """
        if visualize:
            raise SettingsError("nothing is shown here: leave visualize out, or use pursuit track")
        boxes, seconds = np.zeros((len(img_files), 4)), np.zeros(len(img_files))
        for index, file in enumerate(img_files):
            frame = read_picture(Path(file))
            start = time.perf_counter()
            if index == 0:
                self.init(frame, box)
                boxes[index] = box
            else:
                boxes[index] = self.update(frame)
            seconds[index] = time.perf_counter() - start
        return boxes, seconds

    forward_test = track


def _frame(image: object) -> Frame:
    return as_frame(np.asarray(image))
