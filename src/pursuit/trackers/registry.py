"""All trackers behind one door: presets of SiamFC with shipped weights, and OpenCV's as peers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pursuit import runtimes
from pursuit.errors import SettingsError, WeightsError, nearest
from pursuit.networks.siamfc import SiamFC
from pursuit.trackers.base import Tracker
from pursuit.trackers.opencv import OPENCV_NAMES, load_opencv
from pursuit.trackers.settings import DEFAULT, PRESETS, WEIGHTS_OF, with_changes
from pursuit.trackers.siamfc import SiamFCTracker
from pursuit.weights import Card, read, shipped


def names() -> list[str]:
    """Return the names that `load` takes."""
    return [*PRESETS, *OPENCV_NAMES]


def load(
    name: str = DEFAULT,
    *,
    weights: Path | str | None = None,
    device: str = "cpu",
    runtime: str = "auto",
    **settings: Any,
) -> Tracker:
    """Return a tracker, ready for `init`.

    Args:
        name: one of `names()`.
        weights: a weights file; None takes the shipped ones.
        device: "cpu" or "cuda".
        runtime: one of `pursuit.runtimes.names()`.
        settings: hyper-parameters that differ from the preset's (`SiamFCSettings`), or what
            an OpenCV tracker takes.

    Raises:
        SettingsError: no such tracker, runtime, device or setting.
        WeightsError: no weights of that name are shipped, or the file is not good.
    """
    if name in OPENCV_NAMES:
        if weights is not None:
            raise SettingsError(
                f"{name} takes no weights file; OpenCV's networks are given by their own paths, "
                "opencv-nano's as backbone=PATH, head=PATH"
            )
        return load_opencv(name, **settings)
    if name not in PRESETS:
        close = nearest(name, names())
        raise SettingsError(f"no tracker {name!r}{close}; `pursuit list` shows all")
    chosen = with_changes(PRESETS[name], settings)
    network, card = _weights(WEIGHTS_OF[name], weights)
    return SiamFCTracker(
        runtimes.compile(network, runtime, device),
        chosen,
        score_scale=card.score_scale,
        score_offset=card.score_offset,
        name=name,
    )


def _weights(name: str, path: Path | str | None) -> tuple[SiamFC, Card]:
    if path is not None:
        return read(path)
    inside = shipped()
    if name not in inside:
        raise WeightsError(
            f"this copy of pursuit ships no weights {name!r}: name a file with weights=PATH"
        )
    return read(inside[name])
