"""Curation of data sets with videos that are not good: they cost no other, and can be mended."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pursuit import store as stores
from pursuit.errors import DataError, StoreError
from pursuit.store import join
from pursuit.store.plan import plan

Write = Callable[..., Path]
BAD_ROW = "3,1,a,b,c,d\n"


def files(path: Path) -> dict[str, bytes]:
    """Return the content of a store, but for what its summary says."""
    return {file.name: file.read_bytes() for file in sorted(path.glob("*.arrow"))}


def curate(out: Path, data: Path, **settings: Any) -> tuple[stores.Summary, dict[str, str], int]:
    """Curate; return the summary, what was said to be left out, and the frames not cut anew."""
    said: dict[str, str] = {}
    seen: list[int] = []
    settings = {"workers": 1, "room": 8, "shard_mb": 0.1, **settings}
    summary = stores.curate(
        out,
        [data / "videos"],
        [data / "stills", data / "pictures"],
        leave_out=said.__setitem__,
        progress=lambda done, _: seen.append(done),
        **settings,
    )
    return summary, said, seen[0]


def pictures(root: Path, name: str, frames: int = 6) -> Path:
    """Write a video in GOT-10k's layout; return its folder."""
    (root / name).mkdir(parents=True)
    y, x = np.mgrid[:60, :80]
    for number in range(frames):
        frame = np.stack([x * 3, y * 4, (x + y + 5 * number)], axis=2).astype(np.uint8)
        data = cv2.imencode(".png", frame)[1].tobytes()
        (root / name / f"{number + 1:08d}.png").write_bytes(data)
    (root / name / "groundtruth.txt").write_text("10,10,20,24\n" * frames, encoding="utf-8")
    return root / name


@pytest.fixture
def broken(tmp_path: Path, data: Path) -> Path:
    """The small data with a line in the labels of `one` that is no box."""
    copy = tmp_path / "broken"
    shutil.copytree(data, copy)
    with (copy / "videos" / "one.csv").open("a", encoding="utf-8") as file:
        file.write(BAD_ROW)
    return copy


def stop(*_: object) -> None:
    raise KeyboardInterrupt


def mend(broken: Path, data: Path) -> None:
    shutil.copy(data / "videos" / "one.csv", broken / "videos" / "one.csv")


def test_a_bad_line_leaves_its_video_out_and_mended_it_is_taken(
    tmp_path: Path, data: Path, broken: Path, store_path: Path
) -> None:
    out = tmp_path / "out"
    summary, said, _ = curate(out, broken)
    assert [*said] == ["one"]
    assert (
        f"{broken / 'videos' / 'one.csv'}:8: x, y, w, h must be numbers; got 'a,b,c,d'"
        in (said["one"])
    )
    assert summary.videos_left_out == said
    assert (summary.objects, summary.crops, summary.frames) == (7, 21, 17)
    # The others are as if it had never been there.
    alone = tmp_path / "alone"
    shutil.copytree(broken, alone)
    for suffix in (".mp4", ".csv"):
        (alone / "videos" / f"one{suffix}").unlink()
    curate(tmp_path / "alone-out", alone)
    names = [item.name for item in stores.open(out).objects]
    assert names == [item.name for item in stores.open(tmp_path / "alone-out").objects]
    crops = [stores.open(folder).crop(20) for folder in (out, tmp_path / "alone-out")]
    np.testing.assert_array_equal(*crops)

    # Again, with nothing mended: nothing is done, and it is said again.
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert curate(out, broken)[:2] == (summary, said)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before

    assert not (out / "parts").exists()  # the store alone holds what was cut
    mend(broken, data)
    mended, said, kept = curate(out, broken)
    assert (said, mended.videos_left_out) == ({}, {})
    assert kept == 17  # what was cut before is not cut again
    assert files(out) == files(store_path)  # not a byte tells that it came later
    assert not (out / "parts").exists()
    assert (mended.crops, mended.objects, mended.frames) == (27, 8, 29)
    summaries = [
        json.loads((path / "summary.json").read_text("utf-8")) for path in (out, store_path)
    ]
    for summary in summaries:
        summary["parts"] = [name.rpartition("-")[0] for name in summary["parts"]]
    assert summaries[0] == summaries[1]
    assert summaries[0]["left_out"]


