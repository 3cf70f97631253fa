"""Tables of a page of results, as data: HTML, Markdown and LaTeX are made of the same cells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeGuard

import numpy as np

from pursuit.datasets.reading import plural
from pursuit.measures import otb as otb_measures
from pursuit.measures.speed import Speed
from pursuit.measures.statistics import bootstrap_interval, paired_test
from pursuit.reports.gathered import OtbScores
from pursuit.reports.gathered_vot import VotScore, VotScores
from pursuit.reports.stored_otb import SRE, TRE, Stored, as_json
from pursuit.reports.surroundings import Identity

NONE = "–"
LACKING = "*"  # marks means that lack sequences


class Cell(NamedTuple):
    """What stands in a cell, what it is sorted by, and whether it is the best of its column."""

    text: str
    sort: float | str
    best: bool = False


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: short, of small letters, for links and labels.
        title: above it.
        note: below it.
        columns: titles.
        rows: of cells, as many as columns.
        text_columns: how many of the first columns hold words.
    """

    name: str
    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    text_columns: int = 1


def word(text: str) -> Cell:
    """Return a cell with a text."""
    return Cell(text, text.casefold())


def number(value: float, form: str = ".3f", mark: str = "") -> Cell:
    """Return a cell with a number; NaN is none."""
    if math.isnan(value):
        return Cell(NONE, math.nan)
    return Cell(f"{value:{form}}{mark}", value)


def ends(low: float, high: float) -> Cell:
    """Return a cell with an interval, sorted by its lower end."""
    if math.isnan(low):
        return Cell(NONE, math.nan)
    return Cell(f"{low:.3f}–{high:.3f}", low)


def with_best(table: Table, columns: Mapping[int, bool]) -> Table:
    """Return a table with the best cells marked: column -> whether more is better.

    What lacks sequences is not compared.
    """
    rows = [list(row) for row in table.rows]
    for column, more in columns.items():
        whole = [row for row in rows if not row[column].text.endswith(LACKING)]
        known = [sort for row in whole if _is_known(sort := row[column].sort)]
        if len(known) < 2:
            continue
        best = max(known) if more else min(known)
        for row in whole:
            row[column] = row[column]._replace(best=row[column].sort == best)
    return replace(table, rows=tuple(map(tuple, rows)))


def _is_known(sort: float | str) -> TypeGuard[float]:
    return isinstance(sort, float | int) and not math.isnan(sort)


def otb_summary(scores: OtbScores) -> Table:
    """Return a row a tracker: AUC with its interval, precision, TRE and SRE, speed."""
    told = as_json(scores.trackers, scores.truths)
    kinds = [kind for kind in (TRE, SRE) if any(kind in one.kinds for one in scores.trackers)]
    timed = any(one.ope.speed for one in scores.trackers)
    rows = []
    for one in scores.trackers:
        mine, mark = told[one.label], LACKING if one.ope.failed else ""
        beside = mine["against_best"]
        row = [
            word(one.label),
            number(one.ope.auc, mark=mark),
            ends(*(mine["auc_interval"] or _NO_ENDS)),
            number(one.ope.precision20, mark=mark),
            number(one.ope.normalised20, mark=mark),
        ]
        for kind in kinds:
            part = one.kinds.get(kind)
            row.append(
                number(part.auc, mark=LACKING if part.failed else "") if part else number(math.nan)
            )
        row.append(number(beside["p"] if beside else math.nan, ".4f"))
        row += _pace(one.ope.speed) if timed else []
        ran = len(one.ope.sequences)
        row.append(Cell(f"{ran}/{one.ope.total}", ran))
        rows.append(tuple(row))
    columns = ("Tracker", "AUC", "95 %", "P20", "norm. P20", *(f"{x.upper()} AUC" for x in kinds))
    more = ("p", *(("fps", "p95 ms") if timed else ()), "sequences")
    table = Table(
        "otb-summary",
        "One-pass evaluation",
        "AUC: area under the success curve; 95 %: the ends of its interval, sequences drawn again "
        "10,000 times. P20: share of frames within 20 px; norm. P20: within a fifth of the "
        "label's sides. p: how often luck alone makes an AUC differ so much from the best one's."
        + (_STAR if any(one.ope.failed for one in scores.trackers) else ""),
        columns + more,
        tuple(rows),
    )
    return with_best(table, dict.fromkeys([1, *range(3, len(columns))], True))


def vot_summary(scores: VotScores) -> Table:
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
        + (_STAR if any(one.score.failed for one in scores.trackers) else ""),
        ("Tracker", "A", "95 %", "R", "95 %", "failures", "EAO", "sequences"),
        tuple(rows),
    )
    return with_best(table, {1: True, 3: True, 5: False, 6: True})


def otb_sequences(scores: OtbScores) -> Table:
    """Return a row a sequence, a column a tracker: the AUC."""
    each = {one.label: _aucs(one) for one in scores.trackers}
    names = sorted({name for aucs in each.values() for name in aucs})
    return _by_row(
        "otb-sequences", "AUC by sequence", "Sequence", names, each,
        "The best of a row is bold.",
    )  # fmt: skip


def otb_attributes(scores: OtbScores) -> Table | None:
    """Return a row an attribute of OTB, a column a tracker: the mean AUC; None without any."""
    found = as_json(scores.trackers, scores.truths)
    each = {label: part["attributes"] for label, part in found.items()}
    names = sorted({name for values in each.values() for name in values})
    if not names:
        return None
    counts = {
        name: sum(name in truth.entry.attributes for truth in scores.truths.values() if truth.entry)
        for name in names
    }
    return _by_row(
        "otb-attributes", "AUC by attribute", "Attribute",
        names, each,
        f"Mean AUC of the sequences with an attribute, their number after it. {_OTB_CODES} "
        "The best of a row is bold.",
        {name: f"{name} ({counts[name]})" for name in names},
    )  # fmt: skip


