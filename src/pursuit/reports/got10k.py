"""Scores of trackers on GOT-10k: average overlap and success rates; table and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.table import Table

from pursuit import datasets
from pursuit.measures import got10k as measures
from pursuit.measures.got10k import Figures
from pursuit.measures.speed import Speed
from pursuit.measures.statistics import bootstrap_draws, interval
from pursuit.reports.numbers import NONE, cells, number
from pursuit.results.otb import Run

Array = NDArray[np.float64]
_NAMES = ("ao", "sr50", "sr75")


@dataclass(frozen=True)
class SequenceScore:
    """How a tracker did on one sequence.

    Attributes:
        name: of the sequence.
        kind: class of its target, "" where unknown.
        overlaps: (N,) those that count, of all runs.
        runs: how many.
    """

    name: str
    kind: str
    overlaps: Array
    runs: int


@dataclass(frozen=True)
class TrackerScore:
    """How a tracker did on a data set.

    Attributes:
        label: what the tracker is called.
        sequences: those it ran on.
        failed: the others, and why.
        speed: the pace over all updates, None where there were none.
    """

    label: str
    sequences: tuple[SequenceScore, ...]
    failed: Mapping[str, str]
    speed: Speed | None

    @property
    def figures(self) -> Figures:
        """Its measures, every frame counting the same; NaN where none counts."""
        return measures.pooled([one.overlaps for one in self.sequences])

    @property
    def balanced(self) -> Figures | None:
        """Its measures, every class counting the same; None where one is not known."""
        kinds = [one.kind for one in self.sequences]
        if not kinds or not all(kinds):
            return None
        return measures.class_balanced([one.overlaps for one in self.sequences], kinds)

    @cached_property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """Measure -> ends of its 95 % interval, sequences drawn again; none where there is one."""
        if len(self.sequences) < 2:
            return {}
        draws = bootstrap_draws(len(self.sequences))
        rows = np.array([_sums(one.overlaps) for one in self.sequences])[draws].sum(axis=1)
        frames = rows[:, :1]
        shares = np.divide(
            rows[:, 1:], frames, out=np.full_like(rows[:, 1:], np.nan), where=frames > 0
        )
        return {name: interval(shares[:, at]) for at, name in enumerate(_NAMES)}


def sequence_score(runs: Sequence[Run], sequence: datasets.Sequence) -> SequenceScore:
    """Return the score of runs on a sequence; its first frame is decoded for its size.

    Frames without a label, and those where nothing is seen of the target, do not count.
    """
    seen = sequence.labelled
    if sequence.hidden is not None:
        seen &= ~sequence.hidden
    size = sequence.size()
    parts = [
        measures.overlaps(np.nan_to_num(run.boxes), sequence.boxes, size, seen) for run in runs
    ]
    return SequenceScore(sequence.name, sequence.kind, np.concatenate(parts), len(runs))


def table(found: Sequence[TrackerScore]) -> Table:
    """Return a row a tracker, the greatest AO first, with 95 % intervals below."""
    classes = any(one.balanced for one in found)
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    grid.add_column("tracker", overflow="fold", max_width=20)
    more = ("mAO", "mSR\n0.5", "mSR\n0.75") if classes else ()
    for title in ("AO", "SR\n0.5", "SR\n0.75", *more, "fps", "run on"):
        grid.add_column(title, justify="right", no_wrap=True)
    for one in sorted(found, key=lambda one: -np.nan_to_num(one.figures.ao, nan=-1)):
        ran = len(one.sequences)
        balanced = cells(*_values(one.balanced)) if one.balanced else [NONE] * 3
        grid.add_row(
            one.label,
            *cells(*_values(one.figures)),
            *(balanced if classes else []),
            NONE if one.speed is None else f"{one.speed.fps:,.{int(one.speed.fps < 100)}f}",
            f"{ran}/{ran + len(one.failed)}{'*' if one.failed and ran else ''}",
        )
        for end, title in enumerate(("  95 %, from", "          to")):
            if one.intervals:
                ends = cells(*(both[end] for both in one.intervals.values()))
                grid.add_row(title, *ends, *[""] * (2 + 3 * classes), style="dim")
    return grid


def as_json(found: Sequence[TrackerScore]) -> dict[str, Any]:
    """Return scores as what JSON can hold; what there is no number for is None."""
    return {one.label: _tracker_json(one) for one in found}


def _tracker_json(one: TrackerScore) -> dict[str, Any]:
    balanced = one.balanced
    return {
        **_figures_json(one.figures),
        "class_balanced": balanced and _figures_json(balanced),
        "interval": {name: [number(end) for end in both] for name, both in one.intervals.items()},
        "fps": one.speed and number(one.speed.fps),
        "p95_ms": one.speed and number(one.speed.p95_ms),
        "decode_ms": one.speed and number(one.speed.decode_ms),
        "sequences": {
            part.name: {
                **_figures_json(measures.pooled([part.overlaps])),
                "frames": len(part.overlaps) // part.runs,
                "runs": part.runs,
                "class": part.kind or None,
            }
            for part in one.sequences
        },
        "failed": dict(one.failed),
    }


def _figures_json(figures: Figures) -> dict[str, float | None]:
    return {name: number(value) for name, value in zip(_NAMES, _values(figures), strict=True)}


def _values(figures: Figures) -> tuple[float, float, float]:
    return figures.ao, figures.sr50, figures.sr75


def _sums(overlaps: Array) -> tuple[float, float, float, float]:
    return (
        float(len(overlaps)),
        float(overlaps.sum()),
        float((overlaps > 0.5).sum()),
        float((overlaps > 0.75).sum()),
    )
