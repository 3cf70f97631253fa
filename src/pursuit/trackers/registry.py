"""All trackers behind one door: presets of SiamFC and GOTURN, OpenCV's as peers, programs.

Torch is imported when one of ours is loaded: worker processes that run others start without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pursuit.errors import EngineError, SettingsError, WeightsError, nearest
from pursuit.trackers.base import Tracker
from pursuit.trackers.external import ExternalTracker, command_of
from pursuit.trackers.opencv import NANO, OPENCV_NAMES, load_opencv
from pursuit.trackers.settings import (
    DEFAULT,
    PRESETS,
    WEIGHTS_OF,
    GOTURNSettings,
    SiamFCSettings,
    with_changes,
)

if TYPE_CHECKING:
    from torch import nn

    from pursuit.trackers.goturn import GOTURNTracker
    from pursuit.trackers.siamfc import SiamFCTracker


def names() -> list[str]:
    """Return the names that `load` takes."""
    return [*PRESETS, *OPENCV_NAMES]


def load(
    name: str = DEFAULT,
    *,
    weights: Path | str | None = None,
    device: str = "auto",
    runtime: str = "auto",
    **settings: Any,
) -> Tracker:
    """Return a tracker, ready for `init`.

    Args:
        name: one of `names()`, or external:COMMAND for a program (`trackers.external`).
        weights: a weights file or the name of shipped ones; None takes the tracker's own.
        device: "cpu" or "cuda"; "auto" is a GPU where there is one that can do it and no runtime
            is named, else the CPU.
        runtime: one of `pursuit.runtimes.names()`. This and the device are for trackers that run
            a network of ours.
        settings: hyper-parameters that differ from the preset's (`SiamFCSettings`,
            `GOTURNSettings`), or what an OpenCV tracker or a program takes.

    Raises:
        SettingsError: no such tracker, runtime, device or setting.
        WeightsError: no weights of that name are shipped, or the file is not good or another
            network's.
        MissingExtra, EngineError: the runtime that was named cannot be used here.
    """
    command = command_of(name)
    if command is not None:
        _without_network(f"{name} is a program", device, runtime)
        if weights is not None:
            raise SettingsError(f"{name} takes no weights file: name it in the command")
        return ExternalTracker(command, **settings)
    if name in OPENCV_NAMES:
        _without_network(f"{name} is OpenCV's", device, runtime)
        if weights is not None:
            raise SettingsError(
                f"{name} takes no weights file; OpenCV's networks are given by their own paths, "
                "opencv-nano's as backbone=PATH, head=PATH"
            )
        return load_opencv(name, **settings)
    if name not in PRESETS:
        close = nearest(name, names())
        raise SettingsError(f"no tracker {name!r}{close}; `pursuit list` shows all")
    from pursuit import weights as store

    path = weights_file(name) if weights is None else store.find(str(weights))
    return load_preset(name, path, settings, device=device, runtime=runtime)


def _without_network(what: str, device: str, runtime: str) -> None:
    """Refuse what is named for a network, of a tracker that has none of ours."""
    if runtime != "auto":
        raise SettingsError(f"{what}, and runs no network of ours: name no runtime")
    if device not in ("auto", "cpu"):
        raise SettingsError(f"{what}, and runs no network of ours: name no device")


def load_preset(
    name: str,
    path: Path,
    settings: Mapping[str, Any],
    *,
    device: str = "cpu",
    runtime: str = "auto",
    calibration: tuple[float, float] | None = None,
) -> SiamFCTracker | GOTURNTracker:
    """Return the tracker of a preset with the weights of a file.

    Args:
        name: one of `settings.PRESETS`.
        path: the weights.
        settings: those that differ from the preset's.
        device, runtime: as `load`.
        calibration: scale and offset of the score; None takes the card's.

    Raises:
        SettingsError, WeightsError, MissingExtra, EngineError: as `load`.
    """
    from pursuit import runtimes, weights
    from pursuit.runtimes.failures import left_out, of_engine

    chosen = with_changes(PRESETS[name], settings)
    network, card = weights.read(path)
    scale, offset = calibration or (card.score_scale, card.score_offset)
    kind = _kind(network)
    if kind != chosen.network:
        fitting = ", ".join(one for one, preset in PRESETS.items() if preset.network == kind)
        raise WeightsError(
            f"{path} holds a {kind} network and {name} needs {chosen.network}'s: name other "
            f"weights, or a tracker that takes these ({fitting})"
        )
    compiled = runtimes.compile(network, runtime, device, weights=path)
    if device == "auto" and compiled.device.type != "cpu":
        # A GPU that runs the network may have no room for what else a tracker has there.
        try:
            with of_engine(compiled.name):  # whatever it is: nobody named the GPU
                return _ready(compiled, chosen, name, (scale, offset))
        except EngineError as error:
            left_out(error)
        compiled = runtimes.compile(network, runtime, "cpu", weights=path)
    return _ready(compiled, chosen, name, (scale, offset))


def _ready(
    network: Any,
    settings: SiamFCSettings | GOTURNSettings,
    name: str,
    calibration: tuple[float, float],
) -> SiamFCTracker | GOTURNTracker:
    """Return the tracker of a compiled network, of the kind that its settings are for, warm."""
    from pursuit.trackers.goturn import GOTURNTracker
    from pursuit.trackers.siamfc import SiamFCTracker

    scale, offset = calibration
    how: dict[str, Any] = {"score_scale": scale, "score_offset": offset, "name": name}
    tracker: SiamFCTracker | GOTURNTracker
    if isinstance(settings, GOTURNSettings):
        tracker = GOTURNTracker(network, settings, **how)
    else:
        tracker = SiamFCTracker(network, settings, **how)
    # On a GPU calls are recorded when they come again.
    for _ in range(1 if network.device.type == "cpu" else 2):
        tracker.warm_up()
    return tracker


def weights_file(name: str) -> Path:
    """Return the shipped weights file of a preset.

    Raises:
        WeightsError: none comes with pursuit, or with this copy of it.
    """
    from pursuit import weights

    how = f"name a file, {name}:PATH (in Python weights=PATH)"
    if name not in WEIGHTS_OF:
        raise WeightsError(
            f"the weights of {name} are too large to ship: {how}, its authors' "
            "tracker.caffemodel or what you trained"
        )
    inside, own = weights.shipped(), WEIGHTS_OF[name]
    if own not in inside:
        raise WeightsError(f"this copy of pursuit ships no weights {own!r}: {how}")
    return inside[own]


def _kind(network: nn.Module) -> str:
    from pursuit.networks.goturn import GOTURN

    return (GOTURNSettings if isinstance(network, GOTURN) else SiamFCSettings).network


def with_files(text: str) -> tuple[str, tuple[Path, ...]]:
    """Return the name and the files of NAME, NAME:WEIGHTS or opencv-nano:BACKBONE,HEAD.

    WEIGHTS is a file or the name of shipped weights. A program, external:COMMAND, has no files.
    """
    if command_of(text) is not None:
        return text, ()
    name, _, paths = text.partition(":")
    parts = paths.split(",") if name == NANO else [paths]
    return name, tuple(_file(part, name) for part in parts if part)


def _file(text: str, name: str) -> Path:
    if name == NANO:
        return Path(text)
    from pursuit import weights

    return weights.shipped().get(text, Path(text))


def load_files(name: str, files: Sequence[Path | str], **options: Any) -> Tracker:
    """Return a tracker with its files, as `with_files` gives them; `options` go to `load`.

    Raises:
        SettingsError: as `load`, or not the files that it takes.
        WeightsError, MissingExtra, EngineError: as `load`.
    """
    if name == NANO:
        if len(files) != 2:
            raise SettingsError(
                f"{NANO} takes two networks that do not come with pursuit, written "
                f"{NANO}:BACKBONE.onnx,HEAD.onnx; got {len(files) or 'none'}"
            )
        return load(name, backbone=files[0], head=files[1], **options)
    if len(files) > 1:
        raise SettingsError(f"{name} takes one file of weights; got {len(files)}")
    return load(name, weights=files[0] if files else None, **options)
