"""GOT-10k results wherever they lie, and the labels to compare them with.

A result is TRACKER/SEQUENCE/SEQUENCE_001.txt (002, ... where the tracker ran several times) as
the got10k toolkit and pysot write it, or TRACKER/SEQUENCE.txt; a line x,y,w,h a frame. Beside it
may lie SEQUENCE_time.txt, or TRACKER/times/SEQUENCE_time.txt: the seconds of each frame, a column
a run. A folder called as the data set is no tracker's: TRACKER/GOT-10k/SEQUENCE.txt. Boxes of
results and labels are taken as they are, as the toolkit takes them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from pursuit.archives import Parts, Stored, stored
from pursuit.datasets import Sequence, open_other_videos
from pursuit.datasets.label_files import good_labels
from pursuit.datasets.reading import is_picture, size_of_picture
from pursuit.datasets.vot import rows_of
from pursuit.errors import DataError
from pursuit.results.otb import parse_any
from pursuit.results.otb_names import SEVERAL, is_own
from pursuit.results.runs import Folder, Runs, Unused, own_folders, tracker_of
from pursuit.results.vot_names import experiment_of, is_run
from pursuit.results.vot_names import place as vot_place

Array = NDArray[np.float64]

_NAME = re.compile(r"got[-_]?10k(?:[-_](?:val|test))?", re.IGNORECASE)  # of the data set
_RUN = re.compile(r"(.+)_(\d+)")
_TIMES = re.compile(r"(.+)_times?")
_OTB_TIMES = ".times.txt"  # of `pursuit evaluate otb`, in milliseconds
_SIZE = re.compile(r"\s*\(?\s*(\d+)\s*,\s*(\d+)\s*\)?\s*")
_LABELS = "groundtruth.txt"
_SEEN = ("cover.label", "absence.label")


@dataclass(frozen=True)
class Truth:
    """The labels of a sequence of T frames.

    Attributes:
        name: of the sequence.
        boxes: (T, 4) x, y, w, h as given; NaN where there is none.
        seen: (T,) where some of the target is seen.
        size: width and height of its frames; None where nothing tells.
        kind: the class of its target, "" where nothing tells.
    """

    name: str
    boxes: Array
    seen: NDArray[np.bool_]
    size: tuple[int, int] | None
    kind: str


@dataclass
class Found:
    """What trackers left.

    Attributes:
        boxes: their runs, each (T, 4); sequences by `key`.
        seconds: tracker -> sequence -> (N,) times of the frames of all runs.
        notes: what is wrong with times; the boxes beside them count all the same.
        others: what there is of other protocols, by name.
        files: those with boxes that lie as GOT-10k's alone do, by their parts.
    """

    boxes: Runs[Array] = field(default_factory=Runs)
    seconds: dict[str, dict[str, Array]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    files: set[Parts] = field(default_factory=set)


def key(name: str) -> str:
    """Return how a sequence is looked up: its name in any case."""
    return name.lower()


def read_truth(path: Path) -> dict[str, Truth]:
    """Return key -> labels of a folder or an archive with NAME/groundtruth.txt.

    Beside that may lie meta_info.ini, which tells the class and the size of the frames, or else
    the pictures; and cover.label, or else absence.label, a line a frame. Or it is a folder of
    videos in another layout that `open_videos` knows.

    Raises:
        DataError: there are none, a file is wrong, or a sequence has two.
    """
    # VOT's labels without its frames are files like ours.
    pictures = any(path.glob("*/color")) or any(map(is_picture, path.glob("*/*")))
    videos = open_other_videos(path, own=("got10k",) if pictures else ("got10k", "vot"))
    if videos is not None:
        return {key(one.name): truth_of(one) for one in videos}
    folders: dict[Parts, list[Stored]] = {}
    for file in stored(path, _is_label):
        if file.data is not None:
            folders.setdefault((file.above + file.parts)[:-1], []).append(file)
    truths: dict[str, Truth] = {}
    for parts, files in folders.items():
        names = {file.parts[-1].lower(): file for file in files}
        if _LABELS not in names:
            continue
        truth = _truth(parts[-1], names)
        if key(truth.name) in truths:
            raise DataError(f"{names[_LABELS].place}: {truth.name} has labels twice")
        truths[key(truth.name)] = truth
    if not truths:
        raise DataError(f"{path}: no labels: no NAME/{_LABELS}")
    if all(len(one.boxes) == 1 for one in truths.values()):
        raise DataError(
            f"{path}: only the first frames have labels, as in the test split: its results are "
            "scored by the server of GOT-10k; name the validation split's labels"
        )
    return truths


def truth_of(sequence: Sequence) -> Truth:
    """Return what to compare with of a sequence; a frame is decoded for the size."""
    seen = np.ones(len(sequence), dtype=bool) if sequence.hidden is None else ~sequence.hidden
    return Truth(sequence.name, sequence.boxes, seen, sequence.size(), sequence.kind)


def find(
    paths: Iterable[Path],
    known: Collection[str],
    unused: Unused,
    *,
    numbered: bool = False,
    others: Collection[Parts] = (),
) -> Found:
    """Return what trackers left of the known sequences in folders and archives.

    Args:
        paths: of the folders and archives.
        known: keys of the sequences with labels.
        unused: is told of files that belong to none of these.
        numbered: whether only what lies as GOT-10k's alone do is taken: runs in a folder of their
            sequence, and what lies in a folder called GOT-10k. TRACKER/SEQUENCE.txt is OTB's then.
        others: files that are results of another kind, by their parts.

    Raises:
        DataError: a folder or an archive cannot be read.
    """
    found = Found()
    for path in paths:
        folders: dict[Parts, Folder[Array]] = {}
        protocols: set[str] = set()
        own = own_folders(path)
        for file in stored(path, _may_be_result):
            if file.parts in others:
                continue
            unused.meet(file.parts)
            whole = file.above + file.parts
            if file.data is None:
                text = replace(file, parts=_as_text(file.parts))
                mine = not numbered or _is_numbered(text, known, own)
                if mine and _may_be_result(text.parts):
                    unused.take(file.parts, is_run=_place(file, known, own) is not None)
                continue
            is_times = _is_times(file, own)
            if numbered and not is_times and not _is_numbered(file, known, own):
                continue
            protocol = _other_protocol(whole)
            if protocol:
                protocols.add(protocol)
                continue
            if not is_times:
                found.files.add(file.parts)
            place = _place(file, known, own)
            if place is None:
                if not (numbered and is_times):  # they may be beside others' results
                    unused.names.append("/".join(file.parts))
            elif is_times:
                _take_times(found, *place, file)
            else:
                folder = Folder[Array](*place, file.place)
                folders.setdefault((*whole[:-1], place[1]), folder).take(file, _boxes)
        # TRACKER/SEQUENCE.txt beside TRACKER/SEQUENCE/SEQUENCE_001.txt is OTB's.
        beside = {(*at[:-2], at[-1]) for at in folders if key(at[-2]) == at[-1]}
        protocols |= {"/".join((*at[-2:-1], "*.txt")) for at in folders if at in beside}
        for at, folder in folders.items():
            if at not in beside:
                found.boxes.put(folder)
        found.others += sorted(protocols)
    return found


def _as_text(parts: Parts) -> Parts:
    return (*parts[:-1], f"{PurePosixPath(parts[-1]).stem}.txt")


def _other_protocol(whole: Parts) -> str:
    """Return TRACKER/EXPERIMENT of a result of another protocol, "" of others."""
    if len(whole) > 3 and experiment_of(whole):
        return "/".join((vot_place(whole) or whole[-4:-2])[:2])
    if len(whole) > 3 and whole[-3].lower() in SEVERAL and is_run(whole):
        return "/".join(whole[-4:-2])
    return ""


def _is_numbered(file: Stored, known: Collection[str], own: Collection[str]) -> bool:
    """Return whether a file of boxes lies as no other kind's does."""
    whole = file.above + file.parts
    named = any(_NAME.fullmatch(part) for part in file.parts[:-1]) and not is_own(file.parts, own)
    if named and any(name in known for name in _names(whole)):
        return True
    return is_run(whole) and len(whole) > 2 and whole[-3].lower() not in SEVERAL


