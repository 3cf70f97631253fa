"""Scores of trackers that were started again after failures, as VOT does: table and JSON.

The measures are those of `reports.stored_vot` by the MATLAB toolkit's rules, with intervals, the
errors of GOTURN's paper and the pace beside them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.table import Table

from pursuit import datasets
from pursuit.boxes import Regions
from pursuit.datasets.vot import Benchmark, Truth, with_empty
from pursuit.measures import vot as measures
from pursuit.measures import vot_rules
from pursuit.measures.speed import Speed, speed
from pursuit.measures.statistics import bootstrap_draws, interval
from pursuit.measures.vot import Code
from pursuit.reports import stored_vot
from pursuit.reports.numbers import NONE, cells, number
from pursuit.results.vot import Run, StoredResults, Trajectory

Array = NDArray[np.float64]
Runs = Mapping[str, Mapping[str, Sequence[Run]]]  # tracker -> sequence -> its runs


@dataclass(frozen=True)
class Figures:
    """A tracker's measures and GOTURN's three errors, each a number or (D,) draws."""

    accuracy: Array
    robustness: Array
    eao: Array

    @property
    def errors(self) -> dict[str, Array]:
        """1 - A, 1 - R and their mean, by the names of GOTURN's Table 1."""
        return {
            "overall": measures.overall_error(self.accuracy, self.robustness),
            "accuracy": np.asarray(1 - self.accuracy),
            "robustness": np.asarray(1 - self.robustness),
        }

    @property
    def named(self) -> dict[str, Array]:
        """All of them, as JSON calls them."""
        errors = {f"{name}_error": value for name, value in self.errors.items()}
        each = {"accuracy": self.accuracy, "robustness": self.robustness, "eao": self.eao}
        return {**each, **errors}


@dataclass(frozen=True)
class TrackerScore:
    """How a tracker did on a data set; every frame counts the same.

    Attributes:
        score: its measures.
        lengths: the interval that EAO is over, None where there is none.
        speed: the pace over all updates, None where there were none.
    """

    score: stored_vot.Score
    lengths: tuple[int, int] | None
    speed: Speed | None

    @property
    def label(self) -> str:
        """What the tracker is called."""
        return self.score.label

    @property
    def failed(self) -> Mapping[str, str]:
        """The sequences that it could not be run on, and why."""
        return self.score.failed

    @property
    def figures(self) -> Figures:
        """What is measured; NaN where it ran on nothing, or too few frames count."""
        total = self.score.total
        each = (total.accuracy, total.robustness, self.score.eao)
        return Figures(*(np.array(value) for value in each))

    @cached_property
    def drawn(self) -> Figures | None:
        """What is measured on sequences drawn again, 10,000 times; None where there is one."""
        runs = self.score.runs
        if len(runs) < 2:
            return None
        draws = bootstrap_draws(len(runs))
        each = [vot_rules.sequence_figures(vot_rules.Rules.MATLAB, one) for one in runs]
        counted = np.array([vot_rules.counted_sums(one) for one in runs])[draws]
        failed = np.array([(one.failures, one.frames) for one in each])[draws]
        return Figures(
            measures.accuracy(counted[..., 0], counted[..., 1]),
            measures.robustness(failed[..., 0], failed[..., 1]),
            np.full(len(draws), math.nan)
            if self.lengths is None
            else vot_rules.drawn_overlap(runs, self.lengths, draws),
        )


@dataclass(frozen=True)
class Scores:
    """Scores of trackers on a data set.

    Attributes:
        trackers: in the order they were named.
        caption: what EAO is over.
    """

    trackers: tuple[TrackerScore, ...]
    caption: str


def scores(
    runs: Runs,
    failed: Mapping[str, Mapping[str, str]],
    sequences: Sequence[datasets.Sequence],
    year: int | None,
) -> Scores:
    """Return the scores of trackers on sequences.

    Args:
        runs: tracker -> sequence -> its runs.
        failed: tracker -> the other sequences, and why.
        sequences: all of them.
        year: of the challenge, where it is one's.
    """
    truth = benchmark(sequences, year)
    mine = {
        label: {name: [trajectory(run) for run in found] for name, found in each.items()}
        for label, each in runs.items()
    }
    wrong = {label: dict(each) for label, each in failed.items()}
    found = stored_vot.scores(vot_rules.Rules.MATLAB, StoredResults(mine, wrong, ()), truth)
    by_label = {one.label: one for one in found.trackers}
    return Scores(
        tuple(
            TrackerScore(by_label[label], found.interval, pace(list(each.values())))
            for label, each in runs.items()
        ),
        found.caption,
    )


