"""Sequences that no tracker on a page was judged on, as the videos and the results tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pursuit.datasets.otb_list import key
from pursuit.datasets.reading import plural
from pursuit.reports.gathered_got10k import Got10kScores
from pursuit.reports.gathered_otb import OtbScores
from pursuit.reports.gathered_vot import VotScores
from pursuit.results import made_with

Part = OtbScores | VotScores | Got10kScores


def folders(parts: Sequence[Part]) -> dict[str, Path]:
    """Return tracker -> its folder on disk, the first part's where several have one."""
    return {label: path for part in reversed(parts) for label, path in part.folders.items()}


def noted(faults: Mapping[str, str], parts: Sequence[Part]) -> dict[str, str]:
    """Return sequence -> why it was left out.

    Args:
        faults: the sequences of the videos that are not good -> why.
        parts: the scores. What `pursuit evaluate` noted in a tracker's folder counts of sequences
            on which no tracker has a result now.
    """
    judged = {key(name) for part in parts for name in _names(part)}
    found = dict(faults)
    spelt = {key(name) for name in faults}
    for folder in folders(parts).values():
        for name, why in _told(folder).items():
            if key(name) not in judged | spelt:
                found.setdefault(name, why)
    return found


def without(names: Iterable[str], left_out: Iterable[str]) -> list[str]:
    """Return a line on sequences with labels that no tracker has a result on; none for none.

    Of those that were left out another line tells.
    """
    told = {key(name) for name in left_out}
    names = [name for name in names if key(name) not in told]
    if not names:
        return []
    more = ", ..." if len(names) > 5 else ""
    return [
        f"no tracker has a result on {plural(len(names), 'sequence')} with labels, which count "
        f"for none: {', '.join(names[:5])}{more}"
    ]


def has_scores(part: Part) -> bool:
    """Return whether a tracker has a right result on a sequence."""
    return any(each for each in _scored(part))


def _told(folder: Path) -> dict[str, str]:
    return {name: why for one in made_with.read(folder) for name, why in one.left_out.items()}


def _scored(part: Part) -> Iterable[Iterable[str]]:
    """Yield the sequences that count, of each tracker and kind."""
    if isinstance(part, OtbScores):
        for one in part.trackers:
            yield from ([x.name for x in score.sequences] for score in one.kinds.values())
    elif isinstance(part, VotScores):
        yield from (list(one.score.sequences) for one in part.trackers)
    else:
        yield from ([x.name for x in one.sequences] for one in part.trackers)


def _names(part: Part) -> Iterable[str]:
    return (name for each in _scored(part) for name in each)
