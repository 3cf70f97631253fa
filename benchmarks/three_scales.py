"""Time three windows of one target cut at once against three cut one by one.

    python benchmarks/three_scales.py [--threads 2] [--rounds 2000]

In turn, on the demo clip's first frame; prints the least milliseconds of each and their ratio, for
search windows of several sizes in the frame.
"""

from __future__ import annotations

import argparse
import time

import cv2
import numpy as np

from pursuit import video
from pursuit.bench import demo
from pursuit.trackers.settings import SiamFCSettings
from pursuit.windows import cut, cut_sizes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2000)
    given = parser.parse_args()
    cv2.setNumThreads(given.threads)
    frame = next(video.decode_frames(demo.clip()))
    middle, colour = np.array([frame.shape[1], frame.shape[0]]) / 2, frame.mean((0, 1))
    steps = SiamFCSettings().scale_step ** np.array([[-1.0, -1], [0, 0], [1, 1]])
    out = np.empty((3, 255, 255, 3), np.uint8)
    for side in (150, 250, 350):
        sides = side * steps
        together, apart = [], []
        for _ in range(given.rounds):
            start = time.perf_counter()
            cut_sizes(frame, middle, sides, colour, out)
            between = time.perf_counter()
            for one in sides:
                cut(frame, middle, one, 255, colour)
            apart.append(time.perf_counter() - between)
            together.append(between - start)
        least, most = 1000 * min(together), 1000 * min(apart)
        print(f"{side} pixels: {least:.3f} ms at once, {most:.3f} one by one, {least / most:.2f} x")


if __name__ == "__main__":
    main()
