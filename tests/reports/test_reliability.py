"""The reliability curve: what is drawn, and the files."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import cv2
import numpy as np
import pytest

from pursuit.measures.calibration import Reliability
from pursuit.reports.reliability import reliability_figure, save_reliability

pytest.importorskip("matplotlib")

CURVE = Reliability(
    np.array([0.04, 0.55, 1.0]), np.array([0.1, 0.5, 0.9]), np.array([30, 4, 60], dtype=np.int64)
)


def test_the_curve_and_the_frames_are_drawn() -> None:
    upper, lower = reliability_figure(CURVE, 0.0612, "Score of x").axes
    assert upper.get_title("left") == "Score of x"
    ideal, curve = upper.lines
    np.testing.assert_array_equal(ideal.get_xdata(), ideal.get_ydata())
    np.testing.assert_array_equal(curve.get_xdata(), CURVE.score)
    np.testing.assert_array_equal(curve.get_ydata(), CURVE.share)
    assert "error 0.061" in upper.texts[0].get_text()
    assert [bar.get_height() for bar in lower.patches] == [30, 0, 0, 0, 0, 4, 0, 0, 0, 60]


def test_files(tmp_path: Path) -> None:
    png, svg = save_reliability(CURVE, 0.06, "Score of x", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"reliability.png", "reliability.svg"}
    image = cv2.imread(str(png))
    assert image is not None and min(image.shape[:2]) > 600
    before = svg.read_bytes()
    assert ElementTree.fromstring(before).tag.endswith("svg")
    save_reliability(CURVE, 0.06, "Score of x", tmp_path)
    assert svg.read_bytes() == before
