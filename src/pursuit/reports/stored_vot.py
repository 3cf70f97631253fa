"""Scores of stored VOT results against a ground truth: table and JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rich import box
from rich.table import Table

from pursuit.datasets.reading import plural
from pursuit.datasets.vot import Benchmark, Truth
from pursuit.errors import DataError, nearest
from pursuit.measures import eao, vot_rules
from pursuit.measures.vot import Code
from pursuit.measures.vot_rules import Figures, Rules, SequenceRuns
from pursuit.results.vot import StoredResults, Trajectory


@dataclass(frozen=True)
class Score:
    """How a tracker did.

    Attributes:
        label: what the tracker is called.
        total: over all sequences.
        eao: expected average overlap.
        sequences: on each that counts, by name.
        failed: on the others, what is wrong; the means lack them.
        tags: on the frames of each tag, and the EAO of it: MATLAB's rules have both, pysot's the
            latter, the Python toolkit's neither.
        runs: what all this is counted from.
    """

    label: str
    total: Figures
    eao: float
    sequences: Mapping[str, Figures]
    failed: Mapping[str, str]
    tags: Mapping[str, tuple[Figures | None, float]]
    runs: tuple[SequenceRuns, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Scores:
    """Scores of trackers.

    Attributes:
        rules: whose definitions.
        interval: of lengths that EAO is over; None where there is none.
        trackers: the best EAO first.
        year: of the ground truth.
        notes: what must be said beside, a line each.
    """

    rules: Rules
    interval: tuple[int, int] | None
    trackers: tuple[Score, ...]
    year: int | None
    notes: tuple[str, ...]

    @property
    def wrong(self) -> list[str]:
        """What the trackers' means lack and why, a line each."""
        return [
            f"{one.label} on {name}: {why}"
            for one in self.trackers
            for name, why in one.failed.items()
        ]

    @property
    def caption(self) -> str:
        """What the table's EAO is over, and by whose rules."""
        if self.interval is None:
            return f"no EAO: it needs sequences of two lengths at least; rules: {self.rules.value}"
        known = self.year in eao.INTERVALS
        whose = f"VOT{self.year}'s" if known else "from those of the sequences"
        first, last = self.interval
        return f"EAO over lengths {first} to {last}, {whose}; rules: {self.rules.value}"


def scores(rules: Rules, results: StoredResults, truth: Benchmark) -> Scores:
    """Return the scores of all trackers that ran on the sequences of a ground truth.

    What is wrong with a result is told by the score's `failed`, as is a result that lacks. One
    that has results on other sequences too ran on another benchmark: it is not scored, and a
    note says so.

    Raises:
        DataError: no tracker ran on these; or the size of pictures is needed and not known.
    """
    foreign = {name: _foreign(runs, truth) for name, runs in _all_names(results).items()}
    notes = [f"not scored: {name} {why}" for name, why in foreign.items() if why]
    mine = [name for name, why in foreign.items() if not why]
    if not mine:
        raise DataError(f"nothing to score: {next((line[12:] for line in notes), 'no tracker')}")
    interval = _interval(truth)
    found = []
    for name in mine:
        failed = _failed(results.runs[name], results.wrong[name], truth)
        found.append(_score(rules, name, results.runs[name], failed, truth, interval))
    found.sort(key=lambda one: (math.isnan(one.eao), -one.eao, one.label))
    notes += [f"not scored: {name}: another experiment" for name in results.others]
    return Scores(rules, interval, tuple(found), truth.year, tuple(notes))


def sequence_runs(
    rules: Rules, truth: Truth, runs: Sequence[Trajectory], year: int | None
) -> SequenceRuns:
    """Return what counts of a tracker's runs on one sequence, in the challenge of a year.

    Raises:
        DataError: only pixels in the pictures count, and their size is not known.
    """
    size = truth.size if rules.bounded(year) else None
    if size is None and rules.bounded(year):
        raise DataError(
            f"{truth.name}: the size of its pictures is not known, and only pixels in them count; "
            "put its pictures beside groundtruth.txt, or width= and height= into its file sequence"
        )
    chosen = runs[: vot_rules.used(rules, len(runs))]
    samples = (vot_rules.sample(rules, x.codes, x.regions, truth.regions, size) for x in chosen)
    return SequenceRuns(truth.name, tuple(samples), dict(truth.tags))


