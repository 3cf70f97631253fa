"""The reliability curve of a score: what it says against what happens, as PNG and SVG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pursuit.measures.calibration import BINS, Reliability
from pursuit.reports.drawing import COLOURS, FAINT, INK, check_matplotlib, save_figure, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_reliability(curve: Reliability, error: float, title: str, folder: Path) -> list[Path]:
    """Write reliability.png and .svg; return their paths.

    Raises:
        MissingExtra: matplotlib is not installed.
        OutputError: a file cannot be written.
    """
    check_matplotlib()
    figure = reliability_figure(curve, error, title)
    return [save_figure(figure, folder / f"reliability.{suffix}") for suffix in ("png", "svg")]


def reliability_figure(curve: Reliability, error: float, title: str) -> Figure:
    """Return the plot: share of good boxes over score, and below it how many frames say so."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.8, 5.6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    upper.plot((0, 1), (0, 1), color="#999999", linewidth=1.2, linestyle=(0, (4, 3)))
    upper.plot(
        curve.score, curve.share, color=COLOURS[0], linewidth=1.9, marker="o", markersize=5,
        clip_on=False,
    )  # fmt: skip
    upper.set(ylabel="share of boxes that overlap by half", xlim=(0, 1), ylim=(0, 1))
    upper.set_title(title, loc="left", color=INK, fontsize=12, pad=10)
    upper.text(
        0.03, 0.97, f"expected calibration error {error:.3f}\ndashed: a score that is the share",
        color=INK, fontsize=9, va="top", linespacing=1.5, transform=upper.transAxes,
    )  # fmt: skip
    counts = np.zeros(BINS)
    counts[np.minimum((curve.score * BINS).astype(int), BINS - 1)] = curve.frames
    lower.bar((np.arange(BINS) + 0.5) / BINS, counts, width=0.9 / BINS, color=COLOURS[0])
    lower.set(xlabel="score", ylabel="frames")
    for axes in (upper, lower):
        style(axes)
    lower.grid(axis="x", color=FAINT, alpha=0)
    return figure
