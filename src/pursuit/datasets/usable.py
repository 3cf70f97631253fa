"""The sequences of a data set that can be followed, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pursuit.datasets.base import Sequence
from pursuit.datasets.layouts import VIDEOS, find_layout
from pursuit.datasets.reading import LISTED, Findings
from pursuit.errors import DataError, PursuitError

_TOLD = 3  # faults of a sequence


@dataclass(frozen=True)
class Usable:
    """What of a data set can be followed.

    Attributes:
        sequences: the good ones.
        faults: name of each other sequence (of its video, where nothing tells its targets)
            -> what is wrong with it, one line.
        videos: name of each other sequence whose video goes by another name -> that.
    """

    sequences: list[Sequence]
    faults: Mapping[str, str]
    videos: Mapping[str, str] = field(default_factory=dict)

    def by_video(self) -> dict[str, str]:
        """Return name of each video with a sequence that is not good -> what is wrong with it."""
        lines: dict[str, list[str]] = {}
        for name, why in self.faults.items():
            lines.setdefault(self.videos.get(name, name), []).append(why)
        return {name: "; ".join(dict.fromkeys(found)) for name, found in lines.items()}

    def of_videos(self, names: Collection[str]) -> Usable:
        """Return what there is of videos of these names alone."""
        return replace(
            self,
            sequences=[one for one in self.sequences if one.video in names],
            faults={
                name: why
                for name, why in self.faults.items()
                if self.videos.get(name, name) in names
            },
        )


def open_usable(root: Path | str) -> Usable:
    """Return the sequences of a data set of videos, by name; frames are not read yet.

    Raises:
        DataError: no such folder, no layout fits, there is no sequence in it, good or bad, or
            something is wrong with more than single ones.
    """
    root = Path(root)
    findings = Findings(strict=False)
    found = VIDEOS[find_layout(root, VIDEOS, None, "videos")].read(root, findings)
    if not found and not findings.faults:
        raise DataError(f"{root}: no labelled videos in it")
    if "" in findings.faults:
        raise DataError(f"{_short(findings.faults[''])} {LISTED}")
    lines: dict[str, list[str]] = {}
    for about, wrong in findings.faults.items():
        for name in [one.name for one in found if about in (one.name, one.video)] or [about]:
            lines.setdefault(name, []).extend(wrong)
    faults = {name: f"{_short(wrong)} {LISTED}" for name, wrong in lines.items()}
    videos = findings.videos | {one.name: one.video for one in found}
    return Usable(
        [one for one in found if one.name not in faults],
        faults,
        {name: videos[name] for name in faults if videos.get(name, name) != name},
    )


def with_a_start(found: Usable) -> Usable:
    """Return the same without sequences that no tracker can start on; first frames are decoded."""
    why = {one.name: _no_start(one) for one in found.sequences}
    faults = {name: fault for name, fault in why.items() if fault}
    videos = {one.name: one.video for one in found.sequences if one.name in faults}
    sequences = [one for one in found.sequences if one.name not in faults]
    return Usable(sequences, {**found.faults, **faults}, {**found.videos, **videos})


def _no_start(sequence: Sequence) -> str:
    """Return what keeps a tracker from starting on a sequence; "" for nothing."""
    if not sequence.labelled.any():
        return f"{sequence.path or sequence.name}: no frame has a box to start with; label one"
    try:
        sequence.size()
    except (PursuitError, OSError) as error:
        return " ".join(str(error).split())
    return ""


def _short(lines: list[str]) -> str:
    more = f"; and {len(lines) - _TOLD} more faults" if len(lines) > _TOLD else ""
    return "; ".join(lines[:_TOLD]) + more
