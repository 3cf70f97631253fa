"""Where OTB's TRE starts a tracker, and with what boxes its SRE does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pursuit.boxes import rounded
from pursuit.datasets.otb_list import Entry
from pursuit.measures.otb import positive
from pursuit.protocols.plan import Shift, plan

Array = NDArray[np.float64]

TRE, SRE = plan("otb-tre"), plan("otb-sre")
STARTS = TRE.runs  # 20
SHIFTS = SRE.runs  # 12


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
    assert TRE.spread is not None
    allowed = valid.copy()
    for first, last in omitted:
        allowed[first - 1 : last] = False
    candidates = np.flatnonzero(allowed)
    leaving = np.flatnonzero(candidates <= len(valid) - TRE.spread.shortest)
    if not len(leaving):
        return []
    last, gaps = int(leaving[-1]), STARTS - 1
    at = [(last + 1) * k // gaps for k in range(gaps)]
    return [int(candidates[min(k, last)]) for k in at] + [int(candidates[last])]


def starts_on(boxes: Array, entry: Entry | None) -> list[int]:
    """Return `tre_starts` of a sequence with labels (T, 4).

    Args:
        boxes: the labels; those of Tiger1 with or without its first five.
        entry: what is known of it, None of a sequence that OTB has not.
    """
    omitted = entry.omitted if entry else ()
    if entry and len(boxes) != entry.rows == len(boxes) + entry.rows - entry.run_rows:
        cut = entry.rows - entry.run_rows
        omitted = tuple((max(first - cut, 1), last - cut) for first, last in omitted if last > cut)
    return tre_starts(positive(boxes), omitted)


def sre_box(box: Array, shift: Shift, size: tuple[int, int] | None = None) -> Array:
    """Return the box (4,) that a run of SRE starts with, for a label (4,), both 0-based.

    As the toolbox makes it, of boxes counted from 1: moves are whole pixels, upwards; moved
    edges and all numbers of a scaled box are rounded.

    Args:
        box: the label.
        shift: what is done to it.
        size: width and height of the frame that the box is cut down to; None leaves it longer.
            Its left and top edges are moved into the frame, and it keeps its sides.
    """
    x, y, w, h = (box + [1.0, 1, 0, 0]).tolist()
    right, bottom = x + w - 1, y + h - 1
    if shift.scale is not None:
        sides = shift.scale * w, shift.scale * h
        corner = x + w / 2 - sides[0] / 2, y + h / 2 - sides[1] / 2
        x, y, w, h = rounded(np.array([*corner, *sides])).tolist()
    elif shift.move is not None:
        x += np.sign(shift.move[0]) * np.ceil(abs(shift.move[0]) * w)
        y += np.sign(shift.move[1]) * np.ceil(abs(shift.move[1]) * h)
    elif shift.corner is not None:
        across, down = shift.corner
        edges = rounded(np.array([(x if across < 0 else right) + across * w]))
        ends = rounded(np.array([(y if down < 0 else bottom) + down * h]))
        x, right = (edges[0], right) if across < 0 else (x, edges[0])
        y, bottom = (ends[0], bottom) if down < 0 else (y, ends[0])
        w, h = right - x + 1, bottom - y + 1
    x, y = max(x, 1), max(y, 1)
    if size is not None:
        w, h = min(w, size[0] - x + 1), min(h, size[1] - y + 1)
    return np.array([x - 1, y - 1, w, h])
