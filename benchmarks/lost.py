"""What a tracker says of targets that go and come back: clips made of held-out videos.

    python benchmarks/lost.py VIDEOS [--tracker siamfc-slim] [--weights FILE] [--set NAME=VALUE]

Each held-out target with 30 labels or more goes in three ways (`pursuit.datasets.splices`) a
third of the way in, for 25 frames or a third of the clip. Prints, for each way and both
settings of `redetect`: the share of gone frames said to be LOST, the share of present frames
wrongly said LOST (of all, and of those whose box was right), and the share of returns taken up
again within 25 frames, a second. The last column is the returns of targets that were being
followed (overlap of half) in one of the last five labelled frames before they went.

"by hand" are real exits, in which nothing was cut: exits.csv names the sequence, the first and
the last frame in which no part of the target can be seen, and, where the target has no labels,
the frame and the box it starts with. Its clips are told apart from "all": most are of videos
that the shipped weights have learnt from.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import yaml

from pursuit import boxes, weights
from pursuit.datasets import Sequence, open_videos
from pursuit.datasets.splices import Absence, cover, cut_away, pan
from pursuit.errors import BoxError
from pursuit.measures.absence import Told, told
from pursuit.trackers.base import State
from pursuit.trackers.registry import load
from pursuit.trackers.settings import WEIGHTS_OF

SECOND = 25  # frames
BY_HAND = "by hand"
EXITS = Path(__file__).with_name("exits.csv")


def clips(sequences: list[Sequence]) -> Iterator[tuple[str, Absence, int]]:
    """Yield how the target goes, the clip, and its first labelled frame."""
    for number, sequence in enumerate(sequences):
        first = int(sequence.labelled.argmax())
        at = first + (len(sequence) - first) // 3
        length = min(SECOND, (len(sequence) - first) // 3)
        videos = [other for other in sequences if other.video != sequence.video]
        other = videos[(number * 5) % len(videos)]
        yield "cut away", cut_away(sequence, other, at, SECOND), first
        yield "covered", cover(sequence, other, at, length), first
        yield "panned", pan(sequence, at, length), first


def marked(sequences: list[Sequence]) -> Iterator[tuple[str, Absence, int]]:
    """Yield "by hand", the clip, and its first frame, for the targets in exits.csv."""
    known = {sequence.name: sequence for sequence in sequences}
    spans: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
    with EXITS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            target = tuple(row[key] for key in ("sequence", "start", "x", "y", "w", "h"))
            spans[target].append((int(row["first"]), int(row["last"])))
    for (name, start, *box), gaps in spans.items():
        sequence = known[name]
        if start:
            boxes = np.full((len(sequence), 4), np.nan)
            boxes[int(start)] = np.array(box, float)
            sequence = replace(sequence, boxes=boxes)
        gone = np.zeros(len(sequence), bool)
        for first, last in gaps:
            gone[first : last + 1] = True
        yield BY_HAND, Absence(sequence, gone), int(sequence.labelled.argmax())


def follow(name: str, settings: dict[str, object], clip: Absence, first: int) -> tuple[Told, Told]:
    """Return what the tracker told, and the same where it followed the target until it went."""
    tracker = load(name, device="cpu", **settings)  # type: ignore[arg-type]
    found, lost = [], []
    for number, frame in enumerate(clip.sequence.frames()):
        if number < first:
            continue
        if number == first:
            result = tracker.init(frame, clip.sequence.boxes[first])
        else:
            result = tracker.update(frame)
        found.append(result.box)
        lost.append(result.state == State.LOST)
    truth, gone = clip.sequence.boxes[first:], clip.gone[first:]
    every = told(np.array(found), np.array(lost), truth, gone, SECOND)
    before = np.flatnonzero(np.isfinite(truth).all(axis=1) & (np.cumsum(gone) == 0))[-5:]
    overlaps = boxes.overlap(np.array(found)[before], truth[before])
    return every, every if (overlaps >= 0.5).any() else Told()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("--tracker", default="siamfc-slim")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    given = parser.parse_args()
    path = given.weights or weights.shipped()[WEIGHTS_OF[given.tracker]]
    held = set(yaml.safe_load(weights.read(path)[1].recipe)["data"]["held_out"])
    videos = open_videos(given.videos)
    sequences = [s for s in videos if s.video in held and s.labelled.sum() >= 30]
    changes = {name: yaml.safe_load(value) for name, value in (s.split("=") for s in given.set)}
    print(f"{'':20} gone: LOST  present: LOST  on target: LOST  taken up  of those followed")
    for redetect in (False, True):
        sums: dict[str, tuple[Told, Told]] = {}
        for way, clip, first in chain(clips(sequences), marked(videos)):
            settings = {"weights": path, "redetect": redetect, **changes}
            try:
                pair = follow(given.tracker, settings, clip, first)
            except BoxError:  # larger than the smaller picture
                continue
            for key in (way,) if way == BY_HAND else (way, "all"):
                old = sums.get(key, (Told(), Told()))
                sums[key] = (old[0] + pair[0], old[1] + pair[1])
        for key, (every, followed) in sums.items():
            print(
                f"{key + (', redetect' if redetect else ''):20} "
                f"{every.gone_lost / every.gone:10.1%} {every.present_lost / every.present:14.1%} "
                f"{every.on_target_lost / every.on_target:16.1%} "
                f"{every.taken_up / every.returns:9.1%} "
                f"{followed.taken_up / max(1, followed.returns):9.1%} of {followed.returns}",
                flush=True,
            )


if __name__ == "__main__":
    main()
