"""TRE and SRE in OTB's section of a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pages import LENGTHS, TRUTH, Page, write_otb, write_videos

from pursuit.protocols.otb_starts import SHIFTS, starts_on
from pursuit.reports.gathered import gather
from pursuit.reports.page import build
from pursuit.reports.rendering import Report, html
from pursuit.results import otb

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")


def starts(length: int) -> list[int]:
    return starts_on(np.tile(TRUTH, (length, 1)), None)


def write_runs(root: Path, tracker: str, kind: str, shift: float, ms: list[float]) -> None:
    """Write the runs of TRE or SRE: the first is off by some pixels, the others by none."""
    for name, length in LENGTHS.items():
        firsts = starts(length) if kind == "tre" else [0] * SHIFTS
        for number, first in enumerate(firsts, start=1):
            boxes = np.tile(TRUTH, (length - first, 1))
            boxes[1:, 0] += shift if number == 1 else 0
            times = np.full(len(boxes), ms[number % len(ms)])
            folder, stem = otb.numbered(root / tracker / kind, name, number)
            otb.write(folder, stem, otb.Run(boxes, times, np.full(len(boxes), 1.0)))


@pytest.fixture(scope="module")
def videos(
    tmp_path_factory: pytest.TempPathFactory, write_labelled_video: Callable[..., Path]
) -> Path:
    return write_videos(tmp_path_factory.mktemp("videos"), write_labelled_video)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, videos: Path) -> Report:
    root = tmp_path_factory.mktemp("results")
    write_otb(root, "both", 2, ms=5)
    write_runs(root, "both", "tre", 12, [4])
    write_runs(root, "both", "sre", 12, [8])
    write_runs(root, "other", "sre", 0, [2, 2, 2])
    return build(gather([root], None, videos))


def success(off: float, *lengths: int) -> float:
    """Return the AUC of runs, the first off by some pixels after its first frame, by hand.

    A frame without a fault passes 20 of the 21 thresholds; every frame counts the same.
    """
    overlap = (24 - off) / (24 + off)
    passed = sum(overlap > at / 20 for at in range(21))
    lost = (20 - passed) * (lengths[0] - 1)
    return (20 * sum(lengths) - lost) / sum(lengths) / 21


def test_rows_count_every_frame_of_the_runs(report: Report) -> None:
    page = Page(html(report))
    by_start, by_box = page.tables["otb-tre"], page.tables["otb-sre"]
    titles = ["Tracker", "AUC", "95 %", "P20", "norm. P20", "fps", "p95 ms", "sequences"]
    assert by_start[0] == by_box[0] == titles
    assert [row[0] for row in by_start[1:]] == ["both"]
    tre = np.mean([success(12, *(n - at for at in starts(n))) for n in LENGTHS.values()])
    assert by_start[1][1] == f"{tre:.3f}"
    assert by_start[1][5:] == ["250", "4.00", "3/3"]
    sre = np.mean([success(12, *[n] * SHIFTS) for n in LENGTHS.values()])
    other, both = by_box[1:]
    assert (other[0], other[1], other[5]) == ("other", f"{20 / 21:.3f}", "500")
    assert (both[0], both[1], both[5]) == ("both", f"{sre:.3f}", "125")
    summary = {row[0]: row for row in page.tables["otb-summary"][1:]}
    assert summary["both"][5:7] == [f"{tre:.3f}", f"{sre:.3f}"]
    # OPE's own run goes before the first of TRE, its times too.
    ope = np.mean([success(2, length) for length in LENGTHS.values()])
    assert summary["both"][1] == f"{ope:.3f}"
    assert summary["both"][8:10] == ["200", "5.00"]
    assert summary["other"][1] == "–"


def test_curves_are_their_own(report: Report) -> None:
    figures = {plot.name: plot.figure for plot in report.plots}
    names = [f"{plot}{end}" for end in ("", "-tre", "-sre") for plot in ("success", "precision")]
    assert list(figures) == [*names, "speed"]
    lines = figures["success-sre"].axes[0].lines
    # The first run fails at an overlap of 12 / 36 from its second frame on: at 0.5, all but one.
    lost = np.mean([(length - 1) / length for length in LENGTHS.values()]) / SHIFTS
    levels = sorted(line.get_ydata()[10] for line in lines)
    assert levels == pytest.approx([1 - lost, 1])
    (line,) = figures["success-tre"].axes[0].lines
    assert line.get_color() == figures["success"].axes[0].lines[0].get_color()
    assert "12 first boxes" in figures["precision-sre"].axes[0].get_title("left")


def test_times_of_other_starts_stand_in_for_one_pass(videos: Path, tmp_path: Path) -> None:
    write_runs(tmp_path, "mine", "sre", 0, [2])
    report = build(gather([tmp_path], None, videos))
    assert [plot.name for plot in report.plots] == ["success-sre", "precision-sre", "speed"]
    axes = report.plots[-1].figure.axes[0]
    assert axes.get_ylabel() == "AUC by SRE"
    (point,) = axes.lines
    assert (point.get_xdata()[0], point.get_ydata()[0]) == pytest.approx((500, 20 / 21))
    write_runs(tmp_path, "mine", "tre", 0, [4, 2])  # the first takes 2 ms, half of the others 4
    found = gather([tmp_path], None, videos)
    assert found.fps == {"mine": pytest.approx(500)}
