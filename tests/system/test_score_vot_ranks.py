"""VOT2014's ranks by `pursuit score vot`: on a case worked by hand, and against scipy."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import run

FRAMES = 30
TAGS = {"a": "occlusion", "b": "camera_motion", "c": ""}


def write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, ""]))


def rows(heights: list[int], fails_at: int | None = None) -> list[str]:
    """Return a run by the tenths of the target that it has; started again after a failure."""
    found = ["1", *(f"0,0,10,{height}" for height in heights[1:])]
    if fails_at is not None:
        found[fails_at : fails_at + 6] = ["2", "0", "0", "0", "0", "1"]
    return found


def score(*words: object) -> tuple[Any, str]:
    *words, path = words
    done = run("score", "vot", *words, "--json", path)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(Path(str(path)).read_text(encoding="utf-8")), done.stdout


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """A sequence with one tag throughout, one with another, one without."""
    root = tmp_path / "vot2014"
    for name, tag in TAGS.items():
        write(root / name / "groundtruth.txt", ["0,0,10,10"] * FRAMES)
        write(root / name / "sequence", ["width=40", "height=30"])
        for each in filter(None, TAGS.values()):
            write(root / name / f"{each}.label", ["01"[each == tag]] * FRAMES)
    return root


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """HALF and SAME have half the target; FULL has all of it, and fails in b's 13th frame."""
    root = tmp_path / "runs"
    for tracker, height in (("HALF", 5), ("SAME", 5), ("FULL", 10)):
        for name in TAGS:
            lost = 12 if (tracker, name) == ("FULL", "b") else None
            path = root / tracker / "baseline" / name / f"{name}_001.txt"
            write(path, rows([height] * FRAMES, lost))
    return root


def noisy(results: Path) -> None:
    for tracker, height in (("HALF", 5), ("FULL", 10)):
        for name in TAGS:
            path = results / tracker / "region_noise" / name / f"{name}_001.txt"
            write(path, rows([height] * FRAMES))


def test_by_hand(truth: Path, results: Path, tmp_path: Path) -> None:
    found, printed = score(results, "--ground-truth", truth, tmp_path / "scores.json")
    full, half = found["FULL"]["ranks"], found["HALF"]["ranks"]
    (one,) = full["experiments"].values()
    # Of a and c 20 frames count, of b 5 in which FULL followed: of five differences 2 in 32 signs
    # are as far out, p = 0.0625, so that all are equal there.
    assert one["tags"] == {
        "camera_motion": {"accuracy": 2, "robustness": 3},
        "empty": {"accuracy": 1, "robustness": 2},
        "occlusion": {"accuracy": 1, "robustness": 2},
    }
    (one,) = half["experiments"].values()
    assert one["tags"] == {
        "camera_motion": {"accuracy": 2, "robustness": 1.5},
        "empty": {"accuracy": 2.5, "robustness": 2},
        "occlusion": {"accuracy": 2.5, "robustness": 2},
    }
    assert half["experiments"] == found["SAME"]["ranks"]["experiments"]
    assert not one["practical_difference"]
    got = [full[name] for name in ("accuracy", "robustness", "mean")]
    assert got == pytest.approx([4 / 3, 7 / 3, 11 / 6])
    got = [half[name] for name in ("accuracy", "robustness", "mean")]
    assert got == pytest.approx([7 / 3, 11 / 6, 25 / 12])
    lines = printed.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("ranks "))
    assert lines[at].split() == ["ranks", "accuracy", "robustness", "mean"]
    assert lines[at + 2].split() == ["FULL", "1.33", "2.33", "1.83"]
    assert lines[at + 3].split() == ["HALF", "2.33", "1.83", "2.08"]
    assert "ranks: VOT2014's, over 3 tags; equal by tests alone" in printed


@pytest.mark.parametrize(("matters", "equal"), [("0.5", False), ("0.51", True)])
def test_practical_difference(
    truth: Path, results: Path, tmp_path: Path, matters: str, equal: bool
) -> None:
    write(truth / "a" / "practical.value", [matters] * FRAMES)
    found, printed = score(results, "--ground-truth", truth, tmp_path / "scores.json")
    one = found["FULL"]["ranks"]["experiments"]["baseline"]
    assert one["practical_difference"]
    assert one["tags"]["occlusion"]["accuracy"] == (2 if equal else 1)
    assert one["tags"]["empty"]["accuracy"] == 1
    assert "equal by tests and practical.value" in printed


