"""Time a frame of our trackers against OpenCV's CSRT, in turn (A B A B), frames in memory.

    python benchmarks/against_csrt.py VIDEO X,Y,W,H [--trackers siamfc-slim,siamfc-3s]
                                      [--threads 2] [--rounds 5] [--frames 100]

Prints the median milliseconds of an update for each, and each tracker's ratio to CSRT.
"""

from __future__ import annotations

import argparse
import statistics
import time

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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("video")
    parser.add_argument("box")
    parser.add_argument("--trackers", default="siamfc-slim,siamfc-3s")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=100)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    cv2.setNumThreads(given.threads)
    box = [float(part) for part in given.box.split(",")]
    with video.read(given.video, max_frames=given.frames) as reader:
        frames = [frame for _, frame in reader]
    trackers = {name: pursuit.load(name) for name in (PEER, *given.trackers.split(","))}
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
        ratio = statistics.median(a / b for a, b in zip(rows, times[PEER], strict=True))
        print(f"{name:16} {statistics.median(rows):7.2f} ms  {ratio:5.2f} x {PEER}")


if __name__ == "__main__":
    main()
