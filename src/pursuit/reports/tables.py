"""Tables of a page of results, as data: HTML, Markdown and LaTeX are made of the same cells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeGuard

import numpy as np

from pursuit.datasets.reading import plural
from pursuit.measures.statistics import bootstrap_interval, paired_test
from pursuit.reports.gathered_kind import Judged, KindScores
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


def ends(low: float = math.nan, high: float = math.nan) -> Cell:
    """Return a cell with an interval, sorted by its lower end; NaN is none."""
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


def made_of(known: Mapping[str, Identity]) -> Table | None:
    """Return what decided each tracker's boxes, as its results say; None where none does."""
    told = [one for one in known.values() if one.name]
    if not told:
        return None
    return Table(
        "trackers",
        "Trackers, as their results name them",
        "Weights: the beginning of their SHA-256, and the name of those that come with pursuit. "
        "Made on: what is not as above, of the machine that ran it.",
        ("Label", "Tracker", "Weights", "Recipe", "OpenCV", "Made on"),
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
                        "; and: ".join(text or "as this report" for text in one.made) or NONE,
                    ),
                )
            )
            for one in told
        ),
        text_columns=6,
    )


def ran(count: int, scores: KindScores[Judged]) -> Cell:
    """Return a cell with the number of sequences that a mean is over, of all and those left out."""
    return Cell(f"{count}/{len(scores.sequences) + len(scores.left_out)}", count)


def left_out(scores: KindScores[Judged]) -> str:
    """Return what is said below a table where sequences were left out."""
    count = len(scores.left_out)
    return f" {plural(count, 'sequence')} left out of all means." if count else ""


STAR = " * lacks sequences: not to be compared with the others."


def beside(
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


def by_row(
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
