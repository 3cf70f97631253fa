"""Scores of stored VOT results as a table and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from rich.table import Table

from pursuit.measures import vot, vot_rules
from pursuit.measures.vot_rules import Figures, Rules
from pursuit.reports import comparison
from pursuit.reports.comparison import NO_NUMBER, Comparison, Contender
from pursuit.reports.grid import grid
from pursuit.reports.numbers import number
from pursuit.reports.stored_vot import Score, Scores, Unsupervised


def tables(found: Scores) -> list[Table]:
    """Return a row a tracker, the best EAO first; * marks means that lack sequences.

    Where there are results with noisy starts, and without resets, further tables have them.
    """
    robust = "failures\nin 100" if found.rules is Rules.PYSOT else "R"
    rows = grid("tracker", ("A", robust, "failures", "EAO", "95 %", "p", "run on"))
    against = comparisons(found)
    for one in found.trackers:
        rows.add_row(
            one.label,
            _cell(one.total.accuracy, one.failed),
            _cell(one.total.robustness, one.failed),
            _cell(one.total.failures, one.failed, ".4g"),
            _cell(one.eao, one.failed),
            comparison.interval_cell(comparison.interval(one.sums, found.totals.eao)),
            comparison.p_cell(against.get(one.label)),
            _ran(one.sequences, one.failed),
        )
    noisy = [one.noise for one in found.trackers if one.noise]
    beside = [one for one in found.trackers if one.unsupervised]
    return [
        rows,
        *([_noisy(noisy, robust)] if noisy else []),
        *([_without_resets(beside)] if beside else []),
    ]


def as_json(found: Scores) -> dict[str, Any]:
    """Return scores as what JSON can hold: tracker -> measures, `sequences`, and `failed`.

    Means are over `sequences`; what there is no number for is None.
    """
    against = comparisons(found)
    return {
        one.label: {
            **_figures_json(one.total),
            "eao": number(one.eao),
            "eao_interval": None if found.interval is None else list(found.interval),
            "interval": _intervals(one, found),
            "against_best": comparison.as_json(against.get(one.label)),
            "rules": found.rules.value,
            "ar": _ar(one),
            "region_noise": _noise_json(one.noise),
            "unsupervised": _unsupervised_json(one.unsupervised),
            "eao_mean": number(one.eao_mean),
            **(_weighted(one) if found.rules is Rules.TOOLKIT else {}),
            "tags": {
                tag: {**(_figures_json(mine) if mine else {}), "eao": number(value)}
                for tag, (mine, value) in one.tags.items()
            },
            "sequences": {name: _figures_json(part) for name, part in one.sequences.items()},
            "failed": dict(one.failed),
        }
        for one in found.trackers
    }


def comparisons(found: Scores) -> dict[str, Comparison]:
    """Return label -> how a tracker's EAO compares with the best one's, for all others."""
    contenders = [Contender(one.label, one.sums, not one.failed) for one in found.trackers]
    return comparison.comparisons(contenders, found.totals.eao)


def _weighted(one: Score) -> dict[str, float | None]:
    each = list(one.sequences.values())
    return {"weighted_failures": vot_rules.weighted_failures(each) if each else None}


def _figures_json(one: Figures) -> dict[str, Any]:
    return {
        "accuracy": number(one.accuracy),
        "robustness": number(one.robustness),
        "failures": number(one.failures),
        "frames": one.frames,
        "counted": one.counted,
    }


def _intervals(one: Score, found: Scores) -> dict[str, list[float] | None]:
    """Return measure -> ends of its 95 % interval."""
    measures = {
        "accuracy": found.totals.accuracy,
        "robustness": found.totals.robustness,
        "eao": found.totals.eao,
    }
    return {
        name: list(comparison.interval(one.sums, measure)) or None
        for name, measure in measures.items()
    }


def _ar(one: Score) -> dict[str, Any]:
    """Return points (R, A) of the AR plot: frames pooled, and means of sequences and of tags."""
    tags = [mine for mine, _ in one.tags.values() if mine is not None]
    total = one.total
    pooled = math.nan
    if total.frames:
        pooled = float(vot.robustness(np.array([total.failures]), np.array([total.frames])))
    return {
        "sensitivity": vot.SENSITIVITY,
        "pooled": [number(pooled), number(total.accuracy)],
        "sequences": _mean_point(one.sequences.values(), weighted=False),
        "tags": _mean_point(tags, weighted=False),
        "tags_weighted": _mean_point(tags, weighted=True),
    }


def _mean_point(parts: Iterable[Figures], *, weighted: bool) -> list[float | None] | None:
    parts = list(parts)
    if not parts:
        return None
    columns = [(one.accuracy, one.failures, one.frames) for one in parts]
    accuracy, failures, frames = np.array(columns, dtype=np.float64).T
    weights = frames if weighted else np.ones_like(frames)
    return [number(value) for value in vot.ar_mean(accuracy, failures, frames, weights)]


def _noise_json(one: Score | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        **_figures_json(one.total),
        "eao": number(one.eao),
        "sequences": {name: _figures_json(part) for name, part in one.sequences.items()},
        "failed": dict(one.failed),
    }


def _unsupervised_json(one: Unsupervised | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "overlap": number(one.overlap),
        "eao": number(one.eao),
        "sequences": {name: number(value) for name, value in one.sequences.items()},
        "failed": dict(one.failed),
    }


def _noisy(found: Iterable[Score], robust: str) -> Table:
    """Return a row a tracker on the experiment with noisy starts."""
    rows = grid("region noise", ("A", robust, "failures", "EAO", "run on"))
    for one in found:
        rows.add_row(
            one.label,
            _cell(one.total.accuracy, one.failed),
            _cell(one.total.robustness, one.failed),
            _cell(one.total.failures, one.failed, ".4g"),
            _cell(one.eao, one.failed),
            _ran(one.sequences, one.failed),
        )
    return rows


def _without_resets(found: Iterable[Score]) -> Table:
    """Return a row a tracker on the unsupervised experiment, and the mean of both EAO."""
    rows = grid("without resets", ("overlap", "EAO", "mean of\nboth EAO", "run on"))
    for one in found:
        free = one.unsupervised
        if free is None:
            continue
        rows.add_row(
            one.label,
            _cell(free.overlap, free.failed),
            _cell(free.eao, free.failed),
            _cell(one.eao_mean, {**one.failed, **free.failed}),
            _ran(free.sequences, free.failed),
        )
    return rows


def _ran(sequences: Mapping[str, object], failed: Mapping[str, str]) -> str:
    return f"{len(sequences)}/{len(sequences) + len(failed)}"


def _cell(value: float, lacking: Mapping[str, str], form: str = ".3f") -> str:
    if math.isnan(value):
        return NO_NUMBER
    return f"{value:{form}}" + ("*" if lacking else "")
