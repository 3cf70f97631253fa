"""Errors that a user can cause.

    PursuitError
    ├── FrameError      a frame that is not an image we can read
    ├── BoxError        a box that no target can have
    ├── VideoError      a video, folder, camera or stream that cannot be read or written
    ├── DataError       a data set or its labels
    ├── StoreError      a crop store
    ├── RecipeError     a recipe or an override of one
    ├── WeightsError    a weights file or its card
    ├── SettingsError   an option or hyper-parameter that does not exist or cannot be
    ├── EngineError     an engine that cannot run a network on this machine
    ├── ProgramError    a tracker's program that cannot be started, fails or answers nonsense
    │   └── ProgramHung     one that does not answer
    ├── WorkerError     a worker process or a cluster that was lost
    ├── OutputError     a file that cannot be written
    └── MissingExtra    a part of pursuit that is not installed

Each message is one line that says what was wrong, where, and what to do. The command
line prints it and exits with status 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PursuitError(Exception):
    """The root of all errors that a user can cause."""


class FrameError(PursuitError):
    """A frame that is not an image we can read."""


class BoxError(PursuitError):
    """A box that no target can have."""


class VideoError(PursuitError):
    """A video, folder, camera or stream that cannot be read or written."""


class DataError(PursuitError):
    """A data set or its labels."""


class StoreError(PursuitError):
    """A crop store."""


class RecipeError(PursuitError):
    """A recipe or an override of one."""


class WeightsError(PursuitError):
    """A weights file or its card."""


class SettingsError(PursuitError):
    """An option or hyper-parameter that does not exist or cannot have this value."""


class ProgramError(PursuitError):
    """A tracker's program that cannot be started, fails or answers nonsense."""


class ProgramHung(ProgramError):
    """A tracker's program that does not answer in the time it has."""


class EngineError(PursuitError):
    """An engine that cannot run a network on this machine."""


class WorkerError(PursuitError):
    """A worker process or a cluster that was lost."""


class OutputError(PursuitError):
    """A file that cannot be written."""


class MissingExtra(PursuitError):
    """A part of pursuit that is not installed."""

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(f"{module} is not installed: run  pip install 'pursuit[{extra}]'")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " (did you mean X?)" for the known name closest to `name`, or ""."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" (did you mean {found[0]}?)" if found else ""
