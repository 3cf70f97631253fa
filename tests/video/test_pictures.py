"""Folders and globs of pictures as videos; pictures to files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pursuit.errors import OutputError, SettingsError, VideoError
from pursuit.video import VideoWarning, read, save_picture
from pursuit.video.pictures import natural_key


def write_pictures(folder: Path, names: list[str]) -> None:
    """Write pictures whose gray value is 10 times their place in `names`."""
    folder.mkdir(exist_ok=True)
    for place, name in enumerate(names):
        save_picture(folder / name, np.full((12, 16, 3), 10 * place, np.uint8))


def test_a_folder_is_read_in_natural_order(tmp_path: Path) -> None:
    write_pictures(tmp_path / "f", ["1.png", "2.png", "9.png", "10.png", "100.png"])
    (tmp_path / "f" / "notes.txt").write_text("not a picture")
    (tmp_path / "f" / ".hidden.png").write_text("not a picture")
    with read(tmp_path / "f") as reader:
        assert (reader.fps, reader.frame_count, reader.width, reader.height) == (None, 5, 16, 12)
        frames = list(reader)
        assert reader.time is None
    assert [(number, int(frame[0, 0, 0])) for number, frame in frames] == [
        (0, 0), (1, 10), (2, 20), (3, 30), (4, 40),
    ]  # fmt: skip


def test_a_glob_takes_what_matches(tmp_path: Path) -> None:
    write_pictures(tmp_path / "f", ["a2.png", "a10.png", "b1.png"])
    with read(tmp_path / "f" / "a*.png") as reader:
        assert [int(frame[0, 0, 0]) for _, frame in reader] == [0, 10]


def test_one_picture_is_a_video_of_one_frame(tmp_path: Path) -> None:
    write_pictures(tmp_path / "f", ["a.webp"])
    with read(tmp_path / "f" / "a.webp") as reader:
        assert len(list(reader)) == 1


def test_start_is_a_frame_number(tmp_path: Path) -> None:
    write_pictures(tmp_path / "f", ["1.png", "2.png", "3.png"])
    with read(tmp_path / "f", start=1) as reader:
        assert [number for number, _ in reader] == [1, 2]
    with pytest.raises(VideoError, match="cannot start at frame 3"):
        read(tmp_path / "f", start=3)
    with pytest.raises(VideoError, match="no clock"):
        read(tmp_path / "f", start=0.5)


def test_colours_are_rgb_and_gray_becomes_rgb(tmp_path: Path) -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[..., 0] = 200
    save_picture(tmp_path / "1.png", picture)
    cv2.imwrite(str(tmp_path / "2.png"), np.full((8, 8), 77, np.uint8))
    cv2.imwrite(str(tmp_path / "3.png"), np.full((8, 8, 4), 55, np.uint8))
    with read(tmp_path) as reader:
        colours = [frame[0, 0].tolist() for _, frame in reader]
    assert colours == [[200, 0, 0], [77, 77, 77], [55, 55, 55]]


def test_the_exif_note_turns_a_photograph(tmp_path: Path) -> None:
    wide = np.zeros((8, 16, 3), np.uint8)
    _, jpeg = cv2.imencode(".jpg", wide)
    # An EXIF segment with orientation 6 (turn clockwise), after the start-of-image marker.
    tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    exif = b"\xff\xe1" + (len(tiff) + 8).to_bytes(2, "big") + b"Exif\0\0" + tiff
    data = jpeg.tobytes()
    (tmp_path / "1.jpg").write_bytes(data[:2] + exif + data[2:])
    with read(tmp_path) as reader:
        assert (reader.height, reader.width) == (16, 8)


def test_an_unreadable_picture_is_left_out_with_a_warning(tmp_path: Path) -> None:
    write_pictures(tmp_path, ["1.png", "2.png", "3.png", "4.png"])
    for name in ("2.png", "3.png"):
        (tmp_path / name).write_bytes(b"no picture")
    with (
        pytest.warns(VideoWarning, match=r"2\.png: damaged") as caught,
        read(tmp_path) as reader,
    ):
        assert [number for number, _ in reader] == [0, 3]
    assert len(caught) == 1


def test_an_unreadable_first_picture_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"")
    with pytest.raises(VideoError, match=r"1\.png"):
        read(tmp_path)


def test_a_folder_or_glob_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"holds no pictures \(\.bmp"):
        read(tmp_path)
    with pytest.raises(VideoError, match="no picture matches"):
        read(tmp_path / "*.jpg")


def test_natural_order() -> None:
    names = ["b1", "a10", "a9b2", "a9b10", "a09", "A1", "10", "9"]
    assert sorted(names, key=natural_key) == ["9", "10", "A1", "a09", "a9b2", "a9b10", "a10", "b1"]


def test_pictures_are_saved_as_their_name_says(tmp_path: Path) -> None:
    picture = np.full((8, 8, 3), (10, 20, 200), np.uint8)
    for name in ("a.png", "a.JPG", "a.webp"):
        save_picture(tmp_path / name, picture)
        with read(tmp_path / name) as reader:
            assert np.abs(next(reader)[1].astype(int) - picture).max() <= 6
    with pytest.raises(SettingsError, match=r"name it with one of \.png"):
        save_picture(tmp_path / "a.xyz", picture)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        save_picture(tmp_path / "file" / "a.png", picture)
