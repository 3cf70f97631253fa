"""GOTURN's ablations in small (paper, Table 1 and Figure 7): the same budget for each of them.

    python benchmarks/goturn_table1.py STORE VIDEOS [--rows full,l2,...] [--seeds 3]
                                       [--pairs 36000] [--out runs/table1] [--threads 2]

Trains goturn-compact on STORE, its trunk kept as siamfc-slim's so that all of a small budget
goes into what the table is about, once a row and seed. Each run is judged on the held-out videos
of VIDEOS, the data set that STORE was curated from, as the paper is: one view, the last frame's
crop, and a new start five frames after the target was lost. The same command goes on where it
was stopped. Leaves table1.csv in the folder --out.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Sequence as Several
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import cv2
import numpy as np
import torch

from pursuit.datasets import Sequence
from pursuit.files import atomic_path
from pursuit.learning import recipe as recipes
from pursuit.learning import training
from pursuit.learning.recipe import Recipe
from pursuit.measures import vot as measures
from pursuit.protocols import held_out, vot
from pursuit.trackers.registry import load

BATCH = 60
# Each row of the table is a change to the first. Images alone, as in the paper, are labelled ones.
ROWS = {
    "full": [],
    "l2": ["loss.kind=l2"],
    "uniform": ["motion.law=uniform"],
    "images": ["data.still=1", "data.unlabelled=0"],
    "videos": ["data.still=0", "data.unlabelled=0"],
    "no-previous": ["data.previous=false"],
}
# The paper's learning where goturn-compact's is another: its motions and its two kinds of examples.
COMMON = [
    "network.frozen=true",
    "network.dropout=0",
    "data.max_gap=1",
    "data.reversed=0",
    "data.far=0",
    "data.still=0.5",
    "data.unlabelled=0",
    "motion.scale=0.0666667",
    "augment.patch=0",
    "augment.jitter=0",
    "augment.rotate=0",
    "augment.light=0.2",
    "augment.tint=0.1",
    "augment.light_apart=0.08",
    "augment.blur=0.08",
    "augment.low_resolution=0.08",
    "augment.background=0",
    "augment.look_alike=0",
    "augment.occlusion=0",
    "optim.clip=0",
    "optim.lr=2e-3",
    "optim.warmup=50",
    "epochs=1",
    f"batch={BATCH}",
]


@dataclass(frozen=True)
class Row:
    """A finished run and GOTURN's three errors."""

    row: str
    seed: int
    pairs: int
    failures: int
    accuracy_error: float
    robustness_error: float
    overall_error: float


def recipe_of(given: argparse.Namespace, row: str, seed: int) -> Recipe:
    own = [f"data={given.store}", f"seed={seed}", f"pairs={given.pairs}"]
    return recipes.read("goturn-compact", [*COMMON, *own, *ROWS[row]])


def judged(weights: Path, sequences: Several[Sequence]) -> tuple[int, float, float, float]:
    """Return failures, 1 - A, 1 - R and 1 - (A + R) / 2 of weights, frames of all videos pooled."""
    tracker = load("goturn-compact", weights=weights, device="cpu", views=1, first=0)
    overlap, counted, failed, frames = [], [], [], []
    for sequence in sequences:
        run = vot.follow(tracker, sequence)
        found = measures.overlaps(run.boxes, run.codes, sequence.boxes)
        overlap.append(found.sum())
        counted.append(len(found))
        failed.append(measures.failures(run.codes))
        frames.append(int(measures.labelled(sequence.boxes).sum()))
    accuracy = measures.accuracy(np.array(overlap), np.array(counted, dtype=float))
    robustness = measures.robustness(np.array(failed), np.array(frames, dtype=float))
    overall = measures.overall_error(accuracy, robustness)
    return sum(failed), float(1 - accuracy), float(1 - robustness), float(overall)


def run(given: argparse.Namespace, row: str, seed: int, sequences: Several[Sequence]) -> Row:
    """Train and judge a run, or go on with it; kept in its folder's row.json."""
    out = given.out / f"{row}-seed-{seed}-{given.pairs}-pairs"
    kept = out / "row.json"
    if kept.is_file():
        return Row(**json.loads(kept.read_text(encoding="utf-8")))
    recipe = recipe_of(given, row, seed)
    trained = training.train(recipe, "goturn-compact", out, tell=lambda report: None)
    assert trained is not None  # it was not told to stop early
    found = Row(row, seed, given.pairs, *judged(trained.weights, sequences))
    with atomic_path(kept) as part:
        part.write_text(json.dumps(asdict(found)) + "\n", encoding="utf-8")
    return found


def write_csv(rows: Several[Row], path: Path) -> None:
    with atomic_path(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("videos", type=Path)
    parser.add_argument("--rows", default=",".join(ROWS), help="comma between")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=36_000, help="examples of each run")
    parser.add_argument("--out", type=Path, default=Path("runs/table1"))
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    given.rows = given.rows.split(",")
    unknown = set(given.rows) - set(ROWS)
    if unknown:
        parser.error(f"no row {unknown.pop()}; there are {', '.join(ROWS)}")
    return given


def main() -> None:
    given = arguments()
    torch.set_num_threads(given.threads)
    cv2.setNumThreads(given.threads)
    sequences = held_out.targets(recipe_of(given, "full", 0), given.videos)
    # A seed's whole round first: a study that is stopped early has every row.
    plan = [(row, seed) for seed in range(given.seeds) for row in given.rows]
    rows, start = [], time.monotonic()
    for number, (row, seed) in enumerate(plan, 1):
        found = run(given, row, seed, sequences)
        rows.append(found)
        write_csv(rows, given.out / "table1.csv")
        left = (time.monotonic() - start) / number * (len(plan) - number)
        print(
            f"[{number}/{len(plan)}] {row}, seed {seed}: 1-A {found.accuracy_error:.3f} "
            f"1-R {found.robustness_error:.3f} overall {found.overall_error:.3f} "
            f"({found.failures} failures); {left / 60:.0f} min left",
            flush=True,
        )
    for row in given.rows:
        mine = [found for found in rows if found.row == row]
        means = [
            np.mean([getattr(found, name) for found in mine])
            for name in ("accuracy_error", "robustness_error", "overall_error")
        ]
        print(f"{row:12s} 1-A {means[0]:.3f}  1-R {means[1]:.3f}  1-(A+R)/2 {means[2]:.3f}")
    print(given.out / "table1.csv")


if __name__ == "__main__":
    main()
