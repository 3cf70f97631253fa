"""Scores as a table for the terminal, 80 columns wide."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich import box
from rich.table import Table

from pursuit.measures.speed import Speed
from pursuit.reports import comparison
from pursuit.reports.scores import TrackerScore, attributes, by_attribute, ranked

_NONE = "-"


def table(scores: Sequence[TrackerScore]) -> Table:
    """Return a row a tracker, the best AUC first; * marks means that lack sequences."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    grid.add_column("tracker", overflow="fold", max_width=24)
    for title in ("AUC", "95 %", "P20", "fps", "p95\nms", "decode\nms", "run on"):
        grid.add_column(title, justify="right", no_wrap=True)
    for one in ranked(scores):
        mark = "*" if one.failed and one.sequences else ""
        grid.add_row(
            one.label,
            _share(one.auc) + mark,
            comparison.interval_cell(one.interval),
            _share(one.precision20) + mark,
            *_pace(one.speed),
            f"{len(one.sequences)}/{one.total}",
            style="" if one.sequences else "dim",
        )
    return grid


def attribute_table(scores: Sequence[TrackerScore]) -> Table | None:
    """Return a row an attribute of OTB with the AUC of each tracker; None where none is known."""
    codes = attributes({name for one in scores for name in one.aucs})
    found = {one.label: by_attribute(one, codes) for one in ranked(scores)}
    known = sorted({code for mine in codes.values() for code in mine})
    if not known:
        return None
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    grid.add_column("attribute", no_wrap=True)
    grid.add_column("sequences", justify="right", no_wrap=True)
    for label in found:
        grid.add_column(label, justify="right", overflow="fold")
    for code in known:
        count = sum(code in mine for mine in codes.values())
        aucs = (mine.get(code, math.nan) for mine in found.values())
        grid.add_row(code, str(count), *map(_share, aucs))
    return grid


def notes(scores: Sequence[TrackerScore], *, workers: int | str) -> list[str]:
    """Return what must be said below the table, a line each; `workers` as in protocols.runner."""
    lines = []
    if any(one.failed and one.sequences for one in scores):
        lines.append("* mean of the sequences that it ran on: not to be compared with the others")
    for one in scores:
        lines += [f"failed: {one.label} on {name}: {why}" for name, why in one.failed.items()]
    if isinstance(workers, str):
        lines.append(f"times were taken on the cluster at {workers}: only --workers 1 is exact")
    elif workers > 1:
        lines.append(
            f"times were taken with up to {workers} sequences at once: only --workers 1 is exact"
        )
    return lines


def _share(value: float) -> str:
    return _NONE if math.isnan(value) else f"{value:.3f}"


def _pace(speed: Speed | None) -> tuple[str, str, str]:
    if speed is None:
        return _NONE, _NONE, _NONE
    return f"{speed.fps:,.{0 if speed.fps >= 100 else 1}f}", _ms(speed.p95_ms), _ms(speed.decode_ms)


def _ms(value: float) -> str:
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"
