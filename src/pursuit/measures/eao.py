"""VOT's expected average overlap: how well a target is followed in a sequence of some length.

Each run is cut where the tracker was started. The curve at a length is the mean, over the
pieces that reach it, of their mean overlap up to there, without the frame they started in. A
piece that ended in a failure reaches every length: its overlap is 0 from then on. The score is
the curve's mean over an interval of lengths.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pursuit.measures.vot import RESTART, Code, Codes

Array = NDArray[np.float64]

# Lengths that each year's scores are over, first and last, as its toolkit has them.
INTERVALS = {
    2015: (108, 371),
    2016: (108, 371),
    2017: (100, 356),
    2018: (100, 356),
    2019: (46, 291),
}


@dataclass(frozen=True)
class Piece:
    """A part of a run: frames `start` to `stop`, the last not in it.

    Attributes:
        start: frame that the tracker was started in.
        stop: frame after the last that its overlaps are taken of.
        failed: whether it counts as 0 after that; or else it says nothing of greater lengths.
    """

    start: int
    stop: int
    failed: bool


def pieces(codes: Codes, *, late: bool = False) -> list[Piece]:
    """Return the pieces of a run with codes (T,), as the MATLAB toolkit cuts it.

    A piece reaches over the failure and the frames that were skipped to the next start, at which
    overlaps are 0. A failure so late that there is no next start ends nothing.

    Args:
        codes: of the run.
        late: a start in the frame after the last counts too, as pysot has it: the failure five
            frames before the end then ends its piece.
    """
    last = len(codes) if late else len(codes) - 1
    failed = np.flatnonzero(codes == Code.FAILED) + RESTART
    starts = [0, *failed[failed <= last].tolist()]
    inner = [Piece(start, min(after + 1, len(codes)), True) for start, after in pairwise(starts)]
    return [*inner, Piece(starts[-1], len(codes), False)]


def toolkit_pieces(codes: Codes) -> list[Piece]:
    """Return the pieces of a run with codes (T,), as VOT's Python toolkit cuts it.

    They end before the failure, also where it comes too late for another start.
    """
    starts = np.flatnonzero(codes == Code.STARTED).tolist()
    failed = np.flatnonzero(codes == Code.FAILED).tolist()
    if not failed:
        return [Piece(0, len(codes), False)]
    found = [Piece(*both, True) for both in zip(starts, failed, strict=False)]
    if len(starts) > len(failed):
        found.append(Piece(starts[-1], len(codes), False))
    return found


def curve(overlaps: Sequence[Array], failed: Sequence[bool], weights: Sequence[float]) -> Array:
    """Return the expected average overlap (N,) at lengths 1 to N, the longest piece's.

    It is 1 at length 1, and NaN where no piece reaches.

    Args:
        overlaps: of each piece, from the frame it was started in on; NaN is 0.
        failed: whether each ended in a failure.
        weights: of each.
    """
    return of_sums(sums(overlaps, failed, weights, max(map(len, overlaps))))


def sums(
    overlaps: Sequence[Array], failed: Sequence[bool], weights: Sequence[float], longest: int
) -> Array:
    """Return what pieces add to the curve at lengths 1 to `longest`, (2, longest).

    First their mean overlaps up to each length, times their weights; second the weights of those
    that reach it. Those of several sequences add up. Arguments are as of `curve`.
    """
    filled = np.zeros((len(overlaps), longest))
    reaches = np.ones((len(overlaps), longest), dtype=bool)
    for row, (values, ended) in enumerate(zip(overlaps, failed, strict=True)):
        filled[row, : len(values)] = np.nan_to_num(values)
        if not ended:
            reaches[row, len(values) :] = False
    lengths = np.maximum(np.arange(longest), 1)
    filled[:, 0] = 0
    means = np.cumsum(filled, axis=1) / lengths
    weight = reaches * np.array(weights, dtype=np.float64)[:, None]
    found = np.stack([(means * weight).sum(axis=0), weight.sum(axis=0)])
    found[0, 0] = found[1, 0]
    return found


def of_sums(totals: Array) -> Array:
    """Return the curves (..., N) of totals (..., 2, N) as `sums` gives them."""
    found = np.full((*totals.shape[:-2], totals.shape[-1]), np.nan)
    np.divide(totals[..., 0, :], totals[..., 1, :], out=found, where=totals[..., 1, :] > 0)
    found[..., 0] = 1
    return found


def score(found: Array, low: int, high: int) -> float:
    """Return the mean of a curve (N,) over lengths `low` to `high`, both in; NaN over none."""
    values = found[low - 1 : high]
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else math.nan


def interval_of(lengths: Array) -> tuple[int, int]:
    """Return the first and last length of the interval for sequences of lengths (K,).

    The smallest around the most frequent length, grown a step at a time to the more frequent
    side, that holds half of the lengths' density: a sum of normal densities with the bandwidth
    of Kristan, Leonardis and Skocaj (2011), as the MATLAB toolkit has it.

    Raises:
        ValueError: fewer than two different lengths.
    """
    if len(np.unique(lengths)) < 2:
        raise ValueError("an interval needs sequences of two lengths at least")
    points = np.arange(1, int(lengths.max()) + 1)
    deviation = lengths.std() * _bandwidth((lengths - lengths.mean()) / lengths.std())
    density = np.exp(-0.5 * ((points[:, None] - lengths) / deviation) ** 2).sum(axis=1)
    density /= density.sum()
    low = high = int(density.argmax())
    end = len(density) - 1
    while density[low : high + 1].sum() < 0.5 and (low > 0 or high < end):
        if high == end or (low > 0 and density[low - 1] > density[high + 1]):
            low -= 1
        else:
            high += 1
    return low + 1, high + 1


def _bandwidth(values: Array) -> float:
    """Return the bandwidth for standardised values (K,), in their own unit."""
    count = len(values)
    precision = (4 / (3 * count)) ** (-2 / 5)
    m = (values[:, None] - values) ** 2 * precision
    terms = np.sqrt(precision / (2 * np.pi)) * np.exp(-m / 2)
    terms = terms * precision**2 * (2 * (1 - 2 * m) + (1 - m) ** 2)
    roughness = float(terms.sum()) / count**2
    return float((1 / (count * np.sqrt(4 * np.pi) * roughness)) ** 0.2)
