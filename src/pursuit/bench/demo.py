"""The demo: follow the target of the clip that comes with pursuit, and compare with the truth."""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pursuit import boxes, datasets, video
from pursuit.trackers import registry
from pursuit.trackers.settings import DEFAULT


@dataclass(frozen=True)
class Outcome:
    """How the demo went.

    Attributes:
        frames: number of frames followed.
        overlap: mean overlap with the true boxes, the first frame apart.
        fps: frames a second the tracker took, decoding and drawing apart.
    """

    frames: int
    overlap: float
    fps: float


def clip() -> Path:
    """Return the clip, demo.mp4; its true boxes are in demo.csv beside it."""
    return Path(str(importlib.resources.files("pursuit") / "assets" / "demo.mp4"))


def follow(
    out: Path, tracker: str = DEFAULT, tell: Callable[[int, int], None] = lambda *_: None
) -> Outcome:
    """Track the clip's target and write the clip with the boxes drawn in.

    Args:
        out: the video to write.
        tracker: name of the tracker.
        tell: called with the frames done and the frames there are.

    Raises:
        OutputError: the video cannot be written.
        WeightsError: the tracker's weights are not shipped or are damaged.
    """
    (sequence,) = datasets.open_videos(clip().parent)
    truth = sequence.boxes
    follower = registry.load(tracker)
    overlaps, seconds = [], 0.0
    trails = video.Trails()
    with video.read(clip()) as source, video.write(out, source.fps or 25) as writer:
        for number, frame in source:
            result = follower.update(frame) if number else follower.init(frame, truth[0])
            if number:
                overlaps.append(float(boxes.overlap(result.box, truth[number])))
                seconds += result.seconds
            writer.write(video.draw(frame, result, trails))
            tell(number + 1, len(truth))
    return Outcome(len(overlaps) + 1, float(np.mean(overlaps)), len(overlaps) / max(seconds, 1e-9))
