"""Success and precision plots of OTB, and GOT-10k's success plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pursuit.datasets.reading import plural
from pursuit.measures import got10k
from pursuit.measures import otb as measures
from pursuit.reports.drawing import (
    FAINT,
    check_matplotlib,
    legend,
    look,
    new_axes,
    save_figure,
)
from pursuit.reports.scores import TrackerScore
from pursuit.reports.stored_got10k import Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]


class Line(NamedTuple):
    """A tracker's curve, its name and measure for the legend, and its place for its look."""

    curve: Array
    name: str
    value: float
    place: int


_RUNS = {"ope": "one pass", "tre": "20 starts", "sre": "12 first boxes"}


def save_plots(scores: Sequence[TrackerScore], folder: Path, protocol: str = "ope") -> list[Path]:
    """Write success and precision plots, each as .png and .svg; return their paths.

    Those of tre and sre have it in their names. Trackers without any result are left out; with
    none left nothing is written.

    Raises:
        MissingExtra: matplotlib is not installed.
        OutputError: a file cannot be written.
    """
    check_matplotlib()
    drawn = [one for one in scores if one.sequences]
    if not drawn:
        return []
    end = "" if protocol == "ope" else f"-{protocol}"
    order = [one.label for one in drawn]
    figures = {
        f"success{end}": success_figure(drawn, order, protocol),
        f"precision{end}": precision_figure(drawn, order, protocol),
    }
    return [
        save_figure(figure, folder / f"{name}.{suffix}")
        for name, figure in figures.items()
        for suffix in ("png", "svg")
    ]


def success_figure(
    scores: Sequence[TrackerScore], order: Sequence[str], protocol: str = "ope"
) -> Figure:
    """Return the success plot: share of frames above each overlap, AUC in the legend.

    Args:
        scores: with a result each.
        order: trackers of all plots that stand together; one looks the same in each of them.
        protocol: ope, tre or sre.
    """
    figure, axes = _axes("Success", max(one.total for one in scores), _RUNS[protocol])
    axes.set(xlabel="overlap threshold", ylabel="share of frames above it", xlim=(0, 1))
    curves = [Line(one.success, _named(one), one.auc, order.index(one.label)) for one in scores]
    _draw(axes, measures.OVERLAP_THRESHOLDS, curves, "AUC")
    return figure


def precision_figure(
    scores: Sequence[TrackerScore], order: Sequence[str], protocol: str = "ope"
) -> Figure:
    """Return the precision plot: share of frames within each distance, P20 in the legend.

    Arguments are those of `success_figure`.
    """
    figure, axes = _axes("Precision", max(one.total for one in scores), _RUNS[protocol])
    axes.set(xlabel="distance of the centres, px", ylabel="share of frames within it", xlim=(0, 50))
    axes.axvline(20, color=FAINT, linewidth=1.2, zorder=0)
    curves = [
        Line(one.precision, _named(one), one.precision20, order.index(one.label)) for one in scores
    ]
    _draw(axes, measures.DISTANCE_THRESHOLDS, curves, "within 20 px")
    return figure


def got10k_figure(scores: Sequence[Score], order: Sequence[str]) -> Figure:
    """Return GOT-10k's success plot: share of frames above each overlap, AO in the legend."""
    total = max(len(one.sequences) + len(one.failed) for one in scores)
    figure, axes = _axes("Success", total, "GOT-10k")
    axes.set(xlabel="overlap threshold", ylabel="share of frames above it", xlim=(0, 1))
    curves = [
        Line(
            got10k.success_curve([part.overlaps for part in one.sequences]),
            _named(one),
            one.figures.ao,
            order.index(one.label),
        )
        for one in scores
    ]
    _draw(axes, got10k.THRESHOLDS, curves, "AO")
    return figure


def _axes(title: str, count: int, runs: str) -> tuple[Figure, Axes]:
    figure, axes = new_axes(f"{title}, {runs} over {plural(count, 'sequence')}")
    axes.set_ylim(0, 1.005)
    return figure, axes


def _draw(axes: Axes, thresholds: Array, curves: Sequence[Line], measure: str) -> None:
    drawn = []
    for one in curves:
        (line,) = axes.plot(thresholds, one.curve, **look(one.place), linewidth=1.9, clip_on=False)
        drawn.append((one, line))
    drawn.sort(key=lambda pair: -pair[0].value)
    texts = [f"{one.value:.3f}  {one.name}" for one, _ in drawn]
    legend(axes, [line for _, line in drawn], texts, measure)


def _named(one: TrackerScore | Score) -> str:
    total = len(one.sequences) + len(one.failed)
    return f"{one.label} ({len(one.sequences)} of {total})" if one.failed else one.label
