"""Scores of trackers that were run by GOT-10k's protocol: table and JSON.

The measures are those of `reports.stored_got10k`, with intervals of the success rates and the pace
beside them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from rich.table import Table

from pursuit import datasets
from pursuit.measures.got10k import Figures
from pursuit.reports import stored_got10k
from pursuit.reports.grid import grid
from pursuit.reports.numbers import NONE, cells, fps_cell, number
from pursuit.reports.scores import pace
from pursuit.reports.stored_got10k import Score, SequenceScore
from pursuit.reports.timed import Timed
from pursuit.results.got10k_found import truth_of
from pursuit.results.otb import Run

TrackerScore = Timed[Score]


def tracker_score(
    label: str, ran: Sequence[tuple[datasets.Sequence, Sequence[Run]]], failed: Mapping[str, str]
) -> TrackerScore:
    """Return the score of a tracker's runs on sequences; a frame of each is decoded for its size.

    Args:
        label: what the tracker is called.
        ran: sequences with its runs on them.
        failed: name of each other sequence -> why.
    """
    parts = tuple(_sequence_score(*one) for one in ran)
    return Timed(Score(label, parts, failed), pace([run for _, runs in ran for run in runs]))


def table(found: Sequence[TrackerScore]) -> Table:
    """Return a row a tracker, the greatest AO first, with 95 % intervals below."""
    classes = any(one.score.sequences and one.score.balanced for one in found)
    more = ("mAO", "mSR\n0.5", "mSR\n0.75") if classes else ()
    titles = ("AO", "SR\n0.5", "SR\n0.75", *more, "fps", "run on")
    rows = grid("tracker", titles, name_width=20)
    for one in _ranked(found):
        ran, balanced = len(one.score.sequences), one.score.balanced
        rows.add_row(
            one.label,
            *cells(*_values(one.score.figures)),
            *((cells(*_values(balanced)) if balanced else [NONE] * 3) if classes else ()),
            fps_cell(one.score.fps),
            f"{ran}/{ran + len(one.failed)}{'*' if one.failed and ran else ''}",
        )
        if ran < 2:
            continue
        intervals = one.score.intervals.values()
        for end, title in enumerate(("  95 %, from", "          to")):
            ends = cells(*(both[end] if both else math.nan for both in intervals))
            rows.add_row(title, *ends, *[""] * (2 + 3 * classes), style="dim")
    return rows


def as_json(found: Sequence[TrackerScore]) -> dict[str, Any]:
    """Return scores as what JSON can hold; what there is no number for is None.

    All that `reports.stored_got10k.as_json` has, the intervals and the pace.
    """
    stored = stored_got10k.as_json([one.score for one in _ranked(found)])
    return {
        one.label: {
            **stored[one.label],
            "interval": {name: list(ends) or None for name, ends in one.score.intervals.items()},
            "p95_ms": one.speed and number(one.speed.p95_ms),
            "decode_ms": one.speed and number(one.speed.decode_ms),
        }
        for one in found
    }


def _ranked(found: Sequence[TrackerScore]) -> list[TrackerScore]:
    return sorted(found, key=lambda one: -np.nan_to_num(one.score.figures.ao, nan=-1))


def _sequence_score(sequence: datasets.Sequence, runs: Sequence[Run]) -> SequenceScore:
    """Return the score of runs; frames where nothing is seen of the target do not count."""
    truth = truth_of(sequence)
    seconds = np.concatenate([run.tracker_ms for run in runs]) / 1000
    return stored_got10k.sequence_score(truth, [run.boxes for run in runs], seconds)


def _values(figures: Figures) -> tuple[float, ...]:
    return tuple(asdict(figures).values())
