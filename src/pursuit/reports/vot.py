"""Scores of trackers that were started again after failures, as VOT does: table and JSON.

The measures are those of `reports.stored_vot` by the MATLAB toolkit's rules, with intervals, the
errors of GOTURN's paper and the pace beside them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from pursuit import datasets
from pursuit.boxes import Regions
from pursuit.datasets.vot import Benchmark, Truth, read_truth, with_empty, year_of
from pursuit.measures import vot as measures
from pursuit.measures.speed import Speed, speed
from pursuit.measures.statistics import Statistic
from pursuit.measures.vot import Code
from pursuit.measures.vot_rules import Rules
from pursuit.measures.vot_sums import Totals
from pursuit.reports import comparison, stored_vot, stored_vot_shown
from pursuit.reports.grid import grid
from pursuit.reports.lacking import Lacking, failures, mark
from pursuit.reports.numbers import NONE, cells, fps_cell, number
from pursuit.reports.timed import Timed
from pursuit.results import runs as stored_runs
from pursuit.results.vot import Run, Trajectory
from pursuit.results.vot_found import StoredResults

Array = NDArray[np.float64]
Runs = Mapping[str, Mapping[str, Sequence[Run]]]  # tracker -> sequence -> its runs


@dataclass(frozen=True)
class TrackerScore(Timed[stored_vot.Score]):
    """How a tracker did on a data set; every frame counts the same.

    Attributes:
        totals: the measures of totals of its sums.
    """

    totals: Totals

    @property
    def errors(self) -> dict[str, float]:
        """The errors of GOTURN's Table 1; NaN where it ran on nothing, or too few frames count."""
        total = self.score.total
        each = _errors(np.array(total.accuracy), np.array(total.robustness))
        return {name: float(value) for name, value in each.items()}

    @cached_property
    def error_intervals(self) -> dict[str, tuple[float, ...]]:
        """Error -> ends of its 95 % interval, sequences drawn again; none without a number."""

        def statistic(name: str) -> Statistic:
            of = self.totals
            return lambda totals: _errors(of.accuracy(totals), of.robustness(totals))[name]

        return {name: comparison.interval(self.score.sums, statistic(name)) for name in self.errors}


@dataclass(frozen=True)
class Scores:
    """Scores of trackers on a data set.

    Attributes:
        trackers: in the order they were named.
        stored: the measures of all, as of stored results.
    """

    trackers: tuple[TrackerScore, ...]
    stored: stored_vot.Scores


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
        sequences: those that a tracker could be run on.
        year: of the challenge, where it is one's.
    """
    truth = benchmark(sequences, year)
    mine: stored_runs.Runs[Trajectory] = stored_runs.Runs()
    for label, each in runs.items():
        for name, several in each.items():
            numbered = {f"{at:03}": trajectory(run) for at, run in enumerate(several)}
            mine.put(stored_runs.Folder(label, name, label, numbered))
        for name in failed[label].keys() & truth.sequences:
            why = failed[label][name]
            mine.put(stored_runs.Folder(label, name, label, wrong=why))
    results = StoredResults(mine, stored_runs.Runs(), ())
    found = stored_vot.scores(Rules.MATLAB, results, truth)
    found = replace(found, trackers=tuple(_with(one, failed) for one in found.trackers))
    by_label = {one.label: one for one in found.trackers}
    return Scores(
        tuple(
            TrackerScore(by_label[label], pace(list(each.values())), found.totals)
            for label, each in runs.items()
        ),
        found,
    )


def _with(one: stored_vot.Score, failed: Mapping[str, Mapping[str, str]]) -> stored_vot.Score:
    """Return a score that tells of the sequences without ground truth too."""
    return replace(one, failed={**one.failed, **failed[one.label]})


def benchmark(sequences: Sequence[datasets.Sequence], year: int | None) -> Benchmark:
    """Return sequences as the ground truth of a year; a frame of each is decoded for its size."""
    return Benchmark({one.name: _truth(one) for one in sequences}, year)


def truth_of(path: Path) -> Benchmark:
    """Return the ground truth that lies in files as VOT and pysot have it, or beside videos.

    Raises:
        DataError: there is none, or a part of it is not what it should be.
    """
    videos = datasets.open_other_videos(path, own=("vot", "got10k"))
    return read_truth(path) if videos is None else benchmark(videos, year_of(path))


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
    titles = ("A", "R", "failures", "EAO", "overall\nerror", "fps", "run on")
    rows = grid("tracker", titles, name_width=20)
    for one in ranked(found.trackers):
        score = one.score
        ran, total = len(score.sequences), len(score.sequences) + len(one.failed)
        mark = "*" if one.failed and ran else ""
        rows.add_row(
            one.label,
            *cells(score.total.accuracy, score.total.robustness),
            f"{score.total.failures:.4g}" if ran else NONE,
            *cells(score.eao, one.errors["overall_error"]),
            fps_cell(one.speed.fps if one.speed else None),
            f"{ran}/{total}{mark}",
        )
        if ran < 2:
            continue
        measured = (one.totals.accuracy, one.totals.robustness, one.totals.eao)
        drawn = [comparison.interval(score.sums, measure) for measure in measured]
        drawn.append(one.error_intervals["overall_error"])
        for end, title in enumerate(("  95 %, from", "          to")):
            ends = cells(*(both[end] if both else math.nan for both in drawn))
            rows.add_row(title, *ends[:2], "", *ends[2:], "", "", style="dim")
    return rows


def summary(found: Scores) -> str:
    """Return the accuracy of the only tracker, with its interval, as a line has it."""
    (one,) = found.trackers
    ends = comparison.interval(one.score.sums, one.totals.accuracy)
    return comparison.with_interval("A", one.score.total.accuracy, ends)


def notes(found: Scores, left_out: Mapping[str, str]) -> list[str]:
    """Return what must be said below the table, a line each; `left_out` is no tracker's fault."""
    return [found.stored.caption, *failures_to_run(found.trackers, left_out)]


