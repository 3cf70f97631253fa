"""The tables of GOT-10k's scores."""

from __future__ import annotations

import math

from pursuit.measures import got10k as measures
from pursuit.reports.gathered_got10k import Got10kScores
from pursuit.reports.stored_got10k import Score, as_json
from pursuit.reports.tables import (
    LACKING,
    STAR,
    Cell,
    Table,
    beside,
    by_row,
    ends,
    left_out,
    number,
    ran,
    with_best,
    word,
)

_RATES = {"sr50": "SR 0.5", "sr75": "SR 0.75"}


def summary(scores: Got10kScores) -> Table:
    """Return a row a tracker: AO, success rates, both by classes where they are known, speed."""
    told = as_json(scores.trackers)
    classes = any(one.sequences and one.balanced for one in scores.trackers)
    timed = any(not math.isnan(one.fps) for one in scores.trackers)
    rows = []
    for one in scores.trackers:
        rival = told[one.label]["against_best"]
        row = [
            word(one.label),
            *_measured(one),
            *(_balanced(one) if classes else ()),
            number(rival["p"] if rival else math.nan, ".4f"),
            *([number(one.fps, ",.1f" if one.fps < 100 else ",.0f")] if timed else ()),
            ran(len(one.sequences), scores),
        ]
        rows.append(tuple(row))
    columns = ("Tracker", "AO", "95 %", *(x for rate in _RATES.values() for x in (rate, "95 %")))
    means = ("mAO", "95 %", *(f"m{rate}" for rate in _RATES.values())) if classes else ()
    table = Table(
        "got10k-summary",
        "Average overlap and success rates",
        "AO: mean overlap of all frames but the first; SR: share of frames with an overlap above "
        "0.5, 0.75; 95 %: the ends of the interval, sequences drawn again 10,000 times. "
        + ("mAO, mSR: the same, every class counting alike. " if classes else "")
        + "p: how often luck alone makes an AO differ so much from the best one's."
        + (STAR if any(one.failed for one in scores.trackers) else "")
        + left_out(scores),
        (*columns, *means, "p", *(("fps",) if timed else ()), "sequences"),
        tuple(rows),
    )
    best = [1, 3, 5, *((7, 9, 10) if classes else ())]
    return with_best(table, dict.fromkeys(best, True))


def sequences(scores: Got10kScores) -> Table:
    """Return a row a sequence, a column a tracker: the AO."""
    each = {one.label: _overlaps(one) for one in scores.trackers}
    names = sorted({name for values in each.values() for name in values})
    return by_row(
        "got10k-sequences", "AO by sequence", "Sequence", names, each,
        "Mean overlap of all runs. The best of a row is bold.",
    )  # fmt: skip


def classes(scores: Got10kScores) -> Table | None:
    """Return a row a class, a column a tracker: the mean AO of its sequences; None of none."""
    kinds = {part.name: part.kind for one in scores.trackers for part in one.sequences}
    if not kinds or not all(kinds.values()):
        return None
    each = {one.label: _by_class(_overlaps(one), kinds) for one in scores.trackers}
    names = sorted(set(kinds.values()))
    counts = {name: sum(kind == name for kind in kinds.values()) for name in names}
    return by_row(
        "got10k-classes", "AO by class", "Class", names, each,
        "Mean AO of the sequences of a class, their number after it. The best of a row is bold.",
        {name: f"{name} ({counts[name]})" for name in names},
    )  # fmt: skip


def side_by_side(scores: Got10kScores) -> list[Table]:
    """Return the AO of two trackers by sequence, and the difference; nothing of more."""
    if len(scores.trackers) != 2:
        return []
    mine, theirs = ((one.label, _overlaps(one)) for one in scores.trackers)
    return beside("got10k", "AO", mine, theirs, ".3f")


def _measured(one: Score) -> list[Cell]:
    figures, mark = one.figures, LACKING if one.failed else ""
    cells = []
    for value, name in ((figures.ao, "ao"), (figures.sr50, "sr50"), (figures.sr75, "sr75")):
        cells += [number(value, mark=mark), ends(*one.intervals[name])]
    return cells


def _balanced(one: Score) -> list[Cell]:
    figures, mark = one.balanced, LACKING if one.failed else ""
    if figures is None:
        return [number(math.nan)] * 4
    rates = (number(value, mark=mark) for value in (figures.sr50, figures.sr75))
    return [number(figures.ao, mark=mark), ends(*one.balanced_interval), *rates]


def _overlaps(one: Score) -> dict[str, float]:
    """Return sequence -> AO, of those where a frame counts."""
    found = {part.name: measures.pooled([part.overlaps]).ao for part in one.sequences}
    return {name: value for name, value in found.items() if not math.isnan(value)}


def _by_class(values: dict[str, float], kinds: dict[str, str]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for name, value in values.items():
        found.setdefault(kinds[name], []).append(value)
    return {kind: sum(each) / len(each) for kind, each in found.items()}
