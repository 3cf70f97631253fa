"""VOT2014's ranks of trackers with stored results, as a table and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from pursuit.datasets.reading import plural
from pursuit.measures import vot_ranking
from pursuit.measures.vot_ranking import Ranking, Ranks
from pursuit.measures.vot_rules import Rules
from pursuit.reports.grid import grid
from pursuit.reports.numbers import NONE, number
from pursuit.reports.stored_vot import Score, Scores
from pursuit.results.vot import BASELINE, NOISE

SHORT = {NOISE: "noise"}  # in titles


def ranks(found: Scores) -> Ranks | None:
    """Return the ranks of trackers; None where there are none.

    They are the MATLAB toolkit's, by its overlaps: the other programs have no ranks.
    """
    return ranks_of(found.trackers, found.experiment) if found.rules is Rules.MATLAB else None


def ranks_of(trackers: Sequence[Score], experiment: str = BASELINE) -> Ranks | None:
    """Return the ranks of trackers, None where there are not two with all results.

    Trackers that lack results in an experiment are not ranked in it. Where two at least have all
    of the one with noisy starts too, it counts as much as the other.

    Args:
        trackers: their scores, by the MATLAB toolkit's rules.
        experiment: whose they are.
    """
    noisy = {one.label: one.noise for one in trackers if one.noise}
    each = {experiment: {one.label: one for one in trackers}, **({NOISE: noisy} if noisy else {})}
    return vot_ranking.ranks(
        {
            name: {label: one.runs for label, one in scores.items() if one.runs and not one.failed}
            for name, scores in each.items()
        }
    )


def table(found: Ranks) -> Table:
    """Return a row a tracker, the best overall rank first."""
    titles = ["accuracy", "robustness"]
    if len(found.experiments) > 1:
        names = [*(SHORT.get(name, name) for name in found.experiments), "both"]
        titles = [title for name in names for title in (f"{name}\nA", "R")]
    rows = grid("ranks", (*titles, "mean"))
    for label in in_order(found):
        each = [one.average(label) for one in found.experiments.values()]
        both = [found.average(label)] if len(each) > 1 else []
        values = [value for pair in (*each, *both) for value in pair]
        rows.add_row(label, *map(_cell, (*values, found.overall(label))))
    return rows


def caption(found: Ranks) -> str:
    """Return what the ranks are over, and what decided whether trackers are equal."""
    decided = (
        "tests and practical.value" if practical(found) else "tests alone (no practical.value)"
    )
    return f"ranks: VOT2014's, over {parts(found)}; equal by {decided}"


def parts(found: Ranks) -> str:
    """Return how many attributes or sequences were ranked apart, in words."""
    first = next(iter(found.experiments.values()))
    return plural(len(first.parts), "tag" if first.tagged else "sequence")


def practical(found: Ranks) -> bool:
    """Return whether differences of overlap that matter were known."""
    return any(one.practical for one in found.experiments.values())


def in_order(found: Ranks) -> list[str]:
    """Return the trackers, the best overall rank first, those without one last."""

    def place(label: str) -> tuple[bool, float, str]:
        value = found.overall(label)
        return math.isnan(value), value, label

    return sorted(found.trackers, key=place)


def as_json(found: Ranks | None, label: str) -> dict[str, Any] | None:
    """Return a tracker's ranks as what JSON can hold; None where it is not ranked."""
    if found is None or label not in found.trackers:
        return None
    return {
        **_pair(found.average(label)),
        "mean": number(found.overall(label)),
        "experiments": {
            name: _experiment(one, label)
            for name, one in found.experiments.items()
            if label in one.trackers
        },
    }


def _experiment(one: Ranking, label: str) -> dict[str, Any]:
    at = one.trackers.index(label)
    parts = zip(one.parts, one.accuracy[at], one.robustness[at], strict=True)
    return {
        **_pair(one.average(label)),
        "practical_difference": one.practical,
        "tags" if one.tagged else "sequences": {name: _pair((a, r)) for name, a, r in parts},
    }


def _pair(values: tuple[float, float]) -> dict[str, float | None]:
    return {"accuracy": number(values[0]), "robustness": number(values[1])}


def _cell(value: float) -> str:
    return NONE if math.isnan(value) else f"{value:.2f}"
