"""Follow any object through video from one box in the first frame.

    tracker = pursuit.load("siamfc-slim")
    tracker.init(frame, box)
    result = tracker.update(frame)

`pursuit.track("clip.mp4", box=...)` does the same for a whole video.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = ["Result", "State", "Tracker", "__version__", "load", "track"]

if TYPE_CHECKING:
    from pursuit.following import track
    from pursuit.trackers.base import Result, State, Tracker
    from pursuit.trackers.registry import load

# Imported when first asked for: torch takes seconds, and `pursuit --help` needs none of it.
_HOMES = {
    "Result": "pursuit.trackers.base",
    "State": "pursuit.trackers.base",
    "Tracker": "pursuit.trackers.base",
    "load": "pursuit.trackers.registry",
    "track": "pursuit.following",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pursuit' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
