"""Scores as a table for the terminal, 80 columns wide."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich import box
from rich.table import Table

from pursuit.measures.speed import Speed
from pursuit.reports.scores import TrackerScore, ranked

_NONE = "-"


def table(scores: Sequence[TrackerScore]) -> Table:
    """Return a row a tracker, the best AUC first; * marks means that lack sequences."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    grid.add_column("tracker", overflow="fold", max_width=24)
    for title in ("AUC", "P20", "fps", "p95\nms", "decode\nms", "sequences", "failed"):
        grid.add_column(title, justify="right", no_wrap=True)
    for one in ranked(scores):
        mark = "*" if one.failed and one.sequences else ""
        grid.add_row(
            one.label,
            _share(one.auc) + mark,
            _share(one.precision20) + mark,
            *_pace(one.speed),
            f"{len(one.sequences)}/{one.total}",
            str(len(one.failed) or ""),
            style="" if one.sequences else "dim",
        )
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
