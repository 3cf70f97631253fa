"""Runs of trackers on sequences, as they are met file by file: several of each, or a wrong one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Generic, TypeVar

from pursuit.archives import Parts, Stored, is_archive
from pursuit.datasets.reading import plural
from pursuit.errors import DataError

T = TypeVar("T")

_NO_TRACKER = re.compile(
    r"(?:ope|tre|sre|results?|otb|tb|cvpr|vot|got[-_]?10k|val|test|times)"
    r"(?:[-_ ]?(?:\d+|ope|tre|sre|cvpr|otb|val|test))*"
)

# Files of these kinds are no results, whatever they are called: pictures, videos, plots, notes.
_OTHER_KINDS = re.compile(
    r"\.(?:jpe?g|png|bmp|gif|tiff?|webp|svg|pdf|eps|fig|mp4|avi|mkv|mov|webm|value|label|tag|log|"
    r"md|html?|ya?ml|ini|toml|m|py|sh|pyc|pth?|onnx|safetensors|tex)"
)
_CARD = "tracker.json"  # what `pursuit evaluate` writes into a tracker's folder


@dataclass
class Unused:
    """Files that look like results and are not read, and labels without any.

    Attributes:
        names: of no sequence that has labels.
        odd: called as results may be, but not as those beside, or in no way that is read.
        empty: labels without a row.
        wrong: called as results, and nothing that can be read.
        kinds: called as a known sequence, but of a kind that is not read.
        archives: inside a folder.
        met: all files.
    """

    names: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    archives: list[str] = field(default_factory=list)
    met: set[Parts] = field(default_factory=set)

    def take(self, parts: Parts, *, is_run: bool) -> None:
        """Take a file of a kind that is not read; `is_run` says that it is called as a result."""
        name = "/".join(parts)
        if is_archive(name):
            self.archives.append(name)
        elif is_run and not _OTHER_KINDS.fullmatch(_suffix(parts)):
            self.kinds.append(name)

    def meet(self, parts: Parts) -> None:
        """Note a file of any kind; one may be met again, where it is looked for another result."""
        self.met.add(parts)

    def lines(self) -> list[str]:
        """Return lines that tell of them, none where there are none."""
        kinds = ", ".join(sorted({_suffix((name,)) for name in self.kinds}))
        found = {
            "of no sequence with labels": self.names,
            "not called as results are": self.odd,
            "without a label": self.empty,
            "called as results, but nothing that can be read": self.wrong,
            f"of a kind that is not read ({kinds})": self.kinds,
            "an archive inside a folder, to be named itself": self.archives,
        }
        return [
            f"not used, {why}: {plural(len(names), 'file')}: "
            f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
            for why, names in ((why, list(dict.fromkeys(each))) for why, each in found.items())
            if names
        ]

    def nothing(self, paths: Sequence[Path], count: int, looked_for: str) -> DataError:
        """Return the error that there is no result: what was met, and what was looked for."""
        where = ", ".join(map(str, paths))
        return DataError(
            f"{where}: no results of the {count} sequences with labels: looked for {looked_for}; "
            f"{self.told()}"
        )

    def told(self) -> str:
        """Return what kinds of files were met, and what of them is not used."""
        kinds = Counter(_suffix(parts) or "no suffix" for parts in sorted(self.met))
        met = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(5))
        return "; ".join([f"met {met or 'no file'}", *self.lines()])


def own_folders(path: Path) -> frozenset[str]:
    """Return the folders in a folder that are trackers' of `pursuit evaluate`, by their names."""
    return frozenset(card.parent.name for card in path.glob(f"*/{_CARD}"))


def _suffix(parts: Parts) -> str:
    return PurePosixPath(parts[-1]).suffix.lower()


@dataclass
class Folder(Generic[T]):
    """The runs of a tracker on a sequence, by their files' names, and what is wrong."""

    tracker: str
    sequence: str
    place: str
    runs: dict[str, T] = field(default_factory=dict)
    wrong: str = ""

    def take(self, file: Stored, parse: Callable[[bytes, str], T]) -> None:
        """Take a file of a run; what `parse` finds wrong with it, the first time, is kept."""
        name = PurePosixPath(file.parts[-1]).stem.lower()  # two forms of a run are one too many
        try:
            if name in self.runs:
                raise DataError(f"{file.place}: this result is there twice")
            self.runs[name] = parse(file.data or b"", file.place)
        except DataError as error:
            self.wrong = self.wrong or str(error)


@dataclass
class Runs(Generic[T]):
    """What trackers left.

    Attributes:
        found: tracker -> sequence -> its runs in the order of their files' names.
        wrong: tracker -> sequence -> what is wrong with a run of it; `found` lacks these.
        places: tracker and sequence -> where they are.
    """

    found: dict[str, dict[str, list[T]]] = field(default_factory=dict)
    wrong: dict[str, dict[str, str]] = field(default_factory=dict)
    places: dict[tuple[str, str], str] = field(default_factory=dict)

    def put(self, mine: Folder[T]) -> None:
        """Keep a folder's runs, or what is wrong; two folders of the same name are both wrong."""
        found = self.found.setdefault(mine.tracker, {})
        wrong = self.wrong.setdefault(mine.tracker, {})
        at = (mine.tracker, mine.sequence)
        if at in self.places:
            found.pop(mine.sequence, None)
            wrong[mine.sequence] = (
                f"two results, {self.places[at]} and {mine.place}: leave one out, or rename it"
            )
            return
        self.places[at] = mine.place
        why = mine.wrong or _lacking(mine)
        if why:
            wrong[mine.sequence] = why
        else:
            found[mine.sequence] = [mine.runs[name] for name in sorted(mine.runs)]

    def take(self, other: Runs[T], names: Callable[[str, str], tuple[str, str] | None]) -> None:
        """Take what another holds, tracker and sequence called as `names` has them, None: not.

        Two of one name are both wrong.
        """
        for (tracker, sequence), place in other.places.items():
            called = names(tracker, sequence)
            if called is None:
                continue
            runs = other.found[tracker].get(sequence, [])
            numbered = {f"{at:04}": run for at, run in enumerate(runs)}
            why = other.wrong[tracker].get(sequence, "")
            self.put(Folder(*called, place, numbered, why))

    def renamed(self, names: Callable[[str], str]) -> Runs[T]:
        """Return the same under other names of sequences."""
        found: Runs[T] = Runs()
        found.take(self, lambda tracker, sequence: (tracker, names(sequence)))
        return found


def tracker_of(folders: Parts, sequence: str, key: Callable[[str], str]) -> str:
    """Return the nearest folder above that may be called as a tracker, or else the nearest.

    A folder called as the protocol, the data set or the sequence (by its `key`) is no tracker's.
    """
    for name in reversed(folders):
        if not _NO_TRACKER.fullmatch(name.lower()) and key(name) != sequence:
            return name
    return folders[-1]


def _lacking(mine: Folder[T]) -> str:
    """Return which run of SEQUENCE_001, SEQUENCE_002, ... is not there, or twice; "" for none."""
    run = re.compile(re.escape(mine.sequence.lower()) + r"(?:_(\d+))?")
    files = {name: int(found[1] or 1) for name in mine.runs if (found := run.fullmatch(name))}
    numbers = set(files.values())
    if len(numbers) < len(files):
        return f"two results of one run: {', '.join(sorted(files))} ({mine.place}): leave one out"
    gap = next((at for at in range(1, max(numbers, default=0)) if at not in numbers), 0)
    return f"run {gap:03d} is missing, later ones are there ({mine.place})" if gap else ""
