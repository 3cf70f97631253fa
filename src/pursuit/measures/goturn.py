"""GOTURN's Figure 8: errors on objects of classes that training showed often, and on others.

Nothing learns from classes; they only sort what is judged. The paper's authors named them for
this figure: ALOV300++ has none (its categories are difficulties), VOT2014 neither. Who draws the
figure names the class of each object that is judged and of each video that was learnt from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pursuit.measures import vot

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

OFTEN = 25  # training videos of one class


def seen_often(classes: Sequence[str], training: Sequence[str]) -> Mask:
    """Return whether (N,) 25 or more training videos share the class of each of N test objects.

    Args:
        classes: of the test objects.
        training: of the training videos, one each: of all, also where a part of them is learnt
            from.

    Raises:
        ValueError: a test object has no class: it belongs to neither side.
    """
    if "" in classes:
        raise ValueError("a test object has no class")
    known = Counter(training)
    return np.array([known[name] >= OFTEN for name in classes], dtype=bool)


def errors_by_class(
    overlap: Array, counted: Array, failures: Array, frames: Array, often: Mask
) -> tuple[Array, Array]:
    """Return the overall errors (K,) of K networks on the objects seen often, and on the others.

    The points of the figure: a network for each number of training videos. NaN where a side has
    no object, or none of its frames counts.

    Args:
        overlap, counted, failures, frames: (K, N) what `measures.vot` takes: sums of overlaps
            and numbers of frames that count, failures, labelled frames.
        often: (N,) as `seen_often` says.
    """
    return _error(overlap, counted, failures, frames, often), _error(
        overlap, counted, failures, frames, ~often
    )


def _error(overlap: Array, counted: Array, failures: Array, frames: Array, side: Mask) -> Array:
    if not side.any():
        return np.full(len(overlap), np.nan)
    accuracy = vot.accuracy(overlap[:, side], counted[:, side])
    return vot.overall_error(accuracy, vot.robustness(failures[:, side], frames[:, side]))
