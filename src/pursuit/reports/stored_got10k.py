"""Scores of GOT-10k results that lie on disk, of any tracker; and as JSON and table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from pursuit.datasets.reading import plural
from pursuit.measures import got10k as measures
from pursuit.measures.got10k import Figures
from pursuit.measures.statistics import ratio
from pursuit.reports import comparison
from pursuit.reports.comparison import NO_NUMBER, Comparison, Contender
from pursuit.reports.grid import grid
from pursuit.reports.numbers import fps_cell, number
from pursuit.results.got10k_found import Found, Truth

Array = NDArray[np.float64]
_RATES = {"sr50": 0.5, "sr75": 0.75}


@dataclass(frozen=True)
class SequenceScore:
    """How well a tracker did on one sequence.

    Attributes:
        name: of the sequence.
        kind: class of the target, "" where it is not known.
        overlaps: (N,) of the frames that count, of all runs.
        rows: number of rows of labels.
        runs: number of runs.
        seconds: (M,) times of frames.
    """

    name: str
    kind: str
    overlaps: Array
    rows: int
    runs: int
    seconds: Array


@dataclass(frozen=True)
class Score:
    """How well a tracker did; every frame of every run counts the same.

    Attributes:
        label: what it is called.
        sequences: those it has a right result on.
        failed: the others, and what is wrong.
    """

    label: str
    sequences: tuple[SequenceScore, ...]
    failed: Mapping[str, str]

    @property
    def figures(self) -> Figures:
        """AO and success rates, frames pooled."""
        return measures.pooled([one.overlaps for one in self.sequences])

    @property
    def balanced(self) -> Figures | None:
        """They with every class counting the same; None where a class is not known."""
        kinds = [one.kind for one in self.sequences]
        if not all(kinds):
            return None
        return measures.class_balanced([one.overlaps for one in self.sequences], kinds)

    @property
    def fps(self) -> float:
        """Mean of one over the time of each frame; NaN where no times are stored."""
        seconds = [one.seconds for one in self.sequences]
        return measures.speed_fps(np.concatenate([np.empty(0), *seconds]))

    @property
    def sums(self) -> dict[str, Array]:
        """What AO is made of: sequence -> sum of its overlaps and their number."""
        return {
            one.name: np.array([one.overlaps.sum(), len(one.overlaps)]) for one in self.sequences
        }

    @cached_property
    def intervals(self) -> dict[str, tuple[float, ...]]:
        """Measure -> ends of its 95 % interval, sequences drawn again; none without a number."""
        rates = {
            name: {part.name: _above(part, least) for part in self.sequences}
            for name, least in _RATES.items()
        }
        each = {"ao": self.sums, **rates}
        return {name: comparison.interval(sums, ratio) for name, sums in each.items()}

    @cached_property
    def balanced_interval(self) -> tuple[float, ...]:
        """Ends of the 95 % interval of the AO of `balanced`; none without it.

        Sequences are drawn again; a class of which none is drawn does not count.
        """
        if not self.balanced:
            return ()
        kinds = sorted({one.kind for one in self.sequences})
        sums = {}
        for one in self.sequences:
            sums[one.name] = np.zeros((len(kinds), 2))
            if len(one.overlaps):
                sums[one.name][kinds.index(one.kind)] = one.overlaps.mean(), 1
        flat = {name: each.ravel() for name, each in sums.items()}
        return comparison.interval(flat, measures.mean_of_classes)

    @property
    def wrong(self) -> list[str]:
        """What its means lack and why, a line each."""
        return [f"{self.label} on {name}: {why}" for name, why in self.failed.items()]


def judge(found: Found, truths: Mapping[str, Truth]) -> tuple[list[Score], list[str]]:
    """Return the scores of all trackers, the best AO first, and notes on them.

    What is wrong with a result is told by the score's `failed`, as is a result that lacks.
    """
    scores = [_score(label, found, truths) for label in found.boxes.found]
    scores.sort(key=lambda one: (math.isnan(one.figures.ao), -one.figures.ao, one.label))
    others = [f"not scored, of another protocol: {name}" for name in found.others]
    return scores, [*found.notes, *others, *_notes(found, truths)]


def sequence_score(truth: Truth, runs: Sequence[Array], seconds: Array) -> SequenceScore:
    """Return the score of runs (T, 4) on a sequence; `seconds` (M,) are times of frames."""
    overlaps = [measures.overlaps(run, truth.boxes, truth.size, truth.seen) for run in runs]
    together = np.concatenate(overlaps)
    return SequenceScore(truth.name, truth.kind, together, len(truth.boxes), len(runs), seconds)


def table(scores: Sequence[Score]) -> Table:
    """Return a row a tracker; * marks means that lack sequences."""
    against = _comparisons(scores)
    balanced = [] if all(one.balanced is None for one in scores) else ["mAO"]
    titles = ("AO", "95 %", "SR\n0.5", "SR\n0.75", *balanced, "fps", "p", "run on")
    rows = grid("tracker", titles)
    for one in scores:
        figures, mean = one.figures, one.balanced
        rows.add_row(
            one.label,
            _cell(one, figures.ao),
            comparison.interval_cell(one.intervals["ao"]),
            _cell(one, figures.sr50),
            _cell(one, figures.sr75),
            *([_cell(one, mean.ao if mean else math.nan)] if balanced else []),
            fps_cell(one.fps),
            comparison.p_cell(against.get(one.label)),
            f"{len(one.sequences)}/{len(one.sequences) + len(one.failed)}",
        )
    return rows


def as_json(scores: Sequence[Score]) -> dict[str, Any]:
    """Return scores as what JSON can hold: tracker -> measures, `sequences`, and `failed`.

    Means are over `sequences`; what there is no number for is None.
    """
    against = _comparisons(scores)
    return {
        one.label: {
            **_figures_json(one.figures),
            "fps": number(one.fps),
            "ao_interval": list(one.intervals["ao"]) or None,
            "success": _curve_json(one),
            "class_balanced": None if one.balanced is None else _figures_json(one.balanced),
            "sequences": {part.name: _part_json(part) for part in one.sequences},
            "failed": dict(one.failed),
            "against_best": comparison.as_json(against.get(one.label)),
        }
        for one in scores
    }


def _score(label: str, found: Found, truths: Mapping[str, Truth]) -> Score:
    runs, wrong = found.boxes.found[label], found.boxes.wrong[label]
    seconds = found.seconds.get(label, {})
    parts, failed = [], {}
    for at, truth in truths.items():
        why = _unfit(runs[at], truth) if at in runs else wrong.get(at, "no result")
        if why:
            place = found.boxes.places.get((label, at), "")
            failed[truth.name] = why if place in why else f"{why} ({place})"
        else:
            parts.append(sequence_score(truth, runs[at], seconds.get(at, np.empty(0))))
    return Score(label, tuple(parts), failed)


def _unfit(runs: Sequence[Array], truth: Truth) -> str:
    """Return what keeps runs from being such on a sequence; "" for nothing."""
    labels = len(truth.boxes)
    for at, rows in enumerate(map(len, runs), start=1):
        if rows != labels:
            which = f"run {at} of {len(runs)} has " if len(runs) > 1 else ""
            return f"{which}{plural(rows, 'row')} of boxes for {plural(labels, 'label')}"
    return ""


def _notes(found: Found, truths: Mapping[str, Truth]) -> list[str]:
    """Return what is odd, but does not keep a result from being scored."""
    lines = []
    sizeless = [one.name for one in truths.values() if one.size is None]
    if sizeless:
        lines.append(
            f"the size of the frames of {plural(len(sizeless), 'sequence')} is not known, first "
            f"{sizeless[0]}: boxes are not brought into the frame there, as the toolkit does"
        )
    unseen = [one.name for one in truths.values() if not _counts(one)]
    if unseen:
        lines.append(
            f"no frame after the first has a label and is seen in "
            f"{plural(len(unseen), 'sequence')}, first {unseen[0]}: nothing of it counts"
        )
    known = sum(bool(one.kind) for one in truths.values())
    if 0 < known < len(truths):
        lines.append(f"no mAO: {len(truths) - known} of {len(truths)} sequences tell no class")
    for label, sequences in found.boxes.found.items():
        bad = {name: _bad_rows(runs) for name, runs in sequences.items() if _bad_rows(runs)}
        if bad:
            rows, first = plural(sum(bad.values()), "row"), truths[next(iter(bad))].name
            lines.append(
                f"{label}: {rows} of {plural(len(bad), 'sequence')} NaN or infinite, first in "
                f"{first}; they overlap by 0"
            )
    return lines


def _above(part: SequenceScore, least: float) -> Array:
    return np.array([(part.overlaps > least).sum(), len(part.overlaps)], dtype=np.float64)


def _counts(one: Truth) -> bool:
    """Return whether any frame of a sequence counts."""
    return bool((np.isfinite(one.boxes).all(axis=1) & one.seen)[1:].any())


def _bad_rows(runs: Sequence[Array]) -> int:
    return sum(int((~np.isfinite(run[1:]).all(axis=1)).sum()) for run in runs)


def _comparisons(scores: Sequence[Score]) -> dict[str, Comparison]:
    return comparison.comparisons(
        [Contender(one.label, one.sums, not one.failed) for one in scores], ratio
    )


def _curve_json(one: Score) -> list[float] | None:
    curve = measures.success_curve([part.overlaps for part in one.sequences])
    return None if np.isnan(curve).any() else curve.tolist()


def _part_json(part: SequenceScore) -> dict[str, Any]:
    return {
        **_figures_json(measures.pooled([part.overlaps])),
        "fps": number(measures.speed_fps(part.seconds)),
        "length": part.rows - 1,
        "frames": len(part.overlaps),
        "runs": part.runs,
        "class": part.kind or None,
    }


def _figures_json(figures: Figures) -> dict[str, float | None]:
    return {name: number(value) for name, value in asdict(figures).items()}


def _cell(one: Score, value: float) -> str:
    if math.isnan(value):
        return NO_NUMBER
    return f"{value:.3f}" + ("*" if one.failed else "")
