"""Curation: what the store holds, the same bytes whoever makes it, going on after a kill."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from programs import comes_true, gone

from pursuit import boxes as bx
from pursuit import store as stores
from pursuit import windows
from pursuit.datasets import open_videos
from pursuit.errors import DataError, OutputError, SettingsError, StoreError
from pursuit.store import Store, join

Make = Callable[[Path], Path]


def files(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(path.iterdir())}


def curate_all(out: Path, data: Path, **settings: Any) -> stores.Summary:
    videos, stills = [data / "videos"], [data / "stills", data / "pictures"]
    return stores.curate(out, videos, stills, **{"room": 8, "shard_mb": 0.1, **settings})


def test_what_the_store_holds(store_path: Path) -> None:
    store = stores.open(store_path)
    assert [(o.name, o.video, o.kind, o.label, o.count) for o in store.objects] == [
        ("first--two-1", "first--two", "video", "", 8),
        ("first--two-2", "first--two", "video", "", 8),
        ("one", "one", "video", "", 6),
        ("some-bad", "some-bad", "video", "", 1),
        ("images/a.png#0", "images/a.png", "still", "cup", 1),
        ("images/a.png#1", "images/a.png", "still", "cup", 1),
        ("images/b.png", "images/b.png", "still", "cup", 1),
        ("c.png", "c.png", "unlabelled", "", 1),
    ]
    assert [o.first for o in store.objects] == [0, 8, 16, 22, 23, 24, 25, 26]
    assert [o.source for o in store.objects[:3]] == ["first", "first", "videos"]
    assert len(store) == 27
    assert store.object_of.tolist() == np.repeat(range(8), [8, 8, 6, 1, 1, 1, 1, 1]).tolist()
    assert store.frame[16:23].tolist() == [0, 2, 4, 6, 8, 10, 3]
    assert (store.size, store.room, store.quality) == (271, 8, 90)


def test_crops_are_windows_of_their_frames(store_path: Path, data: Path) -> None:
    store = stores.open(store_path)
    by_name = {sequence.name: sequence for sequence in open_videos(data / "videos")}
    for number, item in enumerate(store.objects[:4]):
        frames = list(by_name[item.name].frames())
        for row in range(item.first, item.first + item.count):
            assert store.object_of[row] == number
            frame, box = frames[store.frame[row]], by_name[item.name].boxes[store.frame[row]]
            np.testing.assert_allclose(store.border[row], frame.mean(axis=(0, 1)), atol=0.51)
            side = 271 / 127 * float(bx.context_side(box[2:]))
            assert store.scale[row] == pytest.approx(271 / side)
            expected = windows.cut(frame, bx.centres(box), side, 271, store.border[row])
            assert np.abs(store.crop(row).astype(float) - expected).mean() < 2
            sizes = store.boxes[row, 2:]
            np.testing.assert_allclose(sizes, box[2:] * store.scale[row], rtol=1e-5)
            np.testing.assert_allclose(bx.centres(store.boxes[row]), 135.5, atol=1e-4)
            assert store.place is not None and store.frame_size is not None
            np.testing.assert_array_equal(store.place[row], box.astype(np.float32))
            assert store.frame_size[row].tolist() == [frame.shape[1], frame.shape[0]]


def test_an_unlabelled_picture_gives_its_middle(store_path: Path) -> None:
    store = stores.open(store_path)
    scale = float(store.scale[26])
    np.testing.assert_allclose(store.boxes[26, 2:], np.array([35, 25]) * scale, rtol=1e-5)


def test_summary(tmp_path: Path, data: Path) -> None:
    seen: list[tuple[int, int]] = []
    summary = curate_all(
        tmp_path, data, workers=1, progress=lambda done, total: seen.append((done, total))
    )
    assert (summary.objects, summary.crops, summary.frames) == (8, 27, 29)
    assert summary.left_out == {"a side under 8 px": 1, "empty": 1, "outside the frame": 1}
    names = [f"shard-{number:05d}.arrow" for number in range(summary.shards)]
    assert sorted(files(tmp_path)) == ["index.arrow", *names, "summary.json"]
    sizes = [(tmp_path / name).stat().st_size for name in names]
    assert summary.shards > 1
    assert max(sizes) <= 100_000
    assert summary.bytes == sum(sizes) + (tmp_path / "index.arrow").stat().st_size
    assert seen[0] == (0, 29)
    assert seen[-1] == (29, 29)


def test_the_same_bytes_for_any_number_of_workers(
    tmp_path: Path, data: Path, store_path: Path
) -> None:
    curate_all(tmp_path / "two", data, workers=2)
    assert files(tmp_path / "two") == files(store_path)


KILLED = """
import os, signal, sys
from pathlib import Path
from pursuit.store import curate

