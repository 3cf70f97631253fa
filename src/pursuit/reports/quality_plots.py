"""Plots of how well against how fast or how robust: AR, EAO, speed, and GOTURN's Figure 6."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pursuit.reports.drawing import COLOURS, FAINT, legend, look, new_axes
from pursuit.reports.gathered_vot import VotScore, VotScores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

_MARKERS = "osD^vP*"  # as colours: by a tracker's place in the list


def ar_figure(scores: Sequence[VotScore], order: Sequence[str]) -> Figure:
    """Return VOT's AR plot: accuracy over robustness, the best in the upper right corner."""
    figure, axes = new_axes("Accuracy and robustness")
    axes.set(xlabel="robustness R", ylabel="accuracy A", xlim=(0, 1), ylim=(0, 1))
    points = [(one.label, one.score.total.robustness, one.score.total.accuracy) for one in scores]
    _points(axes, points, order)
    return figure


def eao_figure(scores: VotScores, order: Sequence[str]) -> Figure:
    """Return the expected average overlap by length, EAO in the legend, its interval shaded."""
    drawn = [one for one in scores.trackers if len(one.score.curve)]
    figure, axes = new_axes("Expected average overlap")
    if scores.lengths is not None:
        axes.axvspan(*scores.lengths, color=FAINT, alpha=0.5, linewidth=0, zorder=0)
    lines = []
    for one in drawn:
        lengths = np.arange(1, len(one.score.curve) + 1)
        place = order.index(one.label)
        (line,) = axes.plot(lengths, one.score.curve, **look(place), linewidth=1.9)
        lines.append(line)
    axes.set(xlabel="length of a sequence, frames", ylabel="expected average overlap")
    axes.set_ylim(0, 1.005)
    axes.set_xlim(left=1)
    texts = [
        f"{one.score.eao:.3f}  {one.label}" if _known(one.score.eao) else one.label for one in drawn
    ]
    legend(axes, lines, texts, "EAO")
    return figure


def speed_figure(
    points: Sequence[tuple[str, float, float]], order: Sequence[str], measure: str, unit: str
) -> Figure:
    """Return quality over speed, of points (tracker, speed, quality); speed is logarithmic.

    Args:
        points: of numbers.
        order: trackers of all plots that stand together; one looks the same in each of them.
        measure: of quality.
        unit: of speed.
    """
    figure, axes = new_axes(f"{measure} and speed")
    axes.set_ylabel(measure)
    _speed_axis(axes, [speed for _, speed, _ in points], unit)
    axes.set_ylim(0, min(1.0, 1.2 * max(value for _, _, value in points)) or 1)
    _points(axes, points, order)
    return figure


def rank_figure(
    points: Sequence[tuple[str, float, float]], order: Sequence[str], unit: str
) -> Figure:
    """Return the form of GOTURN's Figure 6: rank over speed, of points (tracker, speed, rank)."""
    figure, axes = new_axes("Rank and speed")
    axes.set_ylabel("mean rank, as in VOT2014")
    _speed_axis(axes, [speed for _, speed, _ in points], unit)
    _points(axes, points, order)
    axes.set_ylim(max(rank for _, _, rank in points) + 0.6, 0.4)  # the best at the top
    return figure


def ar_rank_figure(
    points: Sequence[tuple[str, float, float]], order: Sequence[str], count: int
) -> Figure:
    """Return VOT2014's AR rank plot, of points (tracker, robustness rank, accuracy rank).

    The best of `count` trackers is in the upper right corner.
    """
    figure, axes = new_axes("Accuracy and robustness ranks")
    ends = (count + 0.4, 0.6)
    axes.set(xlabel="rank by robustness", ylabel="rank by accuracy", xlim=ends, ylim=ends)
    _points(axes, points, order)
    return figure


def _speed_axis(axes: Axes, speeds: Sequence[float], unit: str) -> None:
    """Make the x axis one of speeds above 0, with plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xscale("log")
    axes.set_xlabel(f"speed, {unit}")
    # Wide enough for a 1, 2 or 5 to be on it.
    axes.set_xlim(min(speeds) / 1.6, max(speeds) * 1.6)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def _points(axes: Axes, points: Sequence[tuple[str, float, float]], order: Sequence[str]) -> None:
    """Draw points (tracker, x, y), each with a look of its own, named in a legend."""
    marks, texts = [], []
    for label, x, y in points:
        if not (_known(x) and _known(y)):
            continue
        place = order.index(label)
        (mark,) = axes.plot(
            x, y, linestyle="none", marker=_MARKERS[(place // len(COLOURS)) % len(_MARKERS)],
            color=look(place)["color"], markersize=9, clip_on=False,
        )  # fmt: skip
        marks.append(mark)
        texts.append(label)
    legend(axes, marks, texts, "")


def _known(value: float) -> bool:
    return math.isfinite(value)
