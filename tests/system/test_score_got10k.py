"""`pursuit score got10k` as a person runs it, on results made by hand."""

from __future__ import annotations

import json
import runpy
import tarfile
from pathlib import Path
from typing import Any

import pytest
from commands import run

from tests.commands import run_apart

NAMES = ("GOT-10k_Val_000001", "GOT-10k_Val_000002", "GOT-10k_Val_000003")
CLASSES = ("cat", "dog", "dog")
BOX = "10,10,20,20"
HALF = "10,10,20,10"
FRAMES = (5, 9, 11)


def write(path: Path, lines: list[str], ends: str = "\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(ends.join([*lines, ""]).encode())
    return path


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    for name, kind, frames in zip(NAMES, CLASSES, FRAMES, strict=True):
        folder = tmp_path / "val" / name
        write(folder / "groundtruth.txt", ["10.0000,10.0000,20.0000,20.0000"] * frames)
        meta = ["[METAINFO]", "url: https://a.b", f"object_class: {kind}", "resolution: (64, 48)"]
        write(folder / "meta_info.ini", meta)
        # In the second sequence the target is covered in the last two frames.
        write(folder / "cover.label", ["8"] * (frames - 2) + ["0" if kind == "dog" else "1"] * 2)
    write(tmp_path / "val" / "list.txt", list(NAMES))
    return tmp_path / "val"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """WHOLE has the target; HALVES has half of it, and in one of two runs nothing of the first."""
    root = tmp_path / "results" / "GOT-10k"
    for name, frames in zip(NAMES, FRAMES, strict=True):
        write(root / "WHOLE" / name / f"{name}_001.txt", [BOX] * frames)
        write(root / "WHOLE" / name / f"{name}_time.txt", ["0.5"] + ["0.1"] * (frames - 1))
        write(root / "HALVES" / name / f"{name}_001.txt", [BOX, *[HALF] * (frames - 1)])
        other = "40,30,5,5" if name == NAMES[0] else HALF
        write(root / "HALVES" / name / f"{name}_002.txt", [BOX, *[other] * (frames - 1)])
    return root


def scored(tmp_path: Path, *words: object, status: int = 0) -> tuple[dict[str, Any], str]:
    out = tmp_path / "scores.json"
    done = run("score", "got10k", *words, "--json", out)
    assert done.returncode == status, done.stderr
    content = json.loads(out.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content, done.stderr


def test_results_that_were_made_by_hand(truth: Path, results: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.json"
    words = ["score", "got10k", results, "--ground-truth", truth, "--json", out]
    done = run_apart(*words, options=("-W", "error"))
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    found = json.loads(out.read_text(encoding="utf-8"))
    assert list(found) == ["WHOLE", "HALVES"]
    whole, halves = found["WHOLE"], found["HALVES"]
    assert (whole["ao"], whole["sr50"], whole["sr75"]) == (1, 1, 1)
    assert whole["success"] == [1.0] * 100 + [0.0]
    # 4 + 6 + 8 frames count, of two runs; the first sequence's second run has nothing.
    assert halves["ao"] == pytest.approx((4 * 0.5 + 2 * (6 + 8) * 0.5) / 36)
    assert halves["sr50"] == 0 and halves["success"][49] == pytest.approx(32 / 36)
    assert halves["class_balanced"]["ao"] == pytest.approx((0.25 + 0.5) / 2)
    assert halves["sequences"][NAMES[0]] == {
        "ao": 0.25,
        "sr50": 0,
        "sr75": 0,
        "fps": None,
        "length": 4,
        "frames": 8,
        "runs": 2,
        "class": "cat",
    }
    # The mean of the paces of all frames, as the toolkit has it.
    assert whole["fps"] == pytest.approx((3 * 2 + 22 * 10) / 25)
    assert halves["fps"] is None
    beside = halves["against_best"]
    assert beside["best"] == "WHOLE" and beside["p"] == 2 / 2**3
    assert beside["difference"] == pytest.approx(halves["ao"] - 1)


def test_archives_and_flat_folders_score_the_same(
    truth: Path, results: Path, tmp_path: Path
) -> None:
    expected, _ = scored(tmp_path, results, "--ground-truth", truth)
    packed, labels = tmp_path / "packed.tar.gz", tmp_path / "labels.tar"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(results, "results")
    with tarfile.open(labels, "w") as archive:
        archive.add(truth, "val")
    assert scored(tmp_path, packed, "--ground-truth", labels)[0] == expected
    flat = tmp_path / "flat" / "WHOLE"
    for name in NAMES:
        lines = (results / "WHOLE" / name / f"{name}_001.txt").read_text().split()
        tabs = [line.replace(",", "\t") for line in lines]
        write(flat / f"{name.upper()}.txt", tabs, "\r\n")
        lines = (results / "WHOLE" / name / f"{name}_time.txt").read_text().split()
        write(flat / f"{name}_time.txt", lines)
    found, _ = scored(tmp_path, flat, "--ground-truth", truth)
    assert found == {"WHOLE": expected["WHOLE"]}
    # Below each tracker a folder of the data set, and one of the times.
    for name in ("WHOLE", "HALVES"):
        (tmp_path / "below" / name / "times").mkdir(parents=True)
        (results / name).rename(tmp_path / "below" / name / "GOT-10k")
    for file in (tmp_path / "below").glob("WHOLE/GOT-10k/*/*_time.txt"):
        file.rename(tmp_path / "below" / "WHOLE" / "times" / file.name)
    assert scored(tmp_path, tmp_path / "below", "--ground-truth", truth)[0] == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{BOX}\n" * 4, "4 rows of boxes for 5 labels ("),
        (f"{BOX}\n" * 6, "6 rows of boxes for 5 labels ("),
        ("", "0 rows of boxes"),
        (f"{BOX}\n" * 4 + "lost\n", "_001.txt:5: not 4 numbers: 'lost'"),
        (f"{BOX}\n" * 4 + "1,2,3\n", "_001.txt:5: not 4 numbers: '1,2,3'"),
        (None, "no result"),
    ],
)
def test_wrong_results_are_named(
    truth: Path, results: Path, tmp_path: Path, text: str | None, message: str
) -> None:
    path = results / "WHOLE" / NAMES[0] / f"{NAMES[0]}_001.txt"
    path.unlink()
    if text is not None:
        path.write_text(text)
    found, stderr = scored(tmp_path, results, "--ground-truth", truth, status=2)
    (line,) = stderr.splitlines()
    assert line.startswith(f"error: WHOLE on {NAMES[0]}: ") and message in line
    assert list(found["WHOLE"]["failed"]) == [NAMES[0]]
    assert list(found["WHOLE"]["sequences"]) == list(NAMES[1:])
    assert found["HALVES"]["failed"] == {}


def test_one_run_of_several_is_short(truth: Path, results: Path, tmp_path: Path) -> None:
    write(results / "HALVES" / NAMES[1] / f"{NAMES[1]}_002.txt", [BOX])
    _, stderr = scored(tmp_path, results, "--ground-truth", truth, status=2)
    assert f"HALVES on {NAMES[1]}: run 2 of 2 has 1 row of boxes for 9 labels" in stderr


def test_what_is_odd_is_told(truth: Path, results: Path, tmp_path: Path) -> None:
    write(results / "WHOLE" / NAMES[0] / f"{NAMES[0]}_001.txt", [BOX] * 4 + ["nan,nan,nan,nan"])
    write(results / "WHOLE" / NAMES[1] / f"{NAMES[1]}_time.txt", ["fast"])
    write(results / "WHOLE" / "Other" / "Other_001.txt", [BOX])
    (truth / NAMES[2] / "meta_info.ini").unlink()
    found, stderr = scored(tmp_path, results, "--ground-truth", truth)
    assert found["WHOLE"]["sequences"][NAMES[0]]["ao"] == 0.75
    assert found["WHOLE"]["class_balanced"] is None
    notes = stderr.splitlines()
    assert len(notes) == 5
    for part in (
        f"{NAMES[1]}_time.txt:1: not numbers: 'fast'",
        "the size of the frames of 1 sequence is not known",
        "no mAO: 1 of 3 sequences tell no class",
        f"WHOLE: 1 row of 1 sequence NaN or infinite, first in {NAMES[0]}; they overlap by 0",
        "of no sequence with labels: 1 file: GOT-10k/WHOLE/Other/Other_001.txt",
    ):
        assert sum(part in line for line in notes) == 1, part


def test_a_sequence_without_a_frame_that_counts(truth: Path, results: Path, tmp_path: Path) -> None:
    write(truth / NAMES[1] / "cover.label", ["8"] + ["0"] * 8)
    found, stderr = scored(tmp_path, results, "--ground-truth", truth)
    assert f"is seen in 1 sequence, first {NAMES[1]}: nothing of it counts" in stderr
    assert found["WHOLE"]["sequences"][NAMES[1]]["ao"] is None
    assert found["HALVES"]["ao"] == pytest.approx((4 * 0.5 + 2 * 8 * 0.5) / 24)
    assert found["HALVES"]["class_balanced"]["ao"] == pytest.approx((0.25 + 0.5) / 2)


def test_two_results_of_one_name(truth: Path, results: Path, tmp_path: Path) -> None:
    _, stderr = scored(tmp_path, results, results / "WHOLE", "--ground-truth", truth, status=2)
    assert stderr.count("error: WHOLE on ") == stderr.count(": two results, ") == 3


def test_absent_targets_where_no_cover_is_told(truth: Path, results: Path, tmp_path: Path) -> None:
    for name, frames in zip(NAMES, FRAMES, strict=True):
        (truth / name / "cover.label").unlink()
        write(truth / name / "absence.label", ["0"] * (frames - 1) + ["1"])
    found, _ = scored(tmp_path, results, "--ground-truth", truth)
    frames = [part["frames"] for part in found["WHOLE"]["sequences"].values()]
    assert frames == [3, 7, 9]


def test_what_cannot_be_scored_at_all(truth: Path, results: Path, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    test = write(tmp_path / "test" / "a" / "groundtruth.txt", [BOX]).parent.parent
    short = write(tmp_path / "short" / NAMES[0] / "groundtruth.txt", [BOX] * 5).parent
    write(short / "cover.label", ["1"] * 4)
    size = write(tmp_path / "size" / NAMES[0] / "groundtruth.txt", [BOX] * 5).parent
    write(size / "meta_info.ini", ["[METAINFO]", "resolution: large"])
    for given, labels, message in (
        (results, tmp_path / "nothing", "no labels: no NAME/groundtruth.txt"),
        (results, test, "only the first frames have labels, as in the test split"),
        (results, short.parent, "cover.label: 4 values for 5 frames"),
        (results, size.parent, "meta_info.ini: no size (W, H): resolution is 'large'"),
        (tmp_path / "nothing", truth, "no results of the 3 sequences"),
        (tmp_path / "absent", truth, "no such folder or archive"),
    ):
        done = run("score", "got10k", given, "--ground-truth", labels)
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert message in line


# What the got10k toolkit (0.1.3) reports of the results that benchmarks/got10k_toolkit.py makes:
# AO, SR, frames a second, point 75 of the success curve; AO and frames a second of the third.
TOOLKIT = {
    "good": (0.6617145047296357, 0.7934782608695652, 24.683828429089356, 0.43478260869565216)
    + (0.745438768542969, 28.844435497279992),
    "poor": (0.2725778389139647, 0.17391304347826086, 25.462923488882105, 0.010869565217391304)
    + (0.33069055923629986, 29.055926289553103),
}


def test_the_toolkits_own_report(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    script = Path(__file__).resolve().parents[2] / "benchmarks" / "got10k_toolkit.py"
    runpy.run_path(str(script))["make"](tmp_path)
    where = tmp_path / "results" / "GOT-10k"
    found, _ = scored(tmp_path, where, "--ground-truth", tmp_path / "data" / "val")
    for tracker, theirs in TOOLKIT.items():
        mine = found[tracker]
        part = mine["sequences"][NAMES[2]]
        ours = (mine["ao"], mine["sr50"], mine["fps"], mine["success"][75], part["ao"], part["fps"])
        assert ours == pytest.approx(theirs, rel=1e-12), tracker
        assert mine["sr75"] == mine["success"][75]


def test_forms_that_others_write(truth: Path, results: Path, tmp_path: Path) -> None:
    """Headers, remarks, scores and polygons make no difference; other kinds are told."""
    expected, _ = scored(tmp_path, results, "--ground-truth", truth)
    root = results / "WHOLE"
    polygon = "10,10,30,10,30,30,10,30"
    write(root / NAMES[0] / f"{NAMES[0]}_001.txt", ["x,y,w,h", "# mine", *[BOX] * 5])
    write(root / NAMES[1] / f"{NAMES[1]}_001.txt", [f"{BOX},0.75"] * 9)
    write(root / NAMES[2] / f"{NAMES[2]}_001.txt", [polygon] * 11)
    write(truth / NAMES[2] / "groundtruth.txt", [polygon] * 11)
    write(results / "OTHER" / NAMES[0] / f"{NAMES[0]}_001.npy", [])
    write(results / "MORE.zip", [])
    found, stderr = scored(tmp_path, results, "--ground-truth", truth)
    assert found == expected
    kinds, archives = stderr.splitlines()
    assert "of a kind that is not read (.npy): 1 file: GOT-10k/OTHER/" in kinds
    assert "an archive inside a folder, to be named itself: 1 file: GOT-10k/MORE.zip" in archives


@pytest.mark.parametrize("name", ["times", "baseline", "val"])
def test_a_named_folder_may_be_called_anything(truth: Path, tmp_path: Path, name: str) -> None:
    for each, frames in zip(NAMES, FRAMES, strict=True):
        write(tmp_path / "x" / name / "KCF" / f"{each}.txt", [BOX] * frames)
        write(tmp_path / "KCF" / name / f"{each}.txt", [BOX] * frames)
    for root in (tmp_path / "x" / name, tmp_path / "KCF" / name):
        found, stderr = scored(tmp_path, root, "--ground-truth", truth)
        assert not stderr
        assert {at: one["ao"] for at, one in found.items()} in ({"KCF": 1}, {name: 1})


def test_nothing_to_score_tells_what_was_met(truth: Path, tmp_path: Path) -> None:
    write(tmp_path / "x" / "KCF" / f"{NAMES[0]}.npy", [])
    done = run("score", "got10k", tmp_path / "x", "--ground-truth", truth)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "looked for TRACKER/SEQUENCE/SEQUENCE_001.txt" in line and "met 1 .npy; not used" in line
