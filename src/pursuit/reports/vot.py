"""Scores of trackers that were started again after failures, as VOT does: table and JSON."""

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

from pursuit.measures import vot as measures
from pursuit.measures.statistics import bootstrap_draws, interval
from pursuit.results.vot import Run

Array = NDArray[np.float64]

_NONE = "-"


@dataclass(frozen=True)
class SequenceScore:
    """How a tracker did on one sequence.

    Attributes:
        name: of the sequence.
        frames: number of labelled frames.
        failures: how often it failed.
        counted: number of frames that count for accuracy.
        overlap: sum of their overlaps.
    """

    name: str
    frames: int
    failures: int
    counted: int
    overlap: float


@dataclass(frozen=True)
class Figures:
    """A tracker's two measures and GOTURN's three errors, each a number or (D,) draws."""

    accuracy: Array
    robustness: Array

    @property
    def errors(self) -> dict[str, Array]:
        """1 - A, 1 - R and their mean, by the names of GOTURN's Table 1."""
        return {
            "overall": measures.overall_error(self.accuracy, self.robustness),
            "accuracy": np.asarray(1 - self.accuracy),
            "robustness": np.asarray(1 - self.robustness),
        }


@dataclass(frozen=True)
class TrackerScore:
    """How a tracker did on a data set; every frame counts the same.

    Attributes:
        label: what the tracker is called.
        sequences: those it ran on.
        failed: the others, and why.
    """

    label: str
    sequences: tuple[SequenceScore, ...]
    failed: Mapping[str, str]

    @property
    def total(self) -> int:
        """Number of sequences it should have run on."""
        return len(self.sequences) + len(self.failed)

    @property
    def failures(self) -> int:
        """How often it failed on them."""
        return sum(one.failures for one in self.sequences)

    @property
    def frames(self) -> int:
        """Number of their labelled frames."""
        return sum(one.frames for one in self.sequences)

    @property
    def figures(self) -> Figures:
        """What is measured; NaN where it ran on nothing, or too few frames count."""
        if not self.sequences:
            return Figures(np.array(math.nan), np.array(math.nan))
        return _figures(self.sequences, np.arange(len(self.sequences)))

    @cached_property
    def drawn(self) -> Figures | None:
        """What is measured on sequences drawn again, 10,000 times; None where there is one."""
        if len(self.sequences) < 2:
            return None
        return _figures(self.sequences, bootstrap_draws(len(self.sequences)))


def sequence_score(name: str, run: Run, truth: Array) -> SequenceScore:
    """Return the score of a run on a sequence with labels (T, 4)."""
    overlaps = measures.overlaps(run.boxes, run.codes, truth)
    return SequenceScore(
        name=name,
        frames=int(measures.labelled(truth).sum()),
        failures=measures.failures(run.codes),
        counted=len(overlaps),
        overlap=float(overlaps.sum()),
    )


def table(scores: Sequence[TrackerScore]) -> Table:
    """Return a row a tracker, the least overall error first, with 95 % intervals below."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    grid.add_column("tracker", overflow="fold", max_width=20)
    titles = ("A", "R", "failures", "overall\nerror", "1 - A", "1 - R", "run on")
    for title in titles:
        grid.add_column(title, justify="right", no_wrap=True)
    for one in ranked(scores):
        mark = "*" if one.failed and one.sequences else ""
        grid.add_row(
            one.label,
            *_cells(one.figures.accuracy, one.figures.robustness),
            f"{one.failures}" if one.sequences else _NONE,
            *_cells(*one.figures.errors.values()),
            f"{len(one.sequences)}/{one.total}{mark}",
        )
        if one.drawn is None:
            continue
        for end, title in enumerate(("  95 %, from", "          to")):
            ends = [interval(drawn)[end] for drawn in _all(one.drawn)]
            cells = _cells(*ends)
            grid.add_row(title, *cells[:2], "", *cells[2:], "", style="dim")
    return grid


def notes(scores: Sequence[TrackerScore]) -> list[str]:
    """Return what must be said below the table, a line each."""
    lines = []
    if any(one.failed and one.sequences for one in scores):
        lines.append("* of the sequences that it ran on: not to be compared with the others")
    for one in scores:
        lines += [f"failed: {one.label} on {name}: {why}" for name, why in one.failed.items()]
    return lines


def ranked(scores: Sequence[TrackerScore]) -> list[TrackerScore]:
    """Return scores by overall error, the least first, those without any last."""

    def error(one: TrackerScore) -> tuple[bool, float]:
        value = float(one.figures.errors["overall"])
        return math.isnan(value), value

    return sorted(scores, key=error)


def as_json(scores: Sequence[TrackerScore]) -> dict[str, Any]:
    """Return scores as what JSON can hold; what there is no number for is None."""
    return {one.label: _tracker_json(one) for one in scores}


def _tracker_json(one: TrackerScore) -> dict[str, Any]:
    names = ("accuracy", "robustness", *(f"{name}_error" for name in one.figures.errors))
    drawn = [math.nan] * 2
    ends = [drawn] * len(names) if one.drawn is None else [interval(x) for x in _all(one.drawn)]
    return {
        **{name: _number(value) for name, value in zip(names, _all(one.figures), strict=True)},
        "failures": one.failures,
        "frames": one.frames,
        "interval": {
            name: [_number(end) for end in both] for name, both in zip(names, ends, strict=True)
        },
        "sequences": {
            part.name: {
                "accuracy": part.overlap / part.counted if part.counted else None,
                "counted": part.counted,
                "failures": part.failures,
                "frames": part.frames,
            }
            for part in one.sequences
        },
        "failed": dict(one.failed),
    }


def _figures(sequences: Sequence[SequenceScore], draws: NDArray[np.int64]) -> Figures:
    """Return the figures of sequences by their numbers (..., N)."""
    rows = np.array([(one.overlap, one.counted, one.failures, one.frames) for one in sequences])
    overlap, counted, failures, frames = np.moveaxis(rows[draws], -1, 0)
    return Figures(measures.accuracy(overlap, counted), measures.robustness(failures, frames))


def _all(figures: Figures) -> list[Array]:
    return [figures.accuracy, figures.robustness, *figures.errors.values()]


def _cells(*values: Array | float) -> list[str]:
    return [_NONE if math.isnan(value) else f"{float(value):.3f}" for value in values]


def _number(value: Array | float) -> float | None:
    return float(value) if math.isfinite(value) else None
