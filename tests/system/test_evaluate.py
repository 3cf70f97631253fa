"""`pursuit evaluate otb` as a person runs it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from commands import run

from pursuit import weights
from pursuit.datasets.synthetic import Scene
from tests.commands import run_apart

pytest.importorskip("matplotlib")


def evaluate(*words: object) -> subprocess.CompletedProcess[str]:
    """Run the command in a terminal of 80 columns; warnings are errors."""
    return run_apart("evaluate", "otb", *words, options=("-W", "error"))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two generated sequences in OTB's layout; in the second the target is a few pixels."""
    folder = tmp_path_factory.mktemp("data")
    for name, target in (("Bus", (40, 30)), ("Fly", (4, 4))):
        film = Scene(width=160, height=120, frames=6, target=target, speed=1, seed=1).film()
        (folder / name / "img").mkdir(parents=True)
        for number, frame in enumerate(film.frames(), 1):
            picture = cv2.imencode(".png", frame[:, :, ::-1])[1].tobytes()
            (folder / name / "img" / f"{number:04d}.png").write_bytes(picture)
        rows = np.round(film.boxes + np.array([1, 1, 0, 0]))
        rows[:, 2:] = target
        np.savetxt(folder / name / "groundtruth_rect.txt", rows, delimiter=",", fmt="%d")
    return folder


def test_trackers_are_judged_and_one_that_fails_is_named(root: Path, tmp_path: Path) -> None:
    out, scores = tmp_path / "out", tmp_path / "scores.json"
    # MIL refuses a target of 4 x 4 pixels: it fails on the second sequence.
    words = [root, "--tracker", "opencv-mosse", "--tracker", "opencv-mil", "--out", out]
    ran = evaluate(*words, "--json", scores)
    assert ran.returncode == 1, ran.stderr
    assert "opencv-mosse on Bus: 6/24 frames" in ran.stderr
    assert ran.stderr.count("failed: opencv-mil on Fly: opencv-mil needs a target of 5 x 5") == 1

    lines = ran.stdout.splitlines()
    assert max(map(len, lines[:6])) <= 80
    (mosse,) = [line.split() for line in lines if line.startswith("opencv-mosse")]
    (mil,) = [line.split() for line in lines if line.startswith("opencv-mil")]
    assert mosse[-1] == "2/2"
    assert mil[-1] == "1/2"
    assert mil[1].endswith("*")
    assert "failed: opencv-mil on Fly" in ran.stdout

    found = json.loads(scores.read_text(encoding="utf-8"))
    assert list(found) == ["opencv-mosse", "opencv-mil"]
    parts = found["opencv-mosse"]["sequences"]
    assert set(parts) == {"Bus", "Fly"}
    mean = (parts["Bus"]["auc"] + parts["Fly"]["auc"]) / 2
    assert found["opencv-mosse"]["auc"] == pytest.approx(mean)
    assert mosse[1] == f"{mean:.3f}"
    assert parts["Bus"]["auc"] > 0.6
    assert parts["Bus"]["frames"] == 6
    assert list(found["opencv-mil"]["failed"]) == ["Fly"]
    assert list(found["opencv-mil"]["sequences"]) == ["Bus"]

    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert files == {
        *(f"{name}.{kind}" for name in ("success", "precision") for kind in ("png", "svg")),
        *(
            f"{name}/{kind}"
            for name in ("opencv-mosse", "opencv-mil")
            for kind in ("tracker.json", "made-with.json")
        ),
        *(
            f"opencv-mosse/{name}{kind}"
            for name in ("Bus", "Fly")
            for kind in (".txt", ".times.txt")
        ),
        *(f"opencv-mil/Bus{kind}" for kind in (".txt", ".times.txt")),
    }
    labels = np.loadtxt(root / "Bus" / "groundtruth_rect.txt", delimiter=",")
    boxes = np.loadtxt(out / "opencv-mosse" / "Bus.txt", delimiter=",")
    assert boxes.shape == labels.shape == (6, 4)
    np.testing.assert_array_equal(boxes[0], labels[0])  # 1-based, as the labels

    # Again: what is whole stays, what failed is tried again, the numbers are the same.
    before = (out / "opencv-mosse" / "Bus.times.txt").stat().st_mtime_ns
    again = evaluate(*words, "--json", tmp_path / "again.json")
    assert again.returncode == 1
    assert "3 whole results were there and are kept" in again.stderr
    assert again.stderr.count("failed: opencv-mil on Fly") == 1
    assert (out / "opencv-mosse" / "Bus.times.txt").stat().st_mtime_ns == before
    assert json.loads((tmp_path / "again.json").read_text(encoding="utf-8")) == found