def _is_times(file: Stored, own: Collection[str]) -> bool:
    """Return whether a file is called as one of times, or lies where such do."""
    in_own = 3 if is_own(file.parts, own) else 2
    in_times = len(file.parts) > in_own and file.parts[-2].lower() == "times"
    return in_times or _TIMES.fullmatch(PurePosixPath(file.parts[-1]).stem) is not None


def _place(file: Stored, known: Collection[str], own: Collection[str]) -> tuple[str, str] | None:
    """Return tracker and sequence of a file; None of one of no known sequence.

    Folders `own` of the named one are trackers', whatever they are called.
    """
    parts = file.above + file.parts
    sequence = next((name for name in _names(parts) if name in known), None)
    if sequence is None or len(parts) < 2:
        return None
    mine = is_own(file.parts, own)
    return file.parts[1] if mine else tracker_of(parts[:-1], sequence, key), sequence


def _names(parts: Parts) -> tuple[str, str]:
    """Return what the sequence of a file may be called, as keys: with the number and without."""
    stem = PurePosixPath(parts[-1]).stem
    times = _TIMES.fullmatch(stem)
    name = times[1] if times else stem
    run = _RUN.fullmatch(name)
    return key(name), key(run[1] if run else name)


def _take_times(found: Found, tracker: str, sequence: str, file: Stored) -> None:
    try:
        rows = rows_of(file.data or b"", file.place)
    except DataError as error:
        found.notes.append(f"times not used: {error}")
        return
    values = np.array([value for row in rows for value in row], dtype=np.float64)
    found.seconds.setdefault(tracker, {})[sequence] = values


