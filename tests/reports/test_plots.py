"""Success and precision plots: what is drawn, and the files."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import cv2
import numpy as np
import pytest

from pursuit.measures import otb
from pursuit.reports import plots
from pursuit.reports.drawing import COLOURS
from pursuit.reports.scores import SequenceScore, TrackerScore

pytest.importorskip("matplotlib")


def tracker(label: str, level: float, failed: int = 0) -> TrackerScore:
    part = SequenceScore(
        "s", 9, np.full(21, level), np.full(51, level + 0.01), None, np.full(51, level)
    )
    return TrackerScore(label, (part,), {str(n): "lost" for n in range(failed)}, None)


THREE = [tracker("bad", 0.2), tracker("good", 0.6), tracker("middle", 0.4, failed=1)]
ORDER = ["good", "other", "middle", "bad"]


def test_curves_are_drawn_and_named_in_order_of_score() -> None:
    figure = plots.success_figure(THREE, ORDER)
    (axes,) = figure.axes
    assert "2 sequences" in axes.get_title("left")
    for line, level in zip(axes.lines, (0.2, 0.6, 0.4), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), otb.OVERLAP_THRESHOLDS)
        np.testing.assert_array_equal(line.get_ydata(), np.full(21, level))
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["0.600  good", "0.400  middle (1 of 2)", "0.200  bad"]
    colours = [line.get_color() for line in axes.lines]
    in_legend = [line.get_color() for line in legend.get_lines()]
    assert in_legend == [colours[1], colours[2], colours[0]]
    # By the place among the trackers of the page: the third is another's.
    assert colours == [COLOURS[3], COLOURS[0], COLOURS[2]]


def test_precision_is_named_by_its_value_at_20_px() -> None:
    figure = plots.precision_figure(THREE, ORDER)
    (axes,), (legend,) = figure.axes, figure.legends
    assert legend.get_texts()[0].get_text() == "0.610  good"
    np.testing.assert_array_equal(axes.lines[-1].get_xdata(), np.arange(51))


def test_legend_hides_no_curve_and_keeps_both_ends_of_long_names() -> None:
    ends = [f"siamfc-slim-with-a-long-name-{'x' * 40} ({when})" for when in ("before", "after")]
    figure = plots.success_figure([tracker(one, 0.5) for one in ends], ends)
    figure.draw_without_rendering()
    (axes,), (legend,) = figure.axes, figure.legends
    assert legend.get_window_extent().y1 < axes.get_tightbbox().y0
    first, second = (text.get_text() for text in legend.get_texts())
    assert first.startswith("0.500  siamfc-slim-with") and first.endswith("(before)")
    assert second.endswith("(after)")
    assert len(first) == len(second) == 56
    assert legend.get_window_extent().x1 <= figure.bbox.x1


def test_28_trackers_look_different() -> None:
    many = [tracker(str(number), number / 30) for number in range(28)]
    (axes,) = plots.success_figure(many, [one.label for one in many]).axes
    looks = {
        (line.get_color(), line.get_linestyle(), str(line._dash_pattern)) for line in axes.lines
    }
    assert len(looks) == 28


def test_files(tmp_path: Path) -> None:
    paths = plots.save_plots([*THREE, TrackerScore("none", (), {"s": "lost"}, None)], tmp_path)
    names = ["success.png", "success.svg", "precision.png", "precision.svg"]
    assert [path.name for path in paths] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    for path in paths[::2]:
        image = cv2.imread(str(path))
        assert image is not None
        assert min(image.shape[:2]) > 600
    before = paths[1].read_bytes()
    assert ElementTree.fromstring(before).tag.endswith("svg")
    plots.save_plots(THREE, tmp_path)
    assert paths[1].read_bytes() == before  # the same scores, the same file


def test_nothing_to_draw(tmp_path: Path) -> None:
    assert plots.save_plots([TrackerScore("none", (), {"s": "lost"}, None)], tmp_path) == []
    assert list(tmp_path.iterdir()) == []