def test_chosen_sequences_and_a_label(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = evaluate(
        root, "--tracker", "mine=opencv-mosse", "--sequences", "Fly", "--out", out, "--workers", 2
    )
    assert ran.returncode == 0, ran.stderr
    assert {path.name for path in (out / "mine").iterdir()} == {
        "tracker.json",
        "made-with.json",
        "Fly.txt",
        "Fly.times.txt",
    }
    assert "--workers 1" in ran.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{tmp}/none", "--tracker", "opencv-mosse"], "none: there is no such path"),
        (["{tmp}/empty", "--tracker", "opencv-mosse"], "empty is not a data set"),
        (["{root}", "--tracker", "opencv-moses"], "did you mean opencv-mosse"),
        (["{root}", "--tracker", "siamfc-3s:{tmp}/w.pt"], "w.pt"),
        (["{root}", "--tracker", "opencv-mosse", "--sequences", "Bsu"], "did you mean Bus"),
        (["{root}", "--tracker", "opencv-kcf", "--out", "{tmp}/file/out"], "cannot write"),
        (["{root}", "--tracker", "opencv-kcf", "--workers", "0"], "--workers"),
    ],
)
def test_bad_input(root: Path, tmp_path: Path, words: list[str], message: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    before = sorted(tmp_path.rglob("*"))
    filled = [word.format(tmp=tmp_path, root=root) for word in words]
    if "--out" not in words:
        filled += ["--out", str(tmp_path / "out")]
    ran = evaluate(*filled)
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert ran.stderr.startswith("error: ")
    assert message in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--json", "{root}/Bus/groundtruth_rect.txt"], "is there already, inside"),
        (["--json", "{tmp}/file/x.json"], "cannot write"),
        (["--json", "{tmp}"], "Is a directory"),
        (["--out", "{root}"], "is read by this command"),
    ],
)
def test_outputs_are_looked_at_before_anything_runs(
    root: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "file").touch()
    labels = (root / "Bus" / "groundtruth_rect.txt").read_bytes()
    filled = [word.format(tmp=tmp_path, root=root) for word in words]
    if "--out" not in words:
        filled += ["--out", str(tmp_path / "out")]
    done = run("evaluate", "otb", root, "--tracker", "opencv-mosse", *filled)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "frames" not in done.stderr  # nobody was followed
    assert (root / "Bus" / "groundtruth_rect.txt").read_bytes() == labels


def test_a_card_is_not_written_over(root: Path, tmp_path: Path) -> None:
    for suffix in (".safetensors", ".json"):
        shutil.copy(weights.find("siamfc-slim").with_suffix(suffix), tmp_path / f"mine{suffix}")
    card = (tmp_path / "mine.json").read_bytes()
    tracker = f"siamfc-slim:{tmp_path / 'mine.safetensors'}"
    out = ("--out", tmp_path / "out", "--json", tmp_path / "mine.json")
    done = run("evaluate", "otb", root, "--tracker", tracker, *out)
    assert "mine.json is read by this command" in done.stderr
    assert (tmp_path / "mine.json").read_bytes() == card


@pytest.fixture(scope="module")
def longer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sequences of OTB's names, 24 and 21 frames long, with two targets in the second."""
    folder = tmp_path_factory.mktemp("longer")
    for name, frames, suffixes in (("Deer", 24, ("",)), ("Jogging", 21, (".1", ".2"))):
        (folder / name / "img").mkdir(parents=True)
        film = Scene(width=160, height=120, frames=frames, target=(40, 30), speed=1, seed=3).film()
        for number, frame in enumerate(film.frames(), 1):
            picture = cv2.imencode(".png", frame[:, :, ::-1])[1].tobytes()
            (folder / name / "img" / f"{number:04d}.png").write_bytes(picture)
        for at, suffix in enumerate(suffixes):
            rows = np.round(film.boxes) + [1 + at, 1, 0, 0]
            np.savetxt(
                folder / name / f"groundtruth_rect{suffix}.txt", rows, delimiter=",", fmt="%d"
            )
    return folder


@pytest.mark.parametrize(("protocol", "runs"), [("tre", 20), ("sre", 12)])
def test_several_runs_score_otb_finds_the_same(
    longer: Path, tmp_path: Path, protocol: str, runs: int
) -> None:
    out, mine, theirs = tmp_path / "out", tmp_path / "mine.json", tmp_path / "theirs.json"
    words = ["evaluate", "otb", longer, "--tracker", "opencv-mosse", "--out", out]
    ran = run(*words, "--protocol", protocol, "--json", mine)
    assert ran.returncode == 0, ran.stderr
    assert f"opencv-mosse on Deer, run {runs} of {runs}" in ran.stderr
    scored = run("score", "otb", out, "--ground-truth", longer, "--json", theirs)
    assert scored.returncode == 0, scored.stderr
    found = json.loads(mine.read_text("utf-8"))["opencv-mosse"]
    same = json.loads(theirs.read_text("utf-8"))["opencv-mosse"][protocol]
    assert set(found["sequences"]) == {"Deer", "Jogging-1", "Jogging-2"}
    for name, part in found["sequences"].items():
        assert part["auc"] == same["sequences"][name]["auc"]
        assert part["frames"] == same["sequences"][name]["frames"]
    assert found["auc"] == same["auc"] > 0.5
    assert found["auc_interval"] == same["auc_interval"]
    deer = found["sequences"]["Deer"]
    # TRE's starts in the 24 frames: 0 to 4, floor(5 k / 19), and 4.
    starts = [5 * k // 19 for k in range(19)] + [4]
    assert deer["frames"] == (12 * 24 if protocol == "sre" else sum(24 - s for s in starts))
    assert found["attributes"]["LR"] == deer["auc"]
    (row,) = [line.split() for line in ran.stdout.splitlines() if line.startswith("LR ")]
    assert row == ["LR", "1", f"{deer['auc']:.3f}"]
    assert (out / f"success-{protocol}.png").is_file()

    (out / "opencv-mosse" / protocol / "Deer" / "Deer_002.txt").unlink()
    scored = run("score", "otb", out, "--ground-truth", longer)
    assert f"run 2 of {runs} is missing" in scored.stderr
    again = run(*words, "--protocol", protocol)
    assert f"{3 * runs - 1} whole results were there and are kept" in again.stderr


def test_a_list_needs_all_its_sequences(longer: Path, tmp_path: Path) -> None:
    words = ["evaluate", "otb", longer, "--tracker", "opencv-mosse", "--out", tmp_path / "out"]
    done = run(*words, "--list", "otb2013")
    assert done.returncode == 2
    assert "the data set lacks 48 of the 51 sequences of otb2013" in done.stderr
