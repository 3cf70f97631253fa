"""VOT2014's ranking: trackers that do not differ share ranks, and attributes count the same.

For each experiment and attribute, trackers are ranked by accuracy and by failures. Two are equal
where a test finds no difference, or for accuracy none that matters: then the rank of a tracker
is the mean, or the least, of the ranks of its equals. Being equal is not handed on. The ranks
are averaged over attributes, then over experiments, then over accuracy and robustness.
(Kristan et al., The VOT2014 challenge results, section 3.)

A tracker without results is left out, and the others rank without it. One that has results, but
in which no frame counts for accuracy, comes last and is equal to all.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

ALPHA = 0.05
_FEWEST = 5  # frames that both followed; fewer tell no difference
_EXACT = 15  # differences up to which the signed-rank test counts all cases

Adaptation = Literal["mean", "best"]


def ranks_of(values: Array) -> Array:
    """Return ranks (N,) of values from 1 on, the mean rank where several are the same."""
    order = np.argsort(values, kind="stable")
    _, inverse, counts = np.unique(values[order], return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    found = np.empty(len(values))
    found[order] = (last - (counts - 1) / 2)[inverse]
    return found


def signed_rank_p(differences: Array) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test of paired differences (N,).

    Zeros are left out. Up to 15 differences all cases are counted; for more the normal
    approximation with a correction for ties is taken, as MATLAB's signrank does.
    """
    values = differences[differences != 0]
    count = len(values)
    if not count:
        return 1.0
    ranks = ranks_of(np.abs(values))
    above = float(ranks[values > 0].sum())
    middle = count * (count + 1) / 4
    if count <= _EXACT:
        # How many of the 2^N choices of signs give each sum of doubled (so whole) ranks.
        ways = np.ones(1)
        for rank in np.rint(2 * ranks).astype(int):
            ways = np.pad(ways, (0, rank)) + np.pad(ways, (rank, 0))
        low = round(2 * min(above, 2 * middle - above))
        return float(min(1.0, 2 * ways[: low + 1].sum() / ways.sum()))
    variance = count * (count + 1) * (2 * count + 1) / 24 - _ties(np.abs(values)) / 48
    return _two_sided((above - middle) / math.sqrt(variance))


def rank_sum_p(a: Array, b: Array) -> float:
    """Return the two-sided p of Wilcoxon's rank-sum test of samples (N,) and (M,).

    The normal approximation with corrections for ties and continuity, as MATLAB's ranksum has it
    for samples of ten and more.
    """
    both = np.concatenate([a, b])
    total = len(both)
    above = float(ranks_of(both)[: len(a)].sum()) - len(a) * (total + 1) / 2
    scale = len(a) * len(b) / 12
    variance = scale * (total + 1 - _ties(both) / (total * (total - 1)))
    if variance <= 0:  # all the same
        return 1.0
    return _two_sided((above - 0.5 * np.sign(above)) / math.sqrt(variance))


def accuracy_differs(a: Array, b: Array, practical: Array | None = None) -> bool:
    """Return whether overlaps (T,) of two trackers differ; NaN where one does not count.

    Args:
        a, b: per-frame overlaps, means of the runs.
        practical: (T,) differences that matter, as the data set has them; where the mean
            difference in this unit is below 1, the trackers are equal. Frames in which it is NaN
            tell nothing of that; where all are, as without any, the test alone decides.
    """
    difference = a - b
    known = np.isfinite(difference)
    if known.sum() < _FEWEST or signed_rank_p(difference[known]) > ALPHA:
        return False
    told = known & np.isfinite(np.nan if practical is None else practical)
    if practical is None or not told.any():
        return True
    return bool(abs(np.mean(difference[told] / practical[told])) >= 1)


def robustness_differs(a: Array, b: Array) -> bool:
    """Return whether numbers of failures of two trackers differ, each (sequences x runs,)."""
    return rank_sum_p(a.ravel(), b.ravel()) <= ALPHA


def accuracy_ranks(
    overlaps: Array, practical: Array | None = None, adaptation: Adaptation = "mean"
) -> Array:
    """Return the adapted ranks (K,) of trackers by overlaps (K, T), the best 1.

    Args:
        overlaps: per-frame overlaps; NaN where a tracker does not count. One that nowhere counts
            comes last, and is equal to all.
        practical: see `accuracy_differs`.
        adaptation: "mean" of VOT2013 and 2014, "best" of VOT2015.
    """
    count = np.isfinite(overlaps).sum(axis=1)
    sums = np.where(np.isfinite(overlaps), overlaps, 0).sum(axis=1)
    means = np.divide(sums, count, out=np.full(len(overlaps), -1.0), where=count > 0)
    differs = _pairs(
        len(overlaps), lambda i, j: accuracy_differs(overlaps[i], overlaps[j], practical)
    )
    return adapted(_order(-means), differs, adaptation)


def robustness_ranks(failures: Array, adaptation: Adaptation = "mean") -> Array:
    """Return the adapted ranks (K,) of trackers by failures (K, sequences, runs), the best 1."""
    flat = failures.reshape(len(failures), -1)
    differs = _pairs(len(flat), lambda i, j: robustness_differs(flat[i], flat[j]))
    return adapted(_order(failures.sum(axis=1).mean(axis=-1)), differs, adaptation)


def adapted(ranks: Array, differs: Mask, adaptation: Adaptation = "mean") -> Array:
    """Return ranks (K,) in which trackers share those of their equals; NaN stays NaN.

    Args:
        ranks: raw ranks, NaN where a tracker has no results.
        differs: (K, K) whether two differ; a tracker is its own equal.
        adaptation: the "mean" of its equals' ranks, or the "best".
    """
    known = np.isfinite(ranks)
    equal = (~differs | np.eye(len(ranks), dtype=bool)) & known & known[:, None]
    combine = np.mean if adaptation == "mean" else np.min
    found = [combine(ranks[row]) if row.any() else np.nan for row in equal]
    return np.array(found, dtype=np.float64)


def average(ranks: Array) -> Array:
    """Return the ranks (...) over attributes, (..., attributes): each counts the same."""
    return np.asarray(ranks.mean(axis=-1))


def _order(values: Array) -> Array:
    """Return ranks (K,) from 1, the least value first, the earlier of two the same; NaN of NaN."""
    known = np.isfinite(values)
    found = np.full(len(values), np.nan)
    order = np.argsort(np.where(known, values, np.inf), kind="stable")
    found[order] = np.arange(1, len(values) + 1)
    return np.where(known, found, np.nan)


def _pairs(count: int, differ: Callable[[int, int], bool]) -> Mask:
    found = np.zeros((count, count), dtype=bool)
    for i in range(count):
        for j in range(i):
            found[i, j] = found[j, i] = differ(i, j)
    return found


def _ties(values: Array) -> float:
    """Return the sum of t^3 - t over groups of t same values."""
    counts = np.unique(values, return_counts=True)[1].astype(np.float64)
    return float((counts**3 - counts).sum())


def _two_sided(z: float) -> float:
    return math.erfc(abs(z) / math.sqrt(2))
