"""What a person may get wrong with `pursuit track`: one line, status 2, nothing written."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from pursuit import cli

Clip = Callable[..., Path]
GOOD = ("--box", "10,40,20,20")


@pytest.fixture
def place(write_clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "good.mp4", 3)
    return tmp_path


def fail(*words: str) -> str:
    """Run the command in this process, for speed; return its error line."""
    before = sorted(path for path in Path.cwd().rglob("*"))
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        status = cli.main(["track", *words])
    message = error.getvalue()
    assert status == 2
    assert out.getvalue() == ""
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert sorted(path for path in Path.cwd().rglob("*")) == before
    return message


def make(kind: str, folder: Path) -> str:
    """Make a bad video of a kind; return its name."""
    path = folder / "bad.mp4"
    if kind == "folder without pictures":
        (folder / "bad").mkdir()
        return "bad"
    if kind == "garbage":
        path.write_bytes(bytes(range(256)) * 99)
    elif kind == "empty":
        path.touch()
    elif kind == "no frames":
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
            container.start_encoding()
    elif kind == "sound only":
        with av.open(str(path), "w") as container:
            container.add_stream("aac", rate=48_000)
            container.start_encoding()
    elif kind == "unreadable":
        path.write_bytes(b"x")
        path.chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("this user may read everything")
    return path.name


@pytest.mark.parametrize(
    "kind",
    ["missing", "garbage", "empty", "no frames", "sound only", "folder without pictures",
     "unreadable"],
)  # fmt: skip
def test_bad_videos(place: Path, kind: str) -> None:
    name = make(kind, place)
    assert name in fail(name, *GOOD, "--out", "o.mp4", "--save", "b.csv")


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ("10,40,20", "four numbers"),
        ("10,40,20,20,5", "four numbers"),
        ("a,b,c,d", "four numbers"),
        ("", "four numbers"),
        ("10 40 20 20", "four numbers"),
        ("nan,40,20,20", "finite"),
        ("10,40,inf,20", "finite"),
        ("10,40,0,20", "positive"),
        ("10,40,20,-20", "positive"),
        ("-5,-5,-5,-5", "positive"),
        ("160,40,20,20", "wholly outside"),
        ("-30,40,20,20", "wholly outside"),
        ("0,0,161,20", "larger than the frame"),
    ],
)
def test_bad_boxes(place: Path, box: str, message: str) -> None:
    for words in (("--out", "o.mp4"), (*GOOD, "--save", "b.csv")):
        said = fail("good.mp4", *words, "--box", box)
        assert message in said
        assert f"box {box}" in said or repr(box) in said  # which, of several


def test_no_box_says_how_to_give_one(place: Path) -> None:
    message = fail("good.mp4")
    assert "--box X,Y,W,H" in message
    assert "pursuit frame good.mp4" in message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--start", "soon"), "frame number such as 120"),
        (("--start", "-3"), "frame number such as 120"),
        (("--start", "99"), "ends before"),
        (("--max-frames", "0"), "'--max-frames'"),
        (("--max-frames", "many"), "max-frames"),
        (("--tracker", "opencv-csrtt"), "opencv-csrt"),
        (("--out", "o.webm"), ".mp4"),
        (("--out", "o"), ".mp4"),
        (("--save", "b.xml"), ".csv"),
        (("--out", "good.mp4"), "is read by this command"),
        (("--save", "b.csv", "--save", "./b.csv"), "named twice"),
        (("--out", "good.mp4/o.mp4"), "cannot write"),
        (("--weights", "none.safetensors", "--tracker", "siamfc-slim"), "none.safetensors"),
        (("--tracker", "opencv-nano"), "opencv-nano:BACKBONE.onnx,HEAD.onnx; got none"),
        (("--tracker", "opencv-nano:a.onnx"), "opencv-nano:BACKBONE.onnx,HEAD.onnx; got 1"),
        (("--tracker", "siamfc-slim:none.pt"), "none.pt"),
        (("--tracker", "siamfc-slim:a.pt", "--weights", "b.pt"), "two files, a.pt and b.pt"),
        (("--tracker", "siamfc-slim", "--weights", "siamfc-slm"), "did you mean siamfc-slim"),
        (("--tracker", "opencv-kcf:a.onnx"), "opencv-kcf takes no weights file"),
    ],
)
def test_bad_options(place: Path, words: tuple[str, ...], message: str) -> None:
    if "--tracker" not in words:
        words = (*words, "--tracker", "opencv-medianflow")
    assert message in fail("good.mp4", *GOOD, *words)


def test_weights_that_are_a_pickle_are_one_line(place: Path) -> None:
    (place / "a.pkl").write_bytes(pickle.dumps({"a": 1}, protocol=4))
    assert "error: a.pkl " in fail("good.mp4", *GOOD, "--weights", "a.pkl")  # a warning would raise


def test_one_line_for_several_targets_in_text(place: Path) -> None:
    message = fail("good.mp4", *GOOD, *GOOD, "--save", "b.txt", "--tracker", "opencv-medianflow")
    assert "b.csv" in message
