"""OTB results wherever they lie.

A result is SEQUENCE_TRACKER.mat of the toolbox, SEQUENCE_TRACKER.txt, TRACKER/SEQUENCE.txt as
got10k, pysot and we write it (or .csv), TRACKER/SEQUENCE.json of OTB's Python toolkit, or our
TRACKER/tre/SEQUENCE/SEQUENCE_001.txt to _020.txt (sre: to _012.txt); in a folder or an archive, at
any depth. A folder called as the protocol or the data set is no tracker's:
TRACKER/OPE/SEQUENCE.txt.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from pursuit.archives import Parts, Stored, stored
from pursuit.datasets.otb_list import key
from pursuit.errors import DataError
from pursuit.results import otb_toolkit
from pursuit.results.otb import parse_boxes
from pursuit.results.otb_names import (
    READ,
    SEVERAL,
    may_be_result,
    number,
    split,
    unusual_split,
)
from pursuit.results.otb_toolkit import StoredRun
from pursuit.results.runs import Unused, own_folders, tracker_of
from pursuit.results.vot_names import is_run

_DEEPEST = 4  # names above sequences in a JSON file: data set, protocol, tracker


@dataclass(frozen=True)
class Found:
    """What a tracker left of a sequence.

    Attributes:
        tracker: what it is called.
        sequence: `datasets.otb_list.key` of the name.
        place: the file.
        runs: one for OPE, 20 for TRE, 12 for SRE; none where the file is wrong.
        wrong: what is wrong with it.
        kind: tre or sre, where the folder's name tells.
    """

    tracker: str
    sequence: str
    place: str
    runs: tuple[StoredRun, ...] = ()
    wrong: str = ""
    kind: str = ""


def find(
    paths: Sequence[Path],
    known: Collection[str],
    wanted: Collection[str],
    unused: Unused,
    *,
    others: Collection[Parts] = (),
) -> Iterator[Found]:
    """Yield what trackers left in folders and archives, in their order.

    Args:
        paths: of the folders and archives.
        known: keys of all sequences with labels.
        wanted: those of them to read.
        unused: is told of files that belong to none that is known.
        others: files that are results of another kind, by their parts.

    Raises:
        DataError: a folder or an archive cannot be read.
        MissingExtra: SciPy is needed for a .mat and is not installed.
    """
    several: dict[Parts, list[Stored]] = {}
    alone: list[Found] = []
    met: set[tuple[str, str]] = set()
    for path in paths:
        look = _Look(known, wanted, own_folders(path), unused, others)
        unusual: list[Found] = []
        usual = False
        for file in stored(path, look.asks):
            if file.data is None:
                continue
            at = look.split(file.parts)
            if at is None:
                found = list(_in_json(file, look))
                odd = unusual_split(file.parts, known)
                if not found and odd is not None and odd[1] in wanted:
                    unusual.append(_parsed(*odd, file.data, file.place))
            elif number(file.parts):
                several.setdefault((str(path), *file.parts[:-1]), []).append(file)
                found, usual = [], True
            else:
                found = [_parsed(*at, file.data, file.place)]
                if is_run(file.parts):
                    alone += found
                    found, usual = [], True
            met |= {(one.tracker, one.sequence) for one in found}
            usual = usual or bool(found)
            yield from found
        right = {one.tracker for one in unusual if not one.wrong and not usual}
        yield from (one for one in unusual if one.tracker in right)
        unused.odd += [one.place for one in unusual if one.tracker not in right]
    for files in several.values():
        yield _parsed_several(files, known)
    # Beside another result, they are GOT-10k's.
    yield from (one for one in alone if (one.tracker, one.sequence) not in met)


@dataclass(frozen=True)
class _Look:
    """Looks at the names of files in one folder or archive; see `find`."""

    known: Collection[str]
    wanted: Collection[str]
    own: Collection[str]
    unused: Unused
    others: Collection[Parts]

    def split(self, parts: Parts) -> tuple[str, str] | None:
        return split(parts, self.known, self.own)

    def asks(self, parts: Parts) -> bool:
        """Return whether to read a file; tell of one that looks like a result and is none."""
        self.unused.meet(parts)
        if parts in self.others or not may_be_result(parts, self.own):
            return False
        at = self.split(parts)
        suffix = PurePosixPath(parts[-1]).suffix.lower()
        if suffix not in READ:
            self.unused.take(parts, is_run=at is not None)
            return False
        if at is None and suffix != ".json":  # that may hold sequences by name
            at = unusual_split(parts, self.known)
            if at is None and suffix != ".csv":  # maybe a table
                self.unused.names.append("/".join(parts))
        return suffix == ".json" if at is None else at[1] in self.wanted


def _in_json(file: Stored, look: _Look) -> Iterator[Found]:
    """Yield the results of TRACKER.json, {sequence: boxes}, or of {tracker: {sequence: boxes}}."""
    if not file.place.lower().endswith(".json"):
        return
    try:
        content = otb_toolkit.load_json(file.data or b"", file.place)
    except DataError:
        look.unused.names.append(file.place)
        return
    folders = (*file.parts[:-1], PurePosixPath(file.parts[-1]).stem)
    for names, sequences in _by_tracker(content, look.known):
        for label, runs in sequences.items():
            place, sequence = f"{file.place}: {label}", key(label)
            if sequence not in look.known:
                look.unused.names.append(place)
            elif sequence in look.wanted:
                tracker = tracker_of((*folders, *names), sequence, key)
                yield _read(tracker, sequence, place, partial(otb_toolkit.runs_of, runs, place))


def _by_tracker(
    content: Any, known: Collection[str], above: Parts = ()
) -> Iterator[tuple[Parts, dict[str, Any]]]:
    """Yield the names above, which are as folders', and sequence -> runs, where such are in it."""
    if not isinstance(content, dict):
        return
    runs = {name: part for name, part in content.items() if otb_toolkit.may_be_runs(part)}
    if any(key(name) in known for name in runs):
        yield above, runs
        return
    for name, part in content.items():
        if len(above) < _DEEPEST:
            yield from _by_tracker(part, known, (*above, name))


