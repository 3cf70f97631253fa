"""Following targets through many videos, several at once: each is a job of its own."""

from __future__ import annotations

import csv
import os
import signal
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch

from pursuit import runtimes, video
from pursuit.boxes import start_boxes
from pursuit.errors import DataError, PursuitError
from pursuit.executors import cores, open_executor
from pursuit.following import follow, load_follower
from pursuit.results import tracks
from pursuit.trackers.base import State, Tracker
from pursuit.workers import WorkerDied

COLUMNS = ("video", "x", "y", "w", "h")

_PICTURES_FPS = 25.0  # of videos made from pictures
_TOLD = (video.VideoWarning, runtimes.EngineWarning)


@dataclass(frozen=True)
class Clip:
    """One video of a list.

    Attributes:
        name: of its results.
        source: what to read.
        boxes: (N, 4) as rows, of its N targets in the first frame.
    """

    name: str
    source: str
    boxes: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Task:
    """What is done with every video; the fields are those of `pursuit.track`.

    Attributes:
        save: folder for NAME.csv, or None.
        out: folder for NAME.mp4 with boxes drawn, or None.
        threads: of a job in a process of its own; 0 of one in this process.
    """

    tracker: str
    weights: Path | None
    device: str
    runtime: str
    redetect: bool
    start: str
    max_frames: int | None
    save: Path | None = None
    out: Path | None = None
    threads: int = 0

    def files(self, clip: Clip) -> list[Path]:
        """Return the files that a video's job writes."""
        boxes = [self.save / f"{clip.name}.csv"] if self.save is not None else []
        return boxes + ([self.out / f"{clip.name}.mp4"] if self.out is not None else [])


@dataclass(frozen=True)
class Outcome:
    """How a video's job ended.

    Attributes:
        name: of the clip.
        frames: that were followed.
        lost: of those with a LOST target.
        warnings: of the video, and of the engine that was to run the network.
        error: why it failed, one line, or "".
        runtime: what ran the network; "" where it failed, or of a tracker without one of ours.
        spent: seconds on decoding, which goes on beside the rest, on tracking and on writing.
    """

    name: str
    frames: int
    lost: int
    warnings: tuple[Warning, ...] = ()
    error: str = ""
    runtime: str = ""
    spent: tuple[float, float, float] = field(default=(0.0, 0.0, 0.0), compare=False)


@dataclass
class _Counts:
    """What a job counts as it goes."""

    frames: int = 0
    lost: int = 0
    reading: float = 0.0
    tracking: float = 0.0
    writing: float = 0.0


def read_list(path: Path) -> list[Clip]:
    """Return the videos of a list, a .csv with the columns video, x, y, w, h, in its order.

    Rows of the same video are its targets. Paths are relative to the list's folder. A video's
    results have the name of its file; of two with one name, its folder's before it.

    Raises:
        DataError: the file is not such a list; the line is named.
    """
    found: dict[str, list[tuple[float, ...]]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, skipinitialspace=True)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or [])]
            if missing:
                raise DataError(
                    f"{path} is no list of videos: its first line lacks {', '.join(missing)}; "
                    "write video,x,y,w,h there and a row for each target below"
                )
            for row in rows:
                where = f"{path}, line {rows.line_num}"
                if not row["video"]:
                    raise DataError(f"{where}: names no video")
                found.setdefault(row["video"], []).append(_box(row, where))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read the list {path}: {error}") from None
    if not found:
        raise DataError(f"{path} names no videos: write a row for each target below video,x,y,w,h")
    sources = {name: _source(path.parent, name) for name in found}
    names = _names([Path(source) for source in sources.values()], path)
    return [
        Clip(name, sources[given], tuple(boxes))
        for name, (given, boxes) in zip(names, found.items(), strict=True)
    ]


