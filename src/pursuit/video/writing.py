"""Writing video: H.264 that plays everywhere, with the sound of its source."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter
from av.video.stream import VideoStream

from pursuit.errors import OutputError, SettingsError
from pursuit.files import atomic_path, cannot_write
from pursuit.frames import Frame
from pursuit.video.base import VideoWarning
from pursuit.video.sound import Sound, open_sound

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
# In order of liking; the first that the installed PyAV has is taken.
_ENCODERS = ("libx264", "libopenh264", "h264_videotoolbox", "h264_mf")
# About as good as the source to the eye. A long look-ahead and B-frames would save a few per
# cent of the file, and keep twice as many frames in memory.
_X264 = {"preset": "veryfast", "crf": "20", "x264-params": "rc-lookahead=2:bframes=0"}
_ENCODING_THREADS = 4  # each holds frames too
_BT709 = 1  # FFmpeg's number for it, as matrix, primaries and transfer
_LIMITED = 1  # luma 16 to 235
_TICKS = 10_000  # a second has at least so many: frames may come at any time
_MOST_FPS = 1000


@contextmanager
def write(path: str | Path, fps: float, source: str | Path | None = None) -> Iterator[VideoWriter]:
    """Give a writer of a video file, to use in a `with` block.

    The file appears at the end of the block, whole: after Ctrl-C too, with the frames written
    until then. After any other error nothing is left of it.

    Args:
        path: .mp4, .m4v, .mov or .mkv; an existing file is replaced.
        fps: frames a second, for frames that come without a time.
        source: video whose sound is carried over, from the first written frame's time on.

    Raises:
        SettingsError: `fps` cannot be, or the suffix is another one.
        OutputError: the file cannot be written, or no frame was.
    """
    if Path(path).suffix.lower() not in FORMATS:
        known = ", ".join(FORMATS)
        raise SettingsError(f"cannot write video {path}: name it with one of {known}")
    if not 0 < fps <= _MOST_FPS:
        raise SettingsError(f"fps must be above 0 and at most {_MOST_FPS}; got {fps}")
    interrupt: KeyboardInterrupt | None = None
    with atomic_path(path) as part:
        writer = VideoWriter(part, Path(path), fps, source)
        try:
            yield writer
            writer.finish()
        except KeyboardInterrupt as caught:
            if not writer.frames:
                raise
            interrupt = caught
            writer.finish()
        finally:
            writer.close()
    if interrupt is not None:
        raise interrupt


class VideoWriter:
    """Writes frames as H.264, yuv420p, BT.709, with the index in front (fast start).

    The size is the first frame's, plus a repeated last column or row where a side is odd: boxes
    keep their pixels. Later frames of another size are fitted into it, on black. Made by `write`.

    Attributes:
        path: the file that will be.
        frames: how many were written so far.
    """

    def __init__(self, part: Path, path: Path, fps: float, source: str | Path | None) -> None:
        self.path = path
        self.frames = 0
        self._step = 1 / Fraction(fps).limit_denominator(1001)
        self._source = source
        self._stream: VideoStream | None = None
        self._sound: Sound | None = None
        self._reformatter = VideoReformatter()
        self._origin = 0.0  # time of the first frame
        self._last = 0  # ticks, time of the last frame
        format = FORMATS[path.suffix.lower()]
        options = {} if format == "matroska" else {"movflags": "+faststart"}
        try:
            self._output: OutputContainer = av.open(
                str(part.absolute()), "w", format=format, options=options
            )
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from error

    def write(self, frame: Frame, time: float | None = None) -> None:
        """Append a frame (H, W, 3), RGB.

        `time` is its second on the source's clock (`VideoReader.time`): the first one is where
        the video begins, and a variable rate is kept. None: it follows at `fps`.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            if self._stream is None:
                self._stream = self._begin(frame, time or 0.0)
            self._encode(self._stream, frame, time)
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from error

    def finish(self) -> None:
        """Write what is held back, the rest of the sound, and the index.

        Raises:
            OutputError: it cannot be written, or there was no frame.
        """
        if self._stream is None:
            raise OutputError(f"cannot write {self.path}: there was no frame to write")
        try:
            self._output.mux(self._stream.encode(None))
            if self._sound is not None:
                self._sound.finish(self._end)
            self._output.close()
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Let go of all files, finished or not."""
        with suppress(av.FFmpegError, OSError, ValueError):
            self._output.close()
        if self._sound is not None:
            self._sound.close()

    def _begin(self, frame: Frame, origin: float) -> VideoStream:
        self._origin = origin
        stream = _video_stream(self._output, frame, self._step)
        if self._source is not None:
            self._sound = open_sound(self._source, self._output, origin)
        return stream

    def _encode(self, stream: VideoStream, frame: Frame, time: float | None) -> None:
        tick = stream.codec_context.time_base
        if time is not None:
            pts = round((time - self._origin) / tick)
        elif self.frames:
            pts = self._last + round(self._step / tick)
        else:
            pts = 0
        self._last = max(pts, self._last + 1) if self.frames else pts
        picture = self._reformatter.reformat(
            VideoFrame.from_ndarray(_fitted(frame, stream.width, stream.height), format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            threads=1,
        )
        picture.pts, picture.time_base = self._last, tick
        self.frames += 1
        self._output.mux(stream.encode(picture))
        if self._sound is not None:
            self._sound.upto(self._end)

    @property
    def _end(self) -> float:
        """Seconds from the beginning of the video to the end of its last frame."""
        assert self._stream is not None
        return float(self._last * self._stream.codec_context.time_base + self._step)

    def _failed(self, error: Exception) -> OutputError:
        if isinstance(error, OSError):
            return cannot_write(self.path, error)
        return OutputError(f"cannot write {self.path}: {error}")


def encoder_name() -> str:
    """Return the H.264 encoder to use; warns and returns "mpeg4" where there is none."""
    for name in _ENCODERS:
        with suppress(ValueError, av.FFmpegError):
            av.Codec(name, "w")
            return name
    text = "this PyAV cannot write H.264: the video is MPEG-4 Part 2, which browsers do not play"
    warnings.warn(text, VideoWarning, stacklevel=2)
    return "mpeg4"


def _video_stream(output: OutputContainer, frame: Frame, step: Fraction) -> VideoStream:
    name = encoder_name()
    stream = output.add_stream(name, options=_X264 if name == "libx264" else {})
    assert isinstance(stream, VideoStream)
    height, width = frame.shape[:2]
    stream.width, stream.height = width + width % 2, height + height % 2
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.framerate = 1 / step
    # The rate's numerator times a power of two: a constant rate has whole ticks a frame.
    ticks = step.denominator
    while ticks < _TICKS:
        ticks *= 2
    context.time_base = Fraction(1, ticks)
    context.thread_count = _ENCODING_THREADS
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED
    return stream


def _fitted(frame: Frame, width: int, height: int) -> Frame:
    """Return the frame with an edge repeated, or scaled into width x height on black."""
    below, right = height - frame.shape[0], width - frame.shape[1]
    if (below, right) == (0, 0):
        return np.ascontiguousarray(frame)
    if not (0 <= below <= 1 and 0 <= right <= 1):
        scale = min(width / frame.shape[1], height / frame.shape[0])
        size = (max(1, int(frame.shape[1] * scale)), max(1, int(frame.shape[0] * scale)))
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        canvas = np.zeros((height, width, 3), np.uint8)
        canvas[: size[1], : size[0]] = small
        return canvas
    return np.pad(frame, ((0, below), (0, right), (0, 0)), mode="edge")
