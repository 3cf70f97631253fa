"""`pursuit track VIDEO --box X,Y,W,H`: follow targets through a video."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pursuit.cli import _track_options as options
from pursuit.cli._track_outputs import progress, takers
from pursuit.cli._track_tally import Tally
from pursuit.trackers.settings import DEFAULT

if TYPE_CHECKING:
    from pursuit.boxes import Array
    from pursuit.trackers.base import Tracker
    from pursuit.video import VideoReader


_MOST_FPS = 1_000_000  # no tracker is so fast
_LARGEST = 8192  # pixels; no camera's frame is wider


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("track")(track)


def track(
    video: options.Video,
    box: options.Box = None,
    tracker: options.TrackerName = DEFAULT,
    weights: options.Weights = None,
    device: options.Device = "auto",
    runtime: options.Runtime = "auto",
    out: options.Out = None,
    save: options.Save = None,
    redetect: options.Redetect = True,
    start: options.Start = "0",
    max_frames: options.MaxFrames = None,
    budget_fps: options.BudgetFps = None,
    workers: options.Workers = None,
) -> None:
    """Follow targets through a video, from a box each in its first frame.

    Without --out and --save the boxes go to standard output as CSV. Ctrl-C and SIGTERM stop and
    keep what was done.

    Rows of a list that name the same video are its targets; paths are relative to the list. Each
    video gets files of its own name; one that fails is named at the end, and costs no other.
    """
    how = _How(tracker, weights, device, runtime, redetect, start, max_frames, budget_fps)
    if Path(video).suffix.lower() == ".csv" and Path(video).is_file():
        _track_list(Path(video), how, box or [], out, save or [], workers)
    else:
        _track_video(video, how, box or [], out, save or [], workers)


@dataclass(frozen=True)
class _How:
    """How to follow, as the options of those names have it."""

    tracker: str
    weights: Path | None
    device: str
    runtime: str
    redetect: bool
    start: str
    max_frames: int | None
    budget_fps: float | None


def _track_list(
    path: Path, how: _How, boxes: list[str], out: Path | None, save: list[Path], workers: int | None
) -> None:
    """Follow the targets of a list of videos.

    Raises:
        SettingsError: options that a list cannot have.
        DataError: the file is no list of videos.
    """
    from pursuit.batches import Task
    from pursuit.cli._track_list import track_list
    from pursuit.errors import SettingsError

    task = Task(
        how.tracker,
        how.weights,
        how.device,
        how.runtime,
        how.redetect,
        how.start,
        how.max_frames,
    )
    if how.budget_fps is not None:
        raise SettingsError("--budget-fps is for one video; its line names what to take here")
    track_list(path, task, boxes, out, save, workers)


def _track_video(
    video: str,
    how: _How,
    texts: list[str],
    out: Path | None,
    files: list[Path],
    workers: int | None,
) -> None:
    """Follow targets through one video; exit with a signal's status where that stopped it."""
    from pursuit.boxes import start_boxes
    from pursuit.errors import SettingsError
    from pursuit.video import VideoWarning, read
    from pursuit.video.reading import goes_on

    if workers is not None:
        raise SettingsError("--workers is for a list of videos; one video is one job")
    boxes = parse_boxes(texts, video)
    outputs = [*([out] if out else []), *files]
    _check_files(video, how, files, outputs)
    tally = Tally()
    follower = None
    # A live source would go on while a tracker is loaded and tried, and the target with it.
    if goes_on(video):
        follower = _follower(how, boxes, _size_around(boxes))
    with (
        warnings.catch_warnings(action="always", category=VideoWarning),
        read(video, start=how.start, max_frames=how.max_frames, ahead=True) as reader,
    ):
        start_boxes(boxes, reader.width, reader.height)
        follower = follower or _follower(how, boxes, (reader.width, reader.height))
        stopped = _follow(reader, follower, boxes, out, files, tally)
    runtime = getattr(follower, "runtime", "")
    typer.echo(tally.summary(reader.seconds, outputs, runtime, how.budget_fps), err=True)
    _exit_if(stopped)


def _check_files(video: str, how: _How, files: list[Path], outputs: list[Path]) -> None:
    """Refuse files of boxes of no known format, and outputs that would replace what is read."""
    from pursuit.cli._outputs import check_outputs, weights_files
    from pursuit.results.tracks import format_of
    from pursuit.trackers.registry import with_files
    from pursuit.video.reading import files_of

    for file in files:
        format_of(file)
    _, networks = with_files(how.tracker)
    read_too = weights_files([*networks, *([how.weights] if how.weights else [])])
    check_outputs(outputs, [*files_of(video), *read_too])


