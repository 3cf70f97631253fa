"""VOT2014's ranking of trackers, from their runs on the sequences of one or two experiments.

Ranks are of attributes, each of which counts the same; where no frame has one, of sequences. See
`measures.vot_ranks`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pursuit.measures import vot, vot_ranks, vot_rules
from pursuit.measures.vot_rules import SequenceRuns

Array = NDArray[np.float64]
Runs = Sequence[SequenceRuns]  # a tracker's, of all sequences

RUNS = 15  # of VOT2014 on a sequence


@dataclass(frozen=True)
class Ranking:
    """Ranks of K trackers in one experiment.

    Attributes:
        trackers: their K names.
        parts: names of the N attributes, or sequences, that were ranked apart.
        tagged: whether they are attributes.
        practical: whether differences that matter were known of some frame.
        accuracy: (K, N) adapted ranks, the best 1.
        robustness: (K, N) likewise.
    """

    trackers: tuple[str, ...]
    parts: tuple[str, ...]
    tagged: bool
    practical: bool
    accuracy: Array
    robustness: Array

    def average(self, tracker: str) -> tuple[float, float]:
        """Return the average rank of a tracker by accuracy and by robustness; NaN of another."""
        if tracker not in self.trackers:
            return np.nan, np.nan
        at = self.trackers.index(tracker)
        both = (vot_ranks.average(ranks[at]) for ranks in (self.accuracy, self.robustness))
        accuracy, robustness = map(float, both)
        return accuracy, robustness


@dataclass(frozen=True)
class Ranks:
    """Ranks of trackers in several experiments.

    Attributes:
        experiments: by name, those that two trackers at least have all results of.
    """

    experiments: Mapping[str, Ranking]

    @property
    def trackers(self) -> list[str]:
        """All that are ranked in some experiment."""
        names = (name for one in self.experiments.values() for name in one.trackers)
        return list(dict.fromkeys(names))

    def average(self, tracker: str) -> tuple[float, float]:
        """Return a tracker's ranks by accuracy and robustness, means of the experiments.

        NaN where it lacks one of them: it would be the mean of something else.
        """
        each = [one.average(tracker) for one in self.experiments.values()]
        accuracy, robustness = map(float, np.mean(each, axis=0))
        return accuracy, robustness

    def overall(self, tracker: str) -> float:
        """Return the mean of a tracker's ranks by accuracy and by robustness."""
        return sum(self.average(tracker)) / 2


def ranks(experiments: Mapping[str, Mapping[str, Runs]]) -> Ranks | None:
    """Return the ranks of trackers; None where no experiment has two of them.

    Args:
        experiments: name -> tracker -> its runs, of all sequences in the same order; trackers
            that lack results are left out. Overlaps are by the MATLAB toolkit's rules.
    """
    known = {name: _ranking(each) for name, each in experiments.items() if len(each) > 1}
    return Ranks(known) if known else None


def _ranking(each: Mapping[str, Runs]) -> Ranking:
    first = next(iter(each.values()))
    tags = sorted({tag for one in first for tag in one.tags if _has(one, tag)})
    parts = {tag: [_with_tag(runs, tag) for runs in each.values()] for tag in tags}
    if not tags:
        parts = {one.name: [[runs[at]] for runs in each.values()] for at, one in enumerate(first)}
    practical = {name: _practical(of_each[0]) for name, of_each in parts.items()}
    accuracy = [
        vot_ranks.accuracy_ranks(np.stack([_overlaps(one) for one in of_each]), practical[name])
        for name, of_each in parts.items()
    ]
    most = max(RUNS, *(len(one.samples) for runs in each.values() for one in runs))
    robustness = [
        vot_ranks.robustness_ranks(np.stack([_failures(one, most) for one in of_each]))
        for of_each in parts.values()
    ]
    return Ranking(
        tuple(each),
        tuple(parts),
        bool(tags),
        any(np.isfinite(one).any() for one in practical.values()),
        np.stack(accuracy, axis=1),
        np.stack(robustness, axis=1),
    )


def _has(one: SequenceRuns, tag: str) -> bool:
    return tag in one.tags and bool(one.tags[tag].any())


def _with_tag(runs: Runs, tag: str) -> list[SequenceRuns]:
    """Return what has a tag; in the MATLAB toolkit sequences without it have no part in a test."""
    return vot_rules.with_tag([one for one in runs if _has(one, tag)], tag)


def _overlaps(runs: Runs) -> Array:
    return np.concatenate([vot_rules.mean_over_runs(one.samples) for one in runs])


def _practical(runs: Runs) -> Array:
    nothing = [np.full(len(one), np.nan) for one in runs]
    each = [one.practical for one in runs]
    return np.concatenate([none if x is None else x for x, none in zip(each, nothing, strict=True)])


def _failures(runs: Runs, count: int) -> Array:
    """Return failures (sequences, count); runs that were not made have the mean of those made.

    So the MATLAB toolkit has it: a tracker that does the same each time ran once to three times.
    """
    found = np.empty((len(runs), count))
    for row, one in zip(found, runs, strict=True):
        made = [vot.failures(sample.codes) for sample in one.samples]
        row[:] = np.mean(made)
        row[: len(made)] = made
    return found
