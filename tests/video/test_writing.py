"""Written video: H.264 that plays everywhere, right colours and times, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from pursuit.errors import OutputError, SettingsError
from pursuit.video import VideoWarning, decode_frames, read, write, writing

COLOURS = np.array(
    [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (128, 128, 128), (200, 100, 50)],
    np.uint8,
)


def bars(height: int = 64, width: int = 192) -> np.ndarray:
    return np.repeat(COLOURS[None], height, axis=0).repeat(width // len(COLOURS), axis=1)


def test_what_browsers_play(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with write(path, 30000 / 1001) as writer:
        for _ in range(10):
            writer.write(bars())
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (context.colorspace, context.color_primaries, context.color_range) == (1, 1, 1)
        assert str(stream.average_rate) == "30000/1001"
        assert stream.frames == 10
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # a browser starts before all is loaded


def test_colours_survive(tmp_path: Path) -> None:
    with write(tmp_path / "a.mp4", 25) as writer:
        for _ in range(3):
            writer.write(bars())
    frame = list(decode_frames(tmp_path / "a.mp4"))[-1]
    assert np.abs(frame[32, 16::32].astype(int) - COLOURS).max() <= 4


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "m4v", "MP4"])
def test_containers(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    with write(path, 25) as writer:
        for _ in range(4):
            writer.write(bars())
    assert len(list(decode_frames(path))) == 4
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("width", "height"), [(161, 121), (160, 121), (161, 120), (1, 1)])
def test_an_odd_side_gets_its_last_line_twice(tmp_path: Path, width: int, height: int) -> None:
    frame = np.zeros((height, width, 3), np.uint8)
    frame[:, width // 2 :] = 220
    with write(tmp_path / "a.mp4", 25) as writer:
        for _ in range(3):
            writer.write(frame)
    written = next(decode_frames(tmp_path / "a.mp4"))
    assert written.shape == (height + height % 2, width + width % 2, 3)
    assert np.abs(written[:height, :width].astype(int) - frame).mean() < 6
    assert np.abs(written[-1, -1].astype(int) - frame[-1, -1]).max() < 12


def test_a_frame_of_another_size_is_fitted_on_black(tmp_path: Path) -> None:
    with write(tmp_path / "a.mp4", 25) as writer:
        writer.write(np.full((64, 128, 3), 200, np.uint8))
        writer.write(np.full((128, 128, 3), 200, np.uint8))
    second = list(decode_frames(tmp_path / "a.mp4"))[1]
    assert second.shape == (64, 128, 3)
    assert second[32, 30].min() > 180
    assert second[32, 100].max() < 20


def test_the_callers_frame_is_not_changed_and_may_have_any_strides(tmp_path: Path) -> None:
    big = np.random.default_rng(0).integers(0, 256, (80, 100, 3), dtype=np.uint8)
    copy = big.copy()
    with write(tmp_path / "a.mp4", 25) as writer:
        writer.write(big[::-1, 3:90])
    assert np.array_equal(big, copy)


def test_a_variable_rate_is_kept(write_clip: Callable[..., Path], tmp_path: Path) -> None:
    uneven = [40 * number + 15 * (number % 3) for number in range(30)]
    source = write_clip(tmp_path / "a.mp4", 30, milliseconds=uneven)
    with read(source, start=6) as reader, write(tmp_path / "b.mp4", reader.fps or 0) as writer:
        for _, frame in reader:
            writer.write(frame, reader.time)
    with read(tmp_path / "b.mp4") as reader:
        times = [reader.time for _ in reader]
    expected = [(number - uneven[6]) / 1000 for number in uneven[6:]]
    assert times == pytest.approx(expected, abs=1e-4)


def test_times_never_go_back(tmp_path: Path) -> None:
    with write(tmp_path / "a.mp4", 25) as writer:
        for time in (0.0, 0.2, 0.1, 0.1, 0.3):
            writer.write(bars(), time)
    with read(tmp_path / "a.mp4") as reader:
        times = [reader.time or 0.0 for _ in reader]
    assert len(times) == 5
    assert all(later > before for before, later in pairwise(times))


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")
    with write(path, 25) as writer:
        writer.write(bars())
        assert path.read_bytes() == b"old"
    assert len(list(decode_frames(path))) == 1


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> None:
        with write(tmp_path / "a.mp4", 25) as writer:
            writer.write(bars())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert list(tmp_path.iterdir()) == []


def test_no_frame_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no frame"), write(tmp_path / "a.mp4", 25):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_keeps_what_was_done(tmp_path: Path) -> None:
    def interrupted() -> None:
        with write(tmp_path / "a.mp4", 25) as writer:
            for _ in range(12):
                writer.write(bars())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(list(decode_frames(tmp_path / "a.mp4"))) == 12
    with pytest.raises(KeyboardInterrupt), write(tmp_path / "b.mp4", 25):
        raise KeyboardInterrupt
    assert not (tmp_path / "b.mp4").exists()


def test_what_cannot_be(tmp_path: Path) -> None:
    with (
        pytest.raises(SettingsError, match=r"name it with one of \.mp4"),
        write(tmp_path / "a.webm", 25),
    ):
        pass
    for fps in (0, -1, 1e6, float("nan")):
        with pytest.raises(SettingsError, match="fps"), write(tmp_path / "a.mp4", fps):
            pass
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"), write(tmp_path / "file" / "a.mp4", 25):
        pass


def test_the_encoder_falls_back_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    assert writing.encoder_name() == "libx264"
    monkeypatch.setattr(writing, "_ENCODERS", ("none such", "libx264"))
    assert writing.encoder_name() == "libx264"
    monkeypatch.setattr(writing, "_ENCODERS", ("none such",))
    with pytest.warns(VideoWarning, match="browsers do not play"):
        assert writing.encoder_name() == "mpeg4"
