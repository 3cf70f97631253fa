"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# Machines are shared: how long an example takes, or its making, says nothing. The same examples
# each time: a change is not refused for what was there before it.
settings.register_profile(
    "shared machines",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("shared machines")

# Nor does which engine is the fastest: tests take the one that is there always. Commands that
# tests start read it too.
os.environ["PURSUIT_RUNTIME"] = "tuned"

# Servers of tests are on this machine, where no proxy is needed; FFmpeg would ask it.
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1,localhost"

Row = tuple[object, ...]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real videos and published results; tests that need it skip where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("PURSUIT_TEST_DATA", default))
    if not root.is_dir():
        pytest.skip(f"needs the real data, and {root} is absent (set PURSUIT_TEST_DATA)")
    return root


@pytest.fixture(scope="session")
def write_labelled_video() -> Callable[..., Path]:
    """Function that writes NAME.mp4 (smooth, moving colours) and NAME.csv into a folder."""
    from pursuit.video import write

    def write_it(
        folder: Path,
        name: str,
        rows: Sequence[Row],
        *,
        frames: int = 6,
        size: tuple[int, int] = (96, 64),
        header: str = "frame,object,x,y,w,h",
    ) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        y, x = np.mgrid[: size[1], : size[0]].astype(np.float64)
        with write(folder / f"{name}.mp4", 25) as writer:
            for number in range(frames):
                waves = (np.sin((x + 3 * number) / 9), np.cos(y / 7), np.sin((x + y) / 13))
                writer.write(np.stack([128 + 90 * wave for wave in waves], 2).astype(np.uint8))
        lines = [header, *(",".join(str(value) for value in row) for row in rows)]
        labels = folder / f"{name}.csv"
        labels.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        return folder / f"{name}.mp4"

    return write_it


def scene(number: int, size: tuple[int, int] = (160, 120)) -> np.ndarray:
    """Frame of `write_clip`: a red square on a gradient, 2 px further right in each frame.

    The square is 20 x 20 px, its left edge at 10 + 2 * number, its top at 40. Blue is
    8 * number, and tells frames apart.
    """
    width, height = size
    frame = np.zeros((height, width, 3), np.uint8)
    frame[..., 0] = np.linspace(0, 200, width)
    frame[..., 1] = np.linspace(0, 200, height)[:, None]
    frame[..., 2] = 8 * number % 256
    left = 10 + 2 * number
    frame[40:60, left : left + 20] = (255, 0, 0)
    return frame


@pytest.fixture(scope="session")
def write_clip() -> Callable[..., Path]:
    """Function that writes a clip of `scene` frames with PyAV alone, and returns its path."""
    import av

    def add_sound(
        container: av.container.OutputContainer, stream: av.AudioStream, seconds: float
    ) -> None:
        time = np.arange(int(48_000 * seconds)) / 48_000
        # A rising tone: every moment sounds different.
        wave = (8_000 * np.sin(2 * np.pi * 300 * time * (1 + time))).astype(np.int16)
        for start in range(0, len(wave), 960):
            piece = np.ascontiguousarray(wave[None, start : start + 960])
            frame = av.AudioFrame.from_ndarray(piece, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 48_000, start
            frame.time_base = Fraction(1, 48_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

    def write_it(
        path: Path,
        frames: int = 30,
        size: tuple[int, int] = (160, 120),
        *,
        codec: str = "libx264",
        pixels: str = "yuv420p",
        milliseconds: Sequence[int] | None = None,
        turn: tuple[int, bool] | None = None,
        sound: str | None = None,
        options: dict[str, str] | None = None,
        in_front: bool = False,
    ) -> Path:
        movflags = {"movflags": "+faststart"} if in_front else {}
        with av.open(str(path), "w", options=movflags) as container:
            stream = container.add_stream(codec, rate=25, options=options or {})
            stream.width, stream.height, stream.pix_fmt = *size, pixels
            tones = container.add_stream(sound, rate=48_000) if sound is not None else None
            if turn is not None:
                stream.set_display_rotation(turn[0], hflip=turn[1])
            if milliseconds is not None:
                stream.codec_context.time_base = Fraction(1, 1000)
            for number in range(frames):
                picture = av.VideoFrame.from_ndarray(scene(number, size), format="rgb24")
                picture.pts = number
                if milliseconds is not None:
                    picture.pts, picture.time_base = milliseconds[number], Fraction(1, 1000)
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
            if tones is not None:
                add_sound(container, tones, frames / 25)
        return path

    return write_it


@pytest.fixture(scope="session")
def other_threads() -> Callable[[Callable[[], object]], float]:
    """Function that calls a function, and says what this process's other threads do meanwhile.

    It returns their processor time, as a share of that of the thread that calls.
    """

    def share(call: Callable[[], object]) -> float:
        call()
        time.sleep(0.5)  # until those have come to rest that worked before
        whole, own = time.process_time(), time.thread_time()
        for _ in range(50):
            call()
        own = time.thread_time() - own
        return (time.process_time() - whole - own) / own

    return share
