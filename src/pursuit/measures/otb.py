"""OTB's measures by the rule of its MATLAB toolbox: boxes in, curves and numbers out.

Boxes are float64 (T, 4): x, y, w, h, 0-based, a row a frame of one sequence. A truth row of
NaN means that nobody labelled the frame; such frames do not count. The toolbox's rule:

- The tracker's first box is replaced by the truth, and counts.
- A tracker's row that is NaN or has no area is replaced by the row before it.
- A truth row is valid when its four numbers, counted from 1, are above 0. An invalid row
  fails every overlap threshold and passes every distance threshold; it stays in the count.
- A frame succeeds where its overlap is above (not at) the threshold, so that the truth
  against itself has an AUC of 20/21; it is precise where its distance is at most the
  threshold.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pursuit import boxes
from pursuit.errors import DataError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

INVALID = -1.0  # overlap and distance of a frame whose truth is not valid


def _colon(steps: int) -> Array:
    """Return 0:1/steps:1 as MATLAB makes it: each half counted from its own end."""
    from_zero = np.arange(steps + 1) * (1 / steps)
    return np.where(np.arange(steps + 1) <= steps / 2, from_zero, 1 - from_zero[::-1])


OVERLAP_THRESHOLDS: Array = _colon(20)  # (21,) 0, 0.05, ..., 1
DISTANCE_THRESHOLDS: Array = np.arange(51, dtype=np.float64)  # (51,) pixels


def overlaps(predicted: Array, truth: Array) -> Array:
    """Return the overlap (N,) of the N labelled frames, in order; -1 where the truth is invalid.

    Raises:
        DataError: the two are not (T, 4) for one T, or no frame is labelled.
    """
    repaired, wanted = _counted(predicted, truth)
    # At most 1: rounding must not let a perfect box pass the last threshold.
    overlap = np.minimum(boxes.overlap(repaired, wanted), 1)
    return np.where(_valid(wanted), overlap, INVALID)


def distances(predicted: Array, truth: Array) -> Array:
    """Return the pixels (N,) between the centres in the N labelled frames; -1 where invalid.

    Raises:
        DataError: as `overlaps`.
    """
    repaired, wanted = _counted(predicted, truth)
    # The toolbox's x + (w - 1) / 2 and our x + w / 2 have the same differences.
    apart = np.sqrt(((boxes.centres(repaired) - boxes.centres(wanted)) ** 2).sum(axis=1))
    return np.where(_valid(wanted), apart, INVALID)


def success_curve(predicted: Array, truth: Array) -> Array:
    """Return the share (21,) of labelled frames with an overlap above 0, 0.05, ..., 1."""
    return _share(overlaps(predicted, truth)[:, None] > OVERLAP_THRESHOLDS)


def precision_curve(predicted: Array, truth: Array) -> Array:
    """Return the share (51,) of labelled frames with centres at most 0, 1, ..., 50 px apart."""
    return _share(distances(predicted, truth)[:, None] <= DISTANCE_THRESHOLDS)


def auc(success: Array) -> float:
    """Return the area under a success curve (21,), of a sequence or a mean: its plain mean."""
    return float(np.mean(success))


def precision20(precision: Array) -> float:
    """Return the share of frames within 20 px from a precision curve (51,)."""
    return float(precision[20])


def centre_error(distance: Array) -> float:
    """Return the mean of distances (N,) over frames with a valid label; NaN where none has."""
    valid = distance[distance != INVALID]
    return float(valid.mean()) if len(valid) else float("nan")


def _counted(predicted: Array, truth: Array) -> tuple[Array, Array]:
    """Return the repaired rows (N, 4) of the tracker and the truth (N, 4) of labelled frames."""
    predicted = np.asarray(predicted, dtype=np.float64)
    truth = np.asarray(truth, dtype=np.float64)
    if predicted.shape != truth.shape or truth.ndim != 2 or truth.shape[1] != 4:
        raise DataError(
            f"results have shape {predicted.shape} and the ground truth {truth.shape}; "
            "both must be (frames, 4) with as many frames"
        )
    labelled = _each(np.isfinite(truth))
    if not labelled.any():
        raise DataError("no frame of the ground truth has a box")
    start = int(labelled.argmax())
    repaired = _repaired(np.concatenate([truth[start : start + 1], predicted[start + 1 :]]))
    return repaired[labelled[start:]], truth[labelled]


def _repaired(rows: Array) -> Array:
    """Return rows (T, 4) with each bad one replaced by the last good one; the first is good."""
    good = _each(np.isfinite(rows)) & _each(rows[:, 2:] > 0)
    last_good: NDArray[np.int64] = np.maximum.accumulate(np.where(good, np.arange(len(rows)), 0))
    return rows[last_good]


def _valid(truth: Array) -> Mask:
    return _each(truth[:, :2] > -1) & _each(truth[:, 2:] > 0)


def _each(holds: Mask) -> Mask:
    return np.asarray(holds.all(axis=1))


def _share(passed: Mask) -> Array:
    # Counts first, one division: as the toolbox does it, to the last bit.
    share: Array = passed.sum(axis=0) / len(passed)
    return share
