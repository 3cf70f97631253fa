"""OPE of a tracker with one worker process and with two, in turn (A B A B): the speed-up.

    python benchmarks/evaluate_workers.py ROOT [--tracker opencv-kcf] [--rounds 2] [--sequences N]

ROOT is a data set of videos. Each round judges all its sequences (or the N longest) into an empty
folder, as `pursuit evaluate otb` does: starting the processes counts, the table does not. Prints
the seconds of each round, the ratio of the best of each, how many cores one worker kept busy, and
what else the machine had to do.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

from pursuit.datasets import Sequence, open_videos
from pursuit.protocols import otb
from pursuit.protocols.entrants import Entrant


def seconds(one: Entrant, sequences: list[Sequence], workers: int) -> tuple[float, float]:
    """Return wall seconds of a run, and the processor's."""
    with tempfile.TemporaryDirectory() as out:
        start, spent = time.perf_counter(), _processor()
        outcomes = list(otb.run([one], sequences, Path(out), workers=workers))
        taken = time.perf_counter() - start
    failed = [outcome.error for outcome in outcomes if outcome.status != "done"]
    if failed:
        raise SystemExit(f"{len(failed)} runs failed: {failed[0]}")
    return taken, _processor() - spent


def _processor() -> float:
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--tracker", default="opencv-kcf")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--sequences", type=int, default=None)
    given = parser.parse_args()
    sequences = sorted(open_videos(given.root), key=len, reverse=True)[: given.sequences]
    one = Entrant(given.tracker, given.tracker)
    print(f"{given.tracker}: {len(sequences)} sequences, {sum(map(len, sequences)):,} frames")
    print(f"load before: {os.getloadavg()[0]:.2f}")
    walls: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(given.rounds):
        for workers, taken in walls.items():
            wall, processor = seconds(one, sequences, workers)
            taken.append(wall)
            print(f"{workers} worker(s): {wall:6.1f} s, {processor / wall:.2f} cores busy")
    print(f"load after: {os.getloadavg()[0]:.2f}")
    print(f"speed-up: {min(walls[1]) / min(walls[2]):.2f}")


if __name__ == "__main__":
    main()