def failures_to_run(each: Sequence[Lacking], left_out: Mapping[str, str]) -> list[str]:
    """Return lines on what some trackers' `failed` tells; `left_out` is no tracker's fault."""
    return [*mark(each, left_out, ""), *failures(each, left_out)]


def ranked(each: Sequence[TrackerScore]) -> list[TrackerScore]:
    """Return scores by overall error, the least first, those without any last."""

    def error(one: TrackerScore) -> tuple[bool, float]:
        value = one.errors["overall_error"]
        return math.isnan(value), value

    return sorted(each, key=error)


def as_json(found: Scores) -> dict[str, Any]:
    """Return scores as what JSON can hold; what there is no number for is None.

    All that `reports.stored_vot_shown.as_json` has, the errors with their intervals, and the pace.
    """
    stored = stored_vot_shown.as_json(found.stored)
    return {one.label: _tracker_json(one, stored[one.label]) for one in found.trackers}


def _tracker_json(one: TrackerScore, stored: dict[str, Any]) -> dict[str, Any]:
    drawn = {name: list(ends) or None for name, ends in one.error_intervals.items()}
    return {
        **stored,
        **{name: number(value) for name, value in one.errors.items()},
        "interval": {**stored["interval"], **drawn},
        "fps": one.speed and number(one.speed.fps),
        "p95_ms": one.speed and number(one.speed.p95_ms),
        "decode_ms": one.speed and number(one.speed.decode_ms),
    }


def _errors(accuracy: Array, robustness: Array) -> dict[str, Array]:
    """Return 1 - A, 1 - R and their mean, by the names of GOTURN's Table 1."""
    return {
        "overall_error": measures.overall_error(accuracy, robustness),
        "accuracy_error": np.asarray(1 - accuracy),
        "robustness_error": np.asarray(1 - robustness),
    }


def _truth(sequence: datasets.Sequence) -> Truth:
    known = measures.labelled(sequence.boxes)
    regions = sequence.regions
    if regions is None:
        boxes = np.where(known[:, None], sequence.boxes, np.nan)
        regions = Regions(boxes, np.full((len(boxes), 3, 2), np.nan))
    tags = with_empty(sequence.tags)
    return Truth(sequence.name, regions, sequence.size(), tags, sequence.practical)


def trajectory(run: Run) -> Trajectory:
    """Return a run as stored results have it."""
    polygons = np.full((len(run.codes), 3, 2), np.nan)
    return Trajectory(run.codes, Regions(run.boxes, polygons), "")
