"""Reading a video, whatever it is: file, pictures, camera or stream."""

from __future__ import annotations

import glob
import math
import re
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from pursuit.errors import SettingsError, VideoError
from pursuit.frames import Frame
from pursuit.video import files, pictures
from pursuit.video.ahead import Ahead
from pursuit.video.base import Opened, Shot, Start, VideoWarning

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def read(
    source: str | Path | int,
    *,
    start: Start | str = 0,
    max_frames: int | None = None,
    ahead: bool = False,
) -> VideoReader:
    """Open a video to iterate over its frames.

    Args:
        source: path of a video file or one picture; folder or glob of pictures; number of a
            camera (int or digits); URL of a stream.
        start: frame number (int), or seconds (float or text such as "12.5s"): then the frame
            that is shown at that time.
        max_frames: stop after so many frames.
        ahead: decode in a thread of its own, a few frames ahead of who reads them, once the
            iteration begins. The frames are the same. Live sources have such a thread anyway.

    Raises:
        VideoError: it cannot be read, holds no frames, or ends before `start`.
        SettingsError: `start` or `max_frames` is not a number that can be.
    """
    if max_frames is not None and max_frames < 1:
        raise SettingsError(f"max_frames must be at least 1; got {max_frames}")
    stopped = threading.Event()
    opened = _open(source, as_start(start), stopped)
    return VideoReader(opened, str(source), max_frames, stopped, ahead=ahead)


def decode_frames(path: str | Path) -> Iterator[Frame]:
    """Yield all frames (H, W, 3) of a video, in order, and nothing else.

    Raises:
        VideoError: it cannot be read, or holds no frames.
    """
    with read(path) as reader:
        for _, frame in reader:
            yield frame


class VideoReader:
    """Frames of a video in order; a context manager, and an iterator of (number, frame).

    Frames are uint8 (H, W, 3), RGB, upright, contiguous, and each has memory of its own.

    Attributes:
        name: what the user called the source.
        width, height: of the first frame, in pixels.
        fps: average frames a second, or None where the source has no clock.
        frame_count: about how many frames there will be, or None; only for progress bars.
        is_live: whether frames that nobody took in time are lost.
        time: seconds from the video's first frame to the frame last given; None without a
            clock. Frames of a variable rate keep their distances.
        arrived: when a live source gave the frame last given, on the clock of
            `time.perf_counter`; None for others.
    """

    def __init__(
        self,
        opened: Opened,
        name: str,
        max_frames: int | None,
        stopped: threading.Event,
        *,
        ahead: bool = False,
    ) -> None:
        self.name = name
        self.fps = opened.fps
        self.is_live = opened.is_live
        self.time: float | None = None
        self.arrived: float | None = None
        self._seconds = 0.0
        self._shots = opened.shots
        self._stopped = stopped
        self._starts_thread = ahead and not opened.is_live
        self._ahead: Ahead[Shot | VideoWarning] | None = None
        self._left = math.inf if max_frames is None else max_frames
        # The first frame tells the size, and whether anything can be decoded at all.
        self._first = self._pull()
        if self._first is None:
            raise VideoError(f"{name} holds no frames")
        self.height, self.width = self._first.frame.shape[:2]
        count = opened.frame_count
        self.frame_count = (
            max_frames if opened.is_live or (count is not None and count >= self._left) else count
        )

    @property
    def seconds(self) -> float:
        """Time spent on reading so far, in whatever thread."""
        return self._seconds + (self._ahead.seconds if self._ahead is not None else 0)

    def _pull(self) -> Shot | None:
        while isinstance(item := self._next_item(), VideoWarning):
            warnings.warn(item, stacklevel=3)
        return item

    def _next_item(self) -> Shot | VideoWarning | None:
        if self._ahead is not None:
            return self._ahead.take()
        began = time.perf_counter()
        item = next(self._shots, None)
        self._seconds += time.perf_counter() - began
        return item

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[int, Frame]:
        done = self._left <= 0 or self._stopped.is_set()
        shot = None if done else self._first or self._pull()
        self._first = None
        if shot is None:
            self.close()
            raise StopIteration
        self._left -= 1
        self.time, self.arrived = shot.time, shot.arrived
        if self._starts_thread and self._left > 0:
            self._starts_thread = False
            self._ahead = Ahead(self._shots, self._stopped)
        return shot.number, shot.frame

    def stop(self) -> None:
        """Make the iteration end before the next frame; safe to call from a signal handler."""
        self._stopped.set()

    def close(self) -> None:
        """Let go of the source."""
        self.stop()
        if self._ahead is not None:
            self._ahead.close()
        else:
            self._shots.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def as_start(start: Start | str) -> Start:
    """Return a start as a frame number (int) or seconds (float).

    Text is a frame number (120), seconds (12.5 or 12s), or minutes and hours (1:30, 1:02:03.5).

    Raises:
        SettingsError: it is neither, or negative.
    """
    wrong = SettingsError(
        f"cannot start at {start!r}: give a frame number such as 120, or seconds such as 12.5s"
    )
    value: Start
    if isinstance(start, str):
        value = _parsed(start.strip(), wrong)
    elif isinstance(start, (int, np.integer)) and not isinstance(start, bool):
        value = int(start)
    elif isinstance(start, (float, np.floating)):
        value = float(start)
    else:
        raise wrong
    if not (0 <= value < math.inf):
        raise wrong
    return value


def _parsed(text: str, wrong: SettingsError) -> Start:
    if text.isdecimal():
        return int(text)
    parts = text.removesuffix("s").split(":")
    if not all(re.fullmatch(r"\d+(\.\d*)?|\.\d+", part) for part in parts) or len(parts) > 3:
        raise wrong
    return float(sum(float(part) * 60**power for power, part in enumerate(reversed(parts))))


def goes_on(source: str | Path | int) -> bool:
    """Return whether a source is a camera or a URL, which may go on while nobody reads it."""
    return _is_camera(source) or bool(_URL.match(str(source)))


def files_of(source: str) -> list[Path]:
    """Return the files that `read` opens for a source; none of a camera or a stream.

    Raises:
        VideoError: a folder or glob holds no pictures.
    """
    path = Path(source)
    if _URL.match(source):
        return []
    if path.is_dir():
        return pictures.folder_pictures(path, source)
    if path.exists():
        return [path]
    return pictures.glob_pictures(source) if glob.has_magic(source) else []


def _open(source: str | Path | int, start: Start, stopped: threading.Event) -> Opened:
    text = str(source)
    path = Path(text)
    if _is_camera(source):
        _only_from_now(start, f"camera {text}")
        from pursuit.video import live

        return live.open_camera(int(text), stopped)
    if _URL.match(text):
        _only_from_now(start, text)
        from pursuit.video import live

        return live.open_stream(text, stopped)
    if path.is_dir():
        return pictures.open_pictures(pictures.folder_pictures(path, text), text, start)
    if path.suffix.lower() in pictures.SUFFIXES and path.is_file():
        return pictures.open_pictures([path], text, start)
    if not path.exists():
        if glob.has_magic(text):
            return pictures.open_pictures(pictures.glob_pictures(text), text, start)
        raise VideoError(f"cannot read {text}: no such file or folder")
    # An absolute path is never taken for a protocol of FFmpeg, whatever is in its name.
    return files.open_file(str(path.absolute()), text, start)


def _is_camera(source: str | Path | int) -> bool:
    return isinstance(source, int) or (str(source).isdecimal() and not Path(source).exists())


def _only_from_now(start: Start, name: str) -> None:
    if start:
        raise VideoError(f"{name} cannot start later: streams and cameras start now")
