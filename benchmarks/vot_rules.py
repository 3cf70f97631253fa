"""What each difference of the three definitions of VOT's measures is worth, on stored results.

    python benchmarks/vot_rules.py RESULTS VOT2018.json

RESULTS is what `pursuit score vot` takes. A line a tracker and way of drawing: accuracy with
frames pooled and with sequences weighed, EAO with each program's pieces, and with the Python
toolkit's interval. Then the accuracy in real numbers.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from pursuit import boxes as bx
from pursuit.datasets.vot import Benchmark, read_truth
from pursuit.measures import eao, vot_rules
from pursuit.measures.vot import counted
from pursuit.measures.vot_rules import Rules
from pursuit.reports.stored_vot import sequence_runs
from pursuit.results.vot import Trajectory
from pursuit.results.vot_found import read_stored


def exact_accuracy(runs: dict[str, list[Trajectory]], truth: Benchmark) -> float:
    values = []
    for name, one in truth.sequences.items():
        run = runs[name][0]
        mine = counted(run.codes)
        pair = run.regions.corners()[mine], one.regions.corners()[mine]
        values.append(bx.polygon_overlap(*pair, one.size))
    return float(np.nanmean(np.concatenate(values)))


def main(results: str, ground_truth: str) -> None:
    stored, truth = read_stored([Path(results)]), read_truth(Path(ground_truth))
    interval = eao.INTERVALS[truth.year or 2018]
    for name, runs in stored.supervised.found.items():
        if runs.keys() != truth.sequences.keys():
            continue
        for drawn in Rules:
            parts = [
                sequence_runs(drawn, one, runs[key], truth.year)
                for key, one in truth.sequences.items()
            ]
            curves = {rules: vot_rules.expected_overlap(rules, parts) for rules in Rules}
            print(
                f"{name}, drawn by {drawn.value}:",
                f"pooled A {vot_rules.figures(Rules.PYSOT, parts).accuracy:.4f},",
                f"weighed A {vot_rules.figures(Rules.TOOLKIT, parts).accuracy:.4f}; EAO",
                *(f"{rules.value} {eao.score(curves[rules], *interval):.4f}" for rules in Rules),
                f"from 0 {vot_rules.eao_score(Rules.TOOLKIT, curves[Rules.TOOLKIT], interval):.4f}",
            )
        print(f"{name}, in real numbers: A {exact_accuracy(runs, truth):.4f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