def children():  # each of the thread that started it; Linux alone tells
    for of_thread in Path("/proc/self/task").glob("*/children"):
        yield from of_thread.read_text().split()

def stop(done, total):
    if done:
        print(done, *children(), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    out, data, workers = sys.argv[1:]
    stills = [data + "/stills", data + "/pictures"]
    curate(out, [data + "/videos"], stills,
           room=8, shard_mb=0.1, workers=int(workers), progress=stop)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_goes_on(tmp_path: Path, data: Path, store_path: Path, workers: int) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED, encoding="utf-8")
    out = tmp_path / "out"
    command = [sys.executable, str(script), str(out), str(data), str(workers)]
    killed = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (out / "index.arrow").exists()
    parts = len(list((out / "parts").glob("[!.]*.arrow")))
    assert parts >= 1
    with pytest.raises(StoreError, match="its curation did not end"):
        stores.open(out)
    done, *children = map(int, killed.stdout.split())
    if sys.platform == "linux":
        ended = comes_true(lambda: all(gone(child) for child in children))
        assert ended, "workers outlive their parent"
        assert len(children) == (workers if workers > 1 else 0)
    (out / "parts" / ".part-leftover.arrow").write_bytes(b"half a part")
    (out / ".part-leftover.arrow").write_bytes(b"half a shard")
    seen: list[tuple[int, int]] = []
    curate_all(out, data, workers=1, progress=lambda done, total: seen.append((done, total)))
    assert seen[0][0] >= done > 0  # what stood was not made again
    assert files(out) == files(store_path)


def test_a_finished_store_is_left_as_it_is(tmp_path: Path, data: Path, make_store: Make) -> None:
    out = make_store(tmp_path / "out")
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    first = curate_all(out, data, workers=1)
    assert first.crops == 27
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before


@pytest.mark.parametrize("change", [{"room": 9}, {"quality": 80}, {"shard_mb": 1}])
def test_a_store_of_other_settings_is_not_overwritten(
    tmp_path: Path, data: Path, make_store: Make, change: dict[str, Any]
) -> None:
    out = make_store(tmp_path / "out")
    before = files(out)
    with pytest.raises(StoreError, match="holds a store of other data or settings"):
        curate_all(out, data, workers=1, **change)
    assert files(out) == before


def test_a_changed_video_is_curated_anew(tmp_path: Path, data: Path) -> None:
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    out = tmp_path / "out"
    curate_all(out, copy, workers=1)
    os.utime(copy / "videos" / "one.mp4", (1, 1))
    with pytest.raises(StoreError, match="other data or settings"):
        curate_all(out, copy, workers=1)


def test_a_damaged_finished_store_is_said(tmp_path: Path, data: Path, make_store: Make) -> None:
    out = make_store(tmp_path / "out")
    (out / "shard-00001.arrow").unlink()
    with pytest.raises(StoreError, match=r"shard-00001\.arrow is missing"):
        curate_all(out, data, workers=1)


def test_names_that_are_in_two_data_sets(tmp_path: Path, data: Path) -> None:
    shutil.copytree(data / "videos", tmp_path / "more")
    stores.curate(tmp_path / "out", [data / "videos", tmp_path / "more"], workers=1, room=0)
    names = [item.name for item in stores.open(tmp_path / "out").objects]
    assert "videos/one" in names
    assert "more/first--two-1" in names
    assert len(set(names)) == len(names) == 8
    with pytest.raises(DataError, match="comes twice"):
        stores.curate(tmp_path / "twice", [data / "videos"] * 2, workers=1)


