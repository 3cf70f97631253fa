"""ALOV300++'s layout: annotations/CATEGORY/VIDEO.ann beside images/CATEGORY/VIDEO/00000001.jpg.

A line of labels is a frame number and four corners, `frame x1 y1 x2 y2 x3 y3 x4 y4`, for every
fifth frame or so; the others have no label here. Read as GOTURN's program reads it: frame n is
the n-th picture by name, counted from 1; the box spans the corners, in whatever order they
come; coordinates count from 1.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pursuit.datasets.base import Sequence
from pursuit.datasets.reading import (
    Findings,
    pictures_in,
    plural,
    read_pictures,
    read_text,
    shown,
)

LOOKS_FOR = "annotations/CATEGORY/VIDEO.ann beside images/ or imagedata++/"
# The short names, and those of the archives.
LABELS = ("annotations", "alov300++_rectangleAnnotation_full")
PICTURES = ("images", "imagedata++")

# Videos that are in VOT2014 too. GOTURN was trained on the others (its README; supplement J):
# who judges on VOT2014 holds these out.
IN_VOT2014 = (
    "01-Light_video00016",
    "01-Light_video00022",
    "01-Light_video00023",
    "02-SurfaceCover_video00012",
    "03-Specularity_video00003",
    "03-Specularity_video00012",
    "10-LowContrast_video00013",
)


def fits(root: Path) -> bool:
    """Return whether a folder holds labels beside pictures."""
    labels = _folder(root, LABELS)
    return (
        labels is not None and _folder(root, PICTURES) is not None and any(labels.glob("*/*.ann"))
    )


def read(root: Path, findings: Findings) -> list[Sequence]:
    """Return the sequences of a folder, by category and name."""
    labels, pictures = _folder(root, LABELS), _folder(root, PICTURES)
    assert labels is not None and pictures is not None  # `fits` was asked first
    found = []
    for file in sorted(labels.glob("*/*.ann")):
        mine = findings.about(file.stem)
        sequence = _sequence(file, pictures / file.parent.name / file.stem, mine)
        if sequence is not None:
            found.append(sequence)
    return found


def validation_split(videos: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the videos that GOTURN's authors learnt from and those they chose by.

    Of each category the last fifth by name, rounded down, is for choosing; a category is what
    stands before `_video` in the names. Of ALOV300++ without `IN_VOT2014` these are 251 and 56.
    """
    categories: dict[str, list[str]] = defaultdict(list)
    for name in sorted(videos):
        categories[name.rpartition("_video")[0]].append(name)
    learn, choose = [], []
    for names in categories.values():
        first = len(names) - len(names) // 5
        learn += names[:first]
        choose += names[first:]
    return learn, choose


def _folder(root: Path, names: Iterable[str]) -> Path | None:
    return next((root / name for name in names if (root / name).is_dir()), None)


def _sequence(file: Path, folder: Path, findings: Findings) -> Sequence | None:
    if not folder.is_dir():
        findings.wrong(f"{file}: its pictures {folder} are missing")
        return None
    pictures = pictures_in(folder)
    rows = _rows(file, findings)
    beyond = [frame for frame in rows if frame > len(pictures)]
    if beyond:
        findings.wrong(
            f"{file}: {plural(len(beyond), 'box')} beyond the {plural(len(pictures), 'picture')} "
            f"in {folder}, up to frame {max(beyond)}"
        )
    boxes = np.full((len(pictures), 4), math.nan)
    for frame, box in rows.items():
        if frame <= len(pictures):
            boxes[frame - 1] = box
    if not np.isfinite(boxes).any():
        findings.empty(f"{file}: no boxes in it")
        return None
    return Sequence(
        name=file.stem,
        video=file.stem,
        boxes=boxes,
        open_frames=partial(read_pictures, tuple(pictures)),
        source="alov300++",
        path=folder,
    )


def _rows(file: Path, findings: Findings) -> dict[int, NDArray[np.float64]]:
    """Return frame number, from 1 -> box (4,), 0-based, of a file of labels."""
    rows: dict[int, NDArray[np.float64]] = {}
    for number, line in enumerate((read_text(file, findings) or "").splitlines(), start=1):
        fields = line.split()
        if not fields:
            continue
        place = f"{file}:{number}"
        box = _box(fields[1:])
        if not fields[0].isdecimal() or int(fields[0]) < 1 or box is None:
            findings.wrong(
                f"{place}: a line is a frame number from 1 and four corners x y; got {shown(line)}"
            )
        elif (frame := int(fields[0])) in rows and not np.array_equal(rows[frame], box):
            findings.wrong(f"{place}: frame {frame} has two boxes")
        else:
            rows[frame] = box
    return rows


def _box(fields: list[str]) -> NDArray[np.float64] | None:
    """Return the box (4,) that spans four corners x, y; None if they are not."""
    try:
        corners = np.array(fields, dtype=np.float64)
    except ValueError:
        return None
    if corners.shape != (8,) or not np.isfinite(corners).all():
        return None
    low, high = corners.reshape(4, 2).min(axis=0), corners.reshape(4, 2).max(axis=0)
    return np.concatenate([low - 1, high - low])
