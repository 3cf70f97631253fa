"""Accuracy against time of a tracker and its fast variants, on held-out videos, and one plot.

    python benchmarks/variants.py VIDEOS [--every OTHERS] [--out variants.png] [--threads 2]
                                  [--rounds 1] [--trackers siamfc-slim,siamfc-slim-quick]

VIDEOS is what the weights learnt from; those that their recipe held out are followed, each from
its first label to its end, by every tracker in turn, so that whatever else the machine does
touches all alike. `--every` takes all videos of another folder too. Prints the mean AUC of each
folder's targets and the mean time of an update, also against the first tracker's in the same
turn, and draws one against the other, a panel a folder. Needs the extra `evaluate`.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import torch
import yaml

import pursuit
from pursuit import weights
from pursuit.datasets import Sequence, open_videos
from pursuit.measures import otb
from pursuit.protocols.otb import follow
from pursuit.trackers.base import Tracker
from pursuit.trackers.settings import WEIGHTS_OF

TRACKERS = "siamfc-slim,siamfc-slim-quick,siamfc-slim-single,siamfc-slim-half"

# AUC and milliseconds of an update of each tracker.
Rows = dict[str, tuple[float, float]]


def held_out(folder: Path, tracker: str) -> list[Sequence]:
    """Return the sequences of a folder that the tracker's weights have not learnt from."""
    card = weights.read(weights.find(WEIGHTS_OF[tracker]))[1]
    held = set(yaml.safe_load(card.recipe)["data"]["held_out"])
    return [one for one in open_videos(folder) if one.video in held and one.labelled.sum() >= 30]


def measured(trackers: dict[str, Tracker], sequences: list[Sequence], rounds: int) -> Rows:
    """Return what the trackers do on sequences, and print it."""
    aucs: dict[str, list[float]] = defaultdict(list)
    times: dict[str, list[float]] = defaultdict(list)
    for sequence in sequences:
        for _ in range(rounds):
            for name, tracker in trackers.items():
                run = follow(tracker, sequence)
                start = int(sequence.labelled.argmax())
                aucs[name].append(otb.auc(otb.success_curve(run.boxes, sequence.boxes)))
                # The mean: a variant's frames are not alike. The first frame is the start.
                times[name].append(float(np.nanmean(run.tracker_ms[start + 1 :])))
    first = next(iter(trackers))
    for name in trackers:
        ratio = np.median(np.array(times[name]) / np.array(times[first]))
        print(
            f"{name:20} AUC {np.mean(aucs[name]):.3f}  {np.mean(times[name]):6.2f} ms a frame  "
            f"{ratio:4.2f} x {first}"
        )
    return {name: (float(np.mean(aucs[name])), float(np.mean(times[name]))) for name in trackers}


def draw(panels: dict[str, Rows], out: Path) -> None:
    """Draw AUC against milliseconds, a panel for each set of videos."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5 * len(panels), 3.5), layout="constrained")
    axes_of = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (title, rows) in zip(axes_of, panels.items(), strict=True):
        for name, (auc, milliseconds) in rows.items():
            axes.plot(milliseconds, auc, "o", label=name)
        lowest = min(auc for auc, _ in rows.values())
        axes.set(title=title, xlabel="milliseconds a frame", ylabel="AUC", xlim=(0, None))
        axes.set_ylim(lowest - 0.03, max(auc for auc, _ in rows.values()) + 0.03)
        axes.grid(alpha=0.3)
    axes_of[0].legend(loc="upper left")
    figure.savefig(out, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("--every", type=Path)
    parser.add_argument("--trackers", default=TRACKERS)
    parser.add_argument("--out", type=Path, default=Path("variants.png"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    cv2.setNumThreads(given.threads)
    trackers = {name: pursuit.load(name, device="cpu") for name in given.trackers.split(",")}
    sets = {"held-out videos": held_out(given.videos, next(iter(trackers)))}
    if given.every:
        sets[given.every.name] = list(open_videos(given.every))
    panels = {}
    for title, sequences in sets.items():
        print(f"{title}: {len(sequences)} targets, {given.threads} threads, {given.rounds} rounds")
        panels[title] = measured(trackers, sequences, given.rounds)
    draw(panels, given.out)


if __name__ == "__main__":
    main()
