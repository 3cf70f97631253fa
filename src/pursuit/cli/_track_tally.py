"""What `pursuit track` says of a run at its end."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pursuit.trackers.base import Result


class Tally:
    """What there is to say of a run at its end."""

    def __init__(self) -> None:
        self.frames = 0
        self._lost = 0
        self._unsure = 0
        self._tracking = 0.0
        self._writing = 0.0
        self._began = self._last = 0.0
        self._delays: list[float] = []
        self._numbers = (0, 0)  # of the first and the last frame

    def add(self, result: Result, writing: float = 0.0, delay: float | None = None) -> None:
        """Count one result, after its outputs.

        Args:
            result: of one frame.
            writing: seconds that the outputs took.
            delay: seconds from a live source's giving the frame to its boxes.
        """
        from pursuit.trackers.base import State

        self._last = time.perf_counter()
        if self.frames:  # the first is the start, another kind of work
            self._tracking += result.seconds
            self._writing += writing
            self._delays += [] if delay is None else [delay]
        else:
            self._began = self._last
        self.frames += 1
        self._numbers = (self._numbers[0] if self.frames > 1 else result.frame, result.frame)
        states = result.rows()[2]
        self._lost += bool((states == State.LOST).any())
        self._unsure += bool((states == State.UNSURE).any())

    def summary(
        self,
        reading: float,
        outputs: list[Path],
        runtime: str = "",
        budget_fps: float | None = None,
    ) -> str:
        """Return it in words: two lines on a terminal, one elsewhere.

        Args:
            reading: seconds spent on decoding, which goes on beside the rest.
            outputs: files that were written.
            runtime: what ran the network.
            budget_fps: frames a second that the tracker was to follow, if that was said.
        """
        by = f" ({runtime})" if runtime else ""
        speeds = [_frames(self.frames)]
        told = []
        if self._tracking:
            speeds.append(f"tracker {_speed(self.frames - 1, self._tracking)} fps{by}")
        if self._delays:
            speeds.append(self._delay())
            told.append(f"{_frames(self._missed())} missed")
        elif reading and self._tracking:
            speeds.append(self._together(reading))
        if budget_fps is not None and self._tracking:
            told.append(self._held(budget_fps))
        told.append(f"LOST in {self._lost}" if self._lost else "never lost")
        if self._unsure:
            told.append(f"unsure in {self._unsure}")
        text = "\n".join if sys.stderr.isatty() else ", ".join
        wrote = f"; wrote {', '.join(map(str, outputs))}" if outputs else ""
        return text((", ".join(speeds), ", ".join(told))) + wrote

    def _held(self, budget_fps: float) -> str:
        """Return whether the tracker was as fast as was wanted; decoding and writing apart."""
        held = (self.frames - 1) / self._tracking >= budget_fps
        return f"budget of {budget_fps:g} fps {'held' if held else 'NOT held'}"

    def _together(self, reading: float) -> str:
        """Return how fast all went, and what set the pace: decoding, or what waits for it."""
        by = pace(reading, self._tracking, self._writing)
        return f"together {_speed(self.frames - 1, self._last - self._began)} fps (set by {by})"

    def _delay(self) -> str:
        """Return how long boxes of a live source took."""
        ordered = sorted(self._delays)
        middle, late = (ordered[int(part * (len(ordered) - 1))] for part in (0.5, 0.95))
        return f"capture to box {1000 * middle:.0f} ms (p95 {1000 * late:.0f} ms)"

    def _missed(self) -> int:
        """Return how many frames of a live source were missed."""
        return self._numbers[1] - self._numbers[0] + 1 - self.frames


def pace(reading: float, tracking: float, writing: float) -> str:
    """Return which of three set the pace, by their seconds: decoding goes on beside the others."""
    if reading > tracking + writing:
        return "decoding"
    return "writing" if writing > tracking else "tracking"


def _frames(count: int) -> str:
    return f"{count} {'frame' if count == 1 else 'frames'}"


def _speed(count: int, seconds: float) -> str:
    speed = count / seconds
    return f"{speed:.1f}" if speed < 20 else f"{speed:.0f}"
