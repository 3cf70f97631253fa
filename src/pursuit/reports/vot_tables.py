"""The tables of VOT's scores."""

from __future__ import annotations

import math

from pursuit.reports.gathered_vot import VotScore, VotScores
from pursuit.reports.stored_vot_ranks import SHORT, in_order, parts, practical
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


def summary(scores: VotScores) -> Table:
    """Return a row a tracker: accuracy, robustness, failures and EAO, with intervals."""
    rows = []
    for one in scores.trackers:
        mark, total = LACKING if one.score.failed else "", one.score.total
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
                ran(len(one.score.sequences), scores),
            )
        )
    table = Table(
        "vot-summary",
        "With resets, as VOT does",
        "A: mean overlap; R: exp(-30 × failures / frames), the chance to follow 30 frames; 95 %: "
        f"the ends of the interval, sequences drawn again 10,000 times. {scores.caption}."
        + (STAR if any(one.score.failed for one in scores.trackers) else "")
        + left_out(scores),
        ("Tracker", "A", "95 %", "R", "95 %", "failures", "EAO", "sequences"),
        tuple(rows),
    )
    return with_best(table, {1: True, 3: True, 5: False, 6: True})


def noise(scores: VotScores) -> Table | None:
    """Return a row a tracker on the experiment with noisy starts; None without any."""
    rows = []
    for one in scores.trackers:
        found = one.score.noise
        if found is None:
            continue
        mark = LACKING if found.failed else ""
        rows.append(
            (
                word(one.label),
                number(found.total.accuracy, mark=mark),
                number(found.total.robustness, mark=mark),
                number(found.total.failures if found.runs else math.nan, ".4g", mark),
                number(found.eao, mark=mark),
                ran(len(found.sequences), scores),
            )
        )
    if not rows:
        return None
    table = Table(
        "vot-noise",
        "With noisy starts",
        "VOT2014's region noise: each start with a box moved, scaled and turned by chance.",
        ("Tracker", "A", "R", "failures", "EAO", "sequences"),
        tuple(rows),
    )
    return with_best(table, {1: True, 2: True, 3: False, 4: True})


def ranks(scores: VotScores) -> Table | None:
    """Return a row a tracker: VOT2014's ranks by accuracy and robustness; None without any."""
    found = scores.ranks
    if found is None:
        return None
    names = [SHORT.get(name, name) for name in found.experiments]
    names += ["both"] if len(names) > 1 else []
    rows = []
    for label in in_order(found):
        each = [one.average(label) for one in found.experiments.values()]
        each += [found.average(label)] if len(each) > 1 else []
        values = [*(value for pair in each for value in pair), found.overall(label)]
        rows.append((word(label), *(number(value, ".2f") for value in values)))
    titles = [f"{name}: {what}" for name in names for what in ("A", "R")]
    matters = (
        "Differences of overlap below practical.value are none."
        if practical(found)
        else "What difference of overlap matters is not known (no practical.value)."
    )
    table = Table(
        "vot-ranks",
        "Ranks as in VOT2014",
        "By accuracy (A) and by failures (R); trackers that the tests find no difference between "
        f"share their ranks. Means over {parts(found)}. {matters}",
        ("Tracker", *titles, "mean"),
        tuple(rows),
    )
    return with_best(table, dict.fromkeys(range(1, len(table.columns)), False))


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
