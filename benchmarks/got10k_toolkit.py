"""Compare `pursuit score got10k` with the got10k toolkit's own report, on generated results.

    TOOLKIT/bin/python benchmarks/got10k_toolkit.py make WORK
    pursuit score got10k WORK/results/GOT-10k --ground-truth WORK/data/val --json WORK/scores.json
    TOOLKIT/bin/python benchmarks/got10k_toolkit.py compare WORK

TOOLKIT is an environment with got10k 0.1.3 and Pillow (pursuit is not needed in it). The generated
labels and boxes lie over all edges of the frames, some targets are covered, and trackers have one
run or three. Prints the largest differences, ours less theirs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

TRACKERS = {"good": (2.0, 3), "poor": (9.0, 1)}  # pixels that boxes are off, runs


def rows(path: Path, values: Any, form: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, values, fmt=form, delimiter=",")


def make(work: Path) -> None:
    """Write seven sequences, without anything in their pictures, and results of two trackers."""
    from PIL import Image

    rng = np.random.default_rng(4)
    names = [f"GOT-10k_Val_{number:06}" for number in range(1, 8)]
    for at, name in enumerate(names):
        folder, frames, size = work / "data" / "val" / name, 12 + at, (160 + 8 * at, 120)
        first = [rng.uniform(-20, 140), rng.uniform(-15, 100), *rng.uniform(5, 60, 2)]
        truth = first + np.cumsum(rng.normal(0, 4, (frames, 4)), axis=0)
        truth[:, 2:] = np.abs(truth[:, 2:]) + 3
        rows(folder / "groundtruth.txt", truth, "%.4f")
        cover = rng.integers(0, 9, frames)
        for label, values in (
            ("cover", cover),
            ("absence", cover == 0),
            ("cut_by_image", 0 * cover),
        ):
            rows(folder / f"{label}.label", values, "%d")
        meta = ["[METAINFO]", f"object_class: {'dog' if at % 2 else 'cat'}", f"resolution: {size}"]
        (folder / "meta_info.ini").write_text("\n".join(meta) + "\n")
        for number in range(1, frames + 1):
            Image.new("RGB", size).save(folder / f"{number:08}.jpg")
        for tracker, (off, runs) in TRACKERS.items():
            place = work / "results" / "GOT-10k" / tracker / name
            for run in range(1, runs + 1):
                boxes = truth + rng.normal(0, off, truth.shape)
                rows(place / f"{name}_{run:03}.txt", boxes, "%.3f")
            rows(place / f"{name}_time.txt", rng.uniform(0.01, 0.1, (frames, runs)), "%.8f")
    (work / "data" / "val" / "list.txt").write_text("\n".join(names) + "\n")


def compare(work: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from got10k.experiments import ExperimentGOT10k

    folders = [str(work / name) for name in ("data", "results", "reports")]
    experiment = ExperimentGOT10k(folders[0], "val", *folders[1:])
    theirs = experiment.report(list(TRACKERS))
    ours = json.loads((work / "scores.json").read_text())
    for tracker, their in theirs.items():
        mine, whole = ours[tracker], their["overall"]
        apart = {
            "ao": mine["ao"] - whole["ao"],
            "sr": mine["sr50"] - whole["sr"],
            "speed_fps": mine["fps"] - whole["speed_fps"],
            "succ_curve": np.abs(np.subtract(mine["success"], whole["succ_curve"])).max(),
        }
        names = {"ao": "ao", "sr50": "sr", "fps": "speed_fps", "length": "length"}
        apart["sequences"] = max(
            abs(mine["sequences"][sequence][name] - one[other])
            for sequence, one in their["seq_wise"].items()
            for name, other in names.items()
        )
        print(tracker, {name: f"{value:.1e}" for name, value in apart.items()})


if __name__ == "__main__":
    {"make": make, "compare": compare}[sys.argv[1]](Path(sys.argv[2]))
