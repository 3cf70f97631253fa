"""OTB results wherever they lie, and the labels to compare them with.

A result is SEQUENCE_TRACKER.mat of the toolbox, SEQUENCE_TRACKER.txt, TRACKER/SEQUENCE.txt as
got10k, pysot and we write it (or .csv), TRACKER/SEQUENCE.json of OTB's Python toolkit, or our
TRACKER/tre/SEQUENCE/SEQUENCE_001.txt to _020.txt (sre: to _012.txt); in a folder or an archive, at
any depth. A folder called as the protocol or the data set is no tracker's:
TRACKER/OPE/SEQUENCE.txt.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from pursuit.archives import Parts, Stored, stored
from pursuit.datasets import open_other_videos
from pursuit.datasets.otb import LABELS
from pursuit.datasets.otb_list import Entry, entries, key
from pursuit.datasets.reading import plural
from pursuit.datasets.vot import read_truth as read_regions
from pursuit.errors import DataError
from pursuit.results import otb_toolkit, vot
from pursuit.results.otb import FROM_ONE, parse_boxes
from pursuit.results.otb_toolkit import StoredRun
from pursuit.results.runs import tracker_of

Array = NDArray[np.float64]

_NO_RESULTS = {"times", "att", "initomit", "matlab_curves"}  # folders beside results and labels
SEVERAL = {"tre": 20, "sre": 12}  # runs in such a folder
_NUMBERED = re.compile(r"(.+)_(\d{3})\.txt")
# What else trackers write beside a result: SEQUENCE_times.txt.
_BESIDE = re.compile(r"[._-](?:times?|fps|speed|runtime|scores?|conf|confidences?|states?|log)$")


@dataclass(frozen=True)
class Truth:
    """The labels of a sequence.

    Attributes:
        name: as OTB writes it, where it is one of OTB's.
        boxes: (T, 4) x, y, w, h, 0-based.
        entry: what is known of it, None of a sequence that OTB has not.
    """

    name: str
    boxes: Array
    entry: Entry | None


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
        numbered: whether it lies as GOT-10k's do, SEQUENCE/SEQUENCE_001.txt.
    """

    tracker: str
    sequence: str
    place: str
    runs: tuple[StoredRun, ...] = ()
    wrong: str = ""
    kind: str = ""
    numbered: bool = False


