"""OTB's measures: worked by hand, against the MATLAB toolbox's curves, against published AUCs."""

from __future__ import annotations

import csv
import io
import re
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pursuit.errors import DataError
from pursuit.measures import otb

NAN = [np.nan] * 4

# The MATLAB toolbox's trackers whose boxes are at hand too, and what their files are called.
# Not CFWLB, whose boxes were changed after the curves were made.
TRACKERS = {
    "CSK": "CSK",
    "DSST": "DSST",
    "SRDCF": "SRDCF",
    "OAB": "OAB",
    "KCF": "KCF_GaussHog",
    "DCF": "KCF_LinearHog",
}

OTB_2013 = """Basketball Bolt Boy Car4 CarDark CarScale Coke Couple Crossing David David2 David3
Deer Dog1 Doll Dudek FaceOcc1 FaceOcc2 Fish FleetFace Football Football1 Freeman1 Freeman3 Freeman4
Girl Ironman Jogging-1 Jogging-2 Jumping Lemming Liquor Matrix Mhyang MotorRolling MountainBike
Shaking Singer1 Singer2 Skating1 Skiing Soccer Subway Suv Sylvester Tiger1 Tiger2 Trellis Walking
Walking2 Woman""".lower().split()

# Scores of the SiamFC authors' own boxes: AUC, precision at 20 px.
SIAMFC_3S = {
    "biker": (0.647, 1.000),  # with labels that the toolbox calls invalid
    "board": (0.119, 0.096),
    "crowds": (0.723, 1.000),
    "twinnings": (0.655, 0.877),
    "tiger1": (0.553, 0.716),
    "woman": (0.532, 0.935),
    "human4-2": (0.340, 0.541),
    "skating2-2": (0.434, 0.381),
}


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


class Published:
    """The published results of OTB-100: labels, boxes, curves."""

    def __init__(self, archive: Path) -> None:
        self.loadmat: Callable[..., Any] = pytest.importorskip("scipy.io").loadmat
        with tarfile.open(archive) as tar:
            wanted = [member for member in tar if member.name.startswith("otb100/")]
            files = {one.name.lower(): tar.extractfile(one) for one in wanted if one.isfile()}
            self.files = {name: file.read() for name, file in files.items() if file}
        rows = csv.DictReader(io.StringIO(self.files["otb100/sequence_order.csv"].decode()))
        self.names = [row["name"].lower() for row in rows]

    def mat(self, name: str) -> Any:
        return self.loadmat(io.BytesIO(self.files[f"otb100/{name}".lower()]), squeeze_me=True)

    def truth(self, name: str, length: int) -> np.ndarray:
        """Labels (T, 4), 0-based. The toolbox starts Tiger1 at its 6th frame."""
        lines = self.files[f"otb100/anno_tb100/{name}.txt"].decode().split("\n")
        rows = [
            [float(x) for x in re.split(r"[,\s]+", line.strip())] for line in lines if line.strip()
        ]
        return np.array(rows)[-length:] - [1, 1, 0, 0]

    def boxes(self, name: str, tracker: str) -> np.ndarray:
        """Another tracker's boxes (T, 4), 0-based."""
        found = self.mat(f"raw/OPE/{name}_{tracker}.mat")["results"]
        return np.asarray(found[()]["res"], dtype=float) - [1, 1, 0, 0]

    def siamfc(self, name: str) -> np.ndarray:
        """The boxes of the first of SiamFC-3s's runs, 0-based."""
        key = f"raw/SiamFC-3s/{re.sub('[-.]', '_', name)}_siamfc3s.mat"
        return np.asarray(self.mat(key)["results"][0].item()[0], dtype=float) - [1, 1, 0, 0]


@pytest.fixture(scope="module")
def published(shared_data: Path) -> Published:
    return Published(shared_data / "published" / "otb100.tar.xz")


@pytest.mark.parametrize("tracker", TRACKERS)
def test_every_point_of_the_matlab_curves(published: Published, tracker: str) -> None:
    success = published.mat("matlab_curves/aveSuccessRatePlot_15alg_overlap_OPE.mat")
    precision = published.mat("matlab_curves/aveSuccessRatePlot_15alg_error_OPE.mat")
    row = list(success["nameTrkAll"]).index(tracker)
    for index, name in enumerate(published.names):
        boxes = published.boxes(name, TRACKERS[tracker])
        truth = published.truth(name, len(boxes))
        for curve, theirs in (
            (otb.success_curve(boxes, truth), success),
            (otb.precision_curve(boxes, truth), precision),
        ):
            expected = theirs["aveSuccessRatePlot"][row, index]
            np.testing.assert_allclose(curve, expected, rtol=0, atol=1e-9, err_msg=name)


def test_scores_of_the_siamfc_authors_boxes(published: Published) -> None:
    scores = {}
    for raw in published.names:
        boxes = published.siamfc(raw)
        truth = published.truth(raw, len(boxes))
        auc = otb.auc(otb.success_curve(boxes, truth))
        scores[raw.replace(".", "-")] = auc, otb.precision20(otb.precision_curve(boxes, truth))
    for name, expected in SIAMFC_3S.items():
        assert scores[name] == pytest.approx(expected, abs=0.00051), name
    assert len(scores) == 100
    assert len(set(OTB_2013)) == 51
    of_2013 = [scores[name] for name in OTB_2013]
    assert np.mean(of_2013, axis=0) == pytest.approx((0.6073, 0.8093), abs=5e-5)
    assert np.mean(list(scores.values()), axis=0) == pytest.approx((0.5821, 0.7705), abs=5e-5)
