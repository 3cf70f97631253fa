"""`pursuit curate` as a person runs it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from programs import comes_true

from pursuit import store as stores

Write = Callable[..., Path]


def run(*words: str | Path, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command, after what `before` says to a shell."""
    command = [sys.executable, "-m", "pursuit", "curate", *map(str, words)]
    if before:
        command = ["sh", "-c", f'{before}; exec "$@"', "sh", *command]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def one_line(done: subprocess.CompletedProcess[str], message: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def videos(tmp_path: Path, write_labelled_video: Write) -> Path:
    rows = [(n, 1, 10 + n, 10, 20, 20) for n in range(20)]
    write_labelled_video(tmp_path / "videos", "clip", [*rows, (2, 2, 10, 10, 4, 4)], frames=20)
    write_labelled_video(tmp_path / "videos", "more", rows, frames=20)
    return tmp_path / "videos"


def test_a_store(tmp_path: Path, videos: Path) -> None:
    out = tmp_path / "crops"
    done = run(out, "--videos", videos, "--workers", "2", "--room", "8", "--quality", "80")
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert first.startswith(f"{out}: 40 crops of 2 objects, ")
    assert second == "  left out: 1 box, a side under 8 px"
    store = stores.open(out)
    assert (len(store), store.size, store.quality) == (40, 271, 80)
    assert run(out, "--videos", videos, "--room", "8", "--quality", "80").stdout == done.stdout


def test_a_full_disk(tmp_path: Path, videos: Path) -> None:
    if shutil.which("sh") is None:
        pytest.skip("needs a shell with ulimit")
    out = tmp_path / "crops"
    words = (out, "--videos", videos, "--workers", "1", "--quality", "100")
    # No file may grow beyond 20 kB: writing fails as it does on a full disk.
    one_line(run(*words, before="ulimit -f 40"), "error: cannot write ")
    assert not list(out.rglob("*.arrow"))
    assert run(*words).returncode == 0


def test_bad_data(tmp_path: Path, videos: Path) -> None:
    out = tmp_path / "crops"
    one_line(run(out), "give a data set with --videos or --stills")
    one_line(run(out, "--videos", tmp_path / "nowhere"), "there is no such path")
    one_line(run(out, "--stills", videos / "clip.mp4"), "is not a data set of stills")
    for name in ("clip", "more"):
        (videos / f"{name}.csv").write_text("frame,object,x,y,w,h\n0,1,a,b,c,d\n", "utf-8")
    done = run(out, "--videos", videos)
    assert (done.returncode, done.stdout) == (2, "")
    *named, last = done.stderr.splitlines()
    assert [line.split(": ")[:2] for line in named] == [["left out", "clip"], ["left out", "more"]]
    assert "clip.csv:2: x, y, w, h must be numbers; got 'a,b,c,d'" in named[0]
    assert last == "error: nothing to curate: no video is good"
    assert not out.exists()


def test_a_bad_video_costs_no_other(tmp_path: Path, videos: Path) -> None:
    out, labels = tmp_path / "crops", videos / "more.csv"
    rows = labels.read_text(encoding="utf-8")
    labels.write_text(rows + "3,3,a,b,c,d\n", encoding="utf-8")
    words = (out, "--videos", videos, "--workers", "1")
    for _ in range(2):
        done = run(*words)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"left out: more: {labels}:22: x, y, w, h must be numbers; got")
        first, boxes, *below = done.stdout.splitlines()
        assert first.startswith(f"{out}: 20 crops of 1 objects, ")
        assert boxes == "  left out: 1 box, a side under 8 px"
        assert below == ["  left out: 1 video; mend what was named, and the same command adds it"]
        assert not (out / "parts").exists()  # there is nothing to look after
        assert len(stores.open(out)) == 20
    labels.write_text(rows, encoding="utf-8")
    done = run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{out}: 40 crops of 2 objects, ")
    assert len(stores.open(out)) == 40
    assert not (out / "parts").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [("--workers", "0"), ("--workers", "many"), ("--room", "-1"), ("--quality", "101")],
)
def test_bad_options(tmp_path: Path, videos: Path, option: str, value: str) -> None:
    one_line(run(tmp_path / "crops", "--videos", videos, option, value), option.strip("-"))
    assert not (tmp_path / "crops").exists()


def test_a_store_of_other_data(tmp_path: Path, videos: Path) -> None:
    out = tmp_path / "crops"
    assert run(out, "--videos", videos, "--workers", "1").returncode == 0
    one_line(run(out, "--videos", videos, "--room", "0"), "holds a store of other data or settings")


def test_an_address_where_no_cluster_is(tmp_path: Path, videos: Path) -> None:
    pytest.importorskip("distributed")
    done = run(tmp_path / "crops", "--videos", videos, "--cluster", "nonsense://here:1")
    one_line(done, "no dask scheduler answers at nonsense://here:1")


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_keeps_the_parts(tmp_path: Path, shared_data: Path) -> None:
    out = tmp_path / "crops"
    words = [str(out), "--videos", str(shared_data / "train"), "--workers", "2"]
    command = [sys.executable, "-m", "pursuit", "curate", *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command,
        stdout=pipe,
        stderr=pipe,
        text=True,
        start_new_session=True,
        # A shell's background jobs, and what they start, ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        made = comes_true(lambda: any(out.glob("parts/[!.]*.arrow")), 120)
        os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert made
    said = "stopped; the same command goes on\n"
    assert (process.returncode, stdout, stderr) == (130, "", said)
    assert not (out / "index.arrow").exists()
    assert list(out.glob("parts/[!.]*.arrow"))
