"""Time an update of SiamFC without its network: windows, score maps, bookkeeping.

    python benchmarks/beside_network.py VIDEO X,Y,W,H [--tracker siamfc-slim] [--targets 1,8,32]
                                        [--threads 2] [--frames 100]

The targets stand around the box given. Prints the median milliseconds of an update, of what the
runtime takes of it, and of the rest, for each number of targets and for one of them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import cv2
import numpy as np
import torch

import pursuit
from pursuit import video
from pursuit.trackers.siamfc import SiamFCTracker


class Timed:
    """A runtime that counts the seconds it is at work."""

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime
        self.name, self.device = runtime.name, runtime.device
        self.seconds = 0.0

    def embed(self, windows: Any) -> Any:
        """Return the runtime's features."""
        return self._counted(self._runtime.embed, windows)

    def score(self, exemplar: Any, search: Any) -> Any:
        """Return the runtime's score maps."""
        return self._counted(self._runtime.score, exemplar, search)

    def _counted(self, call: Any, *given: Any) -> Any:
        start = time.perf_counter()
        answer = call(*given)
        self.seconds += time.perf_counter() - start
        return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video")
    parser.add_argument("box", metavar="X,Y,W,H")
    parser.add_argument("--tracker", default="siamfc-slim")
    parser.add_argument("--targets", default="1,8,32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--frames", type=int, default=100)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    cv2.setNumThreads(given.threads)
    with video.read(given.video, max_frames=given.frames) as reader:
        frames = [frame for _, frame in reader]
    box = np.array([float(part) for part in given.box.split(",")])
    tracker = pursuit.load(given.tracker, device="cpu")
    assert isinstance(tracker, SiamFCTracker)
    runtime = tracker._network = Timed(tracker._network)
    print("targets  update ms  network ms  rest ms  update ms a target  rest ms a target")
    for number in (int(part) for part in given.targets.split(",")):
        near = np.random.default_rng(0).uniform(-0.5, 0.5, (number, 2)) * box[2:]
        boxes = np.tile(box, (number, 1))
        boxes[1:, :2] += near[1:]
        tracker.init(frames[0], boxes)
        rows = []
        for frame in frames[1:]:
            runtime.seconds = 0.0
            start = time.perf_counter()
            tracker.update(frame)
            rows.append((1000 * (time.perf_counter() - start), 1000 * runtime.seconds))
        whole, network = (statistics.median(part) for part in zip(*rows, strict=True))
        rest = statistics.median(a - b for a, b in rows)
        each = f"{whole / number:19.2f}  {rest / number:16.2f}"
        print(f"{number:7d}  {whole:9.2f}  {network:10.2f}  {rest:7.2f} {each}")


if __name__ == "__main__":
    main()
