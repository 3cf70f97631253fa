"""All trackers behind one door: presets of SiamFC with shipped weights, and OpenCV's as peers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pursuit import runtimes
from pursuit.errors import SettingsError, WeightsError, nearest
from pursuit.networks.siamfc import SiamFC
from pursuit.trackers.base import Tracker
from pursuit.trackers.opencv import NANO, OPENCV_NAMES, load_opencv
from pursuit.trackers.settings import DEFAULT, PRESETS, WEIGHTS_OF, with_changes
from pursuit.trackers.siamfc import SiamFCTracker
from pursuit.weights import SiamFCCard, find, read_siamfc, shipped


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
        weights: a weights file or the name of shipped ones; None takes the tracker's own.
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


def with_files(text: str) -> tuple[str, tuple[Path, ...]]:
    """Return the name and the files of NAME, NAME:WEIGHTS or opencv-nano:BACKBONE,HEAD.

    WEIGHTS is a file or the name of shipped weights.
    """
    name, _, paths = text.partition(":")
    parts = paths.split(",") if name == NANO else [paths]
    inside = {} if name == NANO else shipped()
    return name, tuple(inside.get(part, Path(part)) for part in parts if part)


def load_files(name: str, files: Sequence[Path | str], **options: Any) -> Tracker:
    """Return a tracker with its files, as `with_files` gives them; `options` go to `load`.

    Raises:
        SettingsError: as `load`, or not the files that it takes.
        WeightsError: as `load`.
    """
    if name == NANO:
        if len(files) != 2:
            raise SettingsError(
                f"{NANO} takes two networks that do not come with pursuit, written "
                f"{NANO}:BACKBONE.onnx,HEAD.onnx; got {len(files) or 'none'}"
            )
        return load(name, backbone=files[0], head=files[1])
    if len(files) > 1:
        raise SettingsError(f"{name} takes one file of weights; got {len(files)}")
    return load(name, weights=files[0] if files else None, **options)


def _weights(name: str, path: Path | str | None) -> tuple[SiamFC, SiamFCCard]:
    if path is not None:
        return read_siamfc(find(str(path)))
    inside = shipped()
    if name not in inside:
        raise WeightsError(
            f"this copy of pursuit ships no weights {name!r}: name a file with weights=PATH"
        )
    return read_siamfc(inside[name])