def test_region_noise_beside_the_baseline(truth: Path, results: Path, tmp_path: Path) -> None:
    noisy(results)
    out = tmp_path / "scores.json"
    found, printed = score(results, "--ground-truth", truth, out)
    full, half, same = (found[name]["ranks"] for name in ("FULL", "HALF", "SAME"))
    assert full["experiments"]["region_noise"]["accuracy"] == 1
    assert half["experiments"]["region_noise"]["accuracy"] == 2
    assert full["experiments"]["region_noise"]["robustness"] == 1.5
    got = [full[name] for name in ("accuracy", "robustness", "mean")]
    assert got == pytest.approx([7 / 6, 23 / 12, 37 / 24])
    got = [half[name] for name in ("accuracy", "robustness", "mean")]
    assert got == pytest.approx([13 / 6, 5 / 3, 23 / 12])
    assert same["mean"] is None and same["experiments"].keys() == {"baseline"}
    assert found["FULL"]["region_noise"]["accuracy"] == 1
    assert found["FULL"]["region_noise"]["failures"] == 0 and found["FULL"]["failures"] == 1
    assert found["SAME"]["region_noise"] is None
    assert "region noise" in printed
    assert ["SAME", "2.33", "1.83", "-", "-", "-", "-", "-"] in [
        line.split() for line in printed.splitlines()
    ]
    assert max(map(len, printed.splitlines())) <= 80
    # The toolkit's and pysot's definitions have no ranks, and one tracker has none.
    for rules in ("toolkit", "pysot"):
        found, printed = score(results, "--ground-truth", truth, "--rules", rules, out)
        assert found["FULL"]["ranks"] is None and "ranks" not in printed
        assert found["FULL"]["region_noise"]["failures"] == 0
    found, printed = score(results / "FULL", "--ground-truth", truth, out)
    assert found["FULL"]["ranks"] is None and "ranks" not in printed
    words = (results, "--ground-truth", truth, "--experiment", "region_noise", "--json", out)
    done = run("score", "vot", *words)
    assert done.returncode == 0 and "FULL/baseline: only the region_noise is\n" in done.stderr
    content = json.loads(out.read_text(encoding="utf-8"))
    assert content["FULL"]["ranks"]["experiments"].keys() == {"region_noise"}
    assert content["FULL"]["region_noise"] is None


def test_who_lacks_results_is_named_and_not_ranked(
    truth: Path, results: Path, tmp_path: Path
) -> None:
    noisy(results)
    (results / "SAME" / "baseline" / "c" / "c_001.txt").unlink()
    write(results / "HALF" / "region_noise" / "a" / "a_001.txt", ["lost"])
    out = tmp_path / "scores.json"
    done = run("score", "vot", results, "--ground-truth", truth, "--json", out)
    assert done.returncode == 2
    first, second = done.stderr.splitlines()
    assert first.startswith("error: HALF (region_noise) on a: ") and "not numbers" in first
    assert second == "error: SAME on c: no result"
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["SAME"]["ranks"] is None
    assert found["FULL"]["ranks"]["experiments"].keys() == {"baseline"}
    assert found["FULL"]["ranks"]["accuracy"] == pytest.approx((1 + 1.5 + 1) / 3)
    (truth / "a" / "practical.value").write_text("0.1\n0.2\nwide\n")
    done = run("score", "vot", results, "--ground-truth", truth)
    assert done.returncode == 2 and "practical.value:3: not numbers" in done.stderr


def test_against_scipy(tmp_path: Path) -> None:
    stats = pytest.importorskip("scipy.stats")
    draw = np.random.default_rng(14)
    names, frames = ("x", "y", "z"), 60
    truth = tmp_path / "vot2014"
    for name in names:
        write(truth / name / "groundtruth.txt", ["0,0,10,10"] * frames)
    overlaps: dict[str, list[Any]] = {}
    failures: dict[str, list[Any]] = {}
    for tracker, level in (("p", 7), ("q", 6), ("r", 7), ("s", 3), ("t", 6)):
        overlaps[tracker], failures[tracker] = [], []
        for name in names:
            folder = tmp_path / "runs" / tracker / "baseline" / name
            heights = np.clip(draw.normal(level, 2.5, (15, frames)).round(), 1, 10).astype(int)
            lost = draw.random(15) < 0.04 * level
            for number, (mine, fails) in enumerate(zip(heights, lost, strict=True), 1):
                lines = rows(mine.tolist())
                if fails:
                    lines[-3:] = ["2", "0", "0"]
                write(folder / f"{name}_{number:03}.txt", lines)
            each = heights / 10
            each[lost, -3:] = np.nan
            overlaps[tracker].append(np.nanmean(each[:, 10:], axis=0))
            failures[tracker].append(lost.astype(float))

    def ranks(values: Any, better: int, equal: Any) -> dict[str, float]:
        order = sorted(values, key=lambda one: better * values[one])
        raw = {one: rank for rank, one in enumerate(order, 1)}
        same = {one: [one] for one in values}
        for one, other in combinations(values, 2):
            if equal(one, other):
                same[one].append(other)
                same[other].append(one)
        return {one: float(np.mean([raw[other] for other in same[one]])) for one in values}

    found, _ = score(tmp_path / "runs", "--ground-truth", truth, tmp_path / "scores.json")
    shared = 0
    for at, name in enumerate(names):
        mine = {one: each[at] for one, each in overlaps.items()}
        lost_by = {one: each[at] for one, each in failures.items()}

        def as_accurate(one: str, other: str, mine: Any = mine) -> bool:
            apart = mine[one] - mine[other]
            test = stats.wilcoxon(apart, zero_method="wilcox", correction=False, method="approx")
            return bool(test.pvalue > 0.05)

        def as_robust(one: str, other: str, lost_by: Any = lost_by) -> bool:
            test = stats.mannwhitneyu(lost_by[one], lost_by[other], method="asymptotic")
            return bool(test.pvalue > 0.05)

        accuracy = ranks({one: each.mean() for one, each in mine.items()}, -1, as_accurate)
        # Of trackers that failed as often the better by EAO comes first, as in the scores.
        robustness = ranks({one: lost_by[one].mean() for one in found}, 1, as_robust)
        for one, content in found.items():
            theirs = content["ranks"]["experiments"]["baseline"]["sequences"][name]
            assert theirs["accuracy"] == pytest.approx(accuracy[one]), (one, name)
            assert theirs["robustness"] == pytest.approx(robustness[one]), (one, name)
            shared += accuracy[one] % 1 != 0
    assert shared  # else no tests of equality would be seen