def _parsed_several(files: list[Stored], known: Collection[str]) -> Found:
    """Return the runs of TRE or SRE that lie in one folder."""
    files.sort(key=lambda file: file.parts[-1])
    first = files[0]
    tracker, sequence = split(first.parts, known, ()) or ("", "")
    place = first.place.removesuffix(first.parts[-1]).rstrip("/\\")
    kind = first.parts[-3].lower()
    missing = sorted(set(range(1, SEVERAL[kind] + 1)) - {number(one.parts) for one in files})
    if missing or len(files) != SEVERAL[kind]:
        what = f"run {missing[0]} of {SEVERAL[kind]} is missing" if missing else "too many runs"
        wrong = f"{kind.upper()}: {what} ({place})"
        return Found(tracker, sequence, place, wrong=wrong, kind=kind)
    try:
        runs = tuple(StoredRun(parse_boxes(one.data or b"", one.place)) for one in files)
    except DataError as error:
        return Found(tracker, sequence, place, wrong=str(error), kind=kind)
    return Found(tracker, sequence, place, runs, kind=kind)


def _parsed(tracker: str, sequence: str, content: bytes, place: str) -> Found:
    def runs() -> list[StoredRun]:
        if place.lower().endswith(".mat"):
            return otb_toolkit.parse(content, place)
        if place.lower().endswith(".json"):
            return otb_toolkit.parse_json(content, place)
        return [StoredRun(parse_boxes(content, place))]

    return _read(tracker, sequence, place, runs)


def _read(tracker: str, sequence: str, place: str, runs: Callable[[], list[StoredRun]]) -> Found:
    try:
        return Found(tracker, sequence, place, tuple(runs()))
    except DataError as error:
        return Found(tracker, sequence, place, wrong=str(error))
