"""`pursuit score vot` as a person runs it: on generated results, and on published ones."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import run

from tests.commands import run_apart

POLYGON = "0,0,9,0,9,9,0,9"  # 100 pixels, both ends in
TRACKERS = ("DaSiamRPN", "LightTrack", "NanoTrack")


def write(path: Path, lines: list[str], ends: str = "\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(ends.join([*lines, ""]).encode())


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    for name, frames in (("bolt", 20), ("ball", 30)):
        folder = tmp_path / "VOT2016" / name
        write(folder / "groundtruth.txt", [POLYGON] * frames)
        write(folder / "sequence", ["width=40", "height=30"])
        write(folder / "occlusion.tag", ["1"] * 15)
    return tmp_path / "VOT2016"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """HALF has half the target throughout; LOSS fails in bolt's 13th frame."""
    for name, frames in (("bolt", 20), ("ball", 30)):
        rows = ["1", *["0,0,10,5"] * (frames - 1)]
        write(tmp_path / "runs" / "HALF" / "baseline" / name / f"{name}_001.txt", rows, "\r\n")
        rows = ["1", *["0,0,10,10"] * (frames - 1)]
        if name == "bolt":
            rows[12:18] = ["2", "0", "0", "0", "0", "1"]
        write(tmp_path / "runs" / "LOSS" / "baseline" / name / f"{name}_001.txt", rows)
    return tmp_path / "runs"


def score(*words: object) -> dict[str, Any]:
    *words, path = words
    done = run("score", "vot", *words, "--json", path)
    assert done.returncode == 0, done.stderr
    content = json.loads(Path(str(path)).read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def test_results_that_were_made_by_hand(truth: Path, results: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.json"
    words = ["score", "vot", results, "--ground-truth", truth, "--json", out]
    done = run_apart(*words, options=("-W", "error"))
    assert done.returncode == 0, done.stderr
    assert "LOSS" in done.stdout and "VOT2016's; rules: matlab" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    found = json.loads(out.read_text(encoding="utf-8"))
    half, loss = found["HALF"], found["LOSS"]
    assert half["accuracy"] == pytest.approx(0.5)
    assert half["failures"] == 0 and half["robustness"] == 1
    assert half["sequences"]["bolt"] == {
        "accuracy": pytest.approx(0.5),
        "robustness": 1,
        "failures": 0,
        "frames": 20,
        "counted": 10,
    }
    # 2 frames of bolt count, and 20 of ball.
    assert loss["accuracy"] == 1 and loss["counted"] == 22
    assert loss["failures"] == 1 and loss["robustness"] == pytest.approx(np.exp(-30 / 50))
    assert loss["tags"]["occlusion"]["failures"] == 1
    assert loss["tags"]["empty"]["frames"] == 20
    # No sequence is as long as VOT2016's interval; of those of an unknown year it is computed.
    assert half["eao"] is None and half["eao_interval"] == [108, 371]
    plain = truth.rename(tmp_path / "truth")
    found = score(results, "--ground-truth", plain, out)
    assert 1 <= found["HALF"]["eao_interval"][0] <= found["HALF"]["eao_interval"][1] <= 30
    assert found["HALF"]["eao"] == pytest.approx(0.5)
    toolkit = score(results, "--ground-truth", plain, "--rules", "toolkit", out)
    assert toolkit["LOSS"]["accuracy"] == 1
    assert toolkit["LOSS"]["weighted_failures"] == pytest.approx(20 / 50)
    pysot = score(results, "--ground-truth", plain, "--rules", "pysot", out)
    assert pysot["LOSS"]["robustness"] == 2
    assert pysot["HALF"]["accuracy"] == pytest.approx(60 / 106)


def spoil(path: Path, line: int, text: str | None) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[line : line + 1] = [] if text is None else [text]
    write(path, lines)


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        (5, None, "19 rows for 20 frames ("),
        (5, "0,0,9,9\n0,0,9,9", "21 rows for 20 frames ("),
        (5, "nan,nan,nan,nan", "bolt_001.txt:6: a region must be of finite numbers"),
        (5, "lost", "bolt_001.txt:6: not numbers: 'lost'"),
        (5, "0,0,9", "bolt_001.txt:6: 3 numbers are neither a box nor a polygon"),
        (0, "0,0,9,9", "no row is 1, a start"),
    ],
)
def test_wrong_results_are_named(
    truth: Path, results: Path, tmp_path: Path, line: int, text: str | None, message: str
) -> None:
    spoil(results / "HALF" / "baseline" / "bolt" / "bolt_001.txt", line, text)
    out = tmp_path / "scores.json"
    done = run("score", "vot", results, "--ground-truth", truth, "--json", out)
    assert done.returncode == 2
    (error,) = done.stderr.splitlines()
    assert error.startswith("error: HALF on bolt: ") and message in error
    assert "bolt_001.txt" in error
    assert "0.500*" in done.stdout and "1/2" in done.stdout and "2/2" in done.stdout
    assert "* mean of the sequences with a result" in done.stdout
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["HALF"]["failed"].keys() == {"bolt"}
    assert found["HALF"]["sequences"].keys() == {"ball"}
    assert found["LOSS"]["failed"] == {} and found["LOSS"]["failures"] == 1


