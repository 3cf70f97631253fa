"""Sequences that no tracker on a page was judged on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pages import LENGTHS, Page, write_got10k, write_otb, write_videos, write_vot

from pursuit.errors import DataError
from pursuit.reports.gathered import gather
from pursuit.reports.page import build
from pursuit.reports.rendering import html, markdown
from pursuit.results import made_with

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")


@pytest.fixture
def videos(tmp_path: Path, write_labelled_video: Callable[..., Path]) -> Path:
    (tmp_path / "videos").mkdir()
    return write_videos(tmp_path / "videos", write_labelled_video)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for label, shift in (("a", 2), ("b", 6)):
        write_otb(tmp_path / "results", label, shift)
        write_vot(tmp_path / "results", label, shift)
        write_got10k(tmp_path / "results", label, {name: [shift] for name in LENGTHS})
    return tmp_path / "results"


def test_results_on_a_bad_sequence_count_for_nothing(results: Path, videos: Path) -> None:
    whole = Page(html(build(gather([results], None, videos))))
    (videos / "second.csv").write_text("frame,object,x,y,w,h\n0,0,1,2,3,none\n")
    found = gather([results], None, videos)
    assert list(found.left_out) == ["second"]
    assert found.left_out["second"].startswith(f"{videos / 'second.csv'}:2: ")
    assert not found.wrong and not found.notes
    page = Page(html(build(found)))
    assert "1 sequence left out of the means" in page.text
    assert page.text.count("1 sequence left out of all means.") == 3  # below each table
    assert f"left out: second: {videos / 'second.csv'}:2: " in page.text
    assert "left out: second: " in markdown(build(found), "plots").replace("\\", "")
    for kind in ("otb", "vot", "got10k"):
        assert [row[-1] for row in page.tables[f"{kind}-summary"][1:]] == ["2/3", "2/3"]
        assert not any(row[1].endswith("*") for row in page.tables[f"{kind}-summary"][1:])
        rows = [row for row in whole.tables[f"{kind}-sequences"] if row[0] != "second"]
        assert page.tables[f"{kind}-sequences"] == rows
    assert "vot-ranks" in page.tables  # they have all that there is


def test_what_the_results_tell_was_left_out(results: Path, videos: Path) -> None:
    for label in "ab":
        made_with.add(results / label, made_with.Made({"pursuit": "0"}))
        made_with.leave_out(results / label, {"fourth": "x.png is torn", "First": "old"}, [])
    found = gather([results], None, videos)
    # There are results on the first now.
    assert found.left_out == {"fourth": "x.png is torn"}
    page = Page(html(build(found)))
    assert "left out: fourth: x.png is torn" in page.text
    assert [row[-1] for row in page.tables["otb-summary"][1:]] == ["3/4", "3/4"]


def test_a_wrong_result_on_a_sequence_noted_as_left_out_counts_once(
    results: Path, videos: Path
) -> None:
    for label in "ab":
        made_with.add(results / label, made_with.Made({"pursuit": "0"}))
        made_with.leave_out(results / label, {"second": "x.png is torn"}, [])
    for path in results.rglob("second*.txt"):
        path.write_text("1,2,3,4\n", encoding="utf-8")
        path.with_name("second.times.txt").unlink(missing_ok=True)
    found = gather([results], None, videos)
    assert not found.left_out
    assert len([line for line in found.wrong if line.startswith("a on second: ")]) == 3
    page = Page(html(build(found)))
    for kind in ("otb", "vot", "got10k"):
        assert [row[-1] for row in page.tables[f"{kind}-summary"][1:]] == ["2/3", "2/3"]
    assert "left out" not in page.text


def test_each_kind_has_its_own(tmp_path: Path, videos: Path) -> None:
    write_otb(tmp_path / "results", "a", 2)
    write_vot(tmp_path / "results", "b", 2)
    write_vot(tmp_path / "results", "b", 2, experiment="region_noise")
    write_got10k(tmp_path / "results", "c", {name: [2] for name in LENGTHS})
    told = {"a": {"Jogging-1": "old"}, "b": {"fourth": "torn", "Jogging.1": "old"}}
    for label, names in told.items():
        made_with.add(tmp_path / "results" / label, made_with.Made({"pursuit": "0"}))
        made_with.leave_out(tmp_path / "results" / label, names, [])
    found = gather([tmp_path / "results"], None, videos)
    assert found.left_out == {
        "Jogging-1": "old (left out of OTB's and VOT's results alone)",
        "fourth": "torn (left out of VOT's results alone)",
    }
    page = Page(html(build(found)))
    counts = {kind: page.tables[f"{kind}-summary"][1][-1] for kind in ("otb", "vot", "got10k")}
    assert counts == {"otb": "3/4", "vot": "3/5", "got10k": "3/3"}
    assert page.tables["vot-noise"][1][-1] == "3/5"


def test_results_of_one_kind_alone_do_not_hide_what_another_left_out(
    results: Path, videos: Path
) -> None:
    for label in "ab":
        (results / label / "second.txt").unlink()
        (results / label / "second.times.txt").unlink()
    made_with.add(results / "a", made_with.Made({"pursuit": "0"}))
    made_with.leave_out(results / "a", {"second": "x.png is torn"}, [])
    found = gather([results], None, videos)
    assert found.left_out == {"second": "x.png is torn (left out of OTB's results alone)"}
    assert not found.wrong and not found.notes
    page = Page(html(build(found)))
    for kind, count in (("otb", "2/3"), ("vot", "3/3"), ("got10k", "3/3")):
        assert [row[-1] for row in page.tables[f"{kind}-summary"][1:]] == [count, count]


def write_kind(root: Path, kind: str, name: str) -> None:
    """Write results of a tracker on one sequence."""
    if kind == "GOT-10k":
        write_got10k(root, "mine", {name: [2]})
        return
    (write_otb if kind == "OTB" else write_vot)(root, "mine", 2)
    for other in LENGTHS.keys() - {name}:
        for path in root.rglob(f"{other}*.txt"):
            path.unlink()


@pytest.mark.parametrize("kind", ["OTB", "VOT", "GOT-10k"])
def test_results_on_left_out_sequences_alone(kind: str, videos: Path, tmp_path: Path) -> None:
    (videos / "second.csv").write_text("frame,object,x,y,w,h\n0,0,1,2,3,none\n")
    write_kind(tmp_path / "results", kind, "second")
    with pytest.raises(DataError) as error:
        gather([tmp_path / "results"], None, videos)
    assert str(error.value).startswith(
        f"{tmp_path / 'results'}: no result of {kind}'s kind is of a sequence that can be used; "
        f"left out: second: {videos / 'second.csv'}:2: "
    )
    # Beside results of another kind that count, it is said on the page.
    write_kind(tmp_path / "others", "OTB" if kind == "VOT" else "VOT", "first")
    found = gather([tmp_path / "results", tmp_path / "others"], None, videos)
    (line,) = found.wrong
    assert line == f"results of {kind}'s kind are not on this page: {error.value}"


@pytest.mark.parametrize("kind", ["OTB", "VOT", "GOT-10k"])
def test_a_tracker_with_results_on_left_out_sequences_alone_is_named(
    kind: str, videos: Path, tmp_path: Path
) -> None:
    write_kind(tmp_path / "results", kind, "second")
    (tmp_path / "results" / "mine").rename(tmp_path / "results" / "other")
    write_kind(tmp_path / "results" / "more", kind, "third")
    assert not gather([tmp_path / "results"], None, videos).left_out
    (videos / "second.csv").write_text("frame,object,x,y,w,h\n0,0,1,2,3,none\n")
    found = gather([tmp_path / "results"], None, videos)
    assert (found.labels, list(found.left_out)) == (["mine"], ["second"])
    line = f"other has results of {kind}'s kind on sequences left out alone: none counts"
    assert [one for one in found.notes if one.startswith("other ")] == [line]


@pytest.mark.parametrize("kind", ["VOT", "GOT-10k"])
def test_a_lack_of_labels_is_told_as_such(kind: str, videos: Path, tmp_path: Path) -> None:
    write_kind(tmp_path / "results", kind, "second")
    (videos / "second.csv").unlink()
    (videos / "second.mp4").unlink()
    what = f"{tmp_path / 'results'}: no result of {kind}'s kind is of a sequence with labels"
    with pytest.raises(DataError) as error:
        gather([tmp_path / "results"], None, videos)
    assert str(error.value) == what
    (videos / "third.csv").write_text("frame,object,x,y,w,h\n0,0,1,2,3,none\n")
    write_kind(tmp_path / "more", kind, "third")
    with pytest.raises(DataError, match="a sequence that can be used; left out: third: "):
        gather([tmp_path / "results", tmp_path / "more"], None, videos)


def test_rows_that_are_no_boxes_on_a_left_out_sequence(tmp_path: Path, videos: Path) -> None:
    (videos / "second.csv").write_text("frame,object,x,y,w,h\n0,0,1,2,3,none\n")
    write_got10k(tmp_path, "mine", {name: [2] for name in LENGTHS})
    for name in ("second", "third"):
        path = tmp_path / "mine" / name / f"{name}_001.txt"
        first, _, *others = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join([first, "nan,nan,nan,nan", *others]) + "\n", encoding="utf-8")
    found = gather([tmp_path / "mine"], None, videos)
    assert found.got10k is not None and list(found.left_out) == ["second"]
    assert found.notes == [
        "mine: 1 row of 1 sequence NaN or infinite, first in third; they overlap by 0"
    ]
    assert Page(html(build(found))).tables["got10k-summary"][1][-1] == "2/3"


def test_frames_that_cannot_be_shown_change_no_score(
    results: Path, videos: Path, tmp_path: Path
) -> None:
    for name, length in LENGTHS.items():
        (tmp_path / "truth" / name).mkdir(parents=True)
        labels = tmp_path / "truth" / name / "groundtruth_rect.txt"
        labels.write_text("21,17,24,20\n" * length)
    before = gather([results / "a"], tmp_path / "truth", videos)
    (videos / "second.csv").unlink()
    (videos / "third.mp4").unlink()
    found = gather([results / "a"], tmp_path / "truth", videos)
    assert found.otb is not None and before.otb is not None
    assert found.otb.trackers[0].ope.auc == before.otb.trackers[0].ope.auc
    assert not found.left_out
    assert set(found.wrong) - set(before.wrong) == {
        f"no pictures of third: {videos / 'third.csv'}: third.mp4 is missing beside it "
        "(pursuit data check lists all that is wrong)"
    }
