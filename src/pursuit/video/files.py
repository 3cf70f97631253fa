"""Frames of a video file: every one, in order, upright, from any start.

Frames are numbered as they are shown, from 0. The header's own count is never trusted.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import SideData
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from pursuit.errors import VideoError
from pursuit.frames import Frame
from pursuit.video.base import Opened, Shot, Shots, Start, VideoWarning, past_the_end
from pursuit.video.seeking import Spot, find_spot

# Each thread holds frames; more than this adds memory and hardly any speed.
_DECODING_THREADS = 4
_MOST_FPS = 1000  # a higher rate is a clock that was taken for one
_HOLE = 1000  # bytes between packets of Matroska that only damage leaves; heads take some 30
_MICROSECONDS = 1_000_000  # a second, in FFmpeg's own unit


def open_file(place: str, name: str, start: Start = 0) -> Opened:
    """Open the video at `place` (a path or URL), named `name` in messages.

    Raises:
        VideoError: it cannot be read, or holds no video.
    """
    video = VideoFile(place, name)
    count = video.frame_count
    if count is not None:
        skipped = start if isinstance(start, int) else int(start * (video.fps or 0))
        count = max(1, count - skipped)
    return Opened(video.shots(start), video.fps, count)


class VideoFile:
    """A video that FFmpeg opened, and its main video stream.

    Raises:
        VideoError: it cannot be read, or holds no video.
    """

    def __init__(
        self,
        place: str,
        name: str,
        timeout: float | None = None,
        options: dict[str, str] | None = None,
    ) -> None:
        self.place, self.name, self._timeout, self._options = place, name, timeout, options
        self._damaged = False
        self._warnings: list[VideoWarning] = []
        self._cut_away = 0  # frames that the file has and, by its edit list, does not show
        self._end = 0.0  # seconds on the file's clock at which what was decoded ends
        self._open()

    def _open(self) -> None:
        self.container = open_container(self.place, self.name, self._timeout, self._options)
        try:
            self.stream = _video_stream(self.container, self.name)
        except BaseException:
            self.container.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self.container.close()

    @property
    def fps(self) -> float | None:
        """Average frames a second, None where the file does not tell."""
        rate = self.stream.average_rate or self.stream.guessed_rate
        return float(rate) if rate is not None and 0 < rate <= _MOST_FPS else None

    @property
    def frame_count(self) -> int | None:
        """How many frames the file says it has, or None; it may be wrong."""
        if self.stream.frames > 0:
            return self.stream.frames
        if self.container.duration is None or self.fps is None:
            return None
        return max(1, round(self.container.duration / _MICROSECONDS * self.fps))

    def seconds(self, number: int, picture: VideoFrame) -> float | None:
        """Return the time of frame `number` on the video's clock."""
        if picture.pts is None or self.stream.time_base is None:
            return number / self.fps if self.fps else None
        return float((picture.pts - (self.stream.start_time or 0)) * self.stream.time_base)

    def shots(self, start: Start = 0) -> Shots:
        """Yield the frames from `start` on, then close the file.

        A damaged or cut off file gives the frames that it has, with one warning.
        """
        to_frame = ToFrame()
        number, longest = -1, 0.0
        time: float | None = None
        try:
            for number, picture in self._numbered(start):
                before, time = time, self.seconds(number, picture)
                if before is not None and time is not None:
                    longest = max(longest, time - before)
                yield from self.take_warnings()
                yield Shot(number, time, to_frame(picture))
            yield from self.take_warnings()
            if number < 0 and start:
                raise past_the_end(start, self.name)
            if number < 0:
                raise VideoError(f"{self.name} holds no frame that can be decoded")
            if self.stream.frames == 0:
                self._look_at_the_end(longest)
            elif start == 0 and number + 1 < self.stream.frames - self._cut_away:
                self._warn(f"{number + 1} of {self.stream.frames} frames could be read")
            yield from self.take_warnings()
        finally:
            self.close()

    def _look_at_the_end(self, step: float) -> None:
        """Warn if a Matroska file ends before the time in its header.

        It has no count of frames, and at a variable rate its rate gives none. The last frame may
        be shown for longer than is said of it: two of the longest `step` seconds between frames
        are no damage.
        """
        length = re.fullmatch(r"(\d+):(\d+):([\d.]+)", self.stream.metadata.get("DURATION", ""))
        if length is None:
            return
        hours, minutes, rest = (float(part) for part in length.groups())
        seconds = hours * 3600 + minutes * 60 + rest
        if seconds - self._end > 2 * (step or 1 / (self.fps or 1)):
            self._warn(f"its frames end at {self._end:.2f} of {seconds:.2f} seconds")

    def take_warnings(self) -> list[VideoWarning]:
        """Return what there is to warn of since this was last asked."""
        found, self._warnings = self._warnings, []
        return found

    def pictures(self) -> Iterator[VideoFrame]:
        """Yield what can be decoded from where the file stands; warn once of what cannot."""
        for packet in self._packets():
            self._cut_away += packet.is_discard
            if packet.is_corrupt:
                self._warn("only the frames it still has are read")
            try:
                decoded = packet.decode()
            except av.error.EOFError:
                return
            except av.FFmpegError:
                self._warn("only the frames it still has are read")
                continue
            if packet.pts is not None and packet.time_base is not None:
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                self._end = max(self._end, end)
            yield from decoded

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        """Yield the packets of the main stream; warn where some of a Matroska file were lost.

        FFmpeg goes over damage there in silence. It shows as bytes of no packet of any stream,
        and a step in time that is longer than the frame before it says it is shown.
        """
        matroska = "matroska" in self.container.format.name
        packets: Iterator[Packet[Any]] = self.container.demux(
            *(self.container.streams if matroska else [self.stream])
        )
        read_to: int | None = None
        hole = False
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                self._warn(f"reading stopped ({error.strerror})")
                return
            if packet is None:
                return
            if packet.pos is not None:
                hole = hole or (read_to is not None and packet.pos - read_to > _HOLE)
                read_to = max(read_to or 0, packet.pos) + packet.size
            if packet.stream.index != self.stream.index:
                continue
            if matroska and hole and self._is_late(packet):
                self._warn("only the frames it still has are read")
            hole = False
            yield packet

    def _is_late(self, packet: Packet[VideoStream]) -> bool:
        """Return whether a packet begins later than what was decoded before it ends."""
        if packet.pts is None:
            return False
        return float((packet.pts - (packet.duration or 0) / 2) * packet.time_base) > self._end

    def _numbered(self, start: Start) -> Iterator[tuple[int, VideoFrame]]:
        if start:
            spot = find_spot(self.container, self.stream, start)
            found = self._seek(spot) if spot is not None else None
            if spot is not None and found is not None:
                return enumerate(found, spot.number)
            self.close()
            self._open()
        return self._from(start, enumerate(self.pictures()))

    def _seek(self, spot: Spot) -> Iterator[VideoFrame] | None:
        """Return the frames from `spot` on, or None where the file cannot be entered there."""
        try:
            self.container.seek(spot.pts, stream=self.stream)
        except av.FFmpegError:
            return None
        pictures = self.pictures()
        for picture in pictures:
            if picture.pts is None or picture.pts > spot.pts:
                return None
            if picture.pts == spot.pts:
                return itertools.chain([picture], pictures)
        return None

    def _from(
        self, start: Start, every: Iterator[tuple[int, VideoFrame]]
    ) -> Iterator[tuple[int, VideoFrame]]:
        """Yield the frames from `start` on, out of all of them."""
        if isinstance(start, int):
            yield from itertools.dropwhile(lambda pair: pair[0] < start, every)
            return
        shown: tuple[int, VideoFrame] | None = None
        for number, picture in every:
            time = self.seconds(number, picture)
            if time is None or time > start:
                if shown is not None:
                    yield shown
                yield number, picture
                yield from every
                return
            shown = number, picture
        if shown is not None and start < (self.seconds(*shown) or 0) + 1 / (self.fps or 1):
            yield shown

    def _warn(self, what: str) -> None:
        if not self._damaged:
            self._warnings.append(VideoWarning(f"{self.name} is damaged or cut off: {what}"))
        self._damaged = True


