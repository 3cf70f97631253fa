"""What SiamFC's tracker knows of its targets, and where it looks for them: a row a target."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pursuit import boxes as box_arithmetic
from pursuit.boxes import Array
from pursuit.networks.siamfc import EXEMPLAR, SEARCH
from pursuit.trackers.many import Targets


@dataclass(frozen=True)
class SiamFCTargets(Targets):
    """The state of N targets: a row a target.

    Attributes:
        zoom: (N,) size now, in terms of the first; boxes keep their aspect ratio.
        border: (N, 3) mean colour of the frame each started in.
        exemplar: (N, C, 6, 6) features, on the runtime's device.
        zero: (N, 2) x, y in cells: where the map's peak is when nothing has moved.
        first_peaks: (N, S) highest score of each scale when nothing had moved.
        age: (N,) frames it was followed through, whether the network looked at them or not.
        score: (N,) in the last frame.
        sized_score: (N,) in the frame whose look was at all sizes, the last such.
        lost_for: (N,) frames since the target was lost, 0 while it is not.
        sure_centre, sure_zoom: (N, 2), (N,): centre and zoom when it was last TRACKED.
    """

    zoom: Array
    border: Array
    exemplar: Tensor
    zero: Array
    first_peaks: NDArray[np.float32]
    age: NDArray[np.int64]
    score: Array
    sized_score: Array
    lost_for: NDArray[np.int64]
    sure_centre: Array
    sure_zoom: Array

    @property
    def size(self) -> Array:
        """(N, 2) w, h now."""
        return self.first * self.zoom[:, None]

    @property
    def side(self) -> Array:
        """(N,) side of the search window now, in frame pixels."""
        return box_arithmetic.context_side(self.size) * SEARCH / EXEMPLAR

    def scaled(self, factor: Array) -> SiamFCTargets:
        """Return the targets in a frame that is (2,) times as wide and high."""
        return replace(super().scaled(factor), sure_centre=self.sure_centre * factor)

    def with_sure_place(self) -> SiamFCTargets:
        """Return the targets where and as large as they were when last TRACKED."""
        return replace(self, centre=self.sure_centre, zoom=self.sure_zoom)


@dataclass(frozen=True)
class Views:
    """Where to look for targets in one frame.

    Attributes:
        target: (M,) row of the target that is looked for.
        centre: (M, 2) x, y of the window in the frame.
        side: (M,) of the window, frame pixels.
    """

    target: NDArray[np.int64]
    centre: Array
    side: Array

    def take(self, rows: slice) -> Views:
        """Return these of the views."""
        return Views(self.target[rows], self.centre[rows], self.side[rows])
