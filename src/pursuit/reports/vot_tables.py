"""The tables of VOT's scores."""

from __future__ import annotations

import math

from pursuit.reports.gathered_vot import VotScore, VotScores
from pursuit.reports.tables import (
    LACKING,
    STAR,
    Cell,
    Table,
    beside,
    by_row,
    ends,
    number,
    with_best,
    word,
)


def summary(scores: VotScores) -> Table:
    """Return a row a tracker: accuracy, robustness, failures and EAO, with intervals."""
    rows = []
    for one in scores.trackers:
        mark, total, ran = (
            LACKING if one.score.failed else "",
            one.score.total,
            len(one.score.sequences),
        )
        accuracy, robustness = one.intervals
        rows.append(
            (
                word(one.label),
                number(total.accuracy, mark=mark),
                ends(*accuracy),
                number(total.robustness, mark=mark),
                ends(*robustness),
                _failures(one, mark),
                number(one.score.eao, mark=mark),
                Cell(f"{ran}/{one.total}", ran),
            )
        )
    table = Table(
        "vot-summary",
        "With resets, as VOT does",
        "A: mean overlap; R: exp(-30 × failures / frames), the chance to follow 30 frames; 95 %: "
        f"the ends of the interval, sequences drawn again 10,000 times. {scores.caption}."
        + (STAR if any(one.score.failed for one in scores.trackers) else ""),
        ("Tracker", "A", "95 %", "R", "95 %", "failures", "EAO", "sequences"),
        tuple(rows),
    )
    return with_best(table, {1: True, 3: True, 5: False, 6: True})


def sequences(scores: VotScores) -> Table:
    """Return a row a sequence, two columns a tracker: accuracy and failures."""
    names = sorted({name for one in scores.trackers for name in one.score.sequences})
    rows = []
    for name in names:
        row = [word(name)]
        for one in scores.trackers:
            part = one.score.sequences.get(name)
            row.append(number(part.accuracy if part else math.nan))
            row.append(number(part.failures if part else math.nan, ".4g"))
        rows.append(tuple(row))
    titles = [f"{one.label}: {what}" for one in scores.trackers for what in ("A", "failures")]
    return Table(
        "vot-sequences", "Accuracy and failures by sequence", "A: mean overlap.",
        ("Sequence", *titles), tuple(rows),
    )  # fmt: skip


def attributes(scores: VotScores) -> Table | None:
    """Return a row a tag, a column a tracker: the EAO on it; None without any."""
    each = {
        one.label: {tag: value for tag, (_, value) in one.score.tags.items()}
        for one in scores.trackers
    }
    names = sorted({tag for values in each.values() for tag in values})
    if not names:
        return None
    return by_row(
        "vot-attributes", "EAO by attribute", "Attribute", names, each,
        "Expected average overlap, frames with the attribute weighing. The best of a row is bold.",
    )  # fmt: skip


def side_by_side(scores: VotScores) -> list[Table]:
    """Return accuracy and failures of two trackers by sequence; nothing of more."""
    if len(scores.trackers) != 2:
        return []
    both = [(one.label, one.score.sequences) for one in scores.trackers]
    first, second = (
        (label, {name: part.accuracy for name, part in parts.items() if part.counted})
        for label, parts in both
    )
    mine, theirs = (
        (label, {name: float(part.failures) for name, part in parts.items()})
        for label, parts in both
    )
    return [
        *beside("vot-accuracy", "accuracy", first, second, ".3f"),
        *beside("vot-failures", "failures", mine, theirs, ".4g"),
    ]


def _failures(one: VotScore, mark: str = "") -> Cell:
    return number(one.score.total.failures if one.score.sequences else math.nan, ".4g", mark)
