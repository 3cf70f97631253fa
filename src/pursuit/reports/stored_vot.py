"""Scores of stored VOT results against a ground truth: table and JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich import box
from rich.table import Table

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
        sequences: on each, by name.
        tags: on the frames of each tag, and the EAO of it: MATLAB's rules have both, pysot's the
            latter, the Python toolkit's neither.
    """

    label: str
    total: Figures
    eao: float
    sequences: Mapping[str, Figures]
    tags: Mapping[str, tuple[Figures | None, float]]


@dataclass(frozen=True)
class Scores:
    """Scores of trackers.

    Attributes:
        rules: whose definitions.
        interval: of lengths that EAO is over; None where there is none.
        trackers: the best EAO first.
        notes: what must be said beside, a line each.
    """

    rules: Rules
    interval: tuple[int, int] | None
    trackers: tuple[Score, ...]
    notes: tuple[str, ...]


def scores(rules: Rules, results: StoredResults, truth: Benchmark) -> Scores:
    """Return the scores of all trackers that ran on the sequences of a ground truth.

    One that has results on others too ran on another benchmark: it is not scored, and a note
    says so.

    Raises:
        DataError: no tracker ran on these; one lacks a sequence, or a result does not fit; or the
            size of pictures is needed and not known.
    """
    foreign = {name: _foreign(runs, truth) for name, runs in results.runs.items()}
    notes = [f"not scored: {name} {why}" for name, why in foreign.items() if why]
    mine = [name for name, why in foreign.items() if not why]
    if not mine:
        raise DataError(f"nothing to score: {next((line[12:] for line in notes), 'no tracker')}")
    interval = _interval(truth)
    found = []
    for name in mine:
        _check(name, results.runs[name], truth)
        found.append(_score(rules, name, results.runs[name], truth, interval))
    found.sort(key=lambda one: (math.isnan(one.eao), -one.eao, one.label))
    notes += [f"not scored: {name}: only the supervised experiment is" for name in results.others]
    notes.insert(0, _said_of(interval, truth.year, rules))
    return Scores(rules, interval, tuple(found), tuple(notes))


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
    """Return a row a tracker, the best EAO first."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    grid.add_column("tracker", overflow="fold", max_width=24)
    robust = "failures\nin 100" if found.rules is Rules.PYSOT else "R"
    for title in ("A", robust, "failures", "EAO", "sequences"):
        grid.add_column(title, justify="right", no_wrap=True)
    for one in found.trackers:
        grid.add_row(
            one.label,
            _cell(one.total.accuracy),
            _cell(one.total.robustness),
            f"{one.total.failures:.4g}",
            _cell(one.eao),
            str(len(one.sequences)),
        )
    return grid


def as_json(found: Scores) -> dict[str, Any]:
    """Return scores as what JSON can hold: tracker -> measures; no number is None."""
    return {
        one.label: {
            **_figures_json(one.total),
            "eao": _number(one.eao),
            "eao_interval": None if found.interval is None else list(found.interval),
            "rules": found.rules.value,
            **(_weighted(one) if found.rules is Rules.TOOLKIT else {}),
            "tags": {
                tag: {**(_figures_json(mine) if mine else {}), "eao": _number(value)}
                for tag, (mine, value) in one.tags.items()
            },
            "sequences": {name: _figures_json(part) for name, part in one.sequences.items()},
        }
        for one in found.trackers
    }


def _foreign(runs: Mapping[str, Sequence[Trajectory]], truth: Benchmark) -> str:
    """Return what a tracker ran on that the ground truth lacks, as a message; "" for nothing."""
    other = [name for name in runs if name not in truth.sequences]
    if not other:
        return ""
    hint = nearest(other[0], truth.sequences)
    return f"has results on {other[0]}{_more(other)}, not in the ground truth{hint}"


def _check(name: str, runs: Mapping[str, Sequence[Trajectory]], truth: Benchmark) -> None:
    missing = [part for part in truth.sequences if part not in runs]
    if missing:
        raise DataError(
            f"{name} has no result on {missing[0]}{_more(missing)}: its means could not be compared"
        )
    for part, trajectories in runs.items():
        count = len(truth.sequences[part].regions)
        for one in trajectories:
            if len(one.codes) != count:
                raise DataError(f"{one.place}: {len(one.codes)} rows for {count} frames of {part}")
            if not (one.codes == Code.STARTED).any():
                raise DataError(
                    f"{one.place}: no row is 1, a start: not a result of the supervised experiment"
                )


def _score(
    rules: Rules,
    label: str,
    runs: Mapping[str, Sequence[Trajectory]],
    truth: Benchmark,
    interval: tuple[int, int] | None,
) -> Score:
    sequences = [
        sequence_runs(rules, one, runs[name], truth.year) for name, one in truth.sequences.items()
    ]
    tags = sorted({tag for one in sequences for tag in one.tags})
    return Score(
        label,
        vot_rules.figures(rules, sequences),
        _eao(rules, sequences, interval),
        {one.name: vot_rules.sequence_figures(rules, one) for one in sequences},
        {
            tag: (
                vot_rules.tag_figures(sequences, tag) if rules is Rules.MATLAB else None,
                _eao(rules, sequences, interval, tag),
            )
            for tag in tags
            if rules is not Rules.TOOLKIT
        },
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


def _said_of(interval: tuple[int, int] | None, year: int | None, rules: Rules) -> str:
    if interval is None:
        return f"no EAO: it needs sequences of two lengths at least; rules: {rules.value}"
    whose = f"VOT{year}'s" if year in eao.INTERVALS else "from those of the sequences"
    return f"EAO over lengths {interval[0]} to {interval[1]}, {whose}; rules: {rules.value}"


def _weighted(one: Score) -> dict[str, float]:
    return {"weighted_failures": vot_rules.weighted_failures(list(one.sequences.values()))}


def _figures_json(one: Figures) -> dict[str, Any]:
    return {
        "accuracy": _number(one.accuracy),
        "robustness": _number(one.robustness),
        "failures": one.failures,
        "frames": one.frames,
        "counted": one.counted,
    }


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


def _cell(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