def test_while_it_is_joined_anew_nobody_takes_it_for_a_store(
    tmp_path: Path, data: Path, broken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    curate(out, broken)
    mend(broken, data)

    with monkeypatch.context() as patch:
        patch.setattr(join, "write_arrow", stop)
        with pytest.raises(KeyboardInterrupt):
            curate(out, broken)
    with pytest.raises(StoreError, match="its curation did not end"):
        stores.open(out)
    summary, _, kept = curate(out, broken)
    assert (summary.objects, summary.frames, kept) == (8, 29, 29)  # nothing is cut again


def test_a_store_with_a_damaged_crop_is_not_taken_apart(
    tmp_path: Path, data: Path, broken: Path
) -> None:
    out = tmp_path / "out"
    curate(out, broken)
    shard = out / "shard-00000.arrow"
    whole = shard.read_bytes()
    crop = bytes(stores.open(out).jpeg(3))
    shard.write_bytes(whole.replace(crop, crop[:-40] + bytes(40)))
    before = files(out)
    mend(broken, data)
    with pytest.raises(StoreError, match=r"00000\.arrow, row 3: .* delete the folder and curate"):
        curate(out, broken)
    assert files(out) == before
    shard.write_bytes(whole)
    assert curate(out, broken)[2] == 29  # what was cut meanwhile is not lost


@pytest.mark.parametrize("keep", [0, 5000])
def test_a_part_that_never_reached_the_disk_is_named(
    tmp_path: Path, data: Path, broken: Path, store_path: Path, keep: int
) -> None:
    out = tmp_path / "out"
    curate(out, broken)
    mend(broken, data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(join, "write_arrow", stop)
        with pytest.raises(KeyboardInterrupt):
            curate(out, broken)
    part = next((out / "parts").glob("one-*.arrow"))
    part.write_bytes(part.read_bytes()[:keep])
    with pytest.raises(StoreError, match=r"damaged .*: remove it, and the same command") as error:
        curate(out, broken)
    assert str(error.value).startswith(str(part))
    part.unlink()
    assert curate(out, broken)[2] == 17
    assert files(out) == files(store_path)


ODD: list[Callable[[dict[str, Any]], object]] = [
    lambda told: next(iter(told["parts"].values())).update(objects=0),  # of another store
    lambda told: next(iter(told["parts"].values())).update(objects="2"),
    lambda told: next(iter(told["parts"].values())).update(left_out={"no such frame": -1}),
    lambda told: next(iter(told["parts"].values())).update(left_out=[]),
    lambda told: told.update(parts=list(told["parts"])),  # of an earlier pursuit
    lambda told: told.update(videos_left_out=None),
]


@pytest.mark.parametrize("change", ODD)
@pytest.mark.parametrize("parts", [False, True])
def test_what_a_summary_cannot_tell_is_not_made_a_store_of(
    tmp_path: Path,
    data: Path,
    broken: Path,
    change: Callable[[dict[str, Any]], object],
    parts: bool,
) -> None:
    out = tmp_path / "out"
    curate(out, broken)
    before = files(out)
    told = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    change(told)
    (out / "summary.json").write_text(json.dumps(told), encoding="utf-8")
    if parts:
        (out / "parts").mkdir()
    mend(broken, data)
    with pytest.raises(StoreError, match="other data or settings, or of an earlier pursuit"):
        curate(out, broken)
    assert files(out) == before


def test_wherever_it_is_stopped_the_same_command_goes_on(
    tmp_path: Path, data: Path, broken: Path, store_path: Path
) -> None:
    curate(tmp_path / "before", broken)
    before, after = files(tmp_path / "before"), files(store_path)
    mend(broken, data)
    opened = set()
    for step in itertools.count():
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(tmp_path / "before", out)
        with pytest.MonkeyPatch.context() as patch:
            left = itertools.chain([True] * step, itertools.repeat(False))
            # As if it were killed: nothing is cleaned up either.
            for where, name in ((os, "replace"), (Path, "unlink"), (Path, "rmdir")):
                patch.setattr(where, name, stopping(getattr(where, name), left))
            try:
                curate(out, broken)
                break
            except KeyboardInterrupt:
                pass
        try:
            opened.add(len(stores.open(out)))
            assert {name: files(out)[name] for name in before} == before or files(out) == after
        except StoreError as error:
            assert "its curation did not end" in str(error)  # noqa: PT017
            opened.add(0)
        curate(out, broken)
        assert files(out) == after
        assert {path.name for path in out.iterdir()} == {*after, "summary.json"}
    assert opened == {21, 0, 27}


def stopping(call: Callable[..., Any], left: Iterator[bool]) -> Callable[..., Any]:
    """Return the same function, but one that stops the run when nothing is left."""

    def run(*words: Any, **named: Any) -> Any:
        if not next(left):
            raise KeyboardInterrupt
        return call(*words, **named)

    return run


def test_a_part_without_a_crop_is_taken_back_too(
    tmp_path: Path, data: Path, write_labelled_video: Write
) -> None:
    root, out = tmp_path / "data", tmp_path / "out"
    shutil.copytree(data, root)
    write_labelled_video(root / "videos", "none-serves", [(0, 1, 5, 5, 0, 20), (1, 1, 5, 5, 2, 2)])
    whole = curate(tmp_path / "straight", root)[0]
    with (root / "videos" / "one.csv").open("a", encoding="utf-8") as file:
        file.write(BAD_ROW)
    curate(out, root)
    mend(root, data)
    summary, _, kept = curate(out, root)
    assert (summary, kept) == (whole, whole.frames - 12)
    assert files(out) == files(tmp_path / "straight")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_frame_that_cannot_be_read_leaves_its_video_out(tmp_path: Path, workers: int) -> None:
    root, out = tmp_path / "videos", tmp_path / "out"
    for name in ("good", "later", "torn"):
        pictures(root, name)
    torn = root / "torn" / "00000004.png"
    whole = torn.read_bytes()
    torn.write_bytes(b"no picture")
    said: dict[str, str] = {}
    seen: list[int] = []

    def progress(done: int, _: int) -> None:
        seen.append(done)

    for begins in (0, 12):  # it is tried again, in vain; the others are not
        said.clear()
        seen.clear()
        summary = stores.curate(
            out, [root], workers=workers, leave_out=said.__setitem__, progress=progress
        )
        assert seen[0] == begins
        assert said == summary.videos_left_out
        assert said == {"torn": f"{torn} is not a picture that can be read: remove it or mend it"}
        assert [item.name for item in stores.open(out).objects] == ["good", "later"]
        assert (summary.crops, summary.frames) == (12, 12)
        assert not (out / "parts").exists()
    torn.write_bytes(whole)
    seen.clear()
    summary = stores.curate(out, [root], workers=workers, progress=progress)
    assert (seen[0], seen[-1]) == (12, 18)
    assert (summary.crops, summary.videos_left_out) == (18, {})
    stores.curate(tmp_path / "straight", [root], workers=1)
    assert files(out) == files(tmp_path / "straight")


def test_a_bad_video_that_is_taken_away_leaves_the_store_whole(
    tmp_path: Path, broken: Path
) -> None:
    out = tmp_path / "out"
    curate(out, broken)
    before = files(out)
    for suffix in (".mp4", ".csv"):
        (broken / "videos" / f"one{suffix}").unlink()
    summary, said, _ = curate(out, broken)
    assert (said, summary.videos_left_out, files(out)) == ({}, {}, before)
    assert not (out / "parts").exists()


def test_what_was_not_left_out_is_other_data(
    tmp_path: Path, data: Path, broken: Path, write_labelled_video: Write
) -> None:
    out = tmp_path / "out"
    curate(out, broken)
    before = files(out)
    with pytest.raises(StoreError, match="other data or settings"):
        curate(out, broken, room=9)
    write_labelled_video(broken / "videos", "new", [(0, 1, 10, 10, 20, 20)])
    mend(broken, data)
    with pytest.raises(StoreError, match="other data or settings"):
        curate(out, broken)
    (broken / "videos" / "new.mp4").unlink()
    (broken / "videos" / "new.csv").unlink()
    with (broken / "videos" / "some-bad.csv").open("a", encoding="utf-8") as file:
        file.write(BAD_ROW)  # another one breaks: its crops are in the store
    with pytest.raises(StoreError, match="other data or settings"):
        curate(out, broken)
    assert files(out) == before


def test_where_nothing_is_good_nothing_is_written(tmp_path: Path, broken: Path) -> None:
    said: dict[str, str] = {}
    for name in ("first--two", "some-bad"):
        (broken / "videos" / f"{name}.csv").write_text("nothing", encoding="utf-8")
    with pytest.raises(DataError, match="nothing to curate: no video is good"):
        stores.curate(tmp_path / "out", [broken / "videos"], leave_out=said.__setitem__)
    assert [*said] == ["first--two", "one", "some-bad"]
    assert not (tmp_path / "out").exists()


def test_names_do_not_change_when_another_data_set_is_mended(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        pictures(tmp_path / folder, "clip")
        pictures(tmp_path / folder, f"own-{folder}")
    labels = tmp_path / "b" / "clip" / "groundtruth.txt"
    rows = labels.read_text(encoding="utf-8")
    labels.write_text("text\n" + rows, encoding="utf-8")
    roots = [tmp_path / "a", tmp_path / "b"]
    found = plan(roots, [])
    assert [job.name for job in found.jobs] == ["a/clip", "own-a", "own-b"]
    assert [*found.left_out] == ["b/clip"]
    labels.write_text(rows, encoding="utf-8")
    found = plan(roots, [])
    assert [job.name for job in found.jobs] == ["a/clip", "b/clip", "own-a", "own-b"]


def test_a_video_is_cut_whole_or_not_at_all(tmp_path: Path) -> None:
    for name in ("Jogging", "Couple"):
        folder = pictures(tmp_path, f"moved-{name}")
        (tmp_path / name).mkdir()
        folder.rename(tmp_path / name / "img")
        (tmp_path / name / "img" / "groundtruth.txt").unlink()
    (tmp_path / "Couple" / "groundtruth_rect.txt").write_text("10,10,20,24\n" * 6, "utf-8")
    for number, rows in ((1, 6), (2, 4)):
        labels = tmp_path / "Jogging" / f"groundtruth_rect.{number}.txt"
        labels.write_text("10,10,20,24\n" * rows, "utf-8")
    found = plan([tmp_path], [])
    assert [job.name for job in found.jobs] == ["Couple"]
    assert [*found.left_out] == ["Jogging"]
    assert f"{labels}: 4 boxes for 6 pictures in img" in found.left_out["Jogging"]


def test_a_good_video_is_not_dropped_for_a_bad_one_of_its_name(tmp_path: Path) -> None:
    for place in ("here", "there"):
        pictures(tmp_path / place / "videos", "a")
    labels = tmp_path / "there" / "videos" / "a" / "groundtruth.txt"
    labels.write_text("1,1,9,9\n1,1,a,9\n", encoding="utf-8")
    roots = [tmp_path / place / "videos" for place in ("here", "there")]
    with pytest.raises(DataError, match="videos: videos/a comes twice in the data"):
        stores.curate(tmp_path / "out", roots, workers=1)
