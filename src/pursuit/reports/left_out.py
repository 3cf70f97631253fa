"""Sequences that no tracker on a page was judged on, as the videos and the results tell."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from pursuit.datasets.otb_list import key
from pursuit.datasets.reading import plural
from pursuit.reports.gathered_kind import Judged, KindScores
from pursuit.reports.labels import Labels
from pursuit.reports.places import Pair
from pursuit.results import made_with


def noted(labels: Labels, judged: Iterable[str], folders: Mapping[str, Path]) -> dict[str, str]:
    """Return sequence -> why no result of one kind on it is compared.

    Args:
        labels: those of the videos that are not good are left out of every kind.
        judged: sequences that a tracker has a result on, which count whatever was noted.
        folders: of the trackers with results of this kind: `pursuit evaluate` noted there which
            sequences it left out.
    """
    found = dict(labels.left_out)
    told = {key(name) for name in (*judged, *found)} | labels.not_to_be_used
    for made in (made for folder in folders.values() for made in made_with.read(folder)):
        for name, why in made.left_out.items():
            if key(name) not in told:
                told.add(key(name))
                found[name] = why
    return found


def unscored(kind: str, labels: Labels, met: Collection[Pair]) -> list[str]:
    """Return a line on each tracker of which no result counts: all are on sequences left out.

    Args:
        kind: of the results.
        labels: what they are compared with.
        met: tracker and sequence of each, sequences as `Labels.not_to_be_used` has them.
    """
    left_out = {tracker for tracker, at in met if at in labels.not_to_be_used}
    others = {tracker for tracker, at in met if at not in labels.not_to_be_used}
    return [
        f"{tracker} has results of {kind}'s kind on sequences left out alone: none counts"
        for tracker in sorted(left_out - others)
    ]


def together(parts: Sequence[KindScores[Judged]]) -> dict[str, str]:
    """Return sequence -> why it was left out, and of which kinds of results if not of all."""
    found: dict[str, tuple[str, str]] = {}
    for name, why in (item for part in parts for item in part.left_out.items()):
        found.setdefault(key(name), (name, why))
    return {name: why + _of(at, parts) for at, (name, why) in found.items()}


def without(part: KindScores[Judged]) -> list[str]:
    """Return a line on sequences with labels that no tracker has a result on; none for none.

    Of those that were left out another line tells.
    """
    told = {key(name) for name in part.left_out}
    names = [name for name in part.unrun if key(name) not in told]
    if not names:
        return []
    more = ", ..." if len(names) > 5 else ""
    return [
        f"no tracker has a result of {part.kind}'s kind on {plural(len(names), 'sequence')} with "
        f"labels, which count for none: {', '.join(names[:5])}{more}"
    ]


def _of(at: str, parts: Sequence[KindScores[Judged]]) -> str:
    """Return the kinds that a sequence was left out of, as a remark; "" for all."""
    kinds = [f"{part.kind}'s" for part in parts if at in map(key, part.left_out)]
    if len(kinds) == len(parts):
        return ""
    return f" (left out of {' and '.join(kinds)} results alone)"
