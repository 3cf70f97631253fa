"""Plots of quality over speed."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

from pursuit.reports.drawing import COLOURS
from pursuit.reports.quality_plots import rank_figure, speed_figure


@pytest.mark.parametrize(
    ("speeds", "shown"),
    [
        ((900.0, 11_000.0), ["1,000", "2,000", "5,000", "10,000"]),
        ((0.25, 0.4), ["0.2", "0.5"]),
        ((61.0, 62.0), ["40", "50", "60", "70", "80", "90"]),
    ],
)
def test_speeds_are_plain_numbers(speeds: tuple[float, float], shown: list[str]) -> None:
    points = [(name, speed, 0.4) for name, speed in zip("ab", speeds, strict=True)]
    order = ["other", "b", "a"]
    for figure in (speed_figure(points, order, "EAO", "EFO"), rank_figure(points, order, "EFO")):
        figure.draw_without_rendering()
        (axes,) = figure.axes
        low, high = axes.get_xlim()
        labels = [
            text.get_text()
            for text in axes.get_xticklabels(which="both")
            if low <= text.get_position()[0] <= high
        ]
        assert labels == shown
        assert axes.get_xlabel() == "speed, EFO"
        assert [line.get_color() for line in axes.lines] == [COLOURS[2], COLOURS[1]]


def test_quality_begins_at_0_and_has_room_above() -> None:
    (axes,) = speed_figure([("a", 5, 0.25)], ["a"], "AO", "EFO").axes
    assert axes.get_ylim() == pytest.approx((0, 0.3))
    (axes,) = speed_figure([("a", 5, 0.95)], ["a"], "AO", "EFO").axes
    assert axes.get_ylim() == (0, 1)
    (axes,) = speed_figure([("a", 5, 0)], ["a"], "AO", "EFO").axes
    assert axes.get_ylim() == (0, 1)
