"""Who is judged: a tracker, the label it goes by, and the files it is loaded from."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2

from pursuit.errors import SettingsError, WeightsError
from pursuit.protocols import claims
from pursuit.results import labels
from pursuit.trackers import registry
from pursuit.trackers.base import Tracker
from pursuit.trackers.external import command_of, words_of
from pursuit.trackers.opencv import NANO, OPENCV_NAMES
from pursuit.trackers.settings import PRESETS, can_redetect, with_changes

RUNTIME = "tuned"  # on which trackers are judged unless another is named

_CARD = "tracker.json"


@dataclass(frozen=True)
class Entrant:
    """A tracker to judge; small, so that other processes can be told of it.

    Attributes:
        label: what it is called in results and reports; names its folder.
        name: a tracker of `pursuit.trackers.registry`, or external:COMMAND.
        files: its weights, none for the shipped ones; backbone and head for opencv-nano.
        redetect: it looks for lost targets in the whole frame, as no tracker of the papers does.
        runtime: of its network; a named one, as boxes must not depend on which is the fastest.
    """

    label: str
    name: str
    files: tuple[Path, ...] = ()
    redetect: bool = False
    runtime: str = RUNTIME

    def load(self) -> Tracker:
        """Return the tracker.

        Raises:
            SettingsError: no such tracker or runtime, or not the files it takes.
            WeightsError: its files are missing or not good.
            MissingExtra, EngineError: its runtime cannot be used here.
        """
        settings: dict[str, Any] = {"redetect": True} if self.redetect else {}
        if self.name in PRESETS:
            settings |= {"runtime": self.runtime, "device": "cpu"}
        return registry.load_files(self.name, self.files, **settings)

    def identity(self) -> dict[str, Any]:
        """Return what decides this tracker's boxes: its settings, and its files' hashes.

        Files of a program are those that its command names. Where a tracker redetects, also the
        two numbers of its card that say when a target is lost.

        Raises:
            WeightsError: its files are missing or, where it redetects, not good.
        """
        what: dict[str, Any] = {"tracker": self.name}
        if self.name in OPENCV_NAMES:
            what["opencv"] = cv2.__version__
        if self.name in PRESETS:
            changes = {"redetect": True} if self.redetect else {}
            what["settings"] = asdict(with_changes(PRESETS[self.name], changes))
            if self.runtime != RUNTIME:
                what["runtime"] = self.runtime
        files = self.files
        if not files and self.name in PRESETS:
            files = (registry.weights_file(self.name),)
        command = command_of(self.name)
        if command is not None:
            files = tuple(Path(word) for word in words_of(command) if Path(word).is_file())
        what["sha256"] = [_sha256(path) for path in files]
        if self.redetect:
            from pursuit import weights

            _, card = weights.read(files[0])
            what |= {"score_scale": card.score_scale, "score_offset": card.score_offset}
        return what


def entrant(text: str) -> Entrant:
    """Return who is meant by NAME, NAME:WEIGHTS, LABEL=NAME:WEIGHTS or opencv-nano:BACKBONE,HEAD.

    WEIGHTS is a file or the name of shipped weights. NAME+redetect looks for lost targets.
    LABEL=external:COMMAND is a program (`pursuit.trackers.external`).
    Without a label, one with weights is called as their file, others by their name.

    Raises:
        SettingsError: the label cannot name a folder, or not one that results are found in.
    """
    label, equals, rest = text.partition("=")
    if not equals or ":" in label:  # the = of a path
        label, rest = "", text
    name, files = registry.with_files(rest)
    program = command_of(name) is not None
    if program and not label:
        raise SettingsError(f"a program needs a label: write mine={text}")
    name, plus, way = (name, "", "") if program else name.partition("+")
    if plus and way != "redetect":
        raise SettingsError(f"{text}: after a tracker's name only +redetect is known")
    if plus and not can_redetect(name):
        able = ", ".join(filter(can_redetect, PRESETS))
        raise SettingsError(f"{text}: {name} cannot redetect; {able} can")
    if not label:
        label = (files[0].stem if files and name != NANO else name) + plus + way
    if not re.fullmatch(r"[\w.+ -]*\w[\w.+ -]*", label):
        raise SettingsError(f"{label!r} cannot name a folder: write LABEL=NAME with another label")
    if not labels.is_readable(label):
        raise SettingsError(
            f"no tracker can be called {label!r}: where results are read, a folder of that name is "
            "a protocol's, a data set's, or beside the results; write LABEL=NAME with another label"
        )
    return Entrant(label, name, files, redetect=bool(plus))


def entrants(texts: Iterable[str], runtime: str = RUNTIME) -> list[Entrant]:
    """Return who is meant by each of `texts` (see `entrant`), their networks on a runtime.

    Raises:
        SettingsError: as `entrant`, nobody is named, or two go by one label.
    """
    found = [replace(entrant(text), runtime=runtime) for text in texts]
    if not found:
        raise SettingsError("name at least one tracker to judge: --tracker siamfc-slim")
    # Folded: some file systems do not tell A from a.
    label, count = Counter(one.label.casefold() for one in found).most_common(1)[0]
    if count > 1:
        raise SettingsError(f"two trackers go by {label!r}: give one another, OTHER=NAME:WEIGHTS")
    return found


def claim(folder: Path, one: Entrant) -> None:
    """Make sure that the results in a folder are this entrant's, and say so there.

    Raises:
        SettingsError: they come from other weights, settings or versions.
        OutputError: the folder cannot be written.
    """
    claims.claim(folder / _CARD, one.identity(), one.label)


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"cannot read the weights {path}: {error.strerror or error}") from None
