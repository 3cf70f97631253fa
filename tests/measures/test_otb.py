"""OTB's measures, worked by hand. tests/system/test_score_published.py has published curves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pursuit.errors import DataError
from pursuit.measures import otb

NAN = [np.nan] * 4


def column(*overlaps: float) -> np.ndarray:
    """Boxes of 20 x 10, each with that overlap with 0, 0, 20, 10: its top is cut off."""
    return np.array([[0, 10 - 10 * share, 20, 10 * share] for share in overlaps], dtype=float)


TRUTH = column(1, 1, 1, 1)


def test_thresholds_are_those_of_the_colon() -> None:
    assert otb.OVERLAP_THRESHOLDS.shape == (21,)
    assert otb.DISTANCE_THRESHOLDS.tolist() == list(range(51))
    np.testing.assert_allclose(otb.OVERLAP_THRESHOLDS, np.linspace(0, 1, 21), atol=1e-15)
    # The first half counts up from 0, the second down from 1, each with its own rounding.
    assert otb.OVERLAP_THRESHOLDS[3] == 3 * 0.05 > 0.15
    assert otb.OVERLAP_THRESHOLDS[13] == 1 - 7 * 0.05 < 0.65


def test_curves_worked_by_hand() -> None:
    success = otb.success_curve(column(1, 0.5, 0.32, 0.999), TRUTH)
    # Above, not at, a threshold: an overlap of exactly 0.5 does not pass 0.5.
    expected = [4] * 7 + [3] * 3 + [2] * 10 + [0]
    assert (success * 4).tolist() == expected
    assert otb.auc(success) == pytest.approx(sum(expected) / 4 / 21)

    moved = TRUTH + np.array([[0, 0, 0, 0], [3, 4, 0, 0], [20, 0, 0, 0], [0, 20.01, 0, 0]])
    precision = otb.precision_curve(moved, TRUTH)
    # At most a threshold: centres 5 and 20 px apart pass 5 and 20.
    assert (precision * 4).tolist() == [1] * 5 + [2] * 15 + [3] + [4] * 30
    assert otb.precision20(precision) == 0.75


@settings(deadline=None)
@given(arrays(np.float64, (5, 4), elements=st.floats(1, 900)).map(lambda rows: np.round(rows, 3)))
def test_truth_against_itself_scores_20_of_21(boxes: np.ndarray) -> None:
    success = otb.success_curve(boxes, boxes)
    assert success.tolist() == [1] * 20 + [0]
    assert otb.auc(success) == pytest.approx(20 / 21)
    assert otb.precision_curve(boxes, boxes).tolist() == [1] * 51


def test_first_box_is_replaced_by_the_truth() -> None:
    for first in (column(0.1)[0], NAN, [0, 0, -1, -1]):
        predicted = np.vstack([first, column(0.5)])
        assert otb.overlaps(predicted, TRUTH[:2]).tolist() == [1, 0.5]


@pytest.mark.parametrize("bad", [NAN, [1, 2, np.nan, 4], [0, 0, 0, 10], [0, 0, 20, -3]])
def test_bad_rows_are_replaced_by_the_row_before(bad: list[float]) -> None:
    predicted = np.vstack([column(1, 0.5), [bad], [bad]])
    assert otb.overlaps(predicted, TRUTH).tolist() == [1, 0.5, 0.5, 0.5]
    assert otb.overlaps(np.vstack([predicted[:1], [bad] * 3]), TRUTH).tolist() == [1] * 4


@pytest.mark.parametrize(
    ("row", "valid"),
    [
        ([-1, 5, 20, 10], False),  # 0, 6 counted from 1
        ([5, -1.5, 20, 10], False),
        ([-0.5, -0.5, 20, 10], True),
        ([5, 5, 0, 10], False),
        ([-1, -1, 0, 0], False),  # the row of zeros in a label file
    ],
)
def test_invalid_labels_fail_success_and_pass_precision(row: list[float], valid: bool) -> None:
    truth = np.vstack([TRUTH[:3], [row]])
    predicted = truth.copy()
    success, precision = otb.success_curve(predicted, truth), otb.precision_curve(predicted, truth)
    assert success[0] == (1 if valid else 0.75)
    assert precision[0] == 1


def test_the_centre_error_leaves_invalid_labels_out() -> None:
    truth = np.vstack([TRUTH[:2], [[-1, 5, 20, 10]], [NAN]])
    predicted = np.vstack([TRUTH[:1], TRUTH[:1] + [3, 4, 0, 0], TRUTH[:1] + 300, TRUTH[:1]])
    assert otb.centre_error(otb.distances(predicted, truth)) == 2.5
    invalid = np.array([[5, 5, 0, 10.0]])
    assert np.isnan(otb.centre_error(otb.distances(invalid, invalid)))


def test_frames_without_a_label_do_not_count() -> None:
    truth = np.vstack([[NAN], TRUTH[:1], [NAN], TRUTH[:2], [NAN]])
    predicted = np.vstack([[NAN], column(0.2, 0.3, 0.5), [NAN], [NAN]])
    # The first labelled frame is the start; the bad row after 0.5 repeats it.
    assert otb.overlaps(predicted, truth).tolist() == [1, 0.5, 0.5]
    assert len(otb.distances(predicted, truth)) == 3


@pytest.mark.parametrize(
    ("predicted", "truth", "message"),
    [
        (TRUTH[:3], TRUTH, r"\(3, 4\).*\(4, 4\)"),
        (TRUTH[0], TRUTH[0], "must be"),
        (TRUTH, np.full((4, 4), np.nan), "no frame"),
    ],
)
def test_what_cannot_be_compared(predicted: Any, truth: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        otb.success_curve(predicted, truth)


def test_inputs_stay_as_they_are() -> None:
    predicted, truth = np.vstack([TRUTH[:3], [NAN]]), TRUTH.copy()
    before = predicted.copy()
    otb.success_curve(predicted, truth)
    np.testing.assert_array_equal(predicted, before)
    np.testing.assert_array_equal(truth, TRUTH)


def test_the_rules_of_got10k() -> None:
    rules = otb.RULES["got10k"]
    # Bad rows and labels without area are rows like any other; the first is the truth.
    bad = np.vstack([column(0.1), [NAN], column(0.5), [[0, 0, 0, 10]]])
    assert otb.overlaps(bad, TRUTH, rules).tolist() == [1, 0, 0.5, 0]
    truth = np.vstack([TRUTH[:1], [[-1, -1, 0, 0]], TRUTH[:1]])
    found = otb.curves([(np.vstack([TRUTH[:1]] * 3) + [[0, 0, 0, 0]] * 3, truth)], rules)
    assert found.success[0] == 2 / 3
    # Centres 10, 5 and -1, -1: 12.53 px apart.
    assert found.precision[12:14].tolist() == [2 / 3, 1]
    assert rules.overlap_thresholds[3] == np.linspace(0, 1, 21)[3]


def test_the_rules_of_pysot() -> None:
    rules = otb.RULES["pysot"]
    assert otb.overlaps(column(0.1, 0.5), TRUTH[:2], rules).tolist() == [0.1, 0.5]
    assert otb.overlaps(np.vstack([column(1, 0.5), [NAN]]), TRUTH[:3], rules).tolist() == [
        1,
        0.5,
        0,
    ]
    # Left of the frame, the middle in it: valid; the toolbox says it is not.
    left = np.array([[-5, 5, 20, 10.0]] * 2)
    assert otb.overlaps(left, left, rules).tolist() == [1, 1]
    assert otb.overlaps(left, left).tolist() == [-1, -1]
    # The middle outside: a frame with an overlap, and with no distance.
    outside = np.array([[-30, 5, 20, 10.0]] * 2)
    assert otb.overlaps(outside, outside, rules).tolist() == [1, 1]
    assert otb.distances(outside, outside, rules).tolist() == [-1, -1]
    assert rules.overlap_thresholds[13] == 13 * 0.05 > otb.OVERLAP_THRESHOLDS[13]


def test_boxes_of_transformations_are_not_mended() -> None:
    rows = np.vstack([column(1, 0.5), [[20, 10, -20, -10]]])
    assert otb.overlaps(rows, TRUTH[:3], otb.as_they_are(otb.MATLAB)).tolist() == [1, 0.5, 0]
    assert otb.overlaps(rows, TRUTH[:3]).tolist() == [1, 0.5, 0.5]


def test_normalised_precision_is_in_sides_of_the_label() -> None:
    # 4 px of 20 and 2 px of 10 are 0.2 each; together sqrt(0.08).
    moved = TRUTH + np.array([[0, 0, 0, 0], [4, 0, 0, 0], [0, 2.1, 0, 0], [4, 2, 0, 0]])
    found = otb.curves([(moved, TRUTH)]).normalised
    assert (found * 4).tolist() == [1] * 20 + [2] + [3] * 8 + [4] * 22
    assert otb.normalised20(found) == 0.5


def test_runs_are_pooled_frame_by_frame() -> None:
    found = otb.curves([(column(1, 1, 1), TRUTH[:3]), (column(1, 0.5), TRUTH[:2])])
    assert found.frames == 5
    assert (found.success * 5).tolist() == [5] * 10 + [4] * 10 + [0]


def test_what_is_infinite_is_no_box() -> None:
    rows = np.vstack([column(1, 0.5), [[np.inf, 0, 20, 10]]])
    assert otb.overlaps(rows, TRUTH[:3]).tolist() == [1, 0.5, 0.5]
    assert otb.overlaps(rows, TRUTH[:3], otb.RULES["got10k"]).tolist() == [1, 0.5, 0]
    assert otb.bad_rows(rows).tolist() == [False, False, True]


def test_huge_boxes_fail_and_warn_of_nothing() -> None:
    rows = np.vstack([column(1), [[1e200, 0, 1e200, 1e200]], [[0, 0, 1e300, 1e300]]])
    found = otb.curves([(rows, TRUTH[:3])])
    assert found.success[0] == found.precision[50] == found.normalised[50] == 1 / 3
