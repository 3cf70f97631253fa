"""OTB's measures: boxes in, curves and numbers out.

Boxes are float64 (T, 4): x, y, w, h, 0-based, a row a frame of one sequence. A truth row of
NaN means that nobody labelled the frame; such frames do not count. What else is a matter of
choice is a field of `Rules`. By the rule of the MATLAB toolbox, the default:

- The tracker's first box is replaced by the truth, and counts.
- A tracker's row that is NaN or has no area is replaced by the row before it.
- A truth row is valid when its four numbers, counted from 1, are above 0. An invalid row
  fails every overlap threshold and passes every distance threshold; it stays in the count.
- A frame succeeds where its overlap is above (not at) the threshold, so that the truth
  against itself has an AUC of 20/21; it is precise where its distance is at most the
  threshold.

The toolbox counts pixels: a box ends with pixel x + w - 1, and 1 is added to what two boxes
share. The ones cancel, so that its overlap is that of the boxes in real numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

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


def _each(holds: Mask) -> Mask:
    return np.asarray(holds.all(axis=1))


def positive(truth: Array) -> Mask:
    """Return where (T,) all four numbers of a box, counted from 1, are above 0."""
    return _each(truth[:, :2] > -1) & _each(truth[:, 2:] > 0)


def with_area(truth: Array) -> Mask:
    """Return where (T,) a box has an area."""
    return _each(truth[:, 2:] > 0)


def centred(truth: Array) -> Mask:
    """Return where (T,) the middle pixel of a box, counted from 1, is above 0."""
    return _each(truth[:, :2] + 1 + (truth[:, 2:] - 1) / 2 > 0)


def every(truth: Array) -> Mask:
    """Return True for each row (T,)."""
    return np.ones(len(truth), dtype=np.bool_)


@dataclass(frozen=True)
class Rules:
    """What toolkits do differently.

    Attributes:
        overlap_thresholds: (21,) 0 to 1; toolkits round them differently.
        first_replaced: the tracker's first box counts as the truth.
        bad_rows_repeated: a row that is NaN or has no area is taken as the row before.
        overlap_valid: says which truth rows (T, 4) have an overlap; the others have -1.
        distance_valid: says which have a distance; the others have -1, and pass.
    """

    overlap_thresholds: Array
    first_replaced: bool
    bad_rows_repeated: bool
    overlap_valid: Callable[[Array], Mask]
    distance_valid: Callable[[Array], Mask]


MATLAB = Rules(_colon(20), True, True, positive, positive)
RULES: dict[str, Rules] = {
    "matlab": MATLAB,
    "got10k": Rules(np.linspace(0, 1, 21), True, False, every, every),
    "pysot": Rules(np.arange(0, 1.05, 0.05), False, False, with_area, centred),
}
DEFAULT = "matlab"

OVERLAP_THRESHOLDS = MATLAB.overlap_thresholds  # (21,) 0, 0.05, ..., 1
DISTANCE_THRESHOLDS: Array = np.arange(51, dtype=np.float64)  # (51,) pixels
NORMALISED_THRESHOLDS: Array = np.arange(51) / 100  # (51,) sides of the truth


@dataclass(frozen=True)
class Curves:
    """Shares of the frames of one run, or of several taken together.

    Attributes:
        frames: how many frames count.
        success: (21,) with an overlap above each threshold.
        precision: (51,) with centres at most 0, 1, ..., 50 px apart.
        normalised: (51,) at most 0, 0.01, ..., 0.5 apart, in widths and heights of the truth.
    """

    frames: int
    success: Array
    precision: Array
    normalised: Array


def curves(runs: Sequence[tuple[Array, Array]], rules: Rules = MATLAB) -> Curves:
    """Return the curves of runs, each the tracker's boxes (T, 4) and the truth (T, 4).

    The frames of several runs (TRE, SRE) are pooled: each counts the same.

    Raises:
        DataError: as `overlaps`.
    """
    counted = [_counted(predicted, truth, rules) for predicted, truth in runs]
    with np.errstate(over="ignore", invalid="ignore"):  # boxes of 1e200 px fail, that is all
        overlap = np.concatenate([_overlaps(*pair, rules) for pair in counted])
        apart = np.concatenate([_distances(*pair, rules) for pair in counted])
        scaled = np.concatenate([_distances(*pair, rules, normalised=True) for pair in counted])
    return Curves(
        frames=len(overlap),
        success=_share(overlap[:, None] > rules.overlap_thresholds),
        precision=_share(apart[:, None] <= DISTANCE_THRESHOLDS),
        normalised=_share(scaled[:, None] <= NORMALISED_THRESHOLDS),
    )


def overlaps(predicted: Array, truth: Array, rules: Rules = MATLAB) -> Array:
    """Return the overlap (N,) of the N labelled frames, in order; -1 where the truth is invalid.

    Raises:
        DataError: the two are not (T, 4) for one T, or no frame is labelled.
    """
    return _overlaps(*_counted(predicted, truth, rules), rules)


def distances(predicted: Array, truth: Array, rules: Rules = MATLAB) -> Array:
    """Return the pixels (N,) between the centres in the N labelled frames; -1 where invalid.

    Raises:
        DataError: as `overlaps`.
    """
    return _distances(*_counted(predicted, truth, rules), rules)


def success_curve(predicted: Array, truth: Array, rules: Rules = MATLAB) -> Array:
    """Return the share (21,) of labelled frames with an overlap above 0, 0.05, ..., 1."""
    return curves([(predicted, truth)], rules).success


def precision_curve(predicted: Array, truth: Array, rules: Rules = MATLAB) -> Array:
    """Return the share (51,) of labelled frames with centres at most 0, 1, ..., 50 px apart."""
    return curves([(predicted, truth)], rules).precision


def as_they_are(rules: Rules) -> Rules:
    """Return the rules for boxes made of transformations: the toolbox mends none of them."""
    return replace(rules, bad_rows_repeated=False)


def bad_rows(predicted: Array) -> Mask:
    """Return where (T,) a tracker's row is NaN or has no area."""
    return ~(_each(np.isfinite(predicted)) & _each(predicted[:, 2:] > 0))


