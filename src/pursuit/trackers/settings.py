"""The hyper-parameters of the trackers' online algorithms, and the named sets of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, TypeVar

from pursuit.errors import SettingsError, nearest


def _check(name: str, value: float, good: bool, bounds: str) -> None:
    if not good:
        raise SettingsError(f"{name} must be {bounds}; got {value!r}")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What every tracker of ours has: bounds of sizes, and what confidence leads to which state.

    Raises:
        SettingsError: a value that cannot be.
    """

    network: ClassVar[str]  # whose settings they are

    smallest: float = 0.2  # bounds of a target's size, in terms of its first
    largest: float = 5.0
    lost_below: float = 0.15  # a target whose score is lower is LOST
    found_above: float = 0.35  # and stays LOST until its score is as high as this
    sure_above: float = 0.5  # TRACKED from here on; between, UNSURE

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "bool":
                _check(field.name, value, isinstance(value, bool), "True or False")
                continue
            whole = field.type == "int"
            if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
                kind = "a whole number" if whole else "a number"
                raise SettingsError(f"{field.name} is {kind}; got {value!r}")
            if not math.isfinite(value):
                raise SettingsError(f"{field.name} must be finite; got {value!r}")
        _check("smallest", self.smallest, 0 < self.smallest <= 1, "in (0, 1]")
        _check("largest", self.largest, 1 <= self.largest <= 100, "1 to 100")
        for name in ("lost_below", "found_above", "sure_above"):
            _check(name, getattr(self, name), 0 <= getattr(self, name) <= 1, "in [0, 1]")
        if not self.lost_below <= self.found_above <= self.sure_above:
            raise SettingsError("lost_below, found_above and sure_above must not fall")


@dataclass(frozen=True)
class SiamFCSettings(Settings):
    """What decides how SiamFC tracks. The defaults are SiamFC-3s of the authors' program.

    With `sides_every` above 1 a target's size is searched in one of so many frames, and in every
    one while it is not TRACKED: its size may be what is wrong. With `sides_fall` below 1 also
    in the frame after its score was lower by this than when its size was last searched.

    Raises:
        SettingsError: a value that cannot be.
    """

    network: ClassVar[str] = "SiamFC"

    scales: int = 3  # sizes searched a frame, odd: step^-1, 1, step^1
    scale_step: float = 1.0375  # a; neighbouring sizes are this factor apart
    scale_penalty: float = 0.9745  # a size that changes must win by this much
    scale_damping: float = 0.59  # share of a found size that is taken over in a frame
    window_influence: float = 0.176  # weight of the cosine window against the score map
    upsampling: int = 16  # score map 17 -> 272: 16 fine cells a cell, 1/2 px of 255 each
    sides_every: int = 1  # others than the present size are searched in one of so many frames
    sides_fall: float = 1.0  # and after a score fell by this; 1 is never
    frames_every: int = 1  # the network looks at one of so many frames; boxes stand still between
    redetect: bool = False  # look for lost targets in the whole frame
    redetect_above: float = 0.9  # score with which a lost target is taken up elsewhere
    redetect_windows: int = 4  # search windows a frame for a lost target

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("scales", self.scales, self.scales % 2 == 1 and 1 <= self.scales <= 15, "1, 3 .. 15")
        _check("scale_step", self.scale_step, 1 < self.scale_step <= 2, "above 1, at most 2")
        _check("scale_penalty", self.scale_penalty, 0 < self.scale_penalty <= 1, "in (0, 1]")
        _check("scale_damping", self.scale_damping, 0 <= self.scale_damping <= 1, "in [0, 1]")
        influence = self.window_influence
        _check("window_influence", influence, 0 <= influence <= 1, "in [0, 1]")
        _check("upsampling", self.upsampling, 1 <= self.upsampling <= 64, "1 to 64")
        for name in ("sides_every", "frames_every"):
            _check(name, getattr(self, name), 1 <= getattr(self, name) <= 25, "1 to 25")
        _check("sides_fall", self.sides_fall, 0 < self.sides_fall <= 1, "in (0, 1]")
        _check("redetect_above", self.redetect_above, 0 <= self.redetect_above <= 1, "in [0, 1]")
        windows = self.redetect_windows
        _check("redetect_windows", windows, 1 <= windows <= 64, "1 to 64")


@dataclass(frozen=True)
class GOTURNSettings(Settings):
    """What decides how GOTURN tracks. With `views=1` it is the paper's, which gives no score.

    With `first` above 0 errors add up less in what the target is thought to look like; for
    networks that learnt from frames far apart (`data.far` of their recipe).

    Raises:
        SettingsError: a value that cannot be.
    """

    network: ClassVar[str] = "GOTURN"

    views: int = 3  # search windows a target and frame; one alone says nothing of the score
    shift: float = 0.15  # how far those beside the paper's are moved, in w, h of the box
    zoom: float = 1.1  # and how much the last two of 7 are larger and smaller
    blend: bool = False  # the box is the mean of all views', not the paper's view's
    first: float = 0.0  # weight of what the first frame's crop says; the rest is the last one's

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("views", self.views, self.views in (1, 3, 5, 7), "1, 3, 5 or 7")
        _check("shift", self.shift, 0 < self.shift <= 0.5, "above 0, at most 0.5")
        _check("first", self.first, 0 <= self.first <= 1, "from 0 to 1")
        _check("zoom", self.zoom, 1 < self.zoom <= 1.5, "above 1, at most 1.5")


PRESETS: dict[str, SiamFCSettings | GOTURNSettings] = {
    "siamfc-3s": SiamFCSettings(),
    "siamfc-5s": SiamFCSettings(5, 1.0255, 0.962, 0.34, 0.168),
    "siamfc-5s-paper": SiamFCSettings(5, 1.025, 0.962, 0.35, 0.168),
    "siamfc-slim": SiamFCSettings(),
    "siamfc-slim-quick": SiamFCSettings(sides_every=4),
    "siamfc-slim-single": SiamFCSettings(sides_every=24, sides_fall=0.1),
    "siamfc-slim-half": SiamFCSettings(sides_every=4, frames_every=2),
    "goturn": GOTURNSettings(),
    "goturn-compact": GOTURNSettings(first=0.7),
}

# Shipped weights; those of the full `goturn` are too large to ship.
WEIGHTS_OF: dict[str, str] = {
    "siamfc-3s": "siamfc",
    "siamfc-5s": "siamfc",
    "siamfc-5s-paper": "siamfc",
    "siamfc-slim": "siamfc-slim",
    "siamfc-slim-quick": "siamfc-slim",
    "siamfc-slim-single": "siamfc-slim",
    "siamfc-slim-half": "siamfc-slim",
    "goturn-compact": "goturn-compact",
}

# What is followed with where nobody names a tracker.
DEFAULT = "siamfc-slim"


def can_redetect(name: str) -> bool:
    """Return whether the tracker of this name can look for lost targets in the whole frame."""
    return isinstance(PRESETS.get(name), SiamFCSettings)


S = TypeVar("S", bound=Settings)


def with_changes(settings: S, changes: Mapping[str, Any]) -> S:
    """Return settings with other values.

    Raises:
        SettingsError: an unknown name (the nearest known one is named), or a wrong value.
    """
    known = [field.name for field in fields(settings)]
    for name in changes:
        if name not in known:
            raise SettingsError(f"{settings.network} has no setting {name!r}{nearest(name, known)}")
    return replace(settings, **changes)
