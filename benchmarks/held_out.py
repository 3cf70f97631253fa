"""Judge weights on the videos their recipe held out, and make their score a probability.

    python benchmarks/held_out.py WEIGHTS.safetensors VIDEOS [--tracker siamfc-slim] [--write]

Tracks each held-out target from its first label, prints AUC and precision (OTB's MATLAB
rule), and fits the two numbers that turn a score map's peak into the probability that the
box overlaps the target by half. `--write` puts them and the figures into the card.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import yaml

from pursuit import boxes, weights
from pursuit.datasets import Sequence, open_videos
from pursuit.files import atomic_path
from pursuit.measures import otb
from pursuit.trackers.registry import load
from pursuit.trackers.siamfc import SiamFCTracker


def follow(tracker: SiamFCTracker, sequence: Sequence) -> tuple[np.ndarray, ...]:
    """Return boxes (T, 4), log odds of the scores (T,) and truth (T, 4) from its first label."""
    first = int(np.flatnonzero(sequence.labelled)[0])
    found, odds = [], []
    for number, frame in enumerate(sequence.frames()):
        if number < first:
            continue
        start = number == first
        result = tracker.init(frame, sequence.boxes[first]) if start else tracker.update(frame)
        score = min(max(float(result.score), 1e-12), 1 - 1e-12)
        found.append(result.box)
        odds.append(np.log(score / (1 - score)))
    return np.array(found), np.array(odds), sequence.boxes[first : first + len(found)]


def fit(peaks: np.ndarray, good: np.ndarray) -> tuple[float, float]:
    """Return scale and offset of the logistic that fits (n,) peaks to (n,) True / False.

    Newton's method on the log likelihood of standardised peaks, with a touch of ridge.
    """
    middle, spread = peaks.mean(), peaks.std()
    x = np.column_stack([(peaks - middle) / spread, np.ones_like(peaks)])
    theta = np.zeros(2)
    for _ in range(20):
        p = 1 / (1 + np.exp(-x @ theta))
        gradient = x.T @ (p - good) + 1e-3 * theta
        hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-3 * np.eye(2)
        theta -= np.linalg.solve(hessian, gradient)
    scale = theta[0] / spread
    return float(scale), float(middle - theta[1] / scale)


def calibration_error(score: np.ndarray, good: np.ndarray, bins: int = 10) -> float:
    """Return the expected calibration error: mean |share good - mean score| over bins."""
    place = np.minimum((score * bins).astype(int), bins - 1)
    rows = [(place == b) for b in range(bins) if (place == b).any()]
    return float(sum(r.mean() * abs(good[r].mean() - score[r].mean()) for r in rows))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("weights", type=Path)
    parser.add_argument("videos", type=Path)
    parser.add_argument("--tracker", default="siamfc-slim")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    _, card = weights.read(given.weights)
    held = set(yaml.safe_load(card.recipe)["data"]["held_out"])
    sequences = [s for s in open_videos(given.videos) if s.video in held]
    tracker = load(given.tracker, weights=given.weights)
    assert isinstance(tracker, SiamFCTracker)
    aucs, p20s, peaks, good = [], [], [], []
    for sequence in sequences:
        found, odds, truth = follow(tracker, sequence)
        aucs.append(otb.auc(otb.success_curve(found, truth)))
        p20s.append(otb.precision20(otb.precision_curve(found, truth)))
        known = np.isfinite(truth).all(axis=1)
        known[0] = False  # the first box is given
        peaks.append((odds / card.score_scale + card.score_offset)[known])
        good.append(boxes.overlap(found[known], truth[known]) >= 0.5)
        line = f"AUC {aucs[-1]:.3f} P20 {p20s[-1]:.3f} good {good[-1].mean():.2f}"
        print(f"{sequence.name:40} {line}")
    every = np.random.default_rng(0).integers(len(aucs), size=(2000, len(aucs)))
    low, high = np.percentile(np.array(aucs)[every].mean(axis=1), [2.5, 97.5])
    print(
        f"mean AUC {np.mean(aucs):.3f} [{low:.3f}, {high:.3f}] P20 {np.mean(p20s):.3f} "
        f"of {len(aucs)} targets"
    )
    peak, right = np.concatenate(peaks), np.concatenate(good)
    scale, offset = fit(peak, right)
    score = 1 / (1 + np.exp(-scale * (peak - offset)))
    error = calibration_error(score, right)
    print(
        f"score_scale {scale:.3f} score_offset {offset:.3f} calibration error {error:.3f} "
        f"({right.mean():.2f} of {len(right)} frames good)"
    )
    if given.write:
        scores = {**card.scores, "held-out auc": round(float(np.mean(aucs)), 3)}
        values = {"score_scale": round(scale, 4), "score_offset": round(offset, 4)}
        changed = card.with_values(**values, scores=scores)
        with atomic_path(given.weights.with_suffix(".json")) as part:
            part.write_text(changed.model_dump_json(indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
