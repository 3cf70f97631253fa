"""GOT-10k's measures: average overlap and success rates, without the first frame.

Overlaps are of boxes brought into the frame, on frames where the target is seen; all runs of a
sequence count. All is as the got10k toolkit has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pursuit import boxes as bx
from pursuit.measures.statistics import ratio

Array = NDArray[np.float64]

THRESHOLDS: Array = np.linspace(0, 1, 101)  # of the success curve


@dataclass(frozen=True)
class Figures:
    """Average overlap, and the shares of frames with an overlap above 0.5 and 0.75."""

    ao: float
    sr50: float
    sr75: float


def overlaps(
    boxes: Array,
    truth: Array,
    size: tuple[int, int] | None,
    seen: NDArray[np.bool_] | None = None,
) -> Array:
    """Return the overlaps (N,) that count, of boxes (T, 4) with labels (T, 4), 0-based.

    A box that is not of finite numbers overlaps by 0.

    Args:
        boxes: of the tracker.
        truth: the labels; a row of NaN does not count.
        size: width and height of the frame, which both are brought into; None leaves them.
        seen: (T,) where some of the target is seen (a cover of not 0); None for everywhere.
    """
    labelled = np.asarray(np.isfinite(truth).all(axis=1))
    mine: NDArray[np.bool_] = labelled if seen is None else labelled & seen
    mine[:1] = False
    found, labels = boxes[mine], truth[mine]
    found = np.where(np.isfinite(found).all(axis=1, keepdims=True), found, 0.0)
    if size is not None:
        found, labels = _bounded(found, *size), _bounded(labels, *size)
    with np.errstate(over="ignore", invalid="ignore"):  # boxes of 1e200 px fail, that is all
        # At most 1: rounding must not let a perfect box pass the last threshold.
        return np.minimum(bx.overlap(found, labels), 1)


def _bounded(boxes: Array, width: int, height: int) -> Array:
    """Return boxes (N, 4) in a frame, as the toolkit does it.

    What starts left of the frame or above is *moved* into it: its sides stay, and are cut only
    where they lead out at the right and below.
    """
    frame = np.array([width, height], dtype=np.float64)
    corner = np.clip(boxes[:, :2], 0, frame)
    return np.concatenate([corner, np.clip(boxes[:, 2:], 0, frame - corner)], axis=1)


def pooled(parts: Sequence[Array]) -> Figures:
    """Return the measures of the overlaps of all runs, every frame counting the same.

    This is what the got10k toolkit says of the validation set. NaN where no frame counts.
    """
    values = np.concatenate([np.empty(0), *parts])
    if not len(values):
        return Figures(np.nan, np.nan, np.nan)
    return Figures(
        float(values.mean()), float((values > 0.5).mean()), float((values > 0.75).mean())
    )


def success_curve(parts: Sequence[Array]) -> Array:
    """Return the share (101,) of the overlaps of all runs above 0, 0.01, ..., 1; NaN of none."""
    values = np.concatenate([np.empty(0), *parts])
    if not len(values):
        return np.full(len(THRESHOLDS), np.nan)
    return np.asarray((values[:, None] > THRESHOLDS).mean(axis=0))


def speed_fps(seconds: Array) -> float:
    """Return the mean of one over the seconds (N,) of each frame; NaN where there are none.

    Times that are NaN or not above 0 do not count.
    """
    known = seconds[np.isfinite(seconds) & (seconds > 0)]
    return float((1 / known).mean()) if len(known) else np.nan


def class_balanced(parts: Sequence[Array], classes: Sequence[str]) -> Figures:
    """Return the measures with every class counting the same, and in it every sequence.

    What its paper calls mAO and mSR.

    Args:
        parts: overlaps of each of N sequences (all its runs); one without any says nothing.
        classes: (N,) of each.
    """
    each = [(name, pooled([part])) for name, part in zip(classes, parts, strict=True) if len(part)]
    by_class = {name: [x for other, x in each if other == name] for name, _ in each}
    if not by_class:
        return Figures(np.nan, np.nan, np.nan)
    means = [[(x.ao, x.sr50, x.sr75) for x in found] for found in by_class.values()]
    ao, sr50, sr75 = np.mean([np.mean(found, axis=0) for found in means], axis=0)
    return Figures(float(ao), float(sr50), float(sr75))


def mean_of_classes(totals: Array) -> Array:
    """Return the mean over C classes of their own ratio, of totals (..., 2 C): see `statistics`.

    The totals are, class by class, a sum and what it is divided by; a class of 0 does not count.
    """
    means = ratio(totals.reshape(*totals.shape[:-1], -1, 2))
    known = np.isfinite(means)
    return ratio(np.stack([np.where(known, means, 0).sum(axis=-1), known.sum(axis=-1)], axis=-1))
