"""Choosing a tracker that is fast enough on this machine: a short trial of one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from pursuit import boxes as box_arithmetic
from pursuit.following import load_follower
from pursuit.frames import Frame
from pursuit.trackers.base import Tracker
from pursuit.trackers.registry import with_files
from pursuit.trackers.settings import PRESETS, SiamFCSettings

# From what gives up nothing to what gives up most; the same weights do for all of them.
LADDER = ("siamfc-slim", "siamfc-slim-quick", "siamfc-slim-single", "siamfc-slim-half")

_FRAMES = 24  # of a trial: whole turns of every tracker in the ladder
_WARM = 2  # frames before: each tracker of the ladder looks at one of them
_PATIENCE = 2.0  # seconds of a trial after which it has said enough


@dataclass(frozen=True)
class Choice:
    """The tracker that was chosen.

    Attributes:
        tracker: ready for `init`.
        fps: frames a second it followed in the trial.
        holds: whether that is as many as were asked for.
        told: one line: which it is, how fast, and what was given up.
    """

    tracker: Tracker
    fps: float
    holds: bool
    told: str


def choose(
    wanted: float,
    name: str,
    weights: Path | None,
    device: str,
    runtime: str,
    box: ArrayLike,
    size: tuple[int, int],
    *,
    redetect: bool,
    measure: Callable[[Tracker, ArrayLike, tuple[int, int]], float] | None = None,
) -> Choice:
    """Return the first tracker that follows so many frames a second here, or the fastest.

    The one that is named comes first, then those of `LADDER`, which give up more and more. Each
    is tried on the targets at hand, in an empty frame of the video's size; decoding and writing
    are not in it.

    Args:
        wanted: frames a second.
        name, weights, device, runtime, redetect: as `following.load_follower`.
        box: (4,) or (N, 4), where the targets start.
        size: width and height of the frames.
        measure: frames a second of a tracker; `trial` if not given.

    Raises:
        SettingsError, WeightsError: as `following.load_follower`.
    """
    tried: list[tuple[float, str, Tracker]] = []
    for rung, files in _rungs(name, weights):
        tracker = load_follower(rung, files, device, runtime, redetect=redetect)
        fps = (measure or trial)(tracker, box, size)
        tried.append((fps, rung, tracker))
        if fps >= wanted:
            break
    fps, rung, tracker = max(tried, key=lambda one: one[0])
    holds = fps >= wanted
    verdict = f"{with_files(rung)[0]} follows {fps:.0f} frames a second here"
    if not holds:
        verdict = f"nothing is so fast here; {verdict}, the most of all"
    told = f"budget of {wanted:g} fps: {verdict}{_runtime(tracker)}; {_given_up(name, rung)}"
    return Choice(tracker, fps, holds, told)


def trial(tracker: Tracker, box: ArrayLike, size: tuple[int, int]) -> float:
    """Return how many frames a second a tracker follows, in a still picture of noise.

    Args:
        tracker: what is tried; it starts anew afterwards.
        box: (4,) or (N, 4), where the targets start.
        size: width and height of the picture.
    """
    frame = _picture(size)
    # What is made at a network's first look at so many windows is no part of a frame's time; a
    # GPU records calls when they come again.
    for _ in range(2):
        tracker.init(frame, box_arithmetic.start_boxes(box, *size))
        for _ in range(_WARM):
            tracker.update(frame)
    began = time.perf_counter()
    done, taken = 0, 0.0
    while done < _FRAMES and taken < _PATIENCE:
        tracker.update(frame)
        done, taken = done + 1, time.perf_counter() - began
    return done / taken


def _rungs(name: str, weights: Path | None) -> Iterator[tuple[str, Path | None]]:
    """Yield names and weights of what to try, the one that is named first.

    The user's own weights go with every SiamFC, as all take those of any width.
    """
    yield name, weights
    plain, files = with_files(name)
    own = weights or (files[0] if files else None)
    if not isinstance(PRESETS.get(plain), SiamFCSettings):
        own = None
    after = LADDER.index(plain) + 1 if plain in LADDER else 0
    for rung in LADDER[after:]:
        yield rung, own


def _given_up(name: str, rung: str) -> str:
    asked, taken = with_files(name)[0], with_files(rung)[0]
    lost = [] if asked == taken else [f"{asked} itself"]
    settings = PRESETS.get(taken)
    if asked != taken and isinstance(settings, SiamFCSettings):
        if settings.sides_every > 1:
            lost.append(f"other sizes are searched in one of {settings.sides_every} looks")
        if settings.frames_every > 1:
            lost.append(f"one frame of {settings.frames_every} is looked at")
    return "given up: " + ", ".join(lost) if lost else "nothing is given up"


def _runtime(tracker: Tracker) -> str:
    runtime = getattr(tracker, "runtime", "")  # others' trackers have none
    return f" ({runtime})" if runtime else ""


def _picture(size: tuple[int, int]) -> Frame:
    # Noise, so that a target is one thing and the rest is not.
    return np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
