"""`pursuit score otb` as a person runs it, on small results."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from commands import run

NAMES = ("Couple", "Deer", "Jogging-1")


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    folder = tmp_path / "labels"
    folder.mkdir()
    for at, name in enumerate(NAMES):
        rows = np.array([[11, 21, 30, 40]]) + np.arange(8 + at)[:, None] * [2, 1, 0, 0]
        np.savetxt(folder / f"{name}.txt", rows, fmt="%d", delimiter="\t")
    return folder


@pytest.fixture
def results(tmp_path: Path, labels: Path) -> Path:
    for name in NAMES:
        rows = np.loadtxt(labels / f"{name}.txt")
        for tracker, by in (("good", 0), ("poor", 15)):
            path = tmp_path / "results" / tracker / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savetxt(path, rows + [by, 0, 0, 0], fmt="%.3f", delimiter=",")
    return tmp_path / "results"


def test_folders_and_archives_score_the_same(tmp_path: Path, labels: Path, results: Path) -> None:
    with tarfile.open(tmp_path / "all.tar.xz", "w:xz") as tar:
        tar.add(results, "results")
    contents = []
    for given in (results, tmp_path / "all.tar.xz"):
        done = run("score", "otb", given, "--ground-truth", labels, "--json", tmp_path / "s.json")
        assert (done.returncode, done.stderr) == (0, "")
        assert "good" in done.stdout and "0.952-0.952" in done.stdout
        contents.append(json.loads((tmp_path / "s.json").read_text()))
    assert contents[0] == contents[1]
    good, poor = contents[0]["good"], contents[0]["poor"]
    assert list(contents[0]) == ["good", "poor"]
    assert good["auc"] == pytest.approx(20 / 21)
    assert good["precision20"] == 1
    assert sorted(good["sequences"]) == sorted(NAMES)
    # A third of the overlap, in all frames but the first.
    assert poor["sequences"]["Couple"]["auc"] == pytest.approx((20 + 7 * 7) / 8 / 21)
    assert poor["against_best"]["p"] == 2 / 2**3


def test_rules_and_lists(tmp_path: Path, labels: Path, results: Path) -> None:
    words = ("score", "otb", results, "--ground-truth", labels, "--json", tmp_path / "s.json")
    assert run(*words, "--rules", "pysot").returncode == 0
    poor = json.loads((tmp_path / "s.json").read_text())["poor"]
    assert poor["sequences"]["Couple"]["auc"] == pytest.approx(7 / 21)  # the first frame is its own
    done = run(*words, "--list", "otb50")
    assert done.returncode == 2
    assert "lacks 48 of the 50 sequences of otb50" in done.stderr
    assert run(*words, "--rules", "mine").returncode == 2


BAD = {
    "few": ("11,21,30,40\n" * 7, "7 rows of boxes for 8 labels"),
    "many": ("11,21,30,40\n" * 9, "9 rows of boxes for 8 labels"),
    "empty": ("", "0 rows of boxes"),
    "text": ("11,21,30,40\n" * 7 + "11,21,thirty,40\n", ":8: not 4 numbers: '11,21,thirty,40'"),
    "five": ("11,21,30,40,2\n" * 8, ":1: not 4 numbers"),
    "frames": ("".join(f"{at},1,11,21,30,40,1,-1\n" for at in range(8)), ":1: not 4 numbers"),
    "corners": ("x1,y1,x2,y2\n" + "11,21,30,40\n" * 8, ":1: not 4 numbers"),
    "words": ("11,21,30,4_0\n" * 8, ":1: not 4 numbers"),
    "hole": ("11,21,30,40\n" * 4 + "\n" + "11,21,30,40\n" * 3, ":5: not 4 numbers: ''"),
    "bytes": ("\x00\x01", ":1: not 4 numbers"),
    "gone": (None, "no result"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_named(tmp_path: Path, labels: Path, results: Path, case: str) -> None:
    text, message = BAD[case]
    path = results / "poor" / "Couple.txt"
    path.unlink()
    if text is not None:
        path.write_text(text)
    json_path = tmp_path / "s.json"
    done = run("score", "otb", results, "--ground-truth", labels, "--json", json_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: poor on Couple: ") and message in line
    assert "2/3" in done.stdout and "* mean of the sequences with a result" in done.stdout
    content = json.loads(json_path.read_text())
    assert list(content["poor"]["failed"]) == ["Couple"]
    assert content["good"]["failed"] == {}


@pytest.mark.parametrize("separator", [",", "\t", "  ", ", ", ";"])
def test_separators_and_line_ends(labels: Path, results: Path, separator: str) -> None:
    path = results / "good" / "Couple.txt"
    text = path.read_bytes().replace(b",", separator.encode()).replace(b"\n", b"\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text)  # as Windows writes it
    done = run("score", "otb", results, "--ground-truth", labels)
    assert (done.returncode, done.stderr) == (0, "")
    assert "0.952-0.952" in done.stdout


def test_nan_is_told_and_treated_by_the_rule(labels: Path, results: Path) -> None:
    path = results / "good" / "Couple.txt"
    lines = path.read_text().splitlines()
    lines[3] = "NaN,NaN,NaN,NaN"
    path.write_text("\n".join(lines))
    done = run("score", "otb", results, "--ground-truth", labels)
    assert done.returncode == 0
    assert "note: good: 1 row of 1 sequence NaN" in done.stderr
    assert "first in Couple, row 4; the row before counts" in done.stderr


def test_boxes_counted_from_0_are_told(labels: Path, results: Path) -> None:
    for name in NAMES[:2]:
        rows = np.loadtxt(labels / f"{name}.txt") - [1, 1, 0, 0]
        np.savetxt(results / "good" / f"{name}.txt", rows, fmt="%.3f", delimiter=",")
    done = run("score", "otb", results, "--ground-truth", labels)
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("note: good: the first boxes of 2 sequences are the labels less 1, 1")


def test_two_results_of_one_name(tmp_path: Path, labels: Path, results: Path) -> None:
    done = run("score", "otb", results, results, "--ground-truth", labels)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 6
    assert "good on Deer: two results" in done.stderr


def test_what_cannot_be_scored_at_all(tmp_path: Path, labels: Path, results: Path) -> None:
    with tarfile.open(tmp_path / "all.tar.gz", "w:gz") as tar:
        tar.add(results, "results")
    whole = (tmp_path / "all.tar.gz").read_bytes()
    (tmp_path / "all.tar.gz").write_bytes(whole[:-40])
    (tmp_path / "nothing").mkdir()
    for given, truth, message in (
        (tmp_path / "all.tar.gz", labels, "all.tar.gz: a damaged archive"),
        (tmp_path / "absent", labels, "no such folder or archive"),
        (tmp_path / "nothing", labels, "no results of the 3 sequences"),
        (results, tmp_path / "nothing", "no labels"),
    ):
        done = run("score", "otb", given, "--ground-truth", truth)
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert message in line


def test_inputs_are_not_overwritten(labels: Path, results: Path) -> None:
    path = results / "good" / "Couple.txt"
    done = run("score", "otb", results, "--ground-truth", labels, "--json", path)
    assert done.returncode == 2
    assert path.read_text().startswith("11.000")
