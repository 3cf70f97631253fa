"""What sequences add to VOT's measures, so that sequences can be drawn again or change trackers.

For each sequence a row of numbers; of the totals of rows, the same measures that `vot_rules`
computes of the sequences. See `measures.statistics`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pursuit.measures import vot, vot_rules
from pursuit.measures.vot_rules import Rules, SequenceRuns

Array = NDArray[np.float64]

_PLAIN = 5  # numbers of a row before those of EAO


@dataclass(frozen=True)
class Totals:
    """Measures of totals (..., K) of rows, each (...).

    Attributes:
        rules: whose definitions.
        interval: lengths that EAO is over, first and last; None for no EAO.
    """

    rules: Rules
    interval: tuple[int, int] | None

    def accuracy(self, totals: Array) -> Array:
        """Return A."""
        found = np.full(totals.shape[:-1], np.nan)
        return np.divide(totals[..., 0], totals[..., 1], out=found, where=totals[..., 1] > 0)

    def robustness(self, totals: Array) -> Array:
        """Return R: as `vot_rules.Figures` has it."""
        failures, frames, count = totals[..., 2], totals[..., 3], totals[..., 4]
        if self.rules is Rules.PYSOT:
            return np.asarray(100 * failures / frames)
        if self.rules is Rules.TOOLKIT:  # they come weighted by frames, over the mean length
            failures, frames = failures / frames, frames / count
        return vot.robustness(failures[..., None], frames[..., None])

    def eao(self, totals: Array) -> Array:
        """Return the score of the curve; NaN where no piece reaches its interval."""
        points = totals[..., _PLAIN:].reshape(*totals.shape[:-1], 2, -1)
        if not points.shape[-1]:
            return np.full(totals.shape[:-1], np.nan)
        curve = np.full((*totals.shape[:-1], points.shape[-1]), np.nan)
        np.divide(points[..., 0, :], points[..., 1, :], out=curve, where=points[..., 1, :] > 0)
        known = np.isfinite(curve)
        found = np.full(totals.shape[:-1], np.nan)
        total = known.sum(axis=-1)
        return np.divide(np.where(known, curve, 0).sum(axis=-1), total, out=found, where=total > 0)

    def rows(self, sequences: Sequence[SequenceRuns]) -> dict[str, Array]:
        """Return name -> the row (K,) of what each sequence adds.

        K is the same for all trackers: of the curve it is what lies in the interval, with nothing
        beyond the longest sequence.
        """
        if not sequences:
            return {}
        runs = vot_rules.runs_that_weigh(self.rules, sequences)
        longest = max(map(len, sequences))
        return {
            one.name: np.concatenate([self._plain(one), self._curve(one, runs, longest)])
            for one in sequences
        }

    def _plain(self, one: SequenceRuns) -> Array:
        each = vot_rules.sequence_figures(self.rules, one)
        counted = each.frames if self.rules is Rules.TOOLKIT else each.counted
        accuracy = np.nan_to_num(each.accuracy) * counted
        weight = each.frames if self.rules is Rules.TOOLKIT else 1
        return np.array([accuracy, counted, each.failures * weight, each.frames, 1.0])

    def _curve(self, one: SequenceRuns, runs: int | None, longest: int) -> Array:
        if self.interval is None:
            return np.empty(0)
        low, high = vot_rules.lengths_of(self.rules, self.interval)
        points = vot_rules.overlap_sums(self.rules, one, runs, longest)[:, low - 1 : high]
        return np.ravel(np.pad(points, ((0, 0), (0, high - low + 1 - points.shape[1]))))
