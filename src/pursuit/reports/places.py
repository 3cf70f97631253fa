"""Where results lie: of OTB's kind, VOT's or GOT-10k's, and whose, by the files' names alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pursuit.archives import stored
from pursuit.datasets.reading import plural
from pursuit.errors import DataError
from pursuit.results.otb_names import SEVERAL
from pursuit.results.vot import BASELINE, is_run, is_run_of_experiment

Pair = tuple[str, str]  # tracker, sequence

CARD = "tracker.json"  # protocols.entrants writes it
_RESULTS = (".txt", ".mat", ".bin")


@dataclass(frozen=True)
class Place:
    """A folder or an archive of results.

    Attributes:
        path: of it.
        otb: whether it may hold results of OTB's kind.
        vot: tracker and sequence of those of VOT's supervised experiment.
        got10k: tracker and sequence of those of GOT-10k's kind: SEQUENCE/SEQUENCE_001.txt.
        nothing: trackers that `pursuit evaluate` ran, and that left nothing.
    """

    path: Path
    otb: bool
    vot: frozenset[Pair]
    got10k: frozenset[Pair] = frozenset()
    nothing: tuple[str, ...] = ()


def look(path: Path) -> Place:
    """Return what a folder or an archive holds.

    Raises:
        DataError: it cannot be read, or holds neither.
    """
    files = [(one.parts, one.above + one.parts) for one in stored(path, lambda _: False)]
    runs = [(at, whole) for at, whole in files if len(whole) > 3 and is_run_of_experiment(whole)]
    experiments = {parts[:-2] for parts, _ in runs}
    results = [parts for parts, _ in files if parts[-1].endswith(_RESULTS)]
    others = {
        parts: whole
        for parts, whole in files
        if parts[-1].endswith(_RESULTS)
        and not any(parts[:at] in experiments for at in range(1, len(parts)))
    }
    numbered = {
        parts: whole
        for parts, whole in others.items()
        if is_run(parts) and len(whole) > 2 and whole[-3].lower() not in SEVERAL
    }
    folders = {parts[:-1] for parts in numbered}  # their times lie there too
    found = Place(
        path,
        any(len(parts) > 1 and parts[:-1] not in folders for parts in others),
        frozenset((whole[-4], whole[-2]) for _, whole in runs if whole[-3] == BASELINE),
        frozenset((whole[-3], whole[-2]) for whole in numbered.values()),
        tuple(
            whole[-2]
            for parts, whole in files
            if parts[-1] == CARD
            and len(whole) > 1
            and not any(one[: len(parts) - 1] == parts[:-1] for one in results)
        ),
    )
    if not found.otb and not found.vot and not found.got10k:
        raise DataError(
            f"{path} holds no results that a report shows: TRACKER/SEQUENCE.txt or .mat, as OTB "
            f"has them, TRACKER/{BASELINE}/SEQUENCE/SEQUENCE_001.txt, as VOT has them, or "
            "TRACKER/SEQUENCE/SEQUENCE_001.txt, as GOT-10k has them"
        )
    return found


def other_names(ran: Mapping[Path, Collection[Pair]]) -> dict[tuple[Path, str], str]:
    """Return (place, tracker) -> its new name, of those on one sequence in several places.

    Two runs of a tracker can then be compared: siamfc-slim (before) and siamfc-slim (after).
    """
    places = Counter(pair for pairs in ran.values() for pair in set(pairs))
    doubled = {tracker for (tracker, _), count in places.items() if count > 1}
    names = [path.resolve().name for path in ran]
    return {
        (path, tracker): f"{tracker} ({name if names.count(name) == 1 else path})"
        for path, name in zip(ran, names, strict=True)
        for tracker in doubled
    }


def without(names: Sequence[str]) -> list[str]:
    """Return a line on sequences with labels that no tracker has a result on; none for none."""
    if not names:
        return []
    more = ", ..." if len(names) > 5 else ""
    return [
        f"no tracker has a result on {plural(len(names), 'sequence')} with labels, which count "
        f"for none: {', '.join(names[:5])}{more}"
    ]
