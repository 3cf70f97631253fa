"""Accuracy against time of a tracker and its fast variants, on held-out videos, and one plot.

    python benchmarks/variants.py VIDEOS [--out variants.png] [--threads 2] [--rounds 1]
                                  [--trackers siamfc-slim,siamfc-slim-quick,siamfc-slim-half]

VIDEOS is what the weights learnt from; those that their recipe held out are followed, each from
its first label to its end, by every tracker in turn, so that whatever else the machine does
touches all alike. `--every` takes all videos of the folder, of another data set. Prints the mean
AUC of the targets and the mean time of an update, also against the first tracker's in the same
turn, and draws one against the other. Needs the extra `evaluate`.
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
from pursuit.trackers.settings import WEIGHTS_OF

TRACKERS = "siamfc-slim,siamfc-slim-quick,siamfc-slim-half,siamfc-3s"


def chosen(folder: Path, tracker: str, every: bool) -> list[Sequence]:
    """Return the sequences of a folder that the tracker's weights have not learnt from."""
    videos = open_videos(folder)
    if every:
        return list(videos)
    card = weights.read(weights.find(WEIGHTS_OF[tracker]))[1]
    held = set(yaml.safe_load(card.recipe)["data"]["held_out"])
    return [one for one in videos if one.video in held and one.labelled.sum() >= 30]


def draw(rows: dict[str, tuple[float, float]], out: Path) -> None:
    """Draw AUC against milliseconds."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, (auc, milliseconds) in rows.items():
        axes.plot(milliseconds, auc, "o")
        axes.annotate(name, (milliseconds, auc), (4, 4), textcoords="offset points")
    axes.set(xlabel="milliseconds a frame", ylabel="AUC, held-out videos", xlim=(0, None))
    axes.grid(alpha=0.3)
    figure.savefig(out, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("--trackers", default=TRACKERS)
    parser.add_argument("--every", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("variants.png"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    cv2.setNumThreads(given.threads)
    names = given.trackers.split(",")
    trackers = {name: pursuit.load(name) for name in names}
    aucs: dict[str, list[float]] = defaultdict(list)
    times: dict[str, list[float]] = defaultdict(list)
    sequences = chosen(given.videos, names[0], given.every)
    for sequence in sequences:
        for _ in range(given.rounds):
            for name, tracker in trackers.items():
                run = follow(tracker, sequence)
                start = int(sequence.labelled.argmax())
                aucs[name].append(otb.auc(otb.success_curve(run.boxes, sequence.boxes)))
                # The mean: a variant's frames are not alike. The first frame is the start.
                times[name].append(float(np.nanmean(run.tracker_ms[start + 1 :])))
    print(f"{len(sequences)} targets, {given.threads} threads, {given.rounds} rounds")
    for name in names:
        ratio = np.median(np.array(times[name]) / np.array(times[names[0]]))
        print(
            f"{name:20} AUC {np.mean(aucs[name]):.3f}  {np.mean(times[name]):6.2f} ms a frame  "
            f"{ratio:4.2f} x {names[0]}"
        )
    draw(
        {name: (float(np.mean(aucs[name])), float(np.mean(times[name]))) for name in names},
        given.out,
    )


if __name__ == "__main__":
    main()