@pytest.mark.parametrize("rules", ["matlab", "toolkit", "pysot"])
def test_a_tracker_without_any_right_result(
    truth: Path, results: Path, tmp_path: Path, rules: str
) -> None:
    for name in ("bolt", "ball"):
        spoil(results / "HALF" / "baseline" / name / f"{name}_001.txt", 0, "lost")
    out = tmp_path / "scores.json"
    words = ("--ground-truth", truth, "--rules", rules, "--json", out)
    done = run("score", "vot", results, *words)
    assert done.returncode == 2 and "0/2" in done.stdout
    assert len(done.stderr.splitlines()) == 2
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["HALF"]["accuracy"] is None and found["HALF"]["failures"] is None
    assert sorted(found["HALF"]["failed"]) == ["ball", "bolt"]
    assert found["LOSS"]["failures"] == 1 and found["LOSS"]["failed"] == {}


def test_nothing_is_left_out_in_silence(truth: Path, results: Path, tmp_path: Path) -> None:
    def error(*words: object, table: bool = False) -> str:
        done = run("score", "vot", *words)
        assert done.returncode == 2 and done.stderr.count("\n") == 1
        assert bool(done.stdout) == table
        return done.stderr

    other = results / "OTHER" / "baseline" / "car" / "car_001.txt"
    write(other, ["1"])
    done = run("score", "vot", results, "--ground-truth", truth)
    assert done.returncode == 0
    assert "note: not scored: OTHER has results on car, not in the ground truth" in done.stderr
    assert "OTHER" not in done.stdout
    message = error(results / "OTHER", "--ground-truth", truth)
    assert "nothing to score: OTHER has results on car" in message
    other.rename(results / "HALF" / "baseline" / "bolt" / "bolt_002.txt")  # one of one row
    message = error(results, "--ground-truth", truth, table=True)
    assert "HALF on bolt: 1 row for 20 frames" in message and "bolt_002.txt" in message
    (results / "HALF" / "baseline" / "bolt").rename(results / "HALF" / "baseline" / "blot")
    assert "holds no result" in error(results / "OTHER", "--ground-truth", truth)
    message = error(results, "--ground-truth", truth, table=True)
    assert "error: HALF on bolt: no result" in message
    again = results / "LOSS" / "baseline"
    done = run("score", "vot", results / "LOSS", again, "--ground-truth", truth)
    assert done.returncode == 2 and done.stderr.count(": two results, ") == 2
    write(results / "LOSS" / "baseline" / "balls" / "balls_001.txt", ["1"])
    done = run("score", "vot", results / "LOSS", "--ground-truth", truth)
    message = "not used: LOSS has results on balls, not in the ground truth (did you mean ball?)"
    assert done.returncode == 0 and message in done.stderr
    (truth / "bolt" / "sequence").unlink()
    (results / "LOSS" / "baseline" / "balls" / "balls_001.txt").unlink()
    message = error(results / "LOSS", "--ground-truth", truth)
    assert "bolt: the size of its pictures is not known" in message
    packed = tmp_path / "packed.tar"
    with tarfile.open(packed, "w") as archive:
        archive.add(results / "LOSS", "LOSS")
    packed.write_bytes(packed.read_bytes()[:3000])
    assert "packed.tar: a damaged archive" in error(packed, "--ground-truth", truth)
    assert "or none of .zip" in error(truth / "ball" / "sequence", "--ground-truth", truth)
    assert "no such folder" in error(tmp_path / "absent", "--ground-truth", truth)


