"""What scores move with: versions, the machine, and what decided a tracker's boxes."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import torch

import pursuit
from pursuit import weights
from pursuit.errors import PursuitError
from pursuit.executors import cores
from pursuit.learning import recipe
from pursuit.reports.places import CARD
from pursuit.results import made_with
from pursuit.runtimes.machine import cpu_name
from pursuit.trackers import registry
from pursuit.trackers.settings import PRESETS, SiamFCSettings
from pursuit.trackers.siamfc import SiamFCTracker

_SHOWN = 12  # digits of a hash


@dataclass(frozen=True)
class Identity:
    """What decided a tracker's boxes, as its results say.

    Attributes:
        label: what it is called in the results.
        name: the tracker; "" where nobody says.
        hashes: of its weights' files, SHA-256.
        weights: name of shipped weights with that hash; "" for others.
        recipe: first line about the recipe of these weights; "" where not known.
        share: of the videos that the recipe learnt from, percent; None where not known.
        opencv: version of OpenCV that it ran with; "" where it does not matter.
        made: what it ran with and on that is not so here, a text a machine; "" for nothing.
    """

    label: str
    name: str = ""
    hashes: tuple[str, ...] = ()
    weights: str = ""
    recipe: str = ""
    share: float | None = None
    opencv: str = ""
    made: tuple[str, ...] = ()

    @property
    def short_hashes(self) -> str:
        """The beginnings of the hashes."""
        return ", ".join(one[:_SHOWN] for one in self.hashes)


def versions() -> dict[str, str]:
    """Return name -> version or kind of all that scores and times move with, here and now."""
    codec = av.library_versions.get("libavcodec", ())
    return {
        "pursuit": pursuit.__version__,
        "Python": platform.python_version(),
        "PyTorch": str(torch.__version__),
        "NumPy": np.__version__,
        "OpenCV": cv2.__version__,
        "PyAV (decoder)": f"{av.__version__}, libavcodec {'.'.join(map(str, codec))}",
        "system": f"{platform.system()} {platform.machine()}",
        "processor": cpu_name(),
        "cores": str(cores()),
    }


def identities(labels: list[str], folders: Mapping[str, Path]) -> dict[str, Identity]:
    """Return tracker -> what its folder says of it; nothing of one without such a folder."""
    shipped = _shipped()
    found = {}
    for label in labels:
        told = _told(folders[label]) if label in folders else {}
        hashes = tuple(str(one) for one in told.get("sha256", ()) if isinstance(one, str))
        name, card = shipped.get(hashes[0], ("", None)) if hashes else ("", None)
        learnt = _recipe(card)
        found[label] = Identity(
            label,
            str(told.get("tracker", "")),
            hashes,
            name,
            learnt.about if learnt else "",
            100 * learnt.data.share if learnt else None,
            str(told.get("opencv", "")),
            _made_elsewhere(folders[label]) if label in folders else (),
        )
    return found


def _made_elsewhere(folder: Path) -> tuple[str, ...]:
    here = versions()
    return tuple(
        ", ".join(f"{name} {value}" for name, value in made.items() if here.get(name) != value)
        for made in (one.versions for one in made_with.read(folder))
    )


def followers(known: Mapping[str, Identity]) -> dict[str, SiamFCTracker]:
    """Return tracker -> the SiamFC that can be run again: one whose weights come with pursuit."""
    found = {}
    for label, one in known.items():
        if not one.weights or not isinstance(PRESETS.get(one.name), SiamFCSettings):
            continue
        tracker = registry.load(one.name, weights=one.weights, device="cpu")
        if isinstance(tracker, SiamFCTracker):
            found[label] = tracker
    return found


def _told(folder: Path) -> dict[str, Any]:
    try:
        told = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _shipped() -> dict[str, tuple[str, weights.Card]]:
    """Return hash -> name and card of the weights that come with pursuit."""
    found = {}
    for name, path in weights.shipped().items():
        try:
            card = weights.read_card(weights.card_path(path))
        except PursuitError:  # a damaged install; `pursuit doctor` says so
            continue
        found[card.sha256] = (name, card)
    return found


def _recipe(card: weights.Card | None) -> recipe.Recipe | None:
    if card is None or not card.recipe:
        return None
    try:
        return recipe.parse(card.recipe, "card")
    except PursuitError:
        return None
