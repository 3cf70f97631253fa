"""Following targets through a whole video: where reading and tracking meet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from pursuit import video
from pursuit.boxes import start_boxes
from pursuit.errors import BoxError, SettingsError
from pursuit.frames import Frame
from pursuit.trackers.base import Result, Tracker
from pursuit.trackers.registry import load_files, with_files
from pursuit.trackers.settings import DEFAULT, can_redetect
from pursuit.video.reading import goes_on


def track(
    source: str | Path | int,
    box: ArrayLike | None = None,
    *,
    tracker: str | Tracker = DEFAULT,
    weights: str | Path | None = None,
    device: str = "auto",
    runtime: str = "auto",
    redetect: bool = True,
    start: int | float | str = 0,
    max_frames: int | None = None,
) -> Iterator[Result]:
    """Follow one or several targets through a video; iterate over the results.

    The first result holds the boxes given, at the first frame. `result.frame` is the number
    of the frame in the video, whatever the start.

    Mistakes in what is given are raised at once, not at the first result. Frames are decoded in
    a thread of its own, a few ahead; it ends with the iteration, or when that is closed.

    Args:
        source: a video file, a folder or glob of pictures, a camera's number, a stream's URL.
        box: x, y, w, h in pixels of the first frame, (4,) or (N, 4) for N targets. What lies
            outside the frame is cut off.
        tracker: a name that `load` takes, also with files, NAME:WEIGHTS or
            opencv-nano:BACKBONE,HEAD; or a tracker of yours.
        weights: a weights file or the name of shipped ones; None takes the tracker's own.
        device, runtime: what runs the network, as `load` takes them.
        redetect: look for lost targets in the whole frame, where the tracker can.
        start: frame number (int), or seconds (float, or text such as "12.5s").
        max_frames: stop after so many frames.

    Raises:
        VideoError: the video cannot be read.
        BoxError: no box, or one that no target in this video can have.
        SettingsError: no such tracker, runtime, device or start.
        WeightsError: the weights cannot be used.
        MissingExtra, EngineError: the runtime that was named cannot be used here.
    """
    if box is None:
        raise BoxError("say what to follow: box=(x, y, w, h), in pixels of the first frame")
    # A live source would go on while a tracker is loaded, and the target with it.
    if isinstance(tracker, str) and goes_on(source):
        tracker = load_follower(tracker, weights, device, runtime, redetect=redetect)
    reader = video.read(source, start=start, max_frames=max_frames, ahead=True)
    try:
        start_boxes(box, reader.width, reader.height)
        if isinstance(tracker, str):
            tracker = load_follower(tracker, weights, device, runtime, redetect=redetect)
    except BaseException:
        reader.close()
        raise
    return _results(reader, tracker, box)


def load_follower(
    name: str,
    weights: str | Path | None,
    device: str,
    runtime: str = "auto",
    *,
    redetect: bool,
) -> Tracker:
    """Return a tracker for following through whole videos; `name` may hold its files.

    Raises:
        SettingsError: as `trackers.registry.load_files`, or the weights are named twice.
        WeightsError, MissingExtra, EngineError: as `trackers.registry.load_files`.
    """
    name, files = with_files(name)
    if files and weights is not None:
        raise SettingsError(f"{name} is given two files, {files[0]} and {weights}: name one")
    can: dict[str, Any] = {"redetect": redetect} if can_redetect(name) else {}
    given = files or ([weights] if weights else [])
    return load_files(name, given, device=device, runtime=runtime, **can)


def follow(
    reader: video.VideoReader, tracker: Tracker, box: ArrayLike
) -> Iterator[tuple[Frame, Result]]:
    """Yield each frame of an opened video and its result; `box` is at the first frame."""
    started = False
    for number, frame in reader:
        result = tracker.update(frame) if started else tracker.init(frame, box)
        started = True
        yield frame, replace(result, frame=number)


def _results(reader: video.VideoReader, tracker: Tracker, box: ArrayLike) -> Iterator[Result]:
    with reader:
        for _, result in follow(reader, tracker, box):
            yield result
