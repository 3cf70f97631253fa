"""Places of results: what of VOT's lies there, and what the kinds that look later leave.

VOT's results are looked for first, then GOT-10k's, then OTB's, each by the code of `pursuit score`
and among the files that the kinds before have left. So no file is of two kinds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pursuit.archives import Parts, stored
from pursuit.results.runs import Unused
from pursuit.results.vot_found import StoredResults, find

Pair = tuple[str, str]  # tracker, sequence

CARD = "tracker.json"  # protocols.entrants writes it


@dataclass
class Place:
    """A folder or an archive of results.

    Attributes:
        path: of it.
        vot: VOT's results in it.
        nothing: trackers that `pursuit evaluate` ran, and that left nothing.
        unused: files that look like results and are none of any kind.
        taken: files that are results of VOT's or GOT-10k's kind, by their parts.
        otb: whether there are results of OTB's kind.
    """

    path: Path
    vot: StoredResults
    nothing: tuple[str, ...] = ()
    unused: Unused = field(default_factory=Unused)
    taken: set[Parts] = field(default_factory=set)
    otb: bool = False


def look(path: Path) -> Place:
    """Return a folder or an archive, looked at for VOT's results.

    Raises:
        DataError: it cannot be read.
    """
    unused = Unused()
    vot = find(path, unused, coded=True)
    return Place(path, vot, _without_a_file(path), unused, set(vot.files))


def _without_a_file(path: Path) -> tuple[str, ...]:
    """Return the folders with a tracker's card and without a file that may be a result."""
    files = [(one.parts, one.above + one.parts) for one in stored(path, lambda _: False)]
    results = [parts for parts, _ in files if parts[-1].endswith(".txt")]
    return tuple(
        whole[-2]
        for parts, whole in files
        if parts[-1] == CARD
        and len(whole) > 1
        and not any(one[: len(parts) - 1] == parts[:-1] for one in results)
    )


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


def folder_of(place: str, tracker: str) -> Path | None:
    """Return the folder on disk of a tracker with a result in a place; None where it has none.

    Args:
        place: of the result, as messages call it.
        tracker: what its results call it.
    """
    if not Path(place).exists():  # in an archive
        return None
    above = Path(place).absolute().parents
    return next((one for one in above if tracker in (one.name, one.resolve().name)), None)
