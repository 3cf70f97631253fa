"""Where OTB's TRE starts a tracker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

STARTS = 20  # runs of TRE
SHIFTS = 12  # runs of SRE
_SHORTEST = 20  # frames of the last run


def tre_starts(valid: NDArray[np.bool_], omitted: Sequence[tuple[int, int]] = ()) -> list[int]:
    """Return the frames, from 0, in which the 20 runs start; the first is that of OPE.

    Candidates are the frames with a valid label that are not omitted. The last run starts with
    the last of them that leaves it 20 frames, the others are spread evenly before it.

    Args:
        valid: (T,) whether a frame's label is valid (`measures.otb.positive`).
        omitted: ranges of frames, first and last, from 1, to start none in.

    Returns:
        20 of them; a short sequence has some twice. None where there is no candidate.
    """
    allowed = valid.copy()
    for first, last in omitted:
        allowed[first - 1 : last] = False
    candidates = np.flatnonzero(allowed)
    leaving = np.flatnonzero(candidates <= len(valid) - _SHORTEST)
    if not len(leaving):
        return []
    last = int(leaving[-1])
    at = [(last + 1) * k // (STARTS - 1) for k in range(STARTS - 1)]
    return [int(candidates[min(k, last)]) for k in at] + [int(candidates[last])]