@dataclass
class Unused:
    """Files that look like results, but of no sequence that has labels; and labels without any."""

    names: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return lines that tell of them, none where there are none."""
        found = {"of no sequence with labels": self.names, "without a label": self.empty}
        return [
            f"not used, {why}: {plural(len(names), 'file')}: "
            f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
            for why, names in found.items()
            if names
        ]


def read_truth(path: Path, unused: Unused | None = None) -> dict[str, Truth]:
    """Return key -> labels of a folder or an archive; `unused` is told of files without any.

    It holds NAME/groundtruth_rect.txt, or one folder (or one called `anno...`) of NAME.txt,
    boxes counted from 1; or NAME/groundtruth.txt as VOT and GOT-10k have it, counted from 0; or,
    a folder, videos in another layout that `open_videos` knows. Or it is pysot's JSON file of
    OTB, counted from 1.

    Raises:
        DataError: there are none, a file is wrong, or a sequence has two.
    """
    videos = open_other_videos(path, own=("otb", "vot", "got10k"))
    if videos is not None:
        found = {one.name: one.boxes for one in videos}
    elif path.suffix.lower() == ".json" and path.is_file():
        found = {name: boxes - FROM_ONE for name, boxes in _regions(path).items()}
    else:
        found = _label_files(path, unused or Unused())
    truths: dict[str, Truth] = {}
    for name, boxes in found.items():
        known = entries().get(key(name))
        if key(name) in truths:
            raise DataError(f"{path}: {truths[key(name)].name} has labels twice")
        truths[key(name)] = Truth(known.name if known else name, boxes, known)
    return truths


def find(
    paths: Sequence[Path], known: Collection[str], wanted: Collection[str], unused: Unused
) -> Iterator[Found]:
    """Yield what trackers left in folders and archives, in their order.

    Args:
        paths: of the folders and archives.
        known: keys of all sequences with labels.
        wanted: those of them to read.
        unused: is told of files that belong to none that is known.

    Raises:
        DataError: a folder or an archive cannot be read.
        MissingExtra: SciPy is needed for a .mat and is not installed.
    """

    def of_tracker(parts: Parts) -> bool:
        if not may_be_result(parts):
            return False
        split = _split(parts, known)
        if split is None and not parts[-1].lower().endswith((".json", ".csv")):  # maybe tables
            unused.names.append("/".join(parts))
        return split is not None and split[1] in wanted

    several: dict[Parts, list[Stored]] = {}
    alone: list[tuple[str, str, Stored]] = []
    met: set[tuple[str, str]] = set()
    for path in paths:
        for file in stored(path, of_tracker):
            split = _split(file.parts, known)
            if split is None or file.data is None:
                continue
            if _number(file.parts):
                several.setdefault((str(path), *file.parts[:-1]), []).append(file)
            elif _is_numbered(file.parts):
                alone.append((*split, file))
            else:
                met.add(split)
                yield _parsed(*split, file.data, file.place)
    for files in several.values():
        yield _parsed_several(files, known)
    for tracker, sequence, file in alone:
        if (tracker, sequence) not in met:  # beside another result, they are GOT-10k's
            one = _parsed(tracker, sequence, file.data or b"", file.place)
            yield replace(one, numbered=True)


def _parsed_several(files: list[Stored], known: Collection[str]) -> Found:
    """Return the runs of TRE or SRE that lie in one folder."""
    files.sort(key=lambda file: file.parts[-1])
    first = files[0]
    tracker, sequence = _split(first.parts, known) or ("", "")
    place = first.place.removesuffix(first.parts[-1]).rstrip("/\\")
    kind = first.parts[-3].lower()
    missing = sorted(set(range(1, SEVERAL[kind] + 1)) - {_number(one.parts) for one in files})
    if missing or len(files) != SEVERAL[kind]:
        what = f"run {missing[0]} of {SEVERAL[kind]} is missing" if missing else "too many runs"
        wrong = f"{kind.upper()}: {what} ({place})"
        return Found(tracker, sequence, place, wrong=wrong, kind=kind)
    try:
        runs = tuple(StoredRun(parse_boxes(one.data or b"", one.place)) for one in files)
    except DataError as error:
        return Found(tracker, sequence, place, wrong=str(error), kind=kind)
    return Found(tracker, sequence, place, runs, kind=kind)


def _number(parts: Parts) -> int:
    """Return the number of a run of TRE or SRE, and 0 of other files."""
    several = _is_numbered(parts) and len(parts) > 3 and parts[-3].lower() in SEVERAL
    return int(parts[-1][-7:-4]) if several else 0


def _is_numbered(parts: Parts) -> bool:
    """Return whether a file is one of several of a sequence, in a folder of the same name."""
    match = _NUMBERED.fullmatch(parts[-1])
    return match is not None and len(parts) > 1 and parts[-2] == match[1]


def _parsed(tracker: str, sequence: str, content: bytes, place: str) -> Found:
    try:
        if place.lower().endswith(".mat"):
            runs = otb_toolkit.parse(content, place)
        elif place.lower().endswith(".json"):
            runs = otb_toolkit.parse_json(content, place)
        else:
            runs = [StoredRun(parse_boxes(content, place))]
    except DataError as error:
        return Found(tracker, sequence, place, wrong=str(error))
    return Found(tracker, sequence, place, tuple(runs))


def may_be_result(parts: Parts) -> bool:
    """Return whether a file of such a path may be a result, by its names alone."""
    path = PurePosixPath(*parts)
    folders = [part.lower() for part in path.parts[1:-1]]  # the first one was named to us
    return (
        path.suffix.lower() in (".txt", ".csv", ".mat", ".json")
        and not path.name.startswith(".")
        and path.stem.lower() != "readme"
        and not _BESIDE.search(path.stem.lower())
        and not LABELS.fullmatch(path.name)
        and not vot.is_run_of_experiment(parts)
        and not any(part in _NO_RESULTS or part.startswith("anno") for part in folders)
    )


def _split(parts: Parts, known: Collection[str]) -> tuple[str, str] | None:
    """Return tracker and sequence of a file; None where it is of no known sequence."""
    path = PurePosixPath(*parts)
    if _number(parts):
        return (parts[-4], key(parts[-2])) if key(parts[-2]) in known else None
    if key(path.stem) in known:
        sequence = key(path.stem)
        return tracker_of(path.parts[:-1], sequence, key), sequence
    # The longest name of a sequence that it begins with: Jogging_1_kcf.
    for end in range(len(path.stem) - 1, 0, -1):
        if path.stem[end] in "_-." and key(path.stem[:end]) in known and path.stem[end + 1 :]:
            sequence, rest = key(path.stem[:end]), path.stem[end + 1 :]
            if rest.isdecimal() and key(path.parent.name) == sequence:
                rest = tracker_of(
                    path.parts[:-1], sequence, key
                )  # TRACKER/SEQUENCE/SEQUENCE_001.txt
            return rest, sequence
    return None


def _label_files(path: Path, unused: Unused) -> dict[str, Array]:
    files = [
        file
        for file in stored(path, lambda parts: parts[-1].endswith(".txt"))
        if file.data is not None
    ]
    names = [file.parts[-1] for file in files]
    if "groundtruth.txt" in names and not any(map(LABELS.fullmatch, names)):
        return _regions(path)
    found: dict[str, Array] = {}
    for name, file in _one_kind(files, path).items():
        boxes = parse_boxes(file.data or b"", file.place)
        if len(boxes):  # Human4 has a file without any
            found[name] = boxes
        else:
            unused.empty.append(file.place)
    if not found:
        raise DataError(
            f"{path}: no labels: neither NAME/groundtruth_rect.txt nor a folder of NAME.txt"
        )
    return found


def _regions(path: Path) -> dict[str, Array]:
    """Return the boxes around the regions of VOT's layout, or of pysot's JSON file."""
    found = read_regions(path).sequences
    return {name: truth.regions.around() for name, truth in found.items()}


def _one_kind(files: Sequence[Stored], path: Path) -> dict[str, Stored]:
    """Return name -> file of labels, of those that lie one way."""
    beside: dict[Parts, dict[str, Stored]] = {}
    own: dict[str, Stored] = {}
    for one in files:
        file = PurePosixPath(*one.parts)
        match = LABELS.fullmatch(file.name)
        if match:
            own[f"{file.parent.name}-{match[1]}" if match[1] else file.parent.name] = one
        elif file.parent.name.lower() not in _NO_RESULTS and file.stem.lower() != "readme":
            beside.setdefault(one.parts[:-1], {})[file.stem] = one
    if own:
        return own
    named = [one for one in beside if one[-1].lower().startswith("anno")]
    folders = named or list(beside)
    if len(folders) > 1:
        raise DataError(f"{path}: boxes in {len(folders)} folders; name the one with the labels")
    return beside[folders[0]] if folders else {}