def _boxes(data: bytes, place: str) -> Array:
    return parse_any(data, place)


def _may_be_result(parts: Parts) -> bool:
    name = parts[-1].lower()
    others = (_LABELS, "list.txt", "readme.txt")
    if name.startswith(".") or name.endswith(_OTB_TIMES):
        return False
    return name.endswith((".txt", ".csv")) and name not in others


def _is_label(parts: Parts) -> bool:
    name = parts[-1].lower()
    if name in (_LABELS, "meta_info.ini", *_SEEN):
        return True
    return is_picture(Path(name)) and Path(name).stem.strip("0") == "1"  # the first tells the size


def _truth(name: str, files: Mapping[str, Stored]) -> Truth:
    labels = files[_LABELS]
    boxes = good_labels(labels.data or b"", labels.place)
    if not len(boxes):
        raise DataError(f"{labels.place}: no label in it")
    meta = _meta(files.get("meta_info.ini"))
    return Truth(name, boxes, _seen(files, len(boxes)), _size(meta, files), meta.get("class", ""))


def _meta(file: Stored | None) -> dict[str, str]:
    """Return `class` and `size` as the file tells them, those that it does."""
    if file is None:
        return {}
    text = (file.data or b"").decode("utf-8-sig", errors="replace")
    pairs = dict(
        re.findall(r"^\s*(object_class|resolution)\s*[:=]\s*(.*?)\s*$", text, re.MULTILINE)
    )
    names = {"object_class": "class", "resolution": "size"}
    meta = {names[given]: value for given, value in pairs.items() if value}
    if "size" in meta and not _SIZE.fullmatch(meta["size"]):
        raise DataError(f"{file.place}: no size (W, H): resolution is {meta['size'][:40]!r}")
    return meta


def _size(meta: Mapping[str, str], files: Mapping[str, Stored]) -> tuple[int, int] | None:
    match = _SIZE.fullmatch(meta.get("size", ""))
    if match:
        return int(match[1]), int(match[2])
    first = next((file for name, file in files.items() if is_picture(Path(name))), None)
    return size_of_picture(first.data or b"", first.place) if first else None


def _seen(files: Mapping[str, Stored], count: int) -> NDArray[np.bool_]:
    for name in _SEEN:
        file = files.get(name)
        if file is None:
            continue
        values = np.array([x for row in rows_of(file.data or b"", file.place) for x in row])
        if len(values) != count:
            raise DataError(f"{file.place}: {len(values)} values for {count} frames")
        return np.asarray(values > 0 if name == "cover.label" else values == 0)
    return np.ones(count, dtype=bool)