def test_frames_that_a_video_has_lost_are_counted(
    tmp_path: Path, write_labelled_video: Callable[..., Path]
) -> None:
    rows = [(n, 1, 10, 10, 20, 20) for n in range(40)]
    video = write_labelled_video(tmp_path / "data", "a", rows, frames=40)
    whole = video.read_bytes()
    if whole.find(b"moov") > whole.find(b"mdat"):
        pytest.skip("the index of this encoder's files is at their end")
    video.write_bytes(whole[: len(whole) * 3 // 4])
    summary = stores.curate(tmp_path / "out", [tmp_path / "data"], workers=1)
    assert summary.left_out["no such frame"] > 0
    assert summary.crops + summary.left_out["no such frame"] == 40


def test_no_box_can_serve(tmp_path: Path, write_labelled_video: Callable[..., Path]) -> None:
    write_labelled_video(tmp_path / "data", "a", [(0, 1, 500, 500, 20, 20)])
    with pytest.raises(StoreError, match="no box of the data can serve: 1 outside the frame"):
        stores.curate(tmp_path / "out", [tmp_path / "data"], workers=1)
    assert not list((tmp_path / "out").glob("*.arrow"))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_picture_that_cannot_be_read(tmp_path: Path, data: Path, workers: int) -> None:
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    (copy / "stills" / "images" / "b.png").write_bytes(b"broken")
    with pytest.raises(DataError, match=r"b\.png is not a picture"):
        curate_all(tmp_path / "out", copy, workers=workers)
    assert not (tmp_path / "out" / "index.arrow").exists()


@pytest.mark.parametrize("room", ["a part", "a shard", "the index"])
def test_a_full_disk(
    tmp_path: Path, data: Path, store_path: Path, monkeypatch: pytest.MonkeyPatch, room: str
) -> None:
    out = tmp_path / "out"
    open_file = join.pa.ipc.new_file
    wanted = {"a part": "object", "a shard": "jpeg", "the index": "name"}[room]

    def fill(sink: Any, schema: Any) -> Any:
        if schema.names[0] == wanted:
            sink.write(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return open_file(sink, schema)

    with monkeypatch.context() as patch:
        patch.setattr(join.pa.ipc, "new_file", fill)
        with pytest.raises(OutputError, match=r"cannot write .*No space left on device"):
            curate_all(out, data, workers=1)
    assert not (out / "index.arrow").exists()
    assert not list(out.rglob(".part-*"))
    curate_all(out, data, workers=1)
    assert files(out) == files(store_path)


def test_a_place_that_cannot_be_written(tmp_path: Path, data: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot write"):
        curate_all(tmp_path / "file", data, workers=1)


@pytest.mark.parametrize("settings", [{"workers": 0}, {"shard_mb": 0}, {"room": -1}])
def test_settings_that_cannot_be(tmp_path: Path, data: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        curate_all(tmp_path / "out", data, **settings)
    assert not (tmp_path / "out").exists()


def test_no_data_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="give a data set"):
        stores.curate(tmp_path / "out")


def test_a_real_video(tmp_path: Path, shared_data: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for suffix in ("mp4", "csv"):
        shutil.copy(shared_data / "otb-dev" / f"Skiing.{suffix}", data)
    summary = stores.curate(tmp_path / "out", [data], workers=1)
    assert (summary.objects, summary.crops, summary.frames, summary.left_out) == (1, 81, 81, {})
    store = stores.open(tmp_path / "out")
    assert isinstance(store, Store)
    assert store.crop(80).shape == (351, 351, 3)
    middle = store.crop(0)[150:201, 150:201].astype(float)
    assert cv2.Laplacian(middle, cv2.CV_64F).std() > 1  # a picture, not a plain colour
    known = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert known["crops"] == 81
