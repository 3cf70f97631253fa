"""What a source is, where it starts and ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pursuit.errors import SettingsError, VideoError
from pursuit.video import as_start, read, save_picture
from pursuit.video.reading import files_of

Clip = Callable[..., Path]


@pytest.mark.parametrize(
    ("given", "start"),
    [
        (0, 0),
        (np.int64(7), 7),
        ("120", 120),
        (4.8, 4.8),
        ("4.8", 4.8),
        ("12.5s", 12.5),
        ("90s", 90.0),
        (" 3 ", 3),
        ("1:30", 90.0),
        ("1:02:03.5", 3723.5),
        (".5", 0.5),
    ],
)
def test_starts(given: object, start: float) -> None:
    found = as_start(given)  # type: ignore[arg-type]
    assert found == start
    assert type(found) is type(start)


@pytest.mark.parametrize(
    "given", [-1, -0.5, "-3", "soon", "", "s", "nan", "1e3", "1:2:3:4", float("nan"), float("inf")]
)
def test_what_is_no_start(given: object) -> None:
    with pytest.raises(SettingsError, match="frame number such as 120"):
        as_start(given)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [None, True, [1]])
def test_other_types_are_no_start(given: object) -> None:
    with pytest.raises(SettingsError, match="cannot start at"):
        as_start(given)  # type: ignore[arg-type]


def test_max_frames(write_clip: Clip, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 10)
    with read(path, start=4, max_frames=3) as reader:
        assert [number for number, _ in reader] == [4, 5, 6]
    with read(path, start=4, max_frames=99) as reader:
        assert reader.frame_count == 6
        assert [number for number, _ in reader] == [4, 5, 6, 7, 8, 9]
    with pytest.raises(SettingsError, match="max_frames must be at least 1; got 0"):
        read(path, max_frames=0)


def test_stop_ends_the_iteration(write_clip: Clip, tmp_path: Path) -> None:
    numbers = []
    with read(write_clip(tmp_path / "a.mp4", 10)) as reader:
        for number, _ in reader:
            numbers.append(number)
            if number == 3:
                reader.stop()
        assert next(reader, None) is None
    assert numbers == [0, 1, 2, 3]


def test_time_spent_on_reading_is_counted(write_clip: Clip, tmp_path: Path) -> None:
    with read(write_clip(tmp_path / "a.mp4", 10)) as reader:
        first = reader.seconds
        list(reader)
        assert 0 < first < reader.seconds < 10


@pytest.mark.parametrize("name", ["none.mp4", "none", "none/*.jpg", "no [such] one.mp4"])
def test_missing(tmp_path: Path, name: str) -> None:
    with pytest.raises(VideoError, match=r"none|such"):
        read(tmp_path / name)


def test_a_file_with_a_name_like_a_glob_or_a_protocol(
    write_clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a[1].mp4", "concat:a.mp4"):
        write_clip(tmp_path / "a.mp4", 2).rename(tmp_path / name)
        monkeypatch.chdir(tmp_path)
        with read(name) as reader:
            assert len(list(reader)) == 2


def test_a_camera_that_is_not_there(capfd: pytest.CaptureFixture[str]) -> None:
    for camera in (91, "91"):
        with pytest.raises(VideoError, match="cannot open camera 91"):
            read(camera)
    assert capfd.readouterr().err == ""


def test_a_stream_that_does_not_answer() -> None:
    with pytest.raises(VideoError, match=r"cannot read http://127\.0\.0\.1:9/a\.mp4"):
        read("http://127.0.0.1:9/a.mp4")


@pytest.mark.parametrize("source", ["rtsp://127.0.0.1/a", 0])
def test_live_sources_start_now(source: str | int) -> None:
    with pytest.raises(VideoError, match="start now"):
        read(source, start=5)


def test_the_files_of_a_source(write_clip: Clip, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a[1].mp4", 2)
    shots = [tmp_path / "shots" / f"{number}.png" for number in (2, 10)]
    for path in shots:
        save_picture(path, np.zeros((9, 9, 3), np.uint8))
    assert files_of(str(clip)) == [clip]
    assert files_of(str(tmp_path / "shots")) == files_of(str(tmp_path / "shots" / "*.png")) == shots
    for source in ("0", "rtsp://host/live?key=[1]", "http://host/a?b=*", str(tmp_path / "none")):
        assert files_of(source) == []
