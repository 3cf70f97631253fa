"""The source's sound in the written video: there, copied where possible, and in time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from pursuit.video import read, write

Clip = Callable[..., Path]
RATE = 48_000


def carry_over(source: Path, target: Path, **how: object) -> None:
    with (
        read(source, **how) as reader,  # type: ignore[arg-type]
        write(target, reader.fps or 25, source=source) as writer,
    ):
        for _, frame in reader:
            writer.write(frame, reader.time)


def samples(path: Path) -> tuple[float, np.ndarray]:
    """Time of the first sample after the first frame's time, and all samples."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("flt", "mono", RATE)
        pieces, first = [], None
        for frame in container.decode(audio=0):
            first = frame.time if first is None else first
            pieces += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
        video = container.streams.video[0]
        assert first is not None
        first -= float((video.start_time or 0) * video.time_base)
    return first, np.concatenate(pieces)


def lag_ms(source: Path, target: Path, start: float) -> float:
    """How much later a moment sounds in the target, of a video cut at `start` seconds."""
    first_a, a = samples(source)
    first_b, b = samples(target)
    at, length, reach = 0.3, RATE // 10, RATE // 40
    piece = b[round((at - first_b) * RATE) :][:length]
    begin = round((at + start - first_a) * RATE)
    fits = [piece @ a[begin + lag :][:length] for lag in range(-reach, reach)]
    return -(int(np.argmax(fits)) - reach) / RATE * 1000


@pytest.mark.parametrize(
    ("name", "codec", "kept"),
    [
        ("a.mp4", "aac", "aac"),
        ("a.ts", "aac", "aac"),
        ("a.mkv", "libmp3lame", "mp3"),
        ("a.mkv", "libopus", "opus"),
        ("a.mov", "pcm_s16le", "aac"),
    ],
)
@pytest.mark.parametrize("start", [0, 10])
def test_sound_is_there_and_in_time(
    write_clip: Clip, tmp_path: Path, name: str, codec: str, kept: str, start: int
) -> None:
    source = write_clip(tmp_path / name, 30, sound=codec)
    target = tmp_path / "out.mp4"
    carry_over(source, target, start=start)
    with av.open(str(target)) as container:
        sound = container.streams.audio[0]
        assert sound.codec_context.codec.canonical_name == kept
        assert container.streams.video[0].frames == 30 - start
        assert float((sound.duration or 0) * sound.time_base) == pytest.approx(
            (30 - start) / 25, abs=0.06
        )
    assert abs(lag_ms(source, target, start / 25)) < 2


def test_packets_are_copied_not_encoded_again(write_clip: Clip, tmp_path: Path) -> None:
    def packets(path: Path) -> list[bytes]:
        with av.open(str(path)) as container:
            return [bytes(packet) for packet in container.demux(audio=0) if packet.size]

    source = write_clip(tmp_path / "a.mp4", 30, sound="aac")
    carry_over(source, tmp_path / "b.mp4")
    copied = packets(tmp_path / "b.mp4")
    assert len(copied) > 40
    assert copied == [packet for packet in packets(source) if packet in set(copied)]


def test_sound_ends_with_the_video(write_clip: Clip, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "a.mp4", 30, sound="aac")
    carry_over(source, tmp_path / "b.mp4", max_frames=10)
    with av.open(str(tmp_path / "b.mp4")) as container:
        sound = container.streams.audio[0]
        assert float((sound.duration or 0) * sound.time_base) == pytest.approx(0.4, abs=0.03)


def test_sources_without_sound(write_clip: Clip, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "a.mp4", 5)
    for silent in (source, tmp_path, tmp_path / "missing.mp4"):
        with write(tmp_path / "b.mp4", 25, source=silent) as writer:
            writer.write(np.zeros((64, 64, 3), np.uint8))
        with av.open(str(tmp_path / "b.mp4")) as container:
            assert len(container.streams) == 1


def test_a_truncated_source_gives_the_sound_it_has(write_clip: Clip, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "a.mkv", 30, sound="aac")
    source.write_bytes(source.read_bytes()[: source.stat().st_size * 6 // 10])
    with pytest.warns(UserWarning, match="cut off"):
        carry_over(source, tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert container.streams.video[0].frames > 5
