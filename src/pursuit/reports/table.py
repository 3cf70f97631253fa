"""Scores as a table for the terminal, 80 columns wide."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.table import Table

from pursuit.measures.speed import Speed
from pursuit.reports import comparison
from pursuit.reports.grid import grid
from pursuit.reports.lacking import failures, mark
from pursuit.reports.numbers import NONE, fps_cell
from pursuit.reports.scores import TrackerScore, attributes, by_attribute, ranked

_BESIDE = 5  # trackers in a table of attributes
_NUMBER = 5  # columns of an AUC


def table(scores: Sequence[TrackerScore]) -> Table:
    """Return a row a tracker, the best AUC first; * marks means that lack sequences."""
    rows = grid("tracker", ("AUC", "95 %", "P20", "fps", "p95\nms", "decode\nms", "run on"))
    for one in ranked(scores):
        mark = "*" if one.failed and one.sequences else ""
        rows.add_row(
            one.label,
            _share(one.auc) + mark,
            comparison.interval_cell(one.interval),
            _share(one.precision20) + mark,
            *_pace(one.speed),
            f"{len(one.sequences)}/{one.total}",
            style="" if one.sequences else "dim",
        )
    return rows


def attribute_tables(scores: Sequence[TrackerScore]) -> list[Table]:
    """Return a row an attribute of OTB with the AUC of each tracker; none where none is known.

    A table has few trackers, the best first; of more there are more tables.
    """
    codes = attributes({name for one in scores for name in one.aucs})
    found = {one.label: by_attribute(one, codes) for one in ranked(scores)}
    known = sorted({code for mine in codes.values() for code in mine})
    if not known:
        return []
    tables = []
    for at in range(0, len(found), _BESIDE):
        mine = dict(list(found.items())[at : at + _BESIDE])
        rows = grid("attribute", ["sequences"], name_width=9)
        for label in mine:
            rows.add_column(label, justify="right", overflow="fold", min_width=_NUMBER)
        for code in known:
            count = sum(code in has for has in codes.values())
            rows.add_row(
                code, str(count), *(_share(each.get(code, math.nan)) for each in mine.values())
            )
        tables.append(rows)
    return tables


def notes(
    scores: Sequence[TrackerScore], left_out: Mapping[str, str], *, workers: int | str
) -> list[str]:
    """Return what must be said below the table, a line each.

    Args:
        scores: of all trackers.
        left_out: sequences that none could be run on -> why.
        workers: as in protocols.runner.
    """
    lines = mark([one for one in scores if one.sequences], left_out, "mean ")
    lines += failures(scores, left_out)
    if isinstance(workers, str):
        lines.append(f"times were taken on the cluster at {workers}: only --workers 1 is exact")
    elif workers > 1:
        lines.append(
            f"times were taken with up to {workers} sequences at once: only --workers 1 is exact"
        )
    return lines


def _share(value: float) -> str:
    return NONE if math.isnan(value) else f"{value:.3f}"


def _pace(speed: Speed | None) -> tuple[str, str, str]:
    if speed is None:
        return NONE, NONE, NONE
    return fps_cell(speed.fps), _ms(speed.p95_ms), _ms(speed.decode_ms)


def _ms(value: float) -> str:
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"
