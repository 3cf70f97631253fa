"""GOT-10k's results on a page: the numbers, by other formulas than the page's own."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from pages import LENGTHS, TRUTH, Page, write_got10k, write_otb

from pursuit.errors import DataError
from pursuit.reports.gathered import gather
from pursuit.reports.page import build
from pursuit.reports.rendering import Report, html

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

# Frames that count: neither the first nor the last three, where nothing is seen of the target.
COUNT = {name: length - 4 for name, length in LENGTHS.items()}
NEAR, HALF, CLOSE = 20 / 28, 12 / 36, 22 / 26  # overlaps of boxes that are 4, 12, 2 of 24 px off
# Of two runs of `far` on the first sequence one is as `near`.
FAR = {"first": (NEAR + HALF) / 2, "second": CLOSE, "third": HALF}


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("val")
    for name, length in LENGTHS.items():
        (root / name).mkdir()
        row = ",".join(f"{value:.4f}" for value in TRUTH)
        (root / name / "groundtruth.txt").write_text(f"{row}\n" * length)
        kind = "cat" if name == "second" else "dog"
        meta = f"[METAINFO]\nobject_class: {kind}\nresolution: (96, 64)\n"
        (root / name / "meta_info.ini").write_text(meta)
        (root / name / "cover.label").write_text("8\n" * (length - 3) + "0\n" * 3)
    return root


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("results")
    write_got10k(root, "near", {name: [4.0] for name in LENGTHS}, ms=4)
    write_got10k(root, "far", {"first": [4, 12], "second": [2, 2], "third": [12, 12]}, ms=10)
    return root


@pytest.fixture(scope="module")
def report(results: Path, truth: Path) -> Report:
    return build(gather([results], truth, None))


@pytest.fixture(scope="module")
def page(report: Report) -> Page:
    return Page(html(report))


def pooled(values: dict[str, float], names: tuple[str, ...] = tuple(LENGTHS)) -> float:
    return sum(values[one] * COUNT[one] for one in names) / sum(COUNT[one] for one in names)


def test_summary_by_hand(page: Page) -> None:
    rate = ["SR 0.5", "95 %", "SR 0.75", "95 %"]
    means = ["mAO", "95 %", "mSR 0.5", "mSR 0.75"]
    titles, near, far = page.tables["got10k-summary"]
    assert titles == ["Tracker", "AO", "95 %", *rate, *means, "p", "fps", "sequences"]
    same = f"{NEAR:.3f}–{NEAR:.3f}"
    assert near[:7] == ["near", f"{NEAR:.3f}", same, "1.000", "1.000–1.000", "0.000", "0.000–0.000"]
    assert near[7:12] == [f"{NEAR:.3f}", same, "1.000", "0.000", "–"]
    assert far[1] == f"{pooled(FAR):.3f}"
    half = {"first": 0.5, "second": 1, "third": 0}
    assert far[3] == f"{pooled(half):.3f}"
    assert far[5] == f"{pooled({**half, 'first': 0}):.3f}"
    dogs = (FAR["first"] + FAR["third"]) / 2  # a class counts as much as another
    assert far[7] == f"{(dogs + CLOSE) / 2:.3f}"
    assert far[9:11] == [f"{(0.25 + 1) / 2:.3f}", "0.500"]
    frames = sum(LENGTHS.values())
    assert far[12] == f"{(3 * 2 + (frames - 3) * 100) / frames:.1f}"
    assert far[13] == "3/3"


def test_intervals_are_those_of_all_27_ways_to_draw(page: Page) -> None:
    far = page.tables["got10k-summary"][2]
    draws = list(itertools.product(LENGTHS, repeat=3))
    overlaps = np.sort([pooled(FAR, draw) for draw in draws])
    # Each way has 1 / 27 = 3.7 %: the ends are the least and the greatest.
    assert far[2] == f"{overlaps[0]:.3f}–{overlaps[-1]:.3f}"
    by_class = []
    for draw in draws:
        kinds = {name == "second" for name in draw}
        each = [[FAR[x] for x in draw if (x == "second") == kind] for kind in kinds]
        by_class.append(np.mean([np.mean(one) for one in each]))
    assert far[8] == f"{min(by_class):.3f}–{max(by_class):.3f}"


def test_chance_is_counted_over_all_ways_to_swap(page: Page) -> None:
    near = dict.fromkeys(LENGTHS, NEAR)
    # `far` has two runs, twice the frames: its sums weigh as much as those of two.
    runs = [{name: (COUNT[name] * NEAR, COUNT[name]) for name in near}]
    runs.append({name: (2 * COUNT[name] * FAR[name], 2 * COUNT[name]) for name in FAR})

    def apart(swapped: tuple[bool, ...]) -> float:
        sides = []
        for side in (0, 1):
            parts = [runs[side ^ swap][name] for name, swap in zip(LENGTHS, swapped, strict=True)]
            sides.append(sum(x for x, _ in parts) / sum(y for _, y in parts))
        return abs(sides[0] - sides[1])

    ways = list(itertools.product((False, True), repeat=3))
    as_far = sum(apart(way) >= apart(ways[0]) - 1e-9 for way in ways)
    assert page.tables["got10k-summary"][2][11] == f"{as_far / 8:.4f}"


def test_by_sequence_and_by_class(page: Page) -> None:
    rows = page.tables["got10k-sequences"]
    assert rows[0] == ["Sequence", "near", "far"]
    assert rows[1:] == [[name, f"{NEAR:.3f}", f"{FAR[name]:.3f}"] for name in LENGTHS]
    dogs = (FAR["first"] + FAR["third"]) / 2
    assert page.tables["got10k-classes"][1:] == [
        ["cat (1)", f"{NEAR:.3f}", f"{CLOSE:.3f}"],
        ["dog (2)", f"{NEAR:.3f}", f"{dogs:.3f}"],
    ]
    apart = page.tables["got10k-side-by-side"][1]
    assert apart == ["third", f"{NEAR:.3f}", f"{HALF:.3f}", f"{NEAR - HALF:+.3f}"]


def test_plots(report: Report) -> None:
    success, speed = (plot.figure for plot in report.plots)
    assert [plot.name for plot in report.plots] == ["success-got10k", "speed-got10k"]
    near, far = success.axes[0].lines
    np.testing.assert_array_equal(near.get_ydata(), [at / 100 < NEAR for at in range(101)])
    at_half = (COUNT["first"] / 2 + COUNT["second"]) / sum(COUNT.values())
    assert far.get_ydata()[50] == pytest.approx(at_half)
    texts = [text.get_text() for text in success.legends[0].get_texts()]
    assert texts == [f"{NEAR:.3f}  near", f"{pooled(FAR):.3f}  far"]
    points = [(line.get_xdata()[0], line.get_ydata()[0]) for line in speed.axes[0].lines]
    frames = sum(LENGTHS.values())
    fps = [(3 * 2 + (frames - 3) * each) / frames for each in (250, 100)]
    assert points == [pytest.approx((fps[0], NEAR)), pytest.approx((fps[1], pooled(FAR)))]


def test_strips_leave_out_where_nothing_is_seen(report: Report, page: Page) -> None:
    told = {(x.moment.tracker, x.moment.sequence, x.moment.what) for x in report.strips}
    assert ("near", "first", f"never lost; least overlap {NEAR:.2f}") in told
    assert ("far", "third", f"never lost; least overlap {HALF:.2f}") in told
    assert "GOT-10k: never lost" in page.text
    assert "3 sequences as GOT-10k does" in page.text


def test_what_lacks_is_named(truth: Path, tmp_path: Path) -> None:
    write_got10k(tmp_path, "part", {name: [1] for name in ("first", "second")})
    write_got10k(tmp_path, "whole", {name: [5] for name in LENGTHS})
    path = tmp_path / "part" / "second" / "second_001.txt"
    path.write_text("\n".join(path.read_text().splitlines()[:-2]) + "\n")
    found = gather([tmp_path], truth, None)
    assert found.wrong == [
        f"part on second: 28 rows of boxes for 30 labels ({path})",
        "part on third: no result",
    ]
    rows = {row[0]: row[1] for row in Page(html(build(found))).tables["got10k-summary"][1:]}
    assert rows == {"part": f"{23 / 25:.3f}*", "whole": f"{19 / 29:.3f}"}


def test_two_results_of_one_tracker_are_two_trackers(truth: Path, tmp_path: Path) -> None:
    for place, shift in (("before", 8), ("after", 1)):
        write_got10k(tmp_path / place, "mine", {name: [shift] for name in LENGTHS})
    found = gather([tmp_path / "before", tmp_path / "after"], truth, None)
    assert found.labels == ["mine (after)", "mine (before)"]
    assert found.folders["mine (before)"] == tmp_path / "before" / "mine"
    assert not found.wrong


def test_ground_truth_of_one_kind_hides_no_other(truth: Path, tmp_path: Path) -> None:
    write_got10k(tmp_path, "mine", {name: [1] for name in LENGTHS})
    write_otb(tmp_path, "mine", 5)
    labels = tmp_path / "otb" / "first" / "groundtruth_rect.txt"
    labels.parent.mkdir(parents=True)
    labels.write_text("1,1,10,10\n" * LENGTHS["first"], encoding="utf-8")
    found = gather([tmp_path / "mine"], tmp_path / "otb", None)
    assert found.otb is not None and found.got10k is None
    (line,) = found.wrong
    assert line.startswith("results of GOT-10k's kind are not on this page: ")
    with pytest.raises(DataError, match="no such folder or archive"):
        gather([tmp_path], truth / "none", None)