def open_container(
    place: str, name: str, timeout: float | None = None, options: dict[str, str] | None = None
) -> InputContainer:
    """Open a file or URL with FFmpeg and its `options`; `timeout` seconds for it to answer.

    Raises:
        VideoError: it cannot be read.
    """
    try:
        container = av.open(
            place, "r", timeout=timeout, container_options=options, metadata_errors="replace"
        )
    except av.error.InvalidDataError:
        raise VideoError(
            f"cannot read {name}: not a video, or damaged, or cut off before its index; "
            "give a file that a player can play"
        ) from None
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"cannot read {name}: {error.strerror or error}") from None
    if container.format.name == "tty":  # FFmpeg plays any text as a picture of its letters
        container.close()
        raise VideoError(f"cannot read {name}: it is a text file, not a video")
    return container


def _video_stream(container: InputContainer, name: str) -> VideoStream:
    stream = container.streams.best("video")
    is_cover = stream is not None and bool(stream.disposition & Disposition.attached_pic)
    if not isinstance(stream, VideoStream) or is_cover:
        kind = "only sound" if container.streams.audio else "no pictures"
        raise VideoError(f"{name} has no video stream, {kind}: give a file with pictures")
    stream.thread_type = "AUTO"
    stream.thread_count = _DECODING_THREADS
    return stream


class ToFrame:
    """Makes frames of the pictures of one video: RGB, upright, in memory of their own."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._rotation: int | None = None
        self._matrix: NDArray[np.int32] | None = None

    def __call__(self, picture: VideoFrame) -> Frame:
        """Return a picture as a frame (H, W, 3), as a player shows it."""
        # One thread: swscale's own threads cost more than they save on a frame.
        array = self._reformatter.reformat(picture, format="rgb24", threads=1).to_ndarray()
        flat: NDArray[np.uint8] = array.astype(np.uint8, copy=False)
        # Not for every picture: asking for its side data makes a cycle of references, which
        # keeps the picture's memory until Python's collector comes by.
        if picture.rotation != self._rotation:
            self._rotation = picture.rotation
            data: object = picture.side_data.get("DISPLAYMATRIX")
            self._matrix = None
            if isinstance(data, SideData):
                self._matrix = np.frombuffer(bytes(data), np.int32).reshape(3, 3)
        return np.ascontiguousarray(flat if self._matrix is None else _turned(flat, self._matrix))


def _turned(frame: NDArray[np.uint8], matrix: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Return a view of `frame` as the display matrix says, to the nearest quarter turn.

    The matrix takes x, y to x a + y c, x b + y d (rows a, b and c, d).
    """
    (a, b), (c, d) = matrix[:2, :2].astype(np.int64)
    if abs(a) + abs(d) < abs(b) + abs(c):
        frame, a, d = frame.swapaxes(0, 1), c, b
    return frame[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