@pytest.fixture(scope="module")
def published(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ground truth of VOT2018, in pysot's file."""
    file = tmp_path_factory.mktemp("vot2018") / "VOT2018.json"
    with tarfile.open(shared_data / "published" / "vot.tar.xz") as archive:
        content = archive.extractfile("vot2018/VOT2018.json")
        assert content is not None
        file.write_bytes(content.read())
    return file


def scored(shared_data: Path, truth: Path, rules: str, out: Path) -> dict[str, Any]:
    archive = shared_data / "published" / "vot.tar.xz"
    return score(archive, "--ground-truth", truth, "--rules", rules, out)


def test_pysots_numbers_of_vot2018(published: Path, shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "published" / "vot2018_pysot_scores.json"
    theirs = json.loads(path.read_text(encoding="utf-8"))
    mine = scored(shared_data, published, "pysot", tmp_path / "scores.json")
    assert mine.keys() == theirs.keys() == set(TRACKERS)  # and not GOTURN on VOT2014
    for name, their in theirs.items():
        found = mine[name]
        for measure in ("accuracy", "robustness", "eao"):
            assert found[measure] == pytest.approx(their[measure], abs=1e-8), (name, measure)
        assert (found["failures"], found["frames"]) == (their["lost"], their["total_frames"])
        assert found["sequences"].keys() == their["per_sequence"].keys()
        for part, one in their["per_sequence"].items():
            ours = found["sequences"][part]
            assert ours["accuracy"] == pytest.approx(one["accuracy"], abs=1e-8), (name, part)
            assert [ours["failures"]] == one["failures"]
            assert ours["counted"] == one["valid_overlap_frames"]


# Accuracy, robustness, EAO. The Python toolkit's are what its own functions (0.8.0) say of these
# results, by benchmarks/vot_toolkit.py; of the MATLAB toolkit's definitions ours alone are known.
EXPECTED = {
    "matlab": {
        "DaSiamRPN": (0.5878, 0.9205, 0.3836),
        "LightTrack": (0.5367, 0.9480, 0.4232),
        "NanoTrack": (0.5455, 0.9063, 0.3127),
    },
    "toolkit": {
        "DaSiamRPN": (0.5856204538857657, 0.9107191706276846, 0.3717192524973839),
        "LightTrack": (0.535704207662365, 0.9307738622801489, 0.42228748699810764),
        "NanoTrack": (0.5419312877792202, 0.8924304770975239, 0.30960091859305944),
    },
}


@pytest.mark.parametrize(("rules", "within"), [("matlab", 5.1e-5), ("toolkit", 1e-8)])
def test_the_toolkits_definitions_on_vot2018(
    published: Path, shared_data: Path, tmp_path: Path, rules: str, within: float
) -> None:
    mine = scored(shared_data, published, rules, tmp_path / "scores.json")
    for name, expected in EXPECTED[rules].items():
        found = [mine[name][measure] for measure in ("accuracy", "robustness", "eao")]
        assert found == pytest.approx(expected, abs=within), name


def test_intervals_and_a_paired_test(truth: Path, results: Path, tmp_path: Path) -> None:
    plain = truth.rename(tmp_path / "truth")
    found = score(results, "--ground-truth", plain, tmp_path / "scores.json")
    half, loss = found["HALF"], found["LOSS"]
    assert half["interval"]["accuracy"] == pytest.approx([0.5, 0.5])
    assert half["interval"]["robustness"] == [1, 1]
    # Drawn twice, bolt has 2 failures in 40 frames; ball has none.
    assert loss["interval"]["robustness"] == pytest.approx([np.exp(-30 / 20), 1])
    assert loss["against_best"] is None and half["against_best"]["best"] == "LOSS"
    assert half["against_best"]["difference"] == pytest.approx(half["eao"] - loss["eao"])
    assert half["against_best"]["p"] in (0.5, 1)  # two sequences change places in four ways
    assert loss["ar"]["pooled"] == pytest.approx([np.exp(-30 / 50), 1])
    assert loss["ar"]["sequences"] == pytest.approx([np.exp(-30 / 20 / 2), 1])
    assert loss["ar"]["sensitivity"] == 30


def test_the_unsupervised_experiment_beside(truth: Path, results: Path, tmp_path: Path) -> None:
    plain = truth.rename(tmp_path / "truth")
    for name, frames in (("bolt", 20), ("ball", 30)):
        rows = ["1", *["0,0,10,5"] * (frames // 2 - 1), *["30,20,5,5"] * (frames // 2)]
        write(results / "HALF" / "unsupervised" / name.title() / f"{name.title()}_001.txt", rows)
    out = tmp_path / "scores.json"
    found = score(results, "--ground-truth", plain, out)
    half = found["HALF"]
    free = half["unsupervised"]
    assert found["LOSS"]["unsupervised"] is None and found["LOSS"]["eao_mean"] is None
    assert free["overlap"] == pytest.approx((9 + 14) * 0.5 / 50)
    assert free["sequences"] == {"ball": pytest.approx(7 / 30), "bolt": pytest.approx(4.5 / 20)}
    assert half["eao_mean"] == pytest.approx((half["eao"] + free["eao"]) / 2)
    assert 0.2 < free["eao"] < half["eao"]
    toolkit = score(results, "--ground-truth", plain, "--rules", "toolkit", out)
    # Ten frames of each are left out: none of the better half of bolt counts, 5 of ball's 20.
    expected = 30 * (5 * 0.5 / 20) / 50
    assert toolkit["HALF"]["unsupervised"]["overlap"] == pytest.approx(expected)
    spoil(results / "HALF" / "unsupervised" / "Bolt" / "Bolt_001.txt", 4, "2")
    done = run("score", "vot", results, "--ground-truth", plain)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: HALF (unsupervised) on bolt: row 5 is a code: not a result")
    (results / "HALF" / "baseline").rename(tmp_path / "baseline")
    done = run("score", "vot", results, "--ground-truth", plain)
    assert done.returncode == 0
    assert "note: not scored: HALF/unsupervised: only the baseline is, and beside" in done.stderr


def test_rows_without_sense_are_told_and_count(truth: Path, results: Path, tmp_path: Path) -> None:
    plain = truth.rename(tmp_path / "truth")
    out = tmp_path / "scores.json"
    before = score(results, "--ground-truth", plain, out)
    path = results / "LOSS" / "baseline" / "bolt" / "bolt_001.txt"
    spoil(path, 18, "-5,-6,-7,-8")
    spoil(path, 13, "0,0,10,10")
    done = run("score", "vot", results, "--ground-truth", plain, "--json", out)
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    message = "note: LOSS on bolt: row 14 cannot come after row 13 and row 19 has a negative side"
    assert line.startswith(message)
    assert json.loads(out.read_text(encoding="utf-8"))["LOSS"]["failures"] == 1
    assert before["LOSS"]["failures"] == 1


def test_a_ground_truth_of_some_of_the_sequences(
    truth: Path, results: Path, tmp_path: Path
) -> None:
    out = tmp_path / "scores.json"
    whole = score(results, "--ground-truth", truth, out)
    (truth / "bolt").rename(tmp_path / "bolt")
    done = run("score", "vot", results, "--ground-truth", truth, "--json", out)
    assert done.returncode == 0
    assert (
        done.stderr.count("note: not used: ") == done.stderr.count("has results on bolt, not") == 2
    )
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["LOSS"]["failures"] == 0
    assert found["HALF"]["sequences"] == {"ball": whole["HALF"]["sequences"]["ball"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"bolt": 3}, "bolt: not as pysot has it: no gt_rect and img_names by name in it"),
        ({"bolt": {"gt_rect": [[1, 2, 3, 4]]}}, "no list img_names in it"),
        ({"bolt": {"gt_rect": [["a"]], "img_names": ["x"]}}, "a list of numbers for each picture"),
    ],
)
def test_pysots_file_that_is_none(
    results: Path, tmp_path: Path, content: object, message: str
) -> None:
    file = tmp_path / "truth.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    done = run("score", "vot", results, "--ground-truth", file)
    assert done.returncode == 2 and message in done.stderr
