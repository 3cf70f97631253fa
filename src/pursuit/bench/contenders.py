"""Whose speed is measured: our trackers on each runtime, and OpenCV's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pursuit import runtimes
from pursuit.errors import PursuitError, SettingsError
from pursuit.trackers.base import Tracker
from pursuit.trackers.external import command_of
from pursuit.trackers.registry import load_files, with_files
from pursuit.trackers.settings import PRESETS

OURS = ("siamfc-slim", "siamfc-3s", "goturn-compact")
MAIN_PEER = "opencv-csrt"  # with which others are compared
PEERS = (MAIN_PEER, "opencv-kcf", "opencv-mil", "opencv-mosse")
OPENCV = "opencv"  # the runtime of peers
PROGRAM = "program"  # that of external:COMMAND

_REFERENCE = "eager"


@dataclass(frozen=True)
class Contender:
    """A tracker on a runtime.

    Attributes:
        name: of the tracker, with its weights' where they are not its own.
        runtime: what runs its network; "opencv" of a peer, "program" of external:COMMAND.
        tracker: itself.
    """

    name: str
    runtime: str
    tracker: Tracker

    @property
    def is_ours(self) -> bool:
        """Whether it runs a network of ours."""
        return self.runtime not in (OPENCV, PROGRAM)


def load(
    trackers: Sequence[str], names: Sequence[str] = (), device: str = "cpu"
) -> tuple[list[Contender], list[str]]:
    """Return the contenders, and what was left out and why, a line each.

    Args:
        trackers: NAME, NAME:WEIGHTS, opencv-nano:BACKBONE,HEAD or external:COMMAND.
        names: of runtimes; without any, all that can be used on this machine.
        device: "cpu" or "cuda", of our trackers.

    Raises:
        SettingsError: no such tracker, runtime or device, or none that one of the two is for.
        WeightsError: weights that cannot be used.
        PursuitError: a runtime that was named cannot be used here.
    """
    if device == "auto":
        raise SettingsError("what is measured on one device is compared: name cpu or cuda")
    found: list[Contender] = []
    notes: list[str] = []
    entered = [with_files(text) for text in dict.fromkeys(trackers)]
    for_ours = any(name in PRESETS for name, _ in entered)
    # Those that run no network of ours refuse what is named for nobody else.
    rest = {} if for_ours else {"runtime": (*names, "auto")[0], "device": device}
    for name, files in entered:
        if name not in PRESETS:
            kind = OPENCV if command_of(name) is None else PROGRAM
            found.append(Contender(name, kind, load_files(name, files, **rest)))
            continue
        label = ":".join([name, *(Path(file).stem for file in files)])
        for runtime in dict.fromkeys(names or runtime_names()):
            try:
                tracker = load_files(name, files, runtime=runtime, device=device)
            except PursuitError as error:
                if names or runtime == _REFERENCE:
                    raise
                notes.append(f"{runtime} is left out: {error}")
                continue
            # `auto` says what it took.
            found.append(Contender(label, getattr(tracker, "runtime", runtime), tracker))
    return found, list(dict.fromkeys(notes))


def runtime_names() -> list[str]:
    """Return all runtimes, the reference first: what is wrong with a tracker shows there."""
    others = [name for name in runtimes.names() if name not in ("auto", _REFERENCE)]
    return [_REFERENCE, *others]
