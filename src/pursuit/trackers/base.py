"""What every tracker is: init with boxes, update with frames, a Result a frame."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pursuit import boxes as box_arithmetic
from pursuit.errors import MissingExtra
from pursuit.frames import Colour

if TYPE_CHECKING:
    import supervision


class State(IntEnum):
    """What a tracker says of a target in a frame."""

    LOST = 0
    UNSURE = 1
    TRACKED = 2


@dataclass(frozen=True)
class Result:
    """What a tracker says of one frame: of one target, or a row for each of N.

    Attributes:
        box: float64 (4,) or (N, 4): x, y, w, h in pixels.
        score: confidence in [0, 1], a float or (N,).
        state: State, or (N,) of its values.
        ids: the target's number or (N,); targets keep theirs when others are dropped.
        seconds: time the tracker took for this frame, decoding apart.
        frame: number of the frame in its video, from 0; -1 where nobody counts.
    """

    box: NDArray[np.float64]
    score: float | NDArray[np.float64]
    state: State | NDArray[np.int64]
    ids: int | NDArray[np.int64]
    seconds: float
    frame: int = -1

    @classmethod
    def of_rows(
        cls,
        boxes: NDArray[np.float64],
        scores: NDArray[np.float64],
        states: NDArray[np.int64],
        ids: NDArray[np.int64],
        seconds: float,
        *,
        single: bool,
    ) -> Result:
        """Return the result of N targets: boxes (N, 4), the rest (N,), copied.

        Args:
            single: it is told of the one target alone, not of a row.
        """
        if single:
            one = boxes[0].copy(), float(scores[0]), State(int(states[0])), int(ids[0])
            return cls(*one, seconds)
        return cls(boxes.copy(), scores.copy(), states.astype(np.int64), ids.copy(), seconds)

    def rows(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return boxes (N, 4), scores (N,), states (N,), ids (N,), also for one target."""
        return (
            self.box.reshape(-1, 4),
            np.atleast_1d(np.asarray(self.score, dtype=np.float64)),
            np.atleast_1d(np.asarray(self.state, dtype=np.int64)),
            np.atleast_1d(np.asarray(self.ids, dtype=np.int64)),
        )

    def to_supervision(self) -> supervision.Detections:
        """Return the targets that are not LOST as supervision's Detections.

        Raises:
            MissingExtra: supervision is not installed.
        """
        try:
            import supervision
        except ImportError:
            raise MissingExtra("supervision", "supervision") from None
        box, score, state, ids = self.rows()
        seen = state != State.LOST
        return supervision.Detections(
            xyxy=box_arithmetic.xyxy(box[seen]).astype(np.float32),
            confidence=score[seen].astype(np.float32),
            class_id=np.zeros(int(seen.sum()), dtype=int),
            tracker_id=ids[seen].astype(int),
        )


@runtime_checkable
class Tracker(Protocol):
    """Follows the targets whose boxes it was given.

    `init` with one box (4,) makes results of one target, with (N, 4) results of N rows.
    """

    name: str

    def init(self, frame: object, box: ArrayLike, *, colour: Colour = "rgb") -> Result:
        """Start anew on this frame (uint8, RGB or gray); the result holds the boxes given."""
        ...

    def update(self, frame: object, *, colour: Colour = "rgb") -> Result:
        """Return where the targets are in the next frame."""
        ...