def benchmark(sequences: Sequence[datasets.Sequence], year: int | None) -> Benchmark:
    """Return sequences as the ground truth of a year; a frame of each is decoded for its size."""
    return Benchmark({one.name: _truth(one) for one in sequences}, year)


def pace(runs: Sequence[Sequence[Run]]) -> Speed | None:
    """Return the pace over all updates of the runs on some sequences; None where there are none."""
    tracker, decode = [np.empty(0)], [np.empty(0)]
    for run in (one for several in runs for one in several):
        if run.tracker_s is not None and run.decode_s is not None:
            updates = (run.codes == Code.FOLLOWED) | (run.codes == Code.FAILED)
            tracker.append(run.tracker_s[updates] * 1000)
            decode.append(run.decode_s[updates] * 1000)
    return speed(np.concatenate(tracker), np.concatenate(decode))


def table(found: Scores) -> Table:
    """Return a row a tracker, the least overall error first, with 95 % intervals below."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    grid.add_column("tracker", overflow="fold", max_width=20)
    for title in ("A", "R", "failures", "EAO", "overall\nerror", "fps", "run on"):
        grid.add_column(title, justify="right", no_wrap=True)
    for one in ranked(found.trackers):
        ran, total = len(one.score.sequences), len(one.score.sequences) + len(one.failed)
        mark = "*" if one.failed and ran else ""
        grid.add_row(
            one.label,
            *cells(one.figures.accuracy, one.figures.robustness),
            f"{one.score.total.failures:.4g}" if ran else NONE,
            *cells(one.figures.eao, one.figures.errors["overall"]),
            NONE if one.speed is None else f"{one.speed.fps:,.{int(one.speed.fps < 100)}f}",
            f"{ran}/{total}{mark}",
        )
        if one.drawn is None:
            continue
        for end, title in enumerate(("  95 %, from", "          to")):
            drawn = one.drawn
            shown = (drawn.accuracy, drawn.robustness, drawn.eao, drawn.errors["overall"])
            ends = cells(*(interval(values)[end] for values in shown))
            grid.add_row(title, *ends[:2], "", *ends[2:], "", "", style="dim")
    return grid


def notes(found: Scores) -> list[str]:
    """Return what must be said below the table, a line each."""
    return [found.caption, *failures_to_run(found.trackers)]


def failures_to_run(each: Sequence[Any]) -> list[str]:
    """Return lines on what some trackers' `failed` tells."""
    lines = []
    if any(one.failed for one in each):
        lines.append("* of the sequences that it ran on: not to be compared with the others")
    for one in each:
        lines += [f"failed: {one.label} on {name}: {why}" for name, why in one.failed.items()]
    return lines


def ranked(each: Sequence[TrackerScore]) -> list[TrackerScore]:
    """Return scores by overall error, the least first, those without any last."""

    def error(one: TrackerScore) -> tuple[bool, float]:
        value = float(one.figures.errors["overall"])
        return math.isnan(value), value

    return sorted(each, key=error)


def as_json(found: Scores) -> dict[str, Any]:
    """Return scores as what JSON can hold; what there is no number for is None.

    All that `reports.stored_vot.as_json` has, the errors, the intervals and the pace.
    """
    return {one.label: _tracker_json(one) for one in found.trackers}


def _tracker_json(one: TrackerScore) -> dict[str, Any]:
    drawn = {} if one.drawn is None else one.drawn.named
    named = one.figures.named
    return {
        **stored_vot.score_json(one.score, vot_rules.Rules.MATLAB, one.lengths),
        **{name: number(value) for name, value in named.items() if name.endswith("_error")},
        "interval": {
            name: [number(end) for end in interval(drawn[name])] if drawn else [None, None]
            for name in named
        },
        "fps": one.speed and number(one.speed.fps),
        "p95_ms": one.speed and number(one.speed.p95_ms),
        "decode_ms": one.speed and number(one.speed.decode_ms),
    }


def _truth(sequence: datasets.Sequence) -> Truth:
    known = measures.labelled(sequence.boxes)
    regions = sequence.regions
    if regions is None:
        boxes = np.where(known[:, None], sequence.boxes, np.nan)
        regions = Regions(boxes, np.full((len(boxes), 3, 2), np.nan))
    return Truth(sequence.name, regions, sequence.size(), with_empty(sequence.tags))


def trajectory(run: Run) -> Trajectory:
    """Return a run as stored results have it."""
    polygons = np.full((len(run.codes), 3, 2), np.nan)
    return Trajectory(run.codes, Regions(run.boxes, polygons), "")
