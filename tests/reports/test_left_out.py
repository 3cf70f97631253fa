"""Sequences that no tracker on a page was judged on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pages import LENGTHS, Page, write_got10k, write_otb, write_videos, write_vot

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
    assert "1 sequence left out of all means" in page.text
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
