"""Compare `pursuit score vot --rules toolkit` with the functions of VOT's Python toolkit.

    pursuit score vot RAW --ground-truth VOT2018.json --rules toolkit --json scores.json
    TOOLKIT/bin/python benchmarks/vot_toolkit.py RAW VOT2018.json scores.json

RAW is a folder with TRACKER/baseline/SEQUENCE/SEQUENCE_001.txt. TOOLKIT is an environment with
vot-toolkit 0.8.0 (pursuit is not needed in it). Its attributee 0.1.10 does not import: put () after
the bare @dataclass in attributee/__init__.py. Prints the differences, ours less theirs.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from vot.analysis.supervised import (
    compute_accuracy,
    compute_eao_curve,
    count_failures,
    locate_failures_inits,
)
from vot.region import Special
from vot.region.raster import calculate_overlaps
from vot.region.shapes import Polygon, Rectangle


def region(row: list[float]) -> Any:
    if len(row) == 1:
        return Special(int(row[0]))
    return Rectangle(*row) if len(row) == 4 else Polygon(np.reshape(row, (-1, 2)).tolist())


class Sequence:
    """What the toolkit's functions ask of a sequence."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.size = (content["width"], content["height"])
        self.regions = [region(row) for row in content["gt_rect"]]

    def groundtruth(self) -> list[Any]:
        """Return its regions, a frame each."""
        return self.regions


def scores(folder: Path, sequences: dict[str, Sequence]) -> dict[str, Any]:
    each, pieces, ends = {}, [], []
    for name, one in sequences.items():
        lines = (folder / "baseline" / name / f"{name}_001.txt").read_text().split()
        run = [region([float(field) for field in line.split(",")]) for line in lines]
        accuracy = float(compute_accuracy(run, one, 10, True, True)[0])
        each[name] = (accuracy, count_failures(run)[0], len(run))
        found = calculate_overlaps(run, one.groundtruth(), one.size)
        failed, started = locate_failures_inits(run)
        # As EAOCurve.subcompute has it.
        pieces += [found[a:b] for a, b in zip(started, failed, strict=False)]
        ends += [False] * len(failed)
        if len(started) > len(failed):
            pieces.append(found[started[-1] :] if failed else found)
            ends.append(True)
    lengths = np.array([one[2] for one in each.values()])
    failures = np.average([one[1] for one in each.values()], weights=lengths)
    curve = compute_eao_curve(pieces, [1] * len(pieces), ends)
    return {
        "accuracy": float(np.average([one[0] for one in each.values()], weights=lengths)),
        "robustness": math.exp(-30 * failures / lengths.mean()),
        "weighted_failures": float(failures),
        "eao": float(np.mean(curve[100 : 356 + 1])),
        "sequences": each,
    }


def main(raw: str, ground_truth: str, ours: str) -> None:
    content = json.loads(Path(ground_truth).read_text(encoding="utf-8"))
    sequences = {name: Sequence(one) for name, one in content.items()}
    for tracker, mine in json.loads(Path(ours).read_text(encoding="utf-8")).items():
        theirs = scores(Path(raw) / tracker, sequences)
        parts = theirs.pop("sequences")
        print(tracker, {name: (value, mine[name] - value) for name, value in theirs.items()})
        worst = max(
            abs(mine["sequences"][name]["accuracy"] - one[0]) for name, one in parts.items()
        )
        same = all(mine["sequences"][name]["failures"] == one[1] for name, one in parts.items())
        print(f"  largest difference of a sequence's accuracy: {worst}; failures equal: {same}")


if __name__ == "__main__":
    main(*sys.argv[1:])