def _size_around(boxes: Array) -> tuple[int, int]:
    """Return a size for a trial in frames that are not known yet: HD, or what the boxes need."""
    from pursuit.boxes import xyxy

    far = xyxy(boxes).reshape(-1, 4)[:, 2:].max(axis=0)
    width, height = far.clip((1920, 1080), _LARGEST).astype(int).tolist()
    return width, height


def _follower(how: _How, boxes: Array, size: tuple[int, int]) -> Tracker:
    """Return the tracker that is named, or with a budget one that is as fast as is wanted.

    The budget is tried on frames of this width and height.
    """
    if how.budget_fps is not None:
        return _within_budget(how.budget_fps, how, boxes, size)
    from pursuit.following import load_follower

    return load_follower(how.tracker, how.weights, how.device, how.runtime, redetect=how.redetect)


def _within_budget(wanted: float, how: _How, boxes: Array, size: tuple[int, int]) -> Tracker:
    """Return a tracker that is as fast as is wanted, or the fastest, and say which."""
    from pursuit.budget import choose
    from pursuit.errors import SettingsError

    if not 0 < wanted < _MOST_FPS:
        raise SettingsError(
            f"--budget-fps is a number of frames a second above 0 and below {_MOST_FPS:,}; "
            f"got {wanted:g}"
        )
    choice = choose(
        wanted,
        how.tracker,
        how.weights,
        how.device,
        how.runtime,
        boxes,
        size,
        redetect=how.redetect,
    )
    typer.echo(choice.told if choice.holds else f"warning: {choice.told}", err=True)
    return choice.tracker


def _follow(
    reader: VideoReader,
    follower: Tracker,
    boxes: Array,
    out: Path | None,
    files: list[Path],
    tally: Tally,
) -> list[int]:
    """Follow targets to the end and write what is found; return the signal that ended it, if any.

    The tally counts all frames.
    """
    from pursuit.following import follow

    with contextlib.ExitStack() as stack:
        taking = takers(stack, reader, out, files)
        quiet = not (out or files) and sys.stdout.isatty()
        show = stack.enter_context(progress(quiet=quiet))
        stopped = stack.enter_context(_stopped_by_signal(reader))
        for frame, result in follow(reader, follower, boxes):
            found = time.perf_counter()
            for take in taking:
                take(frame, result)
            waited = None if reader.arrived is None else found - reader.arrived
            tally.add(result, time.perf_counter() - found, waited)
            show(tally.frames, reader.frame_count)
    return stopped


def _exit_if(stopped: list[int]) -> None:
    """Say what stopped the run, if anything did, and exit with its status."""
    if stopped:
        by = "Ctrl-C" if stopped == [signal.SIGINT] else "a signal"
        typer.echo(f"stopped by {by}; what was done until then is kept", err=True)
        raise typer.Exit(128 + stopped[0])


def parse_boxes(texts: list[str], video: str) -> Array:
    """Return one box (4,), or boxes (N, 4), from their texts X,Y,W,H.

    Raises:
        BoxError: there is none, or one is not four numbers.
    """
    import numpy as np

    from pursuit.boxes import as_boxes
    from pursuit.errors import BoxError

    if not texts:
        raise BoxError(
            "say what to follow: --box X,Y,W,H, its left, top, width and height in pixels; "
            f"`pursuit frame {video}` writes the frame with a ruler to read them off"
        )
    rows = []
    for text in texts:
        parts = text.split(",")
        try:
            numbers = [float(part) for part in parts]
        except ValueError:
            numbers = []
        if len(numbers) != 4:
            raise BoxError(f"--box takes four numbers X,Y,W,H such as 120,80,60,40; got {text!r}")
        try:
            rows.append(as_boxes(numbers))
        except BoxError as error:
            raise BoxError(f"--box {text}: {error}") from None
    return rows[0] if len(rows) == 1 else np.stack(rows)


@contextlib.contextmanager
def _stopped_by_signal(reader: VideoReader) -> Iterator[list[int]]:
    """Let the first Ctrl-C or SIGTERM end the video, so that all files are finished.

    The list tells which it was. A second one interrupts as usual.
    """
    stopped: list[int] = []

    def stop(number: int, _: object) -> None:
        stopped.append(number)
        restore()
        reader.stop()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        restore()