def run(clips: Sequence[Clip], task: Task, workers: int | None = None) -> Iterator[Outcome]:
    """Yield the outcome of each video as they end.

    One worker is this process: an interrupt then keeps what was followed. Of several, the videos
    that were being followed at an interrupt leave nothing.

    Args:
        clips: the videos.
        task: what is done with each.
        workers: videos at once; None is one a core.

    Raises:
        SettingsError, WeightsError: there is no such tracker, or its files are not good.
    """
    workers = min(workers or cores(), len(clips))
    # What cannot be loaded shows before anything runs.
    if workers == 1:
        _tracker(task)
        yield from (_done(clip, task) for clip in clips)
        return
    threads = max(1, cores() // workers)
    task = replace(task, runtime=_runtime(task, threads), threads=threads)
    with open_executor(workers, None) as executor:
        futures = {executor.submit(_done, clip, task): clip for clip in clips}
        for future in as_completed(futures):
            try:
                yield future.result()
            except WorkerDied:
                died = "a worker process died (out of memory?): run it again with fewer --workers"
                yield Outcome(futures[future].name, 0, 0, error=died)


def _done(clip: Clip, task: Task) -> Outcome:
    """Follow the targets of one video; runs in a worker process too."""
    if task.threads:  # in a process of its own
        # Ended by the parent: files that are half written go first.
        signal.signal(signal.SIGTERM, lambda *_: _leave())
        cv2.setNumThreads(task.threads)
        torch.set_num_threads(task.threads)
    counts = _Counts()
    with warnings.catch_warnings(record=True) as caught:
        for kind in _TOLD:
            warnings.simplefilter("always", kind)
        error = runtime = ""
        try:
            runtime = _follow(clip, task, counts)
        except SystemExit:
            os._exit(1)
        except Exception as found:  # whatever goes wrong costs this video only
            _tracker.cache_clear()  # its state may be broken
            text = " ".join(str(found).split())
            error = text if isinstance(found, PursuitError) else f"{type(found).__name__}: {text}"
    said = (one.message for one in caught if isinstance(one.message, _TOLD))
    spent = (counts.reading, counts.tracking, counts.writing)
    return Outcome(clip.name, counts.frames, counts.lost, tuple(said), error, runtime, spent)


def _leave() -> None:
    raise SystemExit


def _follow(clip: Clip, task: Task, counts: _Counts) -> str:
    """Follow the targets of a video, counting; return what ran the network."""
    boxes = np.array(clip.boxes)
    where = boxes[0] if len(boxes) == 1 else boxes
    with (
        video.read(clip.source, start=task.start, max_frames=task.max_frames, ahead=True) as reader,
        ExitStack() as stack,
    ):
        start_boxes(where, reader.width, reader.height)
        film = tracks.Film(reader.name, reader.width, reader.height, reader.fps)
        saver = writer = None
        if task.save is not None:
            saver = stack.enter_context(tracks.write(task.save / f"{clip.name}.csv", film))
        if task.out is not None:
            target, fps = task.out / f"{clip.name}.mp4", reader.fps or _PICTURES_FPS
            writer = stack.enter_context(video.write(target, fps, source=reader.name))
        trails = video.Trails()
        tracker = _tracker(replace(task, threads=0))
        for frame, result in follow(reader, tracker, where):
            began = time.perf_counter()
            if saver is not None:
                saver.write(result)
            if writer is not None:
                writer.write(video.draw(frame, result, trails), reader.time)
            counts.frames += 1
            counts.lost += bool((result.rows()[2] == State.LOST).any())
            counts.reading = reader.seconds
            counts.tracking += result.seconds
            counts.writing += time.perf_counter() - began
    return _runtime_of(tracker)


@lru_cache(maxsize=1)
def _tracker(task: Task) -> Tracker:
    return load_follower(
        task.tracker, task.weights, task.device, task.runtime, redetect=task.redetect
    )


def _runtime(task: Task, threads: int) -> str:
    """Return what runs the network in all jobs: `auto` is measured once, as one job has it.

    On a GPU it stays `auto`: there may not be room for all, and each tries it for itself.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = _runtime_of(_tracker(task))
    finally:
        torch.set_num_threads(before)
        _tracker.cache_clear()  # each has its own, and a GPU the more room
        torch.cuda.empty_cache()  # which PyTorch would keep; without a GPU in use it does nothing
    return found if task.runtime == "auto" and found in runtimes.names() else task.runtime


def _runtime_of(tracker: Tracker) -> str:
    return getattr(tracker, "runtime", "")  # others' trackers have none


def _box(row: dict[str, str | None], where: str) -> tuple[float, ...]:
    try:
        box = tuple(float(row[name] or "") for name in COLUMNS[1:])
    except ValueError:
        given = ",".join(row[name] or "" for name in COLUMNS[1:])
        raise DataError(
            f"{where}: x,y,w,h are four numbers such as 120,80,60,40; got {given}"
        ) from None
    if not np.isfinite(box).all() or min(box[2:]) <= 0:
        raise DataError(f"{where}: a box has a width and a height above 0; got {box}")
    return box


def _source(folder: Path, name: str) -> str:
    return name if "://" in name else str(folder / name)


def _names(sources: list[Path], path: Path) -> list[str]:
    """Return a name for the results of each source: all different."""
    plain = [source.stem for source in sources]
    often = Counter(plain)
    names = [
        f"{source.parent.name}-{name}" if often[name] > 1 else name
        for source, name in zip(sources, plain, strict=True)
    ]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(
            f"{path}: several videos would have results named {twice[0]}: put them into lists of "
            "their own, or rename them"
        )
    return names
