"""GOT-10k's measures: average overlap and success rates, without the first frame.

Overlaps are of boxes clipped to the frame, on frames where the target is seen; all runs of a
sequence count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pursuit import boxes as bx

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Figures:
    """Average overlap, and the shares of frames with an overlap above 0.5 and 0.75."""

    ao: float
    sr50: float
    sr75: float


def overlaps(
    boxes: Array, truth: Array, size: tuple[int, int], seen: NDArray[np.bool_] | None = None
) -> Array:
    """Return the overlaps (N,) that count, of boxes (T, 4) with labels (T, 4), 0-based.

    Args:
        boxes: of the tracker.
        truth: the labels.
        size: width and height of the frame; both are clipped to it.
        seen: (T,) where some of the target is seen (a cover of not 0); None for everywhere.
    """
    mine = np.ones(len(truth), dtype=bool) if seen is None else seen.copy()
    mine[0] = False
    return bx.overlap(bx.clip(boxes[mine], *size), bx.clip(truth[mine], *size))


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
