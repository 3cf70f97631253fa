"""Plots of how well against how fast or how robust: AR, EAO, speed, and GOTURN's Figure 6."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pursuit.reports.drawing import COLOURS, DASHES, FAINT, legend, new_axes
from pursuit.reports.gathered_vot import VotScore, VotScores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

_MARKERS = "osD^vP*"  # as colours: by a tracker's place in the list


def ar_figure(scores: Sequence[VotScore]) -> Figure:
    """Return VOT's AR plot: accuracy over robustness, the best in the upper right corner."""
    figure, axes = new_axes("Accuracy and robustness")
    axes.set(xlabel="robustness R", ylabel="accuracy A", xlim=(0, 1), ylim=(0, 1))
    _points(
        axes, [(one.label, one.score.total.robustness, one.score.total.accuracy) for one in scores]
    )
    return figure


def eao_figure(scores: VotScores) -> Figure:
    """Return the expected average overlap by length, EAO in the legend, its interval shaded."""
    drawn = [one for one in scores.trackers if len(one.score.curve)]
    figure, axes = new_axes("Expected average overlap")
    if scores.lengths is not None:
        axes.axvspan(*scores.lengths, color=FAINT, alpha=0.5, linewidth=0, zorder=0)
    lines = []
    for index, one in enumerate(drawn):
        (line,) = axes.plot(
            np.arange(1, len(one.score.curve) + 1), one.score.curve,
            color=COLOURS[index % len(COLOURS)],
            linestyle=DASHES[index % len(DASHES)], linewidth=1.9,
        )  # fmt: skip
        lines.append(line)
    axes.set(xlabel="length of a sequence, frames", ylabel="expected average overlap")
    axes.set_ylim(0, 1.005)
    axes.set_xlim(left=1)
    texts = [
        f"{one.score.eao:.3f}  {one.label}" if _known(one.score.eao) else one.label for one in drawn
    ]
    legend(axes, lines, texts, "EAO", "upper right")
    return figure


def speed_figure(points: Sequence[tuple[str, float, float]], measure: str, unit: str) -> Figure:
    """Return quality over speed, of points (tracker, speed, quality); speed is logarithmic."""
    figure, axes = new_axes("Speed and quality")
    axes.set_xscale("log")
    axes.set(xlabel=f"speed, {unit}", ylabel=measure, ylim=(0, 1))
    _points(axes, points)
    return figure


def rank_figure(points: Sequence[tuple[str, float, float]], unit: str) -> Figure:
    """Return the form of GOTURN's Figure 6: rank over speed, of points (tracker, speed, rank)."""
    figure, axes = new_axes("Rank and speed")
    axes.set_xscale("log")
    axes.set(xlabel=f"speed, {unit}", ylabel="mean rank, as in VOT2014")
    _points(axes, points)
    worst = max(rank for _, _, rank in points if _known(rank))
    axes.set_ylim(worst + 0.6, 0.4)  # the best at the top
    return figure


def ar_rank_figure(points: Sequence[tuple[str, float, float]], count: int) -> Figure:
    """Return VOT2014's AR rank plot, of points (tracker, robustness rank, accuracy rank).

    The best of `count` trackers is in the upper right corner.
    """
    figure, axes = new_axes("Accuracy and robustness ranks")
    ends = (count + 0.4, 0.6)
    axes.set(xlabel="rank by robustness", ylabel="rank by accuracy", xlim=ends, ylim=ends)
    _points(axes, points)
    return figure


def _points(axes: Axes, points: Sequence[tuple[str, float, float]]) -> None:
    """Draw points (tracker, x, y), each with a look of its own, named in a legend."""
    marks, texts = [], []
    for index, (label, x, y) in enumerate(points):
        if not (_known(x) and _known(y)):
            continue
        (mark,) = axes.plot(
            x, y, linestyle="none", marker=_MARKERS[(index // len(COLOURS)) % len(_MARKERS)],
            color=COLOURS[index % len(COLOURS)], markersize=9, clip_on=False,
        )  # fmt: skip
        marks.append(mark)
        texts.append(label)
    legend(axes, marks, texts, "", "best")


def _known(value: float) -> bool:
    return math.isfinite(value)
