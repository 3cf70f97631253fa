"""What a source of frames gives, whatever it reads."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import NamedTuple

from pursuit.errors import VideoError
from pursuit.frames import Frame

Start = int | float  # a frame number (int), or seconds from the first frame (float)


class VideoWarning(UserWarning):
    """A video that can be read in part only."""


class Shot(NamedTuple):
    """One frame of a video.

    `time` counts seconds from the video's first frame; None where the source has no clock.
    `arrived` is when a live source gave it, on the clock of `time.perf_counter`.
    """

    number: int
    time: float | None
    frame: Frame
    arrived: float | None = None


# Warnings stand among the frames, where the damage is: whoever takes the frames says them, in
# its own thread, and says nothing of what it never comes to.
Shots = Generator[Shot | VideoWarning, None, None]


@dataclass(frozen=True)
class Opened:
    """An opened source: its frames in order, and what is known of them beforehand.

    Attributes:
        shots: the frames from the wanted start on, and warnings among them; closing the
            generator closes the source.
        fps: frames a second, or None where unknown.
        frame_count: about how many shots there will be, or None; only fit for a progress bar.
        is_live: whether frames that nobody took in time are lost.
    """

    shots: Shots
    fps: float | None
    frame_count: int | None
    is_live: bool = False


def past_the_end(start: Start, name: str) -> VideoError:
    """Return the error to raise when a video has no frame at `start`."""
    moment = f"frame {start}" if isinstance(start, int) else f"{start:g} seconds"
    return VideoError(f"cannot start at {moment}: {name} ends before; choose an earlier start")
