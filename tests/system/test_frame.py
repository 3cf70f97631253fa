"""`pursuit frame`: a picture with a ruler, and what to do next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import run

from pursuit.video import decode_frames, save_picture, with_ruler
from pursuit.video.pictures import read_picture

Clip = Callable[..., Path]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("at", "number"), [("7", 7), ("0.3", 7), ("0:00.28", 7), ("0", 0)])
def test_the_frame_asked_for(write_clip: Clip, tmp_path: Path, at: str, number: int) -> None:
    path = write_clip(tmp_path / "a.mp4", 12)
    done = run("frame", path, "--at", at)
    assert done.returncode == 0, done.stderr
    assert f"frame {number} of {path}, 160 x 120 pixels" in done.stdout
    assert (" --start 7 " in done.stdout) == (number == 7)
    picture = read_picture(tmp_path / "frame.png")
    assert np.array_equal(picture, with_ruler(list(decode_frames(path))[number]))


def test_out_names_the_picture(write_clip: Clip, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 2)
    done = run("frame", path, "--out", tmp_path / "new" / "b.jpg")
    assert done.returncode == 0, done.stderr
    assert read_picture(tmp_path / "new" / "b.jpg").ndim == 3
    assert not (tmp_path / "frame.png").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("a.mp4", "--at", "12"), "ends before"),
        (("a.mp4", "--at", "soon"), "frame number such as 120"),
        (("a.mp4", "--out", "a.xyz"), ".png"),
        (("none.mp4",), "none.mp4: no such file"),
        ((), "VIDEO"),
    ],
)
def test_mistakes(write_clip: Clip, tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    write_clip(tmp_path / "a.mp4", 12)
    done = run("frame", *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert [item.name for item in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (("pic.png", "--out", "pic.png"), "pic.png"),
        (("pic.png", "--out", "./linked.png"), "pic.png"),
        (("frame.png",), "frame.png"),  # what --out is when it is not given
        (("shots", "--out", "shots/1.png"), "shots/1.png"),
        (("shots/*.png", "--out", "shots/1.png"), "shots/1.png"),
    ],
)
def test_the_picture_read_is_not_written_over(
    tmp_path: Path, words: tuple[str, ...], kept: str
) -> None:
    save_picture(tmp_path / kept, np.full((20, 30, 3), 90, np.uint8))
    if "./linked.png" in words:
        (tmp_path / "linked.png").symlink_to(tmp_path / "pic.png")
    before = (tmp_path / kept).read_bytes()
    done = run("frame", *words)
    assert done.returncode == 2
    assert "is read by this command: write to another file" in done.stderr
    assert (tmp_path / kept).read_bytes() == before
