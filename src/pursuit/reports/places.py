"""Where results lie: of OTB's kind or of VOT's, and whose, by the names of the files alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pursuit.archives import stored
from pursuit.datasets.reading import plural
from pursuit.errors import DataError
from pursuit.results.vot import BASELINE, is_run, is_run_of_experiment

Pair = tuple[str, str]  # tracker, sequence

CARD = "tracker.json"  # protocols.entrants writes it
_OTB_RUNS = (("tre",), ("sre",))


@dataclass(frozen=True)
class Place:
    """A folder or an archive of results.

    Attributes:
        path: of it.
        otb: whether it may hold results of OTB's kind.
        vot: tracker and sequence of those of VOT's supervised experiment.
        got10k: whether it has results of GOT-10k's kind.
        nothing: trackers that `pursuit evaluate` ran, and that left nothing.
    """

    path: Path
    otb: bool
    vot: frozenset[Pair]
    got10k: bool = False
    nothing: tuple[str, ...] = ()


def look(path: Path) -> Place:
    """Return what a folder or an archive holds.

    Raises:
        DataError: it cannot be read, or holds neither.
    """
    files = [(one.parts, one.above + one.parts) for one in stored(path, lambda _: False)]
    runs = [(at, whole) for at, whole in files if len(whole) > 3 and is_run_of_experiment(whole)]
    experiments = {parts[:-2] for parts, _ in runs}
    results = [parts for parts, _ in files if parts[-1].endswith((".txt", ".mat", ".bin"))]
    others = [
        parts
        for parts in results
        if not any(parts[:at] in experiments for at in range(1, len(parts)))
    ]
    found = Place(
        path,
        any(len(parts) > 1 for parts in others),
        frozenset((whole[-4], whole[-2]) for _, whole in runs if whole[-3] == BASELINE),
        any(is_run(parts) and parts[-3:-2] not in _OTB_RUNS for parts in others),
        tuple(
            whole[-2]
            for parts, whole in files
            if parts[-1] == CARD
            and len(whole) > 1
            and not any(one[: len(parts) - 1] == parts[:-1] for one in results)
        ),
    )
    if not found.otb and not found.vot:
        raise DataError(
            f"{path} holds no results that a report shows: TRACKER/SEQUENCE.txt or .mat, as OTB "
            f"has them, or TRACKER/{BASELINE}/SEQUENCE/SEQUENCE_001.txt, as VOT has them"
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
