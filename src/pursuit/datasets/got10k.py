"""GOT-10k's layout: NAME/00000001.jpg, ... and NAME/groundtruth.txt, a box x,y,w,h a line.

The boxes are taken as they are given, as its own toolkit takes them: no pixel is
subtracted. Frames that absence.label marks with 1 do not show the target: they have no
label here. What cover.label says to be hidden is kept so, the class of meta_info.ini too.
The test split gives the first box only; its other frames have none either.
"""

from __future__ import annotations

import math
import re
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pursuit.datasets.base import Sequence
from pursuit.datasets.label_files import read_labels
from pursuit.datasets.reading import (
    Findings,
    numbered_pictures,
    read_pictures,
    read_text,
)

LOOKS_FOR = "NAME/00000001.jpg beside NAME/groundtruth.txt"


def fits(root: Path) -> bool:
    """Return whether a folder holds a sequence."""
    return any(root.glob("*/groundtruth.txt"))


def read(root: Path, findings: Findings) -> list[Sequence]:
    """Return the sequences of a folder, by name."""
    found = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        sequence = _sequence(folder, findings.about(folder.name))
        if sequence is not None:
            found.append(sequence)
    return found


def _sequence(folder: Path, findings: Findings) -> Sequence | None:
    pictures = numbered_pictures(folder, findings)
    labels = folder / "groundtruth.txt"
    if not labels.is_file():
        if pictures:
            findings.wrong(f"{folder}: groundtruth.txt is missing")
        return None
    boxes = read_labels(labels, findings)
    if len(boxes) == 1:
        boxes = np.concatenate([boxes, np.full((max(len(pictures) - 1, 0), 4), math.nan)])
    if len(boxes) != len(pictures):
        findings.wrong(f"{labels}: {len(boxes)} boxes for {len(pictures)} pictures")
    count = min(len(boxes), len(pictures))
    if not count:
        findings.empty(f"{labels}: no frame has a box")
        return None
    boxes, pictures = boxes[:count], pictures[:count]
    boxes[_absent(folder / "absence.label", count, findings)] = math.nan
    return Sequence(
        name=folder.name,
        video=folder.name,
        boxes=boxes,
        open_frames=partial(read_pictures, tuple(pictures)),
        source=folder.resolve().parent.name,
        path=folder,
        hidden=_hidden(folder / "cover.label", count, findings),
        kind=_kind(folder / "meta_info.ini", findings),
    )


def _hidden(path: Path, count: int, findings: Findings) -> NDArray[np.bool_] | None:
    """Return where (count,) nothing of the target is seen: its cover, 0 to 8, is 0."""
    if not path.is_file():
        return None
    covers = (read_text(path, findings) or "").split()
    if len(covers) < count or not set(covers) <= set("012345678"):
        findings.wrong(f"{path}: must hold 0 to 8 for each of the {count} frames")
        return None
    return np.array([cover == "0" for cover in covers[:count]])


def _kind(path: Path, findings: Findings) -> str:
    """Return the class that a file tells; "" where it tells none."""
    text = (read_text(path, findings) or "") if path.is_file() else ""
    match = re.search(r"^object_class\s*[:=]\s*(\S.*?)\s*$", text, re.MULTILINE)
    return match[1] if match else ""


def _absent(path: Path, count: int, findings: Findings) -> NDArray[np.bool_]:
    """Return where (count,) the target is not to be seen."""
    absent = np.zeros(count, dtype=bool)
    if not path.is_file():
        return absent
    flags = (read_text(path, findings) or "").split()
    if len(flags) < count or not set(flags) <= {"0", "1"}:
        findings.wrong(f"{path}: must hold 0 or 1 for each of the {count} frames")
        return absent
    return np.array([flag == "1" for flag in flags[:count]])
