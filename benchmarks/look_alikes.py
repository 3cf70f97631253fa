"""Several targets in one picture: how often one sits on another.

    python benchmarks/look_alikes.py VIDEOS [--tracker siamfc-slim]

Follows all labelled objects of each video together, from the first frame that labels them all.
Prints, for each video: the labelled boxes judged, the share that overlaps its own target by
half, the share that has left its own (overlap below 0.2) and lies on another labelled object
(above 0.4), and the frames in which two boxes are in one place (above 0.5).
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pursuit import boxes
from pursuit.boxes import Array
from pursuit.datasets import Sequence, open_videos
from pursuit.trackers.registry import load

COUNTED = ("boxes", "right", "on another", "in one place")


def labelled_together(sequences: list[Sequence]) -> NDArray[np.bool_]:
    """Return (T,) True where a frame labels all targets."""
    return np.asarray(np.stack([one.labelled for one in sequences]).all(axis=0))


def follow(name: str, sequences: list[Sequence]) -> tuple[Array, Array]:
    """Return the boxes (T, N, 4) of N targets, and the labels (T, N, 4), NaN without one."""
    start = int(np.argmax(labelled_together(sequences)))
    truth = np.stack([one.boxes for one in sequences], axis=1)[start:]
    tracker = load(name, device="cpu")
    found = []
    for number, frame in enumerate(sequences[0].frames()):
        if number == start:
            found.append(tracker.init(frame, truth[0]).box)
        elif number > start:
            found.append(tracker.update(frame).box)
    return np.array(found), truth


def count(found: Array, truth: Array) -> Array:
    """Return the four numbers of COUNTED, the first frame, which was given, left out."""
    found, truth = found[1:], truth[1:]
    labelled = np.asarray(np.isfinite(truth).all(axis=2))
    # (T, N, N): box i on target j.
    on = boxes.overlap(found[:, :, None], np.nan_to_num(truth)[:, None])
    on *= labelled[:, None]
    own = np.diagonal(on, axis1=1, axis2=2)
    others = np.where(np.eye(on.shape[1], dtype=bool), 0, on).max(axis=2)
    pairs = combinations(range(found.shape[1]), 2)
    together = sum(int((boxes.overlap(found[:, i], found[:, j]) > 0.5).sum()) for i, j in pairs)
    stolen = labelled & (own < 0.2) & (others > 0.4)
    return np.array([labelled.sum(), (labelled & (own >= 0.5)).sum(), stolen.sum(), together])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("--tracker", default="siamfc-slim")
    given = parser.parse_args()
    videos: dict[str, list[Sequence]] = defaultdict(list)
    for sequence in open_videos(given.videos):
        videos[sequence.video].append(sequence)
    print(f"{'':36} targets " + " ".join(f"{name:>12}" for name in COUNTED))
    total = np.zeros(len(COUNTED))
    for name, sequences in videos.items():
        together = labelled_together(sequences)
        if len(sequences) < 2 or len(together) < 20 or not together.any():
            continue
        counted = count(*follow(given.tracker, sequences))
        total += counted
        say(name[-36:], len(sequences), counted)
    say("all", 0, total)


def say(name: str, targets: int, counted: Array) -> None:
    number, right, stolen, together = counted
    print(
        f"{name:36} {targets or '':7} {number:12.0f} {right / number:12.1%} "
        f"{stolen / number:12.1%} {together:12.0f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
