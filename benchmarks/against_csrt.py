"""Time a frame of our trackers against OpenCV's CSRT, in turn (A B A B), frames in memory.

    python benchmarks/against_csrt.py VIDEO X,Y,W,H [--trackers siamfc-slim,siamfc-3s]
                                      [--threads 2] [--rounds 5] [--frames 100]

Prints the median milliseconds of an update for each, crops to box, the frames a second that this
makes, and the time against CSRT's.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping

import cv2
import numpy as np
import torch

import pursuit
from pursuit import video
from pursuit.trackers.base import Tracker

PEER = "opencv-csrt"


def milliseconds(tracker: Tracker, frames: list[np.ndarray], box: list[float]) -> float:
    """Return the median time of an update over the frames."""
    tracker.init(frames[0], box)
    taken = []
    for frame in frames[1:]:
        start = time.perf_counter()
        tracker.update(frame)
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)


def arguments(about: str) -> argparse.ArgumentParser:
    """Return a reader of what all comparisons ask for."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("video")
    parser.add_argument("box", metavar="X,Y,W,H")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=100)
    return parser


def compare(given: argparse.Namespace, ours: Mapping[str, Tracker]) -> None:
    """Time trackers and CSRT in turn on a video's first frames, and print a table."""
    torch.set_num_threads(given.threads)
    cv2.setNumThreads(given.threads)
    box = [float(part) for part in given.box.split(",")]
    with video.read(given.video, max_frames=given.frames) as reader:
        frames = [frame for _, frame in reader]
    trackers = {PEER: pursuit.load(PEER), **ours}
    for tracker in trackers.values():
        milliseconds(tracker, frames[:10], box)  # warm up
    times: dict[str, list[float]] = {name: [] for name in trackers}
    for _ in range(given.rounds):
        for name, tracker in trackers.items():
            times[name].append(milliseconds(tracker, frames, box))
    print(
        f"{given.video}: {len(frames)} frames of {frames[0].shape[1]} x {frames[0].shape[0]}, "
        f"{given.threads} threads, {given.rounds} rounds"
    )
    for name, rows in times.items():
        middle = statistics.median(rows)
        ratio = statistics.median(a / b for a, b in zip(rows, times[PEER], strict=True))
        print(f"{name:24} {middle:7.2f} ms  {1000 / middle:6.1f} fps  {ratio:5.2f} x {PEER}")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--trackers", default="siamfc-slim,siamfc-3s")
    given = parser.parse_args()
    compare(given, {name: pursuit.load(name, device="cpu") for name in given.trackers.split(",")})


if __name__ == "__main__":
    main()
