"""Curation against decoding alone, in frames a second on one core.

    python benchmarks/curate.py ROOT [--videos N]

ROOT is a data set of videos. Each video is read whole, once by the decoder and nothing
else, once to RGB frames, and once to a part of a store; the rounds alternate and the best
of each counts. The process is tied to one core where the system can do that.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2

from pursuit.store.crops import CropSettings
from pursuit.store.parts import Job, write_part
from pursuit.store.plan import plan
from pursuit.video import decode_frames

ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--videos", type=int, default=None, help="every k-th, so that N are read")
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    jobs = plan([arguments.root], []).jobs
    if arguments.videos:
        jobs = jobs[:: max(1, len(jobs) // arguments.videos)][: arguments.videos]
    frames = sum(job.frames for job in jobs)
    crops = sum(int(s.labelled.sum()) for job in jobs for s in job.video)
    best = dict.fromkeys(("decode", "decode to RGB", "curate"), float("inf"))
    for _ in range(ROUNDS):
        for name, work in (("decode", decode), ("decode to RGB", to_rgb), ("curate", to_part)):
            best[name] = min(best[name], seconds(work, jobs))
    print(f"{len(jobs)} videos, {frames} frames, {crops} boxes ({crops / frames:.2f} a frame)")
    for name, spent in best.items():
        ratio = best["decode"] / spent
        rgb = best["decode to RGB"] / spent
        print(f"{name:<14} {frames / spent:7.0f} frames/s  {ratio:.2f} of decode  {rgb:.2f} of RGB")


def seconds(work: Callable[[Job], None], jobs: list[Job]) -> float:
    """Return the CPU time of this process that the work on all jobs took."""
    start = time.process_time()
    for job in jobs:
        work(job)
    return time.process_time() - start


def decode(job: Job) -> None:
    with av.open(str(job.video[0].path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for _ in container.decode(stream):
            pass


def to_rgb(job: Job) -> None:
    assert job.video[0].path is not None
    for _ in decode_frames(job.video[0].path):
        pass


def to_part(job: Job) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_part(job, Path(folder) / "part.arrow", CropSettings())


if __name__ == "__main__":
    main()