def table(found: Scores) -> Table:
    """Return a row a tracker, the best EAO first; * marks means that lack sequences."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    grid.add_column("tracker", overflow="fold", max_width=24)
    robust = "failures\nin 100" if found.rules is Rules.PYSOT else "R"
    for title in ("A", robust, "failures", "EAO", "sequences"):
        grid.add_column(title, justify="right", no_wrap=True)
    for one in found.trackers:
        grid.add_row(
            one.label,
            _cell(one, one.total.accuracy),
            _cell(one, one.total.robustness),
            _cell(one, one.total.failures, ".4g"),
            _cell(one, one.eao),
            f"{len(one.sequences)}/{len(one.sequences) + len(one.failed)}",
        )
    return grid


def as_json(found: Scores) -> dict[str, Any]:
    """Return scores as what JSON can hold: tracker -> measures, `sequences`, and `failed`.

    Means are over `sequences`; what there is no number for is None.
    """
    return {one.label: score_json(one, found.rules, found.interval) for one in found.trackers}


def score_json(one: Score, rules: Rules, interval: tuple[int, int] | None) -> dict[str, Any]:
    """Return a tracker's score as what JSON can hold."""
    return {
        **_figures_json(one.total),
        "eao": _number(one.eao),
        "eao_interval": None if interval is None else list(interval),
        "rules": rules.value,
        **(_weighted(one) if rules is Rules.TOOLKIT else {}),
        "tags": {
            tag: {**(_figures_json(mine) if mine else {}), "eao": _number(value)}
            for tag, (mine, value) in one.tags.items()
        },
        "sequences": {name: _figures_json(part) for name, part in one.sequences.items()},
        "failed": dict(one.failed),
    }


def _all_names(results: StoredResults) -> dict[str, list[str]]:
    """Return tracker -> names of the sequences with a result, right or wrong."""
    return {name: [*runs, *results.wrong[name]] for name, runs in results.runs.items()}


def _foreign(ran_on: Sequence[str], truth: Benchmark) -> str:
    """Return what a tracker ran on that the ground truth lacks, as a message; "" for nothing."""
    other = [name for name in ran_on if name not in truth.sequences]
    if not other:
        return ""
    hint = nearest(other[0], truth.sequences)
    return f"has results on {other[0]}{_more(other)}, not in the ground truth{hint}"


def _failed(
    runs: Mapping[str, Sequence[Trajectory]], wrong: Mapping[str, str], truth: Benchmark
) -> dict[str, str]:
    """Return sequence -> why a tracker has no score on it."""
    failed = {}
    for name, one in truth.sequences.items():
        if name in runs:
            why = _unfit(runs[name], len(one.regions))
        else:
            why = wrong.get(name, "no result")
        if why:
            failed[name] = why
    return failed


def _unfit(runs: Sequence[Trajectory], count: int) -> str:
    """Return what keeps runs from being such on a sequence of as many frames; "" for nothing."""
    for one in runs:
        if len(one.codes) != count:
            return f"{plural(len(one.codes), 'row')} for {plural(count, 'frame')} ({one.place})"
        if not (one.codes == Code.STARTED).any():
            return f"no row is 1, a start: not a result of the supervised experiment ({one.place})"
    return ""


def _score(
    rules: Rules,
    label: str,
    runs: Mapping[str, Sequence[Trajectory]],
    failed: Mapping[str, str],
    truth: Benchmark,
    interval: tuple[int, int] | None,
) -> Score:
    sequences = [
        sequence_runs(rules, one, runs[name], truth.year)
        for name, one in truth.sequences.items()
        if name not in failed
    ]
    if not sequences:
        return Score(label, Figures(math.nan, math.nan, math.nan, 0, 0), math.nan, {}, failed, {})
    tags = sorted({tag for one in sequences for tag in one.tags})
    return Score(
        label,
        vot_rules.figures(rules, sequences),
        _eao(rules, sequences, interval),
        {one.name: vot_rules.sequence_figures(rules, one) for one in sequences},
        failed,
        {
            tag: (
                vot_rules.tag_figures(sequences, tag) if rules is Rules.MATLAB else None,
                _eao(rules, sequences, interval, tag),
            )
            for tag in tags
            if rules is not Rules.TOOLKIT
        },
        tuple(sequences),
    )


def _eao(
    rules: Rules,
    sequences: Sequence[SequenceRuns],
    interval: tuple[int, int] | None,
    tag: str | None = None,
) -> float:
    if interval is None:
        return math.nan
    curve = vot_rules.expected_overlap(rules, sequences, tag)
    return vot_rules.eao_score(rules, curve, interval)


def _interval(truth: Benchmark) -> tuple[int, int] | None:
    """Return the year's interval, or that of the sequences' lengths where it has none."""
    if truth.year in eao.INTERVALS:
        return eao.INTERVALS[truth.year]
    lengths = np.array([len(one.regions) for one in truth.sequences.values()], dtype=np.float64)
    return eao.interval_of(lengths) if len(np.unique(lengths)) > 1 else None


def _weighted(one: Score) -> dict[str, float | None]:
    each = list(one.sequences.values())
    return {"weighted_failures": vot_rules.weighted_failures(each) if each else None}


def _figures_json(one: Figures) -> dict[str, Any]:
    return {
        "accuracy": _number(one.accuracy),
        "robustness": _number(one.robustness),
        "failures": _number(one.failures),
        "frames": one.frames,
        "counted": one.counted,
    }


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


def _cell(one: Score, value: float, form: str = ".3f") -> str:
    if math.isnan(value):
        return "-"
    return f"{value:{form}}" + ("*" if one.failed else "")


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
