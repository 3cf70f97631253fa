"""The progress of `pursuit evaluate`, on stderr."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from pursuit.protocols.runner import Outcome


class JudgingProgress:
    """A bar on a terminal; elsewhere a line for each run, with the time left. On stderr."""

    def __init__(self, frames: int) -> None:
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.percentage:>3.0f}%  left"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("judging", total=frames)
        self._frames, self._done, self._kept = frames, 0, 0
        self._began = time.monotonic()

    def __enter__(self) -> JudgingProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        if self._kept:
            self.say(f"{self._kept} whole results were there and are kept")

    def tell(self, outcome: Outcome, *, known: bool) -> None:
        """Show an outcome; of a sequence that is known not to be good no more than that."""
        what = f"{outcome.label} on {outcome.sequence}"
        if outcome.run:
            what += f", {outcome.run}"
        if outcome.status in ("kept", "spared"):
            # Not work: it must not make what is left look shorter.
            self._kept += outcome.status == "kept"
            self._frames -= outcome.frames
            self._bar.update(self._task, total=self._frames)
            return
        self._done += outcome.frames
        self._frames = max(self._frames, self._done)
        self._bar.update(self._task, total=self._frames, completed=self._done, description=what)
        if outcome.status == "failed":
            self.say(f"failed: {what}: {outcome.error}")
        elif outcome.status == "unreadable":
            if not known:
                self.say(f"left out: {outcome.sequence}: {outcome.error}")
        elif not self._console.is_terminal:
            self.say(f"{what}: {self._done}/{self._frames} frames, {self._left()} left")

    def _left(self) -> str:
        taken = time.monotonic() - self._began
        seconds = round(taken / self._done * (self._frames - self._done))
        return f"{seconds // 60}:{seconds % 60:02d}"

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)
