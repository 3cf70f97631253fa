"""Scores of stored results: alignment, TRE, SRE, what is missing, comparisons."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from rich.console import Console

from pursuit.datasets.otb_list import Entry, entries
from pursuit.errors import DataError
from pursuit.measures.otb import MATLAB, RULES
from pursuit.reports import stored_otb as stored
from pursuit.results.otb_found import Found
from pursuit.results.otb_labels import Truth
from pursuit.results.otb_toolkit import StoredRun

BOX = np.array([[10.0, 10, 20, 10]])


def truth(name: str = "a", rows: int = 40, entry: Entry | None = None) -> Truth:
    return Truth(name, BOX.repeat(rows, 0) + np.arange(rows)[:, None] * [1, 0, 0, 0], entry)


def result(tracker: str, sequence: str, *runs: np.ndarray, place: str = "") -> Found:
    place = place or f"{tracker}/{sequence}.txt"
    return Found(tracker, sequence, place, tuple(StoredRun(boxes) for boxes in runs))


TRUTHS = {name: truth(name) for name in ("a", "b", "c")}


def test_a_perfect_and_a_still_tracker() -> None:
    still = BOX.repeat(40, 0)
    given = [result("good", name, one.boxes) for name, one in TRUTHS.items()]
    given += [result("still", name, still) for name in TRUTHS]
    scores, notes = stored.judge(given, TRUTHS, MATLAB)
    assert [one.label for one in scores] == ["good", "still"]
    assert notes == []
    good, bad = (one.ope for one in scores)
    assert good.auc == pytest.approx(20 / 21)
    # k frames on it overlaps (20 - k) / (20 + k).
    overlaps = np.maximum(20 - np.arange(40), 0) / (20 + np.arange(40))
    assert bad.auc == pytest.approx((overlaps[:, None] > MATLAB.overlap_thresholds).mean())
    assert bad.precision20 == 21 / 40
    assert bad.normalised20 == 5 / 40  # within 4 px of 20


def test_tre_and_sre_are_pooled() -> None:
    one = truth(rows=210)
    starts = [191 * k // 19 for k in range(19)] + [190]
    runs = [one.boxes[start:].copy() for start in starts]
    runs[3][1:] += 100  # one of the runs is lost from its second frame on
    found = stored.score([StoredRun(run) for run in runs], one, MATLAB)
    assert sorted(found) == ["ope", "tre"]
    frames = sum(210 - start for start in starts)
    assert found["tre"].frames == frames
    assert found["tre"].success[0] == (frames - (210 - starts[3] - 1)) / frames
    assert found["ope"].frames == 210 and found["ope"].success[0] == 1

    shifted = stored.score([StoredRun(one.boxes)] * 12, one, MATLAB)
    assert list(shifted) == ["sre"] and shifted["sre"].frames == 12 * 210


def test_rows_that_lack_in_a_run_of_tre() -> None:
    one = truth(rows=210)
    runs = [StoredRun(one.boxes[start:]) for start in stored._starts(one)]
    runs[7] = StoredRun(runs[7].boxes[:-1])
    with pytest.raises(DataError, match=r"run 8 of 20 has 139 rows of boxes for 140 labels"):
        stored.score(runs, one, MATLAB)
    with pytest.raises(DataError, match="7 runs"):
        stored.score(runs[:7], one, MATLAB)


def test_tiger1_is_aligned_at_its_end() -> None:
    entry = entries()["tiger1"]
    whole = truth("Tiger1", 354, entry)
    cut = Truth("Tiger1", whole.boxes[5:], entry)
    for boxes, labels, frames in (
        (whole.boxes[5:], whole, 349),
        (whole.boxes, whole, 354),
        (whole.boxes, cut, 349),
        (cut.boxes, cut, 349),
    ):
        found = stored.score([StoredRun(boxes)], labels, MATLAB)["ope"]
        assert found.frames == frames
        assert found.success[19] == 1
    assert stored._starts(whole)[0] == 5
    assert [start + 5 for start in stored._starts(cut)] == stored._starts(whole)
    with pytest.raises(DataError, match="350 rows of boxes for 354 labels"):
        stored.score([StoredRun(whole.boxes[4:])], whole, MATLAB)


def test_what_is_wrong_is_named_and_marks_the_mean() -> None:
    boxes = TRUTHS["a"].boxes
    given = [
        *(result("whole", name, boxes) for name in TRUTHS),
        result("part", "a", boxes),
        result("part", "b", boxes[:-3]),
        result("twice", "a", boxes, place="x/a.txt"),
        result("twice", "a", boxes, place="y/a.txt"),
        result("twice", "b", boxes),
        result("twice", "c", boxes),
        Found("broken", "c", "broken/c.mat", wrong="broken/c.mat: not a MATLAB file"),
    ]
    scores, _ = stored.judge(given, TRUTHS, MATLAB)
    wrong = {one.label: one.wrong for one in scores}
    assert wrong == {
        "whole": [],
        "part": [
            "part on b: 37 rows of boxes for 40 labels (part/b.txt)",
            "part on c: no result",
        ],
        "twice": ["twice on a: two results, x/a.txt and y/a.txt: leave one out, or rename it"],
        "broken": [
            "broken on a: no result",
            "broken on b: no result",
            "broken on c: broken/c.mat: not a MATLAB file",
        ],
    }
    grid = io.StringIO()
    Console(file=grid, width=80).print(stored.table(scores))
    rows = {line.split()[0]: line.split() for line in grid.getvalue().splitlines() if line.strip()}
    assert rows["whole"][1] == "0.952" and rows["whole"][-1] == "3/3"
    assert rows["part"][1] == "0.952*" and rows["part"][-1] == "1/3"
    assert rows["twice"][-1] == "2/3"
    assert rows["broken"][1] == "-"

    content = stored.as_json(scores, TRUTHS)
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["part"]["failed"]["c"] == "no result"
    assert list(content["twice"]["sequences"]) == ["b", "c"]
    assert content["broken"]["auc"] is None


def test_an_ope_of_its_own_goes_before_the_first_run_of_tre() -> None:
    one = truth(rows=210)
    still = one.boxes[:1].repeat(210, 0)
    runs = [one.boxes[start:] for start in stored._starts(one)]
    ope, tre = result("t", "a", still, place="ope"), result("t", "a", *runs, place="tre")
    for given in ([ope, tre], [tre, ope]):
        ((score,), _) = stored.judge(given, {"a": one}, MATLAB)
        assert score.ope.auc < 0.2
        assert score.kinds["tre"].auc == pytest.approx(20 / 21)
        assert score.wrong == []
    ((score,), _) = stored.judge([tre], {"a": one}, MATLAB)
    assert score.ope.auc == pytest.approx(20 / 21)
    ((score,), _) = stored.judge([tre, tre], {"a": one}, MATLAB)
    assert len(score.wrong) == 2  # of the OPE and of the TRE


def test_rows_that_are_no_boxes_are_noted() -> None:
    boxes = TRUTHS["a"].boxes.copy()
    boxes[0], boxes[7], boxes[9, 2] = np.nan, np.nan, 0
    given = [result("t", name, boxes) for name in TRUTHS]
    _, (line,) = stored.judge(given, TRUTHS, MATLAB)
    assert line.startswith("t: 6 rows of 3 sequences NaN or without area, the first in a, row 8")
    assert line.endswith("the row before counts")
    _, (line,) = stored.judge(given, TRUTHS, RULES["got10k"])
    assert line.endswith("they fail")


def test_trackers_are_compared_with_the_best_that_is_whole() -> None:
    truths = {f"s{at}": truth(f"s{at}") for at in range(12)}

    def shifted(label: str, by: float, skip: int = 0) -> list[Found]:
        names = list(truths)[skip:]
        return [
            result(label, name, truths[name].boxes + [by + at % 2, 0, 0, 0])
            for at, name in enumerate(names)
        ]

    given = shifted("best", 2) + shifted("worse", 6) + shifted("part", 0, skip=5)
    scores, _ = stored.judge(given, truths, MATLAB)
    found = stored.comparisons(scores)
    assert sorted(found) == ["part", "worse"]
    worse = found["worse"]
    assert worse.best == "best"
    assert worse.interval[0] <= worse.difference <= worse.interval[1] < 0
    assert worse.p == 2 / 2**12  # all twelve differ one way: 2 of all ways are as far apart
    assert stored.as_json(scores, truths)["worse"]["against_best"]["p"] == worse.p


def test_attributes_are_means_over_their_sequences() -> None:
    some = {
        at: truth(entries()[at].name, entries()[at].rows, entries()[at])
        for at in ("deer", "coke", "man")
    }
    still = {at: one.boxes[:1].repeat(len(one.boxes), 0) for at, one in some.items()}
    still["man"] = some["man"].boxes
    scores, _ = stored.judge([result("t", at, still[at]) for at in some], some, MATLAB)
    part = stored.as_json(scores, some)["t"]
    aucs = {name: one["auc"] for name, one in part["sequences"].items()}
    assert part["attributes"]["IV"] == pytest.approx((aucs["Coke"] + aucs["Man"]) / 2)
    assert part["attributes"]["BC"] == pytest.approx((aucs["Coke"] + aucs["Deer"]) / 2)
    assert part["attributes"]["LR"] == aucs["Deer"]
