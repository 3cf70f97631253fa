"""Video files: every frame, upright, from any start; damaged ones as far as they go."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from pursuit.errors import VideoError
from pursuit.video import VideoWarning, decode_frames, read

Clip = Callable[..., Path]

UNEVEN = [40 * number + 15 * (number % 3) for number in range(30)]


def frames_of(path: Path, **how: object) -> list[tuple[int, float | None, np.ndarray]]:
    with read(path, **how) as reader:  # type: ignore[arg-type]
        return [(number, reader.time, frame) for number, frame in reader]


def numbers_seen(frames: list[tuple[int, float | None, np.ndarray]]) -> list[int]:
    """Numbers as the pixels tell them: blue is 8 times the number."""
    return [round(float(frame[70:, :, 2].mean()) / 8) for _, _, frame in frames]


def test_every_frame_in_order_with_its_time(write_clip: Clip, tmp_path: Path) -> None:
    frames = frames_of(write_clip(tmp_path / "a.mp4", 30, options={"crf": "4"}))
    assert [number for number, _, _ in frames] == list(range(30))
    assert numbers_seen(frames) == list(range(30))
    assert [time for _, time, _ in frames] == pytest.approx([number / 25 for number in range(30)])


def test_what_is_known_beforehand(write_clip: Clip, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 30)
    with read(path, start=10) as reader:
        assert (reader.width, reader.height, reader.fps) == (160, 120, 25.0)
        assert (reader.frame_count, reader.is_live, reader.name) == (20, False, str(path))
    with read(path, max_frames=7) as reader:
        assert reader.frame_count == 7


def test_frames_are_contiguous_and_stay_as_they_are(write_clip: Clip, tmp_path: Path) -> None:
    frames = frames_of(write_clip(tmp_path / "a.mp4", 8, (162, 122)))
    kept = [frame.copy() for _, _, frame in frames]
    frames_of(tmp_path / "a.mp4")
    for (_, _, frame), copy in zip(frames, kept, strict=True):
        assert frame.dtype == np.uint8
        assert frame.flags.c_contiguous
        assert frame.flags.writeable
        assert np.array_equal(frame, copy)
    assert not any(np.shares_memory(frames[0][2], frame) for _, _, frame in frames[1:])


def test_pictures_are_freed_without_the_garbage_collector(write_clip: Clip, tmp_path: Path) -> None:
    # A cycle of references would keep every decoded picture until the collector runs.
    path = write_clip(tmp_path / "a.mp4", 20)
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in decode_frames(path):
            pass
        assert len(gc.get_objects()) - before < 15
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("short-gops.mp4", {"options": {"g": "6"}}),
        ("b-frames.mp4", {"options": {"g": "9", "bf": "3"}}),
        ("open-gops.mp4", {"options": {"g": "8", "bf": "3", "x264-params": "open-gop=1"}}),
        ("uneven.mp4", {"milliseconds": UNEVEN, "options": {"g": "5"}}),
        ("stream.ts", {"options": {"g": "7", "bf": "2"}, "sound": "aac"}),
        ("matroska.mkv", {"options": {"g": "7"}}),
        ("no-times.avi", {"codec": "mpeg4", "options": {"bf": "2", "g": "10"}}),
        ("raw.h264", {"options": {"g": "10", "bf": "2"}}),
        ("vp8.webm", {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "8"}}),
    ],
)
def test_any_start_is_exact(write_clip: Clip, tmp_path: Path, name: str, how: dict) -> None:
    path = write_clip(tmp_path / name, 30, **how)
    whole = frames_of(path)
    assert len(whole) == 30
    for start in range(1, 30, 4):
        for place in (start, float(whole[start][1] or 0)):
            part = frames_of(path, start=place, max_frames=2)
            assert [number for number, _, _ in part] == [start, start + 1][: 30 - start]
            assert part[0][1] == whole[start][1]
            assert np.array_equal(part[0][2], whole[start][2])


def test_seconds_give_the_frame_shown_then(write_clip: Clip, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "uneven.mp4", 30, milliseconds=UNEVEN)
    for start, number in ((0.0, 0), (0.054, 0), (0.055, 1), (0.1, 1), (0.110, 2), ("1s", 24)):
        assert frames_of(path, start=start, max_frames=1)[0][0] == number
    assert frames_of(path, start=1.2)[0][0] == 29  # still shown: the last frame has a duration


@pytest.mark.parametrize("start", [30, 500, 1.5, 1000.0])
def test_a_start_past_the_end_says_so(write_clip: Clip, tmp_path: Path, start: float) -> None:
    path = write_clip(tmp_path / "a.mp4", 30)
    with pytest.raises(VideoError, match=r"cannot start at .* ends before"):
        read(path, start=start)


@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
@pytest.mark.parametrize("mirrored", [False, True])
def test_frames_are_upright(write_clip: Clip, tmp_path: Path, degrees: int, mirrored: bool) -> None:
    # The display matrix turns the stored picture counter-clockwise, then mirrors it.
    path = write_clip(tmp_path / "t.mp4", 2, turn=(degrees, mirrored))
    plain = next(decode_frames(write_clip(tmp_path / "p.mp4", 2)))
    expected = np.rot90(plain, degrees // 90)
    if mirrored:
        expected = expected[:, ::-1]
    with read(path) as reader:
        frame = next(reader)[1]
        assert (reader.height, reader.width) == expected.shape[:2]
    assert np.array_equal(frame, expected)
    assert frame.flags.c_contiguous


@pytest.mark.parametrize("size", [(161, 121), (33, 65)])
def test_odd_sizes(write_clip: Clip, tmp_path: Path, size: tuple[int, int]) -> None:
    path = write_clip(tmp_path / "odd.mkv", 3, size, codec="ffv1", pixels="yuv444p")
    assert [frame.shape for frame in decode_frames(path)] == [(size[1], size[0], 3)] * 3


@pytest.mark.parametrize("pixels", ["gray", "yuv444p10le"])
def test_other_pixels_become_rgb(write_clip: Clip, tmp_path: Path, pixels: str) -> None:
    path = write_clip(tmp_path / "a.mkv", 2, codec="ffv1", pixels=pixels)
    frame = next(decode_frames(path))
    assert (frame.shape, frame.dtype) == ((120, 160, 3), np.uint8)
    if pixels == "gray":
        assert (frame[..., 0] == frame[..., 2]).all()


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_truncated_file_gives_what_it_has_and_warns_once(
    write_clip: Clip, tmp_path: Path, suffix: str
) -> None:
    path = write_clip(tmp_path / f"a.{suffix}", 30, in_front=suffix == "mp4")
    whole = frames_of(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    with pytest.warns(VideoWarning, match=r"a\.\w+ is damaged or cut off") as caught:
        part = frames_of(path)
    assert len(caught) == 1
    assert 5 < len(part) < 25
    for kept, full in zip(part[:-2], whole, strict=False):
        assert np.array_equal(kept[2], full[2])


@pytest.mark.parametrize("steps", [(20, 100), (20, 20), (100, 100), (40, 1500)])
def test_a_variable_rate_is_no_damage(
    write_clip: Clip, tmp_path: Path, steps: tuple[int, int]
) -> None:
    # The header's rate is 25; warnings are errors here.
    times = list(itertools.accumulate([0, *steps * 10]))[:20]
    path = write_clip(tmp_path / "a.mkv", 20, milliseconds=times, sound="aac")
    assert [round(1000 * (time or 0)) for _, time, _ in frames_of(path)] == times


@pytest.mark.parametrize("start", [0, 3])
def test_a_truncated_variable_rate_is_damage(write_clip: Clip, tmp_path: Path, start: int) -> None:
    times = list(itertools.accumulate([0, *(20, 100) * 10]))[:20]
    path = write_clip(tmp_path / "a.mkv", 20, milliseconds=times)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    with pytest.warns(VideoWarning, match=r"a.mkv is damaged or cut off") as caught:
        assert len(frames_of(path, start=start)) < 15
    assert len(caught) == 1


def test_a_truncated_stream_of_packets_reads_on(write_clip: Clip, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.ts", 30)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    assert 5 < len(frames_of(path)) < 30


def test_damage_in_the_middle_leaves_frames_out(write_clip: Clip, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mkv", 30, codec="mjpeg", pixels="yuvj420p")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    path.write_bytes(data)
    with pytest.warns(VideoWarning, match="damaged"):
        frames = frames_of(path)
    assert 15 < len(frames) < 30


def test_a_file_cut_before_its_index_is_refused(write_clip: Clip, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 30)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(VideoError, match=r"a\.mp4: not a video, or damaged, or cut off"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"hello\n" * 99, bytes(range(256)) * 50])
@pytest.mark.parametrize("suffix", ["mp4", "avi", "txt"])
def test_what_is_not_a_video_is_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"bad.{suffix}"
    path.write_bytes(content)
    with pytest.raises(VideoError, match=f"bad.{suffix}") as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_sound_alone_has_no_video(write_clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        wave = np.zeros((1, 800), np.int16)
        frame = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(VideoError, match=r"a\.wav has no video stream, only sound"):
        read(path)


def test_a_video_of_no_frames_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        container.start_encoding()
    with pytest.raises(VideoError, match=r"none\.mp4"):
        read(path)


def test_real_videos_have_a_frame_for_each_label(shared_data: Path) -> None:
    for name in ("Crossing", "Football", "Jogging"):
        lines = (shared_data / "otb-dev" / f"{name}.csv").read_text().splitlines()[1:]
        last = max(int(line.split(",")[0]) for line in lines)
        path = shared_data / "otb-dev" / f"{name}.mp4"
        assert sum(1 for _ in decode_frames(path)) == last + 1
