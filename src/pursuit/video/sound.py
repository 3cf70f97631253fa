"""The sound of a video, carried over into another file."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from pursuit.errors import VideoError
from pursuit.video.base import VideoWarning
from pursuit.video.files import open_container

# Codecs that MP4 files and players take as they are; others are encoded anew as AAC.
_COPIED = {"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"}


class Sound:
    """The main sound of a video from a moment on, muxed into `output` piece by piece.

    Packets are copied where the codec allows, else encoded anew as AAC. Time 0 of the output
    is `origin` on the video's own clock: seconds from its first frame.
    """

    def __init__(
        self, source: InputContainer, stream: AudioStream, output: OutputContainer, origin: float
    ) -> None:
        self._source, self._stream, self._output = source, stream, output
        self._first = _picture_start(source) + Fraction(origin).limit_denominator(1_000_000)
        self._copied = stream.codec_context.codec.canonical_name in _COPIED
        if self._copied:
            self._target = output.add_stream_from_template(stream)
        else:
            self._target = output.add_stream("aac", rate=stream.rate or 48_000)
        if stream.time_base is not None:
            start = max(0, int(self._first / stream.time_base))
            source.seek(start, stream=stream)
        self._packets = self._pieces()
        self._next = next(self._packets, None)

    def upto(self, seconds: float) -> None:
        """Mux all the sound before this time of the output."""
        while self._next is not None and self._next[0] < seconds:
            self._output.mux(self._next[1])
            self._next = next(self._packets, None)

    def finish(self, seconds: float) -> None:
        """Mux the rest before this time of the output, and what an encoder still holds."""
        self.upto(seconds)
        if not self._copied:
            self._output.mux(self._target.encode(None))

    def close(self) -> None:
        """Let go of the source."""
        self._source.close()

    def _pieces(self) -> Iterator[tuple[Fraction, list[Packet]]]:  # type: ignore[type-arg]
        return self._copies() if self._copied else self._encoded()

    def _copies(self) -> Iterator[tuple[Fraction, list[Packet]]]:  # type: ignore[type-arg]
        for packet in _demuxed(self._source, self._stream):
            if packet.dts is None or packet.pts is None or packet.is_discard:
                continue
            shift = round(self._first / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            if packet.pts < 0:
                continue
            packet.stream = self._target
            yield packet.pts * packet.time_base, [packet]

    def _encoded(self) -> Iterator[tuple[Fraction, list[Packet]]]:  # type: ignore[type-arg]
        for packet in _demuxed(self._source, self._stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                assert isinstance(frame, AudioFrame)
                if frame.pts is None or frame.time_base is None:
                    continue
                time = frame.pts * frame.time_base - self._first
                if time < 0:
                    continue
                frame.time_base = Fraction(1, frame.sample_rate)
                frame.pts = round(time * frame.sample_rate)
                yield time, self._target.encode(frame)


def open_sound(video: str | Path, output: OutputContainer, origin: float) -> Sound | None:
    """Return the sound of a video (a file or URL), ready to mux, or None where it has none."""
    place = str(video) if "://" in str(video) else str(Path(video).absolute())
    try:
        source = open_container(place, str(video))
    except VideoError:
        return None
    stream = source.streams.best("audio")
    if not isinstance(stream, AudioStream):
        source.close()
        return None
    try:
        return Sound(source, stream, output, origin)
    except (av.FFmpegError, ValueError) as error:
        source.close()
        warnings.warn(f"the sound of {video} is left out: {error}", VideoWarning, stacklevel=2)
        return None


def _demuxed(source: InputContainer, stream: AudioStream) -> Iterator[Packet[AudioStream]]:
    """Yield packets up to the end, or to where the file is damaged."""
    try:
        yield from source.demux(stream)
    except av.FFmpegError:
        return


def _picture_start(source: InputContainer) -> Fraction:
    """Return the time of the first frame on the clock of the file, seconds."""
    stream = source.streams.best("video")
    if stream is None or stream.start_time is None or stream.time_base is None:
        return Fraction(0)
    return stream.start_time * stream.time_base
