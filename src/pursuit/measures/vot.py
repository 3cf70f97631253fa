"""VOT's measures of a tracker that is started again after it failed: arrays in, numbers out.

A run is told by its codes (T,) of `Code`, its boxes (T, 4) x, y, w, h and the labels (T, 4) of
one sequence. Accuracy A is the mean overlap of the frames that count; robustness is the chance
to follow 30 frames without a failure,

    R = exp(-30 * failures / frames),

what VOT's toolkits call reliability with S = 30. Both pool sequences: every frame counts the
same. GOTURN's Table 1 has the errors 1 - A, 1 - R and their mean. (There the pool is VOT2014's
six attributes, so that a frame counts for each that it has.)
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from pursuit import boxes as bx
from pursuit.errors import DataError

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]

BURN_IN = 10  # frames that do not count from each start on, the start's own among them
RESTART = 5  # frames from a failure to the next start
SENSITIVITY = 30.0  # S, frames


class Code(IntEnum):
    """What happened in a frame; the first three are VOT's own numbers."""

    SKIPPED = 0
    STARTED = 1
    FAILED = 2
    FOLLOWED = 3


def labelled(truth: Array) -> Mask:
    """Return where (T,) labels (T, 4) tell where the target is: finite, and with an area."""
    with np.errstate(invalid="ignore"):  # NaN is no label
        return np.asarray(np.isfinite(truth).all(axis=1) & (truth[:, 2:] > 0).all(axis=1))


def counted(codes: Codes) -> Mask:
    """Return which frames (T,) count for accuracy: followed, and not soon after a start."""
    counts = codes == Code.FOLLOWED
    for start in np.flatnonzero(codes == Code.STARTED):
        counts[start : start + BURN_IN] = False
    return np.asarray(counts)


def overlaps(boxes: Array, codes: Codes, truth: Array) -> Array:
    """Return the overlaps (N,) of the labelled frames that count, in order.

    Raises:
        DataError: the three are not of the same frames.
    """
    if boxes.shape != truth.shape or truth.shape != (len(codes), 4):
        raise DataError(
            f"{len(codes)} codes, boxes of shape {boxes.shape} and a ground truth of shape "
            f"{truth.shape}; all must be of the same frames"
        )
    mine = counted(codes) & labelled(truth)
    return bx.overlap(boxes[mine], truth[mine])


def failures(codes: Codes) -> int:
    """Return how often the tracker failed."""
    return int((codes == Code.FAILED).sum())


def accuracy(overlap: Array, frames: Array) -> Array:
    """Return A (...) of sums of overlaps and numbers of frames that count, (..., N) sequences.

    NaN where no frame counts.
    """
    total = frames.sum(axis=-1)
    empty = np.full_like(total, np.nan, dtype=np.float64)
    return np.divide(overlap.sum(axis=-1), total, out=empty, where=total > 0)


def robustness(failed: Array, frames: Array, sensitivity: float = SENSITIVITY) -> Array:
    """Return R (...) of numbers of failures and of labelled frames, (..., N) sequences.

    `sensitivity` is S: R is the chance to follow as many frames without a failure.
    """
    return np.asarray(np.exp(-sensitivity * failed.sum(axis=-1) / frames.sum(axis=-1)))


def ar_mean(
    accuracy: Array, failed: Array, frames: Array, weights: Array, sensitivity: float = SENSITIVITY
) -> tuple[float, float]:
    """Return a tracker's point (R, A) of the AR plot: mean over N sequences, or attributes.

    The other point, of all frames pooled, is `robustness` and `accuracy`. With the frames as
    weights, this is the MATLAB toolkit's weighted mean, and over attributes GOTURN's Table 1.

    Args:
        accuracy: (N,) of each; one without a number is left out.
        failed: (N,) failures.
        frames: (N,) labelled frames.
        weights: (N,) how much each counts: ones, or the frames.
        sensitivity: see `robustness`.
    """
    known = np.isfinite(accuracy) & (frames > 0) & (weights > 0)
    if not known.any():
        return np.nan, np.nan
    mean = np.average(accuracy[known], weights=weights[known])
    pace = np.average(failed[known] / frames[known], weights=weights[known])
    return float(np.exp(-sensitivity * pace)), float(mean)


def overall_error(accuracy: Array, robustness: Array) -> Array:
    """Return GOTURN's overall error 1 - (A + R) / 2 (...)."""
    return np.asarray(1 - (accuracy + robustness) / 2)
