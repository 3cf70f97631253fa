"""The report on held-out videos: figures worked by hand, the table, JSON, the card."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from rich.console import Console

from pursuit.errors import DataError
from pursuit.protocols.held_out import Followed, Found
from pursuit.reports import held_out
from pursuit.reports.held_out import HeldOutReport

NAN = np.full(4, np.nan)


def followed(name: str, shifts: list[float], peaks: list[float], video: str = "") -> Followed:
    """A target of 20 x 10 whose box is `shifts` pixels to the right, after a perfect start."""
    truth = np.tile([50.0, 40, 20, 10], (len(shifts) + 1, 1))
    boxes = truth.copy()
    boxes[1:, 0] += shifts
    return Followed(name, video or name, boxes, truth, np.array([np.nan, *peaks]))


def report() -> HeldOutReport:
    # Overlaps 1, 1/3 and 1, 0: moved by half its width, and by 30 pixels.
    return held_out.report([followed("a", [0, 10], [5, 1]), followed("b", [0, 30], [4, 0])])


def shown(judged: HeldOutReport) -> list[str]:
    console = Console(file=io.StringIO(), width=80, highlight=False)
    console.print(held_out.table(judged))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_figures_worked_by_hand() -> None:
    judged = report()
    a, b = judged.targets
    assert (a.frames, b.frames) == (3, 3)
    assert a.auc == pytest.approx((2 * 20 + 7) / 3 / 21)  # 1/3 is above 0, 0.05, ..., 0.3
    assert b.auc == pytest.approx(2 * 20 / 3 / 21)
    assert (a.precision20, b.precision20) == (1, pytest.approx(2 / 3))
    assert (a.centre_error, b.centre_error) == (pytest.approx(10 / 3), 10)
    assert judged.auc.mean == pytest.approx((a.auc + b.auc) / 2)
    # Of two values, a quarter of the drawn means is the one, a quarter the other.
    assert (judged.auc.low, judged.auc.high) == (pytest.approx(b.auc), pytest.approx(a.auc))
    assert (judged.centre_error.low, judged.centre_error.high) == (pytest.approx(10 / 3), 10)
    found = judged.calibration
    assert (found.frames, found.good, found.folds) == (4, 0.5, 2)
    assert 1 < found.offset < 4 and found.scale > 0


def test_frames_without_a_label_are_not_counted() -> None:
    one = followed("a", [0, 0, 30], [5, 5, 0])
    one.truth[2] = NAN
    judged = held_out.report([one, followed("b", [0], [5])])
    assert judged.targets[0].frames == 3
    assert (judged.calibration.frames, judged.calibration.good) == (3, pytest.approx(2 / 3))


def test_targets_of_one_video_are_one_fold() -> None:
    parts = [followed("v-1", [0, 30], [5, 1], "v"), followed("v-2", [0, 30], [5, 1], "v")]
    judged = held_out.report(parts)
    assert judged.calibration.folds == 1
    assert judged.calibration.error is None and judged.calibration.curve is None
    assert "it takes two videos" in held_out.notes(judged)[1]
    both = held_out.report([*parts, followed("w", [0, 30], [5, 1])])
    assert both.calibration.folds == 2 and both.calibration.error is not None


def test_the_score_must_have_something_to_be_fitted_to() -> None:
    with pytest.raises(DataError, match="label more"):
        held_out.report([followed("a", [], [])])


def test_the_table_holds_targets_means_and_intervals() -> None:
    lines = [line.split() for line in shown(report()) if line.strip()]
    assert lines[0] == ["target", "frames", "AUC", "P20", "error", "px"]
    assert lines[2] == ["a", "3", "0.746", "1.000", "3.3"]
    assert lines[3] == ["b", "3", "0.635", "0.667", "10.0"]
    assert lines[-3] == ["mean", "of", "2", "targets", "6", "0.690", "0.833", "6.7"]
    assert lines[-2][-3:] == ["0.635", "0.667", "3.3"]
    assert lines[-1] == ["to", "0.746", "1.000", "10.0"]


def test_the_widest_report_fits_80_columns_uncut() -> None:
    name = "a-target-with-a-name-of-45-letters-and-digits"
    judged = held_out.report([followed(name, [12345.6, 0], [1, 5])] * 100)
    backwards = held_out.report([followed(name, [0, 30], [1, 5]) for name in "ab"])
    assert backwards.calibration.doubt == "good frames peak no higher"  # the longest there is
    reports = (report(), judged, backwards)
    lines = [*shown(judged), *(line for one in reports for line in held_out.notes(one))]
    assert max(map(len, lines)) <= 80
    assert "12,345.6" not in "".join(lines) and "4,115.2" in "".join(lines)
    assert "…" not in "".join(lines)


def test_json_holds_all_and_no_nan() -> None:
    nowhere = followed("c", [0, 0], [5, 5])
    nowhere.truth[:, 0] = -5  # labels that the toolbox calls invalid
    nowhere.boxes[:, 0] = -5
    judged = held_out.report([followed("a", [0, 10], [5, 1]), nowhere])
    found = json.loads(json.dumps(held_out.as_json(judged), allow_nan=False))
    assert found["targets"]["c"]["centre_error"] is None
    assert found["targets"]["a"] == {
        "video": "a",
        "frames": 3,
        "auc": judged.targets[0].auc,
        "precision20": 1,
        "centre_error": pytest.approx(10 / 3),
    }
    assert found["centre_error"]["mean"] == pytest.approx(10 / 3)
    assert found["auc"]["low"] == judged.auc.low
    assert sum(found["calibration"]["curve"]["frames"]) == found["calibration"]["frames"] == 4
    assert found["calibration"]["score_scale"] == judged.calibration.scale


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ([followed("a", [0, 0], [5, 4]), followed("b", [0, 0], [6, 5])], "no frame is bad"),
        ([followed("a", [0, 30], [5, 1])], "only one video"),
    ],
)
def test_a_fit_in_doubt_is_not_for_the_card(parts: list[Followed], says: str) -> None:
    judged = held_out.report(parts)
    values = held_out.card_values(judged, {"held-out calibration error": 0.02})
    assert list(values) == ["scores"]
    assert values["scores"]["held-out auc"] == round(judged.auc.mean, 4)
    # That of a fit which the card does not have.
    assert "held-out calibration error" not in values["scores"]
    assert held_out.notes(judged)[2:] == [
        f"the card keeps its score_scale and score_offset: {says}"
    ]
    assert held_out.as_json(judged)["calibration"]["doubt"] == says
    assert len(held_out.notes(report())) == 2
    assert held_out.as_json(report())["calibration"]["doubt"] is None


def test_the_card_keeps_other_figures() -> None:
    judged = report()
    values = held_out.card_values(judged, {"held-out auc": 0.1, "otb-dev auc": 0.5})
    assert values["scores"]["otb-dev auc"] == 0.5
    assert values["scores"]["held-out auc"] == round(judged.auc.mean, 4)
    assert values["scores"]["held-out centre error px"] == 6.6667
    assert values["score_scale"] == pytest.approx(judged.calibration.scale, rel=1e-5)
    assert values["score_offset"] == pytest.approx(judged.calibration.offset, rel=1e-5)


def test_stills_count_picture_by_picture() -> None:
    followed_too = [followed("a", [0, 10], [5, 1]), followed("b", [0, 30], [4, 0])]
    found = [
        Found(("one", "one", "two"), np.array([4.0, 20, 16])),
        Found(("two", "three"), np.array([0.0, 17])),
    ]
    judged = held_out.report(followed_too, found)
    stills = judged.stills
    assert stills is not None
    assert (stills.pictures, stills.targets) == (3, 5)
    assert stills.centre_error.mean == pytest.approx((12 + 8 + 17) / 3)
    assert stills.near.mean == pytest.approx((0.5 + 1 + 0) / 3)  # 16 px is within
    assert (stills.near.low, stills.near.high) == (0, 1)
    assert held_out.notes(judged)[-2:] == [
        "5 targets of 3 held-out stills, one window each:",
        "  centre error 12.3 px [8.0, 17.0], within 16 px 0.500 [0.000, 1.000]",
    ]
    assert held_out.as_json(judged)["stills"]["centre_error"]["low"] == 8
    scores = held_out.card_values(judged, {})["scores"]
    assert scores["held-out stills error px"] == 12.3333 and scores["held-out stills p16"] == 0.5
    # A report without stills says nothing of them, and takes nothing off the card.
    assert held_out.as_json(report())["stills"] is None
    assert held_out.card_values(report(), scores)["scores"]["held-out stills p16"] == 0.5