def auc(success: Array) -> float:
    """Return the area under a success curve (21,), of a sequence or a mean: its plain mean."""
    return float(np.mean(success))


def precision20(precision: Array) -> float:
    """Return the share of frames within 20 px from a precision curve (51,)."""
    return float(precision[20])


def normalised20(normalised: Array) -> float:
    """Return the share of frames within a fifth of the truth's sides from a curve (51,)."""
    return float(normalised[20])


def centre_error(distance: Array) -> float:
    """Return the mean of distances (N,) over frames with a valid label; NaN where none has."""
    valid = distance[distance != INVALID]
    return float(valid.mean()) if len(valid) else float("nan")


def _counted(predicted: Array, truth: Array, rules: Rules) -> tuple[Array, Array]:
    """Return the rows (N, 4) of the tracker that count and the truth (N, 4) of labelled frames."""
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
    rows = np.where(np.isfinite(predicted), predicted, np.nan)[start:]
    if rules.first_replaced:
        rows = np.concatenate([truth[start : start + 1], rows[1:]])
    if rules.bad_rows_repeated:
        rows = _repaired(rows)
    return rows[labelled[start:]], truth[labelled]


def _repaired(rows: Array) -> Array:
    """Return rows (T, 4) with each bad one replaced by the last good one; the first stays."""
    good = ~bad_rows(rows)
    last_good: NDArray[np.int64] = np.maximum.accumulate(np.where(good, np.arange(len(rows)), 0))
    return rows[last_good]


def _overlaps(rows: Array, truth: Array, rules: Rules) -> Array:
    # At most 1: rounding must not let a perfect box pass the last threshold.
    overlap = np.minimum(boxes.overlap(rows, truth), 1)
    return np.where(rules.overlap_valid(truth), overlap, INVALID)


def _distances(rows: Array, truth: Array, rules: Rules, *, normalised: bool = False) -> Array:
    # The toolbox's x + (w - 1) / 2 and our x + w / 2 have the same differences.
    apart = boxes.centres(rows) - boxes.centres(truth)
    if normalised:
        sides = truth[:, 2:]
        # Away from a truth without a side is as far as can be.
        apart = np.divide(apart, sides, out=np.full_like(apart, np.inf), where=sides > 0)
    length = np.sqrt((apart**2).sum(axis=1))
    return np.where(rules.distance_valid(truth), length, INVALID)


def _share(passed: Mask) -> Array:
    # Counts first, one division: as the toolbox does it, to the last bit.
    share: Array = passed.sum(axis=0) / len(passed)
    return share
