"""Success and precision plots of OTB, as PNG and SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pursuit.measures import otb as measures
from pursuit.reports.drawing import (
    COLOURS,
    DASHES,
    FAINT,
    check_matplotlib,
    legend,
    new_axes,
    save_figure,
)
from pursuit.reports.scores import TrackerScore

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]


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
    figures = {
        f"success{end}": success_figure(drawn, protocol),
        f"precision{end}": precision_figure(drawn, protocol),
    }
    return [
        save_figure(figure, folder / f"{name}.{suffix}")
        for name, figure in figures.items()
        for suffix in ("png", "svg")
    ]


def success_figure(scores: Sequence[TrackerScore], protocol: str = "ope") -> Figure:
    """Return the success plot: share of frames above each overlap, AUC in the legend."""
    figure, axes = _axes("Success", scores, protocol)
    axes.set(xlabel="overlap threshold", ylabel="share of frames above it", xlim=(0, 1))
    curves = [(one, one.success, one.auc) for one in scores]
    _draw(axes, measures.OVERLAP_THRESHOLDS, curves, "AUC", "upper right")
    return figure


def precision_figure(scores: Sequence[TrackerScore], protocol: str = "ope") -> Figure:
    """Return the precision plot: share of frames within each distance, P20 in the legend."""
    figure, axes = _axes("Precision", scores, protocol)
    axes.set(xlabel="distance of the centres, px", ylabel="share of frames within it", xlim=(0, 50))
    axes.axvline(20, color=FAINT, linewidth=1.2, zorder=0)
    curves = [(one, one.precision, one.precision20) for one in scores]
    _draw(axes, measures.DISTANCE_THRESHOLDS, curves, "within 20 px", "lower right")
    return figure


def _axes(title: str, scores: Sequence[TrackerScore], protocol: str) -> tuple[Figure, Axes]:
    count = max(one.total for one in scores)
    over = f"{_RUNS[protocol]} over {count} sequence{'s' if count != 1 else ''}"
    figure, axes = new_axes(f"{title}, {over}")
    axes.set_ylim(0, 1.005)
    return figure, axes


def _draw(
    axes: Axes,
    thresholds: Array,
    curves: Sequence[tuple[TrackerScore, Array, float]],
    measure: str,
    corner: str,
) -> None:
    # A tracker looks the same in both plots: by its place in the list, not by its rank.
    lines = {}
    for index, (one, curve, _) in enumerate(curves):
        (lines[one.label],) = axes.plot(
            thresholds, curve, color=COLOURS[index % len(COLOURS)],
            linestyle=DASHES[index % len(DASHES)], linewidth=1.9, clip_on=False,
        )  # fmt: skip
    order = sorted(curves, key=lambda row: -row[2])
    legend(
        axes,
        [lines[one.label] for one, _, _ in order],
        [f"{value:.3f}  {_named(one)}" for one, _, value in order],
        measure,
        corner,
    )


def _named(one: TrackerScore) -> str:
    return f"{one.label} ({len(one.sequences)} of {one.total})" if one.failed else one.label
