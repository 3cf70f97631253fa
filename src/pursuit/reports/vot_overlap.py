"""Scores of VOT's unsupervised experiment, nobody helped after the start: table and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from pursuit.datasets.vot import Benchmark
from pursuit.measures import vot_rules
from pursuit.measures.speed import Speed
from pursuit.measures.statistics import ratio
from pursuit.reports import comparison
from pursuit.reports.grid import grid
from pursuit.reports.numbers import cells, fps_cell, number
from pursuit.reports.stored_vot import sequence_runs
from pursuit.reports.vot import Runs, pace, trajectory


@dataclass(frozen=True)
class TrackerScore:
    """How a tracker did; every frame counts the same.

    Attributes:
        label: what it is called.
        sequences: name -> mean overlap and number of frames.
        failed: the others, and why.
        speed: the pace over all updates, None where there were none.
    """

    label: str
    sequences: Mapping[str, tuple[float, int]]
    failed: Mapping[str, str]
    speed: Speed | None

    @property
    def overlap(self) -> float:
        """Mean overlap of all frames; NaN where it ran on nothing."""
        return float(ratio(sum(self._sums.values(), np.zeros(2))))

    @cached_property
    def interval(self) -> tuple[float, ...]:
        """Ends of its 95 % interval, sequences drawn again; none without any."""
        return comparison.interval(self._sums, ratio)

    @property
    def _sums(self) -> dict[str, NDArray[np.float64]]:
        return {
            name: np.array([overlap * frames, frames], dtype=np.float64)
            for name, (overlap, frames) in self.sequences.items()
        }


def scores(
    runs: Runs, failed: Mapping[str, Mapping[str, str]], truth: Benchmark
) -> list[TrackerScore]:
    """Return the scores of trackers; arguments are as in `reports.vot.scores`."""
    rules = vot_rules.Rules.MATLAB
    found = []
    for label, each in runs.items():
        parts = {}
        for name, several in each.items():
            mine = [trajectory(run) for run in several]
            judged = sequence_runs(rules, truth.sequences[name], mine, truth.year)
            parts[name] = (vot_rules.average_overlap(rules, [judged]), len(judged))
        found.append(TrackerScore(label, parts, failed[label], pace(list(each.values()))))
    return found


def table(found: Sequence[TrackerScore]) -> Table:
    """Return a row a tracker, the greatest overlap first."""
    rows = grid("tracker", ("average\noverlap", "95 %", "fps", "run on"))
    for one in sorted(found, key=lambda one: -np.nan_to_num(one.overlap, nan=-1)):
        mark = "*" if one.failed and one.sequences else ""
        rows.add_row(
            one.label,
            *cells(one.overlap),
            comparison.interval_cell(one.interval),
            fps_cell(one.speed.fps if one.speed else None),
            f"{len(one.sequences)}/{len(one.sequences) + len(one.failed)}{mark}",
        )
    return rows


def summary(found: Sequence[TrackerScore]) -> str:
    """Return the overlap of the only tracker, with its interval, as a line has it."""
    (one,) = found
    return comparison.with_interval("average overlap", one.overlap, one.interval)


def as_json(found: Sequence[TrackerScore]) -> dict[str, Any]:
    """Return scores as what JSON can hold; what there is no number for is None."""
    return {
        one.label: {
            "average_overlap": number(one.overlap),
            "interval": list(one.interval) or None,
            "fps": one.speed and number(one.speed.fps),
            "p95_ms": one.speed and number(one.speed.p95_ms),
            "decode_ms": one.speed and number(one.speed.decode_ms),
            "sequences": {
                name: {"average_overlap": number(overlap), "frames": frames}
                for name, (overlap, frames) in one.sequences.items()
            },
            "failed": dict(one.failed),
        }
        for one in found
    }
