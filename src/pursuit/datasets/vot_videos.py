"""VOT's layout with its pictures: NAME/color/00000001.jpg, ... and NAME/groundtruth.txt.

Until VOT2016 the pictures lie beside groundtruth.txt, as GOT-10k's do: polygons in it, or tags
beside it, tell VOT's. A line is a box x,y,w,h or corners x1,y1,x2,y2,..., 0-based; the boxes of
a sequence are those just around its polygons.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from pursuit.datasets.base import Sequence
from pursuit.datasets.reading import Findings, numbered_pictures, read_pictures
from pursuit.datasets.vot import Truth, has_corners, sequence_truth
from pursuit.errors import DataError

LOOKS_FOR = "NAME/color/00000001.jpg, or polygons, beside NAME/groundtruth.txt"


def fits(root: Path) -> bool:
    """Return whether a folder holds a sequence."""
    return any(_is_vot(path) for path in sorted(root.glob("*/groundtruth.txt")))


def read(root: Path, findings: Findings) -> list[Sequence]:
    """Return the sequences of a folder, by name."""
    found = []
    for labels in sorted(root.glob("*/groundtruth.txt")):
        mine = findings.about(labels.parent.name)
        try:
            truth = sequence_truth(labels.parent)
        except DataError as error:
            mine.wrong(str(error))
        else:
            found += _sequence(labels.parent, truth, mine)
    return found


def _is_vot(labels: Path) -> bool:
    folder = labels.parent
    if (folder / "color").is_dir() or any(folder.glob("*.tag")):
        return True
    try:
        with labels.open("rb") as file:
            return has_corners(file.readline(4096), str(labels))
    except OSError:
        return False


def _sequence(folder: Path, truth: Truth, findings: Findings) -> list[Sequence]:
    beside = folder / "color"
    pictures = numbered_pictures(beside if beside.is_dir() else folder, findings)
    regions = truth.regions
    if len(pictures) != len(regions):
        findings.wrong(f"{folder}: {len(regions)} labels for {len(pictures)} pictures")
    count = min(len(pictures), len(regions))
    if not count:
        return []
    first = np.arange(count)
    regions = regions.where(first)
    return [
        Sequence(
            name=folder.name,
            video=folder.name,
            boxes=regions.around(),
            open_frames=partial(read_pictures, tuple(pictures[:count])),
            source=folder.resolve().parent.name,
            path=beside if beside.is_dir() else folder,
            regions=regions,
            tags={name: tag[:count] for name, tag in truth.tags.items()},
            practical=None if truth.practical is None else truth.practical[:count],
        )
    ]
