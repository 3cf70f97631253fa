"""The sequences of a data set that can be followed, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    """

    sequences: list[Sequence]
    faults: Mapping[str, str]


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
    return Usable([one for one in found if one.name not in faults], faults)


def with_a_start(found: Usable) -> Usable:
    """Return the same without sequences that no tracker can start on; first frames are decoded."""
    why = {one.name: _no_start(one) for one in found.sequences}
    faults = {name: fault for name, fault in why.items() if fault}
    sequences = [one for one in found.sequences if one.name not in faults]
    return Usable(sequences, {**found.faults, **faults})


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
