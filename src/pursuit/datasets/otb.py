"""OTB's layout: NAME/img/0001.jpg, ... beside NAME/groundtruth_rect.txt, 1-based boxes.

A folder with several label files (groundtruth_rect.1.txt, groundtruth_rect.2.txt) holds the
sequences NAME-1, NAME-2; an empty one is no sequence, so Human4 has Human4-2 only. Rows of
zeros or NaN are kept as they are, moved by the one pixel that all boxes are: the protocol
decides what they count.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from pursuit.datasets import otb_list
from pursuit.datasets.base import Sequence
from pursuit.datasets.label_files import read_labels
from pursuit.datasets.reading import Findings, numbered_pictures, read_pictures

LOOKS_FOR = "NAME/img/ beside NAME/groundtruth_rect.txt"

LABELS = re.compile(r"groundtruth_rect(?:[._-]?(\d+))?\.txt")


def fits(root: Path) -> bool:
    """Return whether a folder holds a sequence."""
    return any(path.parent.joinpath("img").is_dir() for path in root.glob("*/groundtruth_rect*"))


def read(root: Path, findings: Findings) -> list[Sequence]:
    """Return the sequences of a folder, by name."""
    found = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        labels = _labels(folder)
        if not labels and not (folder / "img").is_dir():
            continue  # something else lies there
        mine = findings.about(*(_name(folder, key) for key in labels or [""]), video=folder.name)
        if not labels:
            mine.wrong(f"{folder}: groundtruth_rect.txt is missing")
        elif not (folder / "img").is_dir():
            mine.wrong(f"{folder}: the folder img is missing")
        else:
            found += _video(folder, labels, numbered_pictures(folder / "img", mine), findings)
    return found


def _labels(folder: Path) -> dict[str, Path]:
    """Return object -> file of labels; the object of the only one has no name."""
    matches = {path: LABELS.fullmatch(path.name) for path in sorted(folder.iterdir())}
    files = {match[1] or "": path for path, match in matches.items() if match}
    return {key: path for key, path in files.items() if len(files) == 1 or key}


def _name(folder: Path, key: str) -> str:
    """Return the name of a sequence: its folder's, and its object's where that has one."""
    return f"{folder.name}-{key}" if key else folder.name


def _video(
    folder: Path, labels: dict[str, Path], pictures: list[Path], findings: Findings
) -> list[Sequence]:
    found = []
    for key, file in labels.items():
        about = findings.about(_name(folder, key), video=folder.name)
        boxes = read_labels(file, about)
        if not len(boxes):
            tell = about.empty if len(labels) == 1 else about.note
            tell(f"{file}: no boxes in it")
            continue
        mine = _labelled_part(folder.name, pictures, len(boxes))
        if len(mine) != len(boxes):
            about.wrong(f"{file}: {len(boxes)} boxes for {len(mine)} pictures in img")
            mine, boxes = mine[: len(boxes)], boxes[: len(mine)]
        boxes[:, :2] -= 1
        found.append(
            Sequence(
                name=_name(folder, key),
                video=folder.name,
                boxes=boxes,
                open_frames=partial(read_pictures, tuple(mine)),
                source=folder.resolve().parent.name,
                path=folder / "img",
            )
        )
    return found


def _labelled_part(name: str, pictures: list[Path], count: int) -> list[Path]:
    """Return the pictures that `count` rows of labels belong to."""
    known = otb_list.entries().get(otb_list.key(name))
    first, last = known.pictures if known else (0, 0)
    if len(pictures) == count or last - first + 1 != count:
        return pictures
    return [path for path in pictures if first <= int(path.stem) <= last]
