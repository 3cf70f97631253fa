"""What a score is worth: fits against known models and SciPy, errors worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pursuit.measures import calibration
from pursuit.measures.calibration import Reliability, fit_logistic, probability


def drawn(number: int, scale: float, offset: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Peaks (N,) and whether their frames are good, by a logistic."""
    rng = np.random.default_rng(seed)
    peaks = rng.normal(5, 4, number)
    return peaks, rng.random(number) < probability(peaks, scale, offset)


def test_probability_worked_by_hand() -> None:
    peaks = np.array([4, 4 + np.log(3) / 2, 1e9, -1e9])
    assert probability(peaks, 2.0, 4.0) == pytest.approx([0.5, 0.75, 1, 0])


def test_the_fit_finds_the_model_that_drew_the_frames() -> None:
    scale, offset = fit_logistic(*drawn(50_000, 0.7, 3.0))
    assert scale == pytest.approx(0.7, abs=0.02)
    assert offset == pytest.approx(3.0, abs=0.1)


def test_the_fit_has_the_greatest_likelihood() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    peaks, good = drawn(200, 0.5, 4.0, seed=1)
    hits = good.sum()
    target = np.where(good, (hits + 1) / (hits + 2), 1 / (len(good) - hits + 2))

    def loss(theta: np.ndarray) -> float:
        odds = theta[0] * (peaks - theta[1])
        return float((np.logaddexp(0, odds) - target * odds).sum())

    theirs = optimize.minimize(loss, [1.0, 5.0], method="BFGS", options={"gtol": 1e-8})
    assert fit_logistic(peaks, good) == pytest.approx(tuple(theirs.x), rel=1e-4)


def test_peaks_that_never_err_have_a_fit() -> None:
    peaks = np.array([1.0, 2, 3, 7, 8, 9])
    scale, offset = fit_logistic(peaks, peaks > 5)
    assert offset == pytest.approx(5)
    # Of three good frames Platt's labels say 4/5, of three bad ones 1/5.
    assert probability(peaks[3:], scale, offset).mean() == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(
    ("peaks", "good", "share"),
    [
        ([1.0, 2, 3, 4], [True, True, False, False], 0.5),  # the higher the worse
        ([3.0, 3, 3, 3], [True, False, False, False], (2 / 3 + 3 / 5) / 4),  # all alike
        ([0.1] * 3, [True, False, True], (2 * 3 / 4 + 1 / 3) / 3),  # their mean is not 0.1
        ([1.0, 2, 3, 4], [True] * 4, 5 / 6),
        ([1.0, 2, 3, 4], [False] * 4, 1 / 6),
        ([2.0], [True], 2 / 3),
    ],
)
def test_peaks_that_tell_nothing_get_the_share_of_good_frames(
    peaks: list[float], good: list[bool], share: float
) -> None:
    fit = fit_logistic(np.array(peaks), np.array(good))
    assert 0 < fit[0] < 0.01
    np.testing.assert_allclose(probability(np.array(peaks), *fit), share, atol=0.002)


@pytest.mark.parametrize(
    ("peaks", "good", "videos", "says"),
    [
        ([1.0, 2, 3, 4], [False, True, False, True], "aabb", None),
        ([1.0, 2, 3, 4], [False, False, True, True], "aaaa", "only one video"),
        ([1.0, 2, 3, 4], [True] * 4, "aabb", "no frame is bad"),
        ([1.0, 2, 3, 4], [False] * 4, "aabb", "no frame is good"),
        ([1.0, 2, 3, 4], [True, True, False, False], "aabb", "good frames peak no higher"),
        ([0.1] * 3, [True, False, True], "aab", "good frames peak no higher"),
    ],
)
def test_a_fit_that_says_nothing_is_doubted(
    peaks: list[float], good: list[bool], videos: str, says: str | None
) -> None:
    assert calibration.doubt(np.array(peaks), np.array(good), list(videos)) == says


def test_a_video_is_scored_by_the_others() -> None:
    peaks, good = drawn(300, 0.7, 3.0)
    videos = ["a"] * 90 + ["b"] * 110 + ["c"] * 100
    scores = calibration.cross_validated(peaks, good, videos)
    assert scores is not None
    own = np.array(videos) == "b"
    expected = probability(peaks[own], *fit_logistic(peaks[~own], good[~own]))
    np.testing.assert_array_equal(scores[own], expected)
    # What happens in a video changes the scores of the others, never its own.
    other = calibration.cross_validated(peaks, np.where(own, ~good, good), videos)
    assert other is not None
    np.testing.assert_array_equal(other[own], scores[own])
    assert np.abs(other[~own] - scores[~own]).min() > 0


def test_one_video_cannot_be_cross_validated() -> None:
    assert calibration.cross_validated(*drawn(9, 1.0, 5.0), ["a"] * 9) is None


def test_reliability_and_error_worked_by_hand() -> None:
    scores = np.array([0.05, 0.15, 0.19, 0.5, 0.95, 1.0])
    good = np.array([False, True, False, True, True, False])
    curve = calibration.reliability(scores, good)
    assert curve.frames.tolist() == [1, 2, 1, 2]
    assert curve.score == pytest.approx([0.05, 0.17, 0.5, 0.975])
    assert curve.share.tolist() == [0, 0.5, 1, 0.5]
    by_hand = (1 * 0.05 + 2 * 0.33 + 1 * 0.5 + 2 * 0.475) / 6
    assert calibration.expected_error(curve) == pytest.approx(by_hand)


def test_scores_that_are_true_have_no_error() -> None:
    peaks, good = drawn(100_000, 0.7, 3.0)
    true = calibration.reliability(probability(peaks, 0.7, 3.0), good)
    bold = calibration.reliability(probability(peaks, 2.0, 3.0), good)
    assert calibration.expected_error(true) < 0.01 < 0.05 < calibration.expected_error(bold)
    none = Reliability(np.array([0.3, 0.7]), np.array([0.3, 0.7]), np.array([5, 5]))
    assert calibration.expected_error(none) == 0
