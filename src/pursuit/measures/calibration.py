"""What a score is worth: peaks of score maps made probabilities, and how true these are.

A frame is good where the box overlaps the target by half. Its probability is

    1 / (1 + exp(-scale * (peak - offset)))

with two numbers that `fit_logistic` finds (Platt, 1999). `expected_error` says how far such
probabilities are from what happens. Fitted and read on the same frames it flatters:
`cross_validated` gives each frame the probability of a fit that has not seen its video.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

BINS = 10
_STEPS = 100
_FLAT = 1e-3  # least slope, in standard deviations of the peaks: a score never falls with them


@dataclass(frozen=True)
class Reliability:
    """What scores say and what happens, in bins of equal width; empty bins are left out.

    Attributes:
        score: (B,) mean score of the frames of a bin.
        share: (B,) share of them that are good.
        frames: (B,) how many they are.
    """

    score: Array
    share: Array
    frames: NDArray[np.int64]


def probability(peaks: Array, scale: float, offset: float) -> Array:
    """Return the probability (N,) that frames with peaks (N,) are good."""
    return 1 / (1 + np.exp(-np.clip(scale * (peaks - offset), -60, 60)))


def fit_logistic(peaks: Array, good: Mask) -> tuple[float, float]:
    """Return scale (above 0) and offset that fit peaks (N,) to good (N,) frames best.

    The likelihood is the greatest; the labels are 1 and 0 drawn in by half a frame or so, as
    Platt does, so that the fit exists where peaks tell good from bad without a mistake, and
    where all frames are good. Where peaks tell nothing, or the contrary, every peak gets nearly
    the share of good frames.

    Raises:
        ValueError: no frames.
    """
    middle, spread = _middle_and_spread(peaks)
    target = _targets(good)
    slope, level = _newton((peaks - middle) / spread, target)
    if slope < _FLAT:
        mean = float(target.mean())
        slope, level = _FLAT, float(np.log(mean / (1 - mean)))
    scale = slope / spread
    return scale, middle - level / scale


def doubt(peaks: Array, good: Mask, videos: Sequence[str]) -> str | None:
    """Return why a fit to these frames says nothing about others; None where it may.

    Args:
        peaks, good, videos: (N,) as for `cross_validated`.
    """
    if len(set(videos)) < 2:
        return "only one video"
    if good.all():
        return "no frame is bad"
    if not good.any():
        return "no frame is good"
    middle, spread = _middle_and_spread(peaks)
    slope, _ = _newton((peaks - middle) / spread, _targets(good))
    return "good frames peak no higher" if slope < _FLAT else None


def cross_validated(peaks: Array, good: Mask, videos: Sequence[str]) -> Array | None:
    """Return the probability (N,) of each frame by the fit on all videos but its own.

    A fold is a video. None where there is only one.

    Args:
        peaks: (N,) peaks of the score maps.
        good: (N,) True where the frame is good.
        videos: (N,) the video each frame is of.
    """
    names = np.asarray(videos)
    every = np.unique(names)
    if len(every) < 2:
        return None
    scores = np.empty(len(peaks))
    for name in every:
        own = names == name
        scores[own] = probability(peaks[own], *fit_logistic(peaks[~own], good[~own]))
    return scores


def reliability(scores: Array, good: Mask, bins: int = BINS) -> Reliability:
    """Return the reliability curve of scores (N,) in [0, 1] of frames good (N,) or not."""
    place = np.minimum((scores * bins).astype(np.int64), bins - 1)
    frames = np.bincount(place, minlength=bins)
    held = frames > 0
    score = np.bincount(place, weights=scores, minlength=bins)[held] / frames[held]
    share = np.bincount(place, weights=good.astype(float), minlength=bins)[held] / frames[held]
    return Reliability(score, share, frames[held])


def expected_error(curve: Reliability) -> float:
    """Return the expected calibration error: mean over frames of |share - score| of their bin."""
    apart = np.abs(curve.share - curve.score)
    return float((curve.frames * apart).sum() / curve.frames.sum())


def _middle_and_spread(peaks: Array) -> tuple[float, float]:
    """Return mean and standard deviation, 1 where the peaks are all alike.

    Raises:
        ValueError: no frames.
    """
    if not len(peaks):
        raise ValueError("a fit needs at least one frame")
    # The mean of equal peaks may be a rounding off them, and their deviation above 0.
    spread = float(peaks.std()) if np.ptp(peaks) > 0 else 1.0
    return float(peaks.mean()), spread


def _targets(good: Mask) -> Array:
    """Return Platt's labels (N,) of frames good (N,) or not."""
    hits = int(good.sum())
    return np.where(good, (hits + 1) / (hits + 2), 1 / (len(good) - hits + 2))


def _newton(along: Array, target: Array) -> tuple[float, float]:
    """Return slope and level of the likeliest logistic of `along` (N,), by damped Newton steps."""
    x = np.column_stack([along, np.ones(len(along))])
    theta = np.zeros(2)
    loss = _loss(theta, x, target)
    for _ in range(_STEPS):
        p = probability(x @ theta, 1.0, 0.0)
        # A trace of ridge: equal peaks leave the slope open.
        hessian = (x.T * (p * (1 - p))) @ x + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, x.T @ (p - target))
        rate = 1.0
        while (after := _loss(theta - rate * step, x, target)) > loss and rate > 1e-9:
            rate /= 2
        theta, loss = theta - rate * step, after
        if np.abs(step).max() < 1e-9:
            break
    return float(theta[0]), float(theta[1])


def _loss(theta: Array, x: Array, target: Array) -> float:
    """Return the negative log likelihood."""
    odds = x @ theta
    return float((np.logaddexp(0, odds) - target * odds).sum())
