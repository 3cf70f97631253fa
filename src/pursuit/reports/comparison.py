"""Trackers beside the best of them: whether a difference is more than luck, and intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pursuit.measures.statistics import (
    Statistic,
    interval_of_difference,
    interval_of_sums,
    paired_test_of_sums,
)

Array = NDArray[np.float64]

NO_NUMBER = "-"


@dataclass(frozen=True)
class Contender:
    """A tracker, by what its figure is made of.

    Attributes:
        label: what it is called.
        sums: sequence -> the numbers (K,) that it adds; see `measures.statistics`.
        whole: whether it has all results.
    """

    label: str
    sums: Mapping[str, Array]
    whole: bool


@dataclass(frozen=True)
class Comparison:
    """A tracker beside the best, on the sequences that both have.

    Attributes:
        best: label of the other.
        difference: of the figure; negative where the tracker is worse.
        interval: 95 % of it, sequences drawn again.
        p: how often luck alone makes such a difference.
    """

    best: str
    difference: float
    interval: tuple[float, float]
    p: float


def comparisons(contenders: Sequence[Contender], statistic: Statistic) -> dict[str, Comparison]:
    """Return label -> how a tracker compares with the best, for all others; the best come first.

    The best is the first that has all results, if there is any such.
    """
    order = [one for one in contenders if one.sums]
    if not order:
        return {}
    best = next((one for one in order if one.whole), order[0])
    found = {}
    for one in order:
        common = [name for name in one.sums if name in best.sums]
        if one is best or not common:
            continue
        mine, theirs = (np.stack([who.sums[name] for name in common]) for who in (one, best))
        apart = statistic(mine.sum(axis=0)) - statistic(theirs.sum(axis=0))
        if np.isfinite(apart):
            found[one.label] = Comparison(
                best.label,
                float(apart),
                interval_of_difference(mine, theirs, statistic),
                paired_test_of_sums(mine, theirs, statistic),
            )
    return found


def interval(sums: Mapping[str, Array], statistic: Statistic) -> tuple[float, ...]:
    """Return the ends of a figure's 95 % interval, sequences drawn again.

    Of one sequence alone, or without a number, there are none.
    """
    if len(sums) < 2:
        return ()
    ends = interval_of_sums(np.stack(list(sums.values())), statistic)
    return ends if np.isfinite(ends).all() else ()


def interval_cell(ends: tuple[float, ...]) -> str:
    """Return an interval as a table shows it."""
    return "-".join(f"{end:.3f}" for end in ends) or NO_NUMBER


def with_interval(measure: str, value: float, ends: tuple[float, ...]) -> str:
    """Return a figure and its interval as a line has them."""
    if not np.isfinite(value):
        return f"no {measure}"
    return f"{measure} {value:.3f}" + (f" (95 %: {interval_cell(ends)})" if ends else "")


def p_cell(beside: Comparison | None) -> str:
    """Return the chance that a difference is luck, as a table shows it."""
    return f"{beside.p:.4f}" if beside else NO_NUMBER


def as_json(beside: Comparison | None) -> dict[str, Any] | None:
    """Return a comparison as what JSON can hold."""
    if beside is None:
        return None
    return {
        "best": beside.best,
        "difference": beside.difference,
        "interval": list(beside.interval),
        "p": beside.p,
    }
