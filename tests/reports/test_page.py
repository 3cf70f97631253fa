"""The page of results, and the same as Markdown and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pages import HOSTILE, LENGTHS, Page, write_got10k, write_otb, write_videos, write_vot

from pursuit.datasets import open_videos
from pursuit.errors import DataError, SettingsError
from pursuit.measures import eao, otb
from pursuit.reports.gathered import Gathered, gather
from pursuit.reports.page import build, save
from pursuit.reports.rendering import Report, html, markdown, tex
from pursuit.reports.scores import sequence_score
from pursuit.reports.surroundings import versions
from pursuit.results import made_with
from pursuit.results.otb import read

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

# By hand: an overlap of 22 / 26 = 0.846 passes the 17 thresholds from 0 to 0.8, the first frame
# of each sequence 20 of the 21.
GOOD = f"{np.mean([(20 + 17 * (length - 1)) / length / 21 for length in LENGTHS.values()]):.3f}"


@pytest.fixture(scope="module")
def videos(
    tmp_path_factory: pytest.TempPathFactory, write_labelled_video: Callable[..., Path]
) -> Path:
    return write_videos(tmp_path_factory.mktemp("videos"), write_labelled_video)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("results")
    for label, shift, lost_from, ms in (("good", 2, 99, 5), (HOSTILE, 9, 12, 2.5)):
        write_otb(root, label, shift, lost_from=lost_from, ms=ms)
    write_vot(root, "good", 3)
    write_vot(root, HOSTILE, 6, fails_at=11)
    return root


@pytest.fixture(scope="module")
def gathered(results: Path, videos: Path) -> Gathered:
    return gather([results], None, videos)


@pytest.fixture(scope="module")
def report(gathered: Gathered) -> Report:
    return build(gathered)


@pytest.fixture(scope="module")
def page(report: Report) -> Page:
    return Page(html(report))


def test_numbers_are_those_of_the_scores(page: Page, results: Path, videos: Path) -> None:
    rows = page.tables["otb-summary"]
    assert rows[0][:5] == ["Tracker", "AUC", "95 %", "P20", "norm. P20"]
    assert [row[0] for row in rows[1:]] == ["good", HOSTILE]
    for label, row in ((row[0], row) for row in rows[1:]):
        parts = [
            sequence_score(one.name, [(read(results / label, one.name), one.boxes)])
            for one in open_videos(videos)
        ]
        aucs = [otb.auc(part.success) for part in parts]
        assert row[1] == f"{np.mean(aucs):.3f}"
        assert row[3] == f"{np.mean([otb.precision20(part.precision) for part in parts]):.3f}"
        at = 1 if label == "good" else 2
        assert [one[at] for one in page.tables["otb-sequences"][1:]] == [f"{x:.3f}" for x in aucs]
    assert rows[1][1] == GOOD
    assert rows[1][3:5] == ["1.000", "1.000"]
    assert rows[1][6:] == ["200", "5.00", "3/3"]
    assert rows[2][6:] == ["400", "2.50", "3/3"]


def test_vot_by_hand(page: Page) -> None:
    good, bad = page.tables["vot-summary"][1:]
    # 21 and 18 of 27 columns; a pixel's width in rasters is that of the plane here.
    assert good[:2] == ["good", f"{21 / 27:.3f}"]
    assert bad[:2] == [HOSTILE, f"{18 / 30:.3f}"]
    assert (good[5], bad[5]) == ("0", "3")
    robust = np.exp(-30 * 3 / sum(LENGTHS.values()))
    assert (good[3], bad[3]) == ("1.000", f"{robust:.3f}")
    assert good[6] != "–"
    # Of the other's frames 1, 5 and 1 count: too few to tell a difference of accuracy.
    assert page.tables["vot-ranks"] == [
        ["Tracker", "baseline: A", "baseline: R", "mean"],
        ["good", "1.50", "1.00", "1.25"],
        [HOSTILE, "1.50", "2.00", "1.75"],
    ]
    assert "vot-noise" not in page.tables
    errors = page.tables["goturn-table-1"]
    assert errors[1] == ["good", "0.11", "0.22", "0.00"]
    assert errors[2][1:] == [f"{1 - (0.6 + robust) / 2:.2f}", "0.40", f"{1 - robust:.2f}"]
    raw = page.tables["siamfc-table-2"]
    assert raw[1][:3] == ["good", f"{21 / 27:.4f}", "0"]
    assert [row[4] for row in raw[1:]] == ["200", "400"]


def test_two_runs_stand_side_by_side(page: Page, report: Report) -> None:
    rows = page.tables["otb-side-by-side"]
    assert rows[0] == ["Sequence", "good", HOSTILE, "difference"]
    for _, first, second, difference in rows[1:]:
        assert float(difference) == pytest.approx(float(first) - float(second), abs=1.1e-3)
    apart = [abs(float(row[3])) for row in rows[1:]]
    assert apart == sorted(apart, reverse=True)
    # Three pairs, all one way: 2 of the 8 ways are as far apart.
    assert "p = 0.2500 by the paired test; higher on 3, lower on 0" in page.text
    assert "vot-accuracy-side-by-side" in page.tables
    assert page.tables["vot-failures-side-by-side"][1][1:] == ["0", "1", "-1"]


def test_page_stands_alone(page: Page, report: Report) -> None:
    text = html(report)
    assert len(text) < 3e6
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", re.sub(r"base64,[^\"]*", "", text))
    assert all(one.startswith(("#", "data:image/jpeg;base64,")) for one in page.addresses)
    assert len(page.ids) == len(set(page.ids))
    assert all(one[1:] in page.ids for one in page.addresses if one.startswith("#"))
    assert page.tags.count("svg") == 8
    assert page.tags.count("script") == 1
    assert html(report) == text  # the same results, the same bytes


def test_hostile_name_is_a_name_everywhere(page: Page, report: Report) -> None:
    assert HOSTILE in page.text
    assert "x" not in page.addresses
    assert not page.handlers
    assert "<img src=x" not in html(report)
    assert "<img" not in markdown(report, "plots").replace("\\<img", "")


def test_markdown_tables_are_whole(report: Report) -> None:
    lines = markdown(report, "report-plots").splitlines()
    found = 0
    for number, line in enumerate(lines):
        if not re.match(r"\|[-:]", line):
            continue
        found += 1
        assert lines[number - 2] == ""
        bars = [len(re.findall(r"(?<!\\)\|", lines[number - 1]))]
        while lines[number].startswith("|"):
            bars.append(len(re.findall(r"(?<!\\)\|", lines[number])))
            number += 1
        assert len(set(bars)) == 1
        assert len(bars) >= 3
        assert lines[number] == ""
    assert found == sum(len(section.tables) for section in report.with_versions().sections)
    assert f"| good | **{GOOD}** |" in "\n".join(lines)
    assert "![Success plot" in "\n".join(lines)
    assert "(report-plots/success.svg)" in "\n".join(lines)


def test_latex_tables_are_whole(report: Report) -> None:
    text = tex(report)
    count = sum(len(section.tables) for section in report.with_versions().sections)
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == count
    for form, body in re.findall(
        r"\\begin\{tabular\}\{([lr]+)\}(.*?)\\end\{tabular\}", text, re.DOTALL
    ):
        rows = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert len(rows) >= 2
        for row in rows:
            assert len(re.findall(r"(?<!\\)&", row)) == len(form) - 1
    plain = text.replace("\\{", "").replace("\\}", "")
    assert plain.count("{") == plain.count("}")
    assert len(re.findall(r"(?<!\\)\$", text)) == 2 * text.count(r"$\times$")
    assert not re.search(r"(?<!\\)[#_]|[<>|]", text.replace("<img", ""))
    escaped = r"\textgreater{}\textbar{}\_\&\$x\textasciicircum{}\%\#\{\}\textasciitilde{}`*"
    assert r"\textless{}img src=x onerror=alert(1)" + escaped in text


def test_strips_show_where_each_failed(report: Report) -> None:
    told = {(one.moment.tracker, one.moment.frame, one.moment.what) for one in report.strips}
    # Of the sequence of 30 frames, lost from 12 on; and where the resets were.
    assert (HOSTILE, 12, "no overlap for 18 of 29 labelled frames") in told
    assert (HOSTILE, 11, "failed 11 frames after it was started") in told
    assert any(tracker == "good" and what.startswith("never lost") for tracker, _, what in told)


def test_files(report: Report, tmp_path: Path) -> None:
    out = tmp_path / "to see" / "report.html"
    paths = save(report, out)
    assert out in paths
    names = {path.relative_to(out.parent).as_posix() for path in paths}
    assert {"report.html", "report.md", "report.tex"} < names
    for plot in ("success", "precision", "speed", "ar", "eao", "speed-vot", "ar-rank", "rank"):
        assert {f"report-plots/{plot}.svg", f"report-plots/{plot}.png"} < names
    assert all(path.stat().st_size > 500 for path in paths)
    assert len(list(out.parent.rglob("*.*"))) == len(paths)


def test_two_results_of_one_tracker_are_two_trackers(videos: Path, tmp_path: Path) -> None:
    write_otb(tmp_path / "before", "mine", 8)
    write_otb(tmp_path / "after", "mine", 1)
    write_otb(tmp_path / "after", "other", 5)
    found = gather([tmp_path / "before", tmp_path / "after"], None, videos)
    assert found.labels == ["mine (after)", "other", "mine (before)"]
    assert not found.wrong


def test_results_of_other_protocols_beside_do_not_hide_these(videos: Path, tmp_path: Path) -> None:
    write_otb(tmp_path, "mine", 5)
    boxes = (tmp_path / "mine" / "first.txt").read_bytes()
    for folder, runs in (("", 3), ("tre", 20)):
        place = tmp_path / "mine" / folder / "first"
        place.mkdir(parents=True)
        for number in range(1, runs + 1):
            (place / f"first_{number:03d}.txt").write_bytes(boxes)
    found = gather([tmp_path], None, videos)
    assert found.otb is not None and found.labels == ["mine"]
    assert found.folders == {"mine": tmp_path / "mine"}
    assert len(found.otb.trackers[0].ope.sequences) == 3
    assert [one.name for one in found.otb.trackers[0].kinds["tre"].sequences] == ["first"]
    assert found.got10k is not None
    assert [one.name for one in found.got10k.trackers[0].sequences] == ["first"]
    write_vot(tmp_path, "mine", 3)
    write_got10k(tmp_path, "other", {"third": [1]})
    found = gather([tmp_path], None, videos)
    assert found.vot is not None and len(found.parts) == 3
    # Each section tells of its own trackers and sequences, and nothing of the others' results.
    assert found.notes == [
        "no tracker has a result of GOT-10k's kind on 1 sequence with labels, which count for "
        "none: second"
    ]
    assert found.wrong == [
        *(f"mine (TRE) on {name}: no result" for name in ("second", "third")),
        "other on first: no result",
        "mine on third: no result",
    ]


def test_a_tracker_that_left_nothing_is_named(videos: Path, tmp_path: Path) -> None:
    write_otb(tmp_path, "mine", 5)
    (tmp_path / "crashed").mkdir()
    (tmp_path / "crashed" / "tracker.json").write_text("{}")
    found = gather([tmp_path], None, videos)
    assert found.labels == ["mine"]
    (line,) = found.wrong
    assert line.startswith(f"crashed has no result at all in {tmp_path}")
    assert line in Page(html(build(found))).text


def test_rank_is_over_efo_where_the_machine_was_timed(videos: Path, tmp_path: Path) -> None:
    for label, ms in (("a", 4.0), ("b", 8.0)):
        write_vot(tmp_path, label, 2)
        for name, length in LENGTHS.items():
            path = tmp_path / label / "baseline" / name / f"{name}_001_time.value"
            path.write_text(f"{ms / 1000}\n" * length)
    there = {**versions(), "processor": "another"}
    made_with.add(tmp_path / "a", made_with.Made(there, 300.0))
    half = gather([tmp_path], None, videos)
    assert half.efo == {"a": pytest.approx(75)}
    assert "Rank over speed (frames a second)" in html(build(half))
    made_with.add(tmp_path / "b", made_with.Made(versions(), 200.0))
    whole = gather([tmp_path], None, videos)
    assert whole.efo == {"a": pytest.approx(75), "b": pytest.approx(25)}
    for label in "ab":
        (tmp_path / label / "tracker.json").write_text('{"tracker": "made-up"}')
    text = html(build(whole))
    assert "Rank over speed (EFO)" in text
    rows = {row[0]: row[-1] for row in Page(text).tables["trackers"][1:]}
    assert rows == {"a": "processor another", "b": "as this report"}


def test_region_noise_beside_the_baseline(videos: Path, tmp_path: Path) -> None:
    for label, shift, fails_at in (("a", 6, None), ("b", 3, 11), ("c", 6, None)):
        write_vot(tmp_path, label, shift)
        if label != "c":
            write_vot(tmp_path, label, shift, fails_at=fails_at, experiment="region_noise")
    found = gather([tmp_path], None, videos)
    assert not found.wrong and not found.notes
    page = Page(html(build(found)))
    robust = np.exp(-30 * 3 / sum(LENGTHS.values()))
    first, second = page.tables["vot-noise"][1:]
    assert first[:4] == ["b", "0.778", f"{robust:.3f}", "3"] and first[5] == "3/3"
    assert second[:4] == ["a", "0.600", "1.000", "0"]
    head, *rows = page.tables["vot-ranks"]
    experiments = ("baseline", "noise", "both")
    assert head[1:-1] == [f"{name}: {what}" for name in experiments for what in "AR"]
    # Of c there is no noise: it has no mean over both. a and c are the same by accuracy.
    assert rows == [
        ["b", "1.00", "2.00", "1.50", "2.00", "1.25", "2.00", "1.62"],
        ["a", "2.50", "2.00", "1.50", "1.00", "2.00", "1.50", "1.75"],
        ["c", "2.50", "2.00", "–", "–", "–", "–", "–"],
    ]
    (tmp_path / "b" / "region_noise" / "first" / "first_001.txt").write_text("1\n")
    (line,) = gather([tmp_path], None, videos).wrong
    assert line.startswith("b (region_noise) on first: 1 row for 20 frames")


def test_what_lacks_is_named_and_not_the_best(videos: Path, tmp_path: Path) -> None:
    write_otb(tmp_path, "whole", 5)
    write_otb(tmp_path, "partly", 1)
    (tmp_path / "partly" / "second.txt").unlink()
    (tmp_path / "partly" / "third.txt").write_text("1,2,3,4\n")
    (tmp_path / "partly" / "third.times.txt").unlink()
    report = build(gather([tmp_path], None, videos))
    page = Page(html(report))
    partly, whole = page.tables["otb-summary"][1:]
    assert partly[1].endswith("*")
    assert not whole[1].endswith("*")
    assert "<b>" + partly[1] not in html(report)
    assert "2 results missing or wrong" in page.text
    assert "partly on second: no result" in page.text
    assert "partly on third: 1 rows of boxes for 24 labels" in page.text


def test_boxes_of_others_keep_the_times_beside_them(videos: Path, tmp_path: Path) -> None:
    write_otb(tmp_path, "mine", 5, ms=4)
    before = Page(html(build(gather([tmp_path], None, videos)))).tables["otb-summary"]
    for name in LENGTHS:
        path = tmp_path / "mine" / f"{name}.txt"
        path.write_text("".join(f"{line},0.5\n" for line in path.read_text().splitlines()))
    after = Page(html(build(gather([tmp_path], None, videos)))).tables["otb-summary"]
    assert after == before and "250" in after[1]


def test_sequences_without_results_are_told_of(videos: Path, tmp_path: Path) -> None:
    write_otb(tmp_path, "a", 5)
    (tmp_path / "a" / "second.txt").unlink()
    found = gather([tmp_path], None, videos)
    assert found.notes == [
        "no tracker has a result of OTB's kind on 1 sequence with labels, which count for "
        "none: second"
    ]
    assert not found.wrong


def test_ground_truth_in_files_does_without_videos(results: Path, tmp_path: Path) -> None:
    for name, length in LENGTHS.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "groundtruth_rect.txt").write_text("21,17,24,20\n" * length)
        (folder / "groundtruth.txt").write_text("20,16,24,20\n" * length)
        (folder / "sequence").write_text("width=96\nheight=64\n")
    report = build(gather([results], tmp_path, None))
    page = Page(html(report))
    assert page.tables["otb-summary"][1][1] == GOOD
    assert page.tables["vot-summary"][1][1] == f"{21 / 27:.3f}"
    assert report.strips
    assert "score map" not in page.text


def test_bad_places(results: Path, videos: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--ground-truth PATH, or --videos ROOT"):
        gather([results], None, None)
    with pytest.raises(DataError, match=r"no result is right: videos.* on first: .* and 2 more"):
        gather([videos], None, videos)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataError, match="nothing holds no results that a report shows"):
        gather([results, tmp_path / "nothing"], None, videos)
    with pytest.raises(DataError, match="no such folder"):
        gather([tmp_path / "none"], None, videos)
    write_otb(tmp_path / "r", "t", 1)
    for path in (tmp_path / "r" / "t").glob("*.txt"):
        path.rename(path.with_name("x" + path.name))
    with pytest.raises(DataError, match=r"holds no results .*of no sequence with labels: 3 files"):
        gather([tmp_path / "r"], None, videos)


def test_vot_results_tell_their_speed_and_the_curve_its_score(videos: Path, tmp_path: Path) -> None:
    write_vot(tmp_path, "a", 2)
    for name, length in LENGTHS.items():
        lines = ["9.0"] + ["0.02"] * (length - 1)  # the start does not count
        lines[12:16] = ["0"] * 4  # nor do frames that it did not see
        path = tmp_path / "a" / "baseline" / name / f"{name}_001_time.value"
        path.write_text("\n".join(lines) + "\n")
    found = gather([tmp_path], None, videos)
    assert found.fps == {"a": pytest.approx(50)}
    assert found.otb is None
    assert found.vot is not None
    assert found.vot.lengths is not None
    (one,) = found.vot.trackers
    mine = eao.score(one.score.curve, *found.vot.lengths)
    assert mine == one.score.eao > 0.5
    assert Page(html(build(found))).tables["siamfc-table-2"][1][4] == "50"