def vot_sequences(scores: VotScores) -> Table:
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


def vot_attributes(scores: VotScores) -> Table | None:
    """Return a row a tag, a column a tracker: the EAO on it; None without any."""
    each = {
        one.label: {tag: value for tag, (_, value) in one.score.tags.items()}
        for one in scores.trackers
    }
    names = sorted({tag for values in each.values() for tag in values})
    if not names:
        return None
    return _by_row(
        "vot-attributes", "EAO by attribute", "Attribute", names, each,
        "Expected average overlap, frames with the attribute weighing. The best of a row is bold.",
    )  # fmt: skip


def otb_side_by_side(scores: OtbScores) -> list[Table]:
    """Return the AUC of two trackers by sequence, and the difference; nothing of more."""
    if len(scores.trackers) != 2:
        return []
    first, second = scores.trackers
    return _beside("otb", "AUC", (first.label, _aucs(first)), (second.label, _aucs(second)), ".3f")


def vot_side_by_side(scores: VotScores) -> list[Table]:
    """Return accuracy and failures of two trackers by sequence; nothing of more."""
    if len(scores.trackers) != 2:
        return []
    (a, mine), (b, theirs) = ((one.label, one.score.sequences) for one in scores.trackers)
    accuracy = [
        (label, {name: part.accuracy for name, part in parts.items() if part.counted})
        for label, parts in ((a, mine), (b, theirs))
    ]
    failures = [
        (label, {name: float(part.failures) for name, part in parts.items()})
        for label, parts in ((a, mine), (b, theirs))
    ]
    return [
        *_beside("vot-accuracy", "accuracy", *accuracy, ".3f"),
        *_beside("vot-failures", "failures", *failures, ".4g"),
    ]


def made_of(known: Mapping[str, Identity]) -> Table | None:
    """Return what decided each tracker's boxes, as its results say; None where none does."""
    told = [one for one in known.values() if one.name]
    if not told:
        return None
    return Table(
        "trackers",
        "Trackers, as their results name them",
        "Weights: the beginning of their SHA-256, and the name of those that come with pursuit.",
        ("Label", "Tracker", "Weights", "Recipe", "OpenCV"),
        tuple(
            tuple(
                map(
                    word,
                    (
                        one.label,
                        one.name,
                        " ".join(filter(None, (one.weights, one.short_hashes))) or NONE,
                        one.recipe or NONE,
                        one.opencv or NONE,
                    ),
                )
            )
            for one in told
        ),
        text_columns=5,
    )


_STAR = " * lacks sequences: not to be compared with the others."
_NO_ENDS = (math.nan, math.nan)
_OTB_CODES = (
    "IV illumination, SV scale, OCC occlusion, DEF deformation, MB motion blur, FM fast motion, "
    "IPR and OPR rotation in and out of the plane, OV out of view, BC clutter, LR low resolution."
)


def _beside(
    name: str,
    measure: str,
    first: tuple[str, Mapping[str, float]],
    second: tuple[str, Mapping[str, float]],
    form: str,
) -> list[Table]:
    """Return the table of two trackers' values by sequence, the greatest difference first."""
    (one, mine), (other, theirs) = first, second
    names = [key for key in mine if key in theirs]
    if not names:
        return []
    a, b = (np.array([values[key] for key in names]) for values in (mine, theirs))
    apart = a - b
    low, high = bootstrap_interval(apart)
    table = Table(
        f"{name}-side-by-side",
        f"{one} beside {other}: {measure} by sequence",
        f"On {plural(len(names), 'sequence')} that both have: mean difference {apart.mean():+.3f} "
        f"(95 %: {low:+.3f} to {high:+.3f}), p = {paired_test(a, b):.4f} by the paired test; "
        f"higher on {int((apart > 0).sum())}, lower on {int((apart < 0).sum())}.",
        ("Sequence", one, other, "difference"),
        tuple(
            (
                word(names[at]),
                number(a[at], form),
                number(b[at], form),
                number(apart[at], "+" + form),
            )
            for at in np.argsort(-np.abs(apart), kind="stable")
        ),
    )
    return [table]


def _aucs(one: Stored) -> dict[str, float]:
    return {part.name: otb_measures.auc(part.success) for part in one.ope.sequences}


def _failures(one: VotScore, mark: str = "") -> Cell:
    return number(one.score.total.failures if one.score.sequences else math.nan, ".4g", mark)


def _pace(speed: Speed | None) -> list[Cell]:
    if speed is None:
        return [number(math.nan), number(math.nan)]
    return [number(speed.fps, ",.1f" if speed.fps < 100 else ",.0f"), number(speed.p95_ms, ".2f")]


def _by_row(
    name: str,
    title: str,
    first: str,
    names: Sequence[str],
    each: Mapping[str, Mapping[str, float]],
    note: str,
    shown: Mapping[str, str] | None = None,
) -> Table:
    """Return a row a name, a column a tracker, the best of each row marked."""
    rows = []
    for one in names:
        cells = [number(values.get(one, math.nan)) for values in each.values()]
        known = [cell.sort for cell in cells if cell.text != NONE]
        best = max(known) if len(known) > 1 else None
        cells = [cell._replace(best=cell.sort == best) for cell in cells]
        rows.append((word(shown[one] if shown else one), *cells))
    return Table(name, title, note, (first, *each), tuple(rows))
