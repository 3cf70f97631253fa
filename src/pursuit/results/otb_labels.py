"""Labels to compare OTB results with, in any layout that is read."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from pursuit.archives import Parts, Stored, stored
from pursuit.datasets import open_other_videos
from pursuit.datasets.label_files import good_labels
from pursuit.datasets.otb import LABELS
from pursuit.datasets.otb_list import Entry, entries, key
from pursuit.datasets.vot import read_truth as read_regions
from pursuit.errors import DataError
from pursuit.results.otb import FROM_ONE, parse_boxes
from pursuit.results.otb_names import NO_RESULTS
from pursuit.results.runs import Unused

Array = NDArray[np.float64]


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
    empty: dict[str, str] = {}
    for name, file in _one_kind(files, path).items():
        boxes = _boxes(file)
        if len(boxes):
            found[name] = boxes
        else:
            empty[name] = file.place
    for name, place in empty.items():
        if not _may_be_empty(name, found):
            raise DataError(f"{place}: no label in it")
        unused.empty.append(place)
    if not found:
        raise DataError(
            f"{path}: no labels: neither NAME/groundtruth_rect.txt nor a folder of NAME.txt"
        )
    return found


def _boxes(file: Stored) -> Array:
    """Return the boxes (T, 4), 0-based, of a file: one of a data set is read as its reader does."""
    data = file.data or b""
    if LABELS.fullmatch(file.parts[-1]):
        return good_labels(data, file.place) - FROM_ONE
    return parse_boxes(data, file.place)


def _may_be_empty(name: str, found: Collection[str]) -> bool:
    """Return whether a target may be without labels: another of its video has some.

    OTB's list knows that the first of Human4 has none.
    """
    video = _video(name)
    listed = f"{video}-2" in entries() and f"{video}-1" not in entries()
    return listed or video in map(_video, found)


def _video(name: str) -> str:
    return re.sub(r"[\s._-]+\d{1,2}$", "", name).lower()


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
        elif file.parent.name.lower() not in NO_RESULTS and file.stem.lower() != "readme":
            beside.setdefault(one.parts[:-1], {})[file.stem] = one
    if own:
        return own
    named = [one for one in beside if one[-1].lower().startswith("anno")]
    folders = named or list(beside)
    if len(folders) > 1:
        raise DataError(f"{path}: boxes in {len(folders)} folders; name the one with the labels")
    return beside[folders[0]] if folders else {}
