"""Frames of a camera or a stream as they come: whoever is slow misses some, none is late.

A thread takes every frame and keeps the newest. Frames are numbered as they arrive, so a gap
in the numbers is what was missed.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import cv2
from av.video.frame import VideoFrame

from pursuit.errors import VideoError
from pursuit.frames import Frame
from pursuit.video.base import Opened, Shot, Shots
from pursuit.video.files import ToFrame, VideoFile

_PATIENCE = 10.0  # seconds without a frame until a source counts as dead
_LOOK_UP = 0.1  # seconds between looks at whether the user wants to stop
# FFmpeg looks at some 20 frames for their rate, and goes on to seconds; two tell it.
_SHORT_LOOK = {"fpsprobesize": "2"}
_CATCHING_UP = 2.0  # seconds in which what had waited has come, and been decoded

T = TypeVar("T")


class Newest(Generic[T]):
    """The newest item of an iterator that a thread of its own runs through."""

    def __init__(self, items: Iterator[T], stopped: threading.Event) -> None:
        self._changed = threading.Condition()
        self._stopped = stopped
        self._number = -1
        self._item: tuple[float, T] | None = None
        self._error: Exception | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, args=(items,), daemon=True)
        self._thread.start()

    def _run(self, items: Iterator[T]) -> None:
        try:
            for item in items:
                with self._changed:
                    self._number += 1
                    self._item = (time.perf_counter(), item)
                    self._changed.notify()
                if self._stopped.is_set():
                    break
        except Exception as error:  # handed to the thread that reads
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify()

    def after(self, number: int) -> tuple[int, float, T] | None:
        """Wait for an item later than `number`: its number, arrival and itself; None at the end.

        The arrival is on the clock of `time.perf_counter`.

        Raises:
            VideoError: nothing came for ten seconds, or the source failed.
        """
        deadline = time.monotonic() + _PATIENCE
        with self._changed:
            while self._number <= number and not self._ended and not self._stopped.is_set():
                if time.monotonic() > deadline:
                    raise VideoError(f"no frame came for {_PATIENCE:g} seconds: check the source")
                self._changed.wait(_LOOK_UP)
            if self._stopped.is_set():
                return None
            if self._number > number and self._item is not None:
                return self._number, *self._item
            if self._error is not None:
                raise self._error
            return None

    def join(self) -> None:
        """Wait a little for the thread to let go of the source."""
        self._thread.join(timeout=2)


def open_camera(number: int, stopped: threading.Event) -> Opened:
    """Open a camera by its number, 0 for the first.

    Raises:
        VideoError: there is no such camera, or it gives no frames.
    """
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        camera = cv2.VideoCapture(number)
    finally:
        cv2.utils.logging.setLogLevel(level)
    if not camera.isOpened():
        raise VideoError(f"cannot open camera {number}: is it connected, and free?")
    fps = float(camera.get(cv2.CAP_PROP_FPS))

    def images() -> Iterator[Frame]:
        try:
            while True:
                ok, image = camera.read()
                if not ok:
                    raise VideoError(f"camera {number} gives no frames: is it connected, and free?")
                yield image  # type: ignore[misc]
        finally:
            camera.release()

    def convert(image: Frame) -> Frame:
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]

    return Opened(_shots(images(), convert, stopped), fps if fps > 0 else None, None, True)


def open_stream(url: str, stopped: threading.Event) -> Opened:
    """Open a stream URL; one that has an end and can be read at any speed is read as a file.

    Raises:
        VideoError: it cannot be reached, or holds no video.
    """
    video = VideoFile(url, url, _PATIENCE, _SHORT_LOOK)
    if video.container.duration is not None or _is_ts_file(video):
        return Opened(video.shots(), video.fps, video.frame_count)

    # Threads that take a frame each hold back as many frames as there are threads.
    video.stream.thread_type = "SLICE"

    def pictures() -> Iterator[VideoFrame]:
        try:
            for picture in _from_now(video.pictures()):
                yield picture
                for warning in video.take_warnings():
                    warnings.warn(warning, stacklevel=2)
        finally:
            video.close()

    return Opened(_shots(pictures(), ToFrame(), stopped), video.fps, None, True)


def _is_ts_file(video: VideoFile) -> bool:
    """Return whether it is an MPEG-TS of known size: one served without leave to look at its end.

    Other formats say how long they are, or have a size that is not theirs, as a playlist's.
    """
    return video.container.format.name == "mpegts" and video.container.size > 0


def _from_now(pictures: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    """Leave out what had waited when a stream was opened; of one that ends there, all but the last.

    FFmpeg keeps what it looked at, and some servers begin with what they sent last. Such pictures
    come in less than half the time that lies between them; the first that does not is of now. So
    is what comes after some seconds: of a stream without times of its own, such as MJPEG over
    HTTP, FFmpeg says 25 pictures a second, and those of a faster camera never come late.
    """
    began = came = 0.0
    last = None
    for picture in pictures:
        before, came = came, time.perf_counter()
        if last is None:
            began = came
        elif came - before >= _step(last, picture) / 2 or came - began >= _CATCHING_UP:
            yield picture
            yield from pictures
            return
        last = picture
    if last is not None:
        yield last


def _step(before: VideoFrame, after: VideoFrame) -> float:
    """Return the seconds between two pictures on the stream's clock; 0 where it has none."""
    return 0.0 if before.time is None or after.time is None else after.time - before.time


def _shots(items: Iterator[T], convert: Callable[[T], Frame], stopped: threading.Event) -> Shots:
    newest = Newest(items, stopped)
    number, began = -1, 0.0
    try:
        while (found := newest.after(number)) is not None:
            if number < 0:
                began = found[1]
            number, arrived, item = found
            yield Shot(number, arrived - began, convert(item), arrived)
    finally:
        stopped.set()
        newest.join()
