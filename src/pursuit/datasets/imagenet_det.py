"""ImageNet DET's layout: Annotations/DET/.../NAME.xml beside Data/DET/.../NAME.JPEG.

A file of labels names the picture (folder and filename) and the corners of each object, which
count from 0; read as GOTURN's program reads them, w = xmax - xmin. They are pixels of the
picture as it was shown to who labelled it. Where that size is not the picture's own, all
coordinates are scaled by the ratio of the heights, as that program does: the shape was kept.

All objects are read. What GOTURN leaves out, boxes that fill two thirds of a picture, is a rule
of its learning (`boxes.fills`); what makes a box useless to anyone is in `faults`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from pursuit import boxes as bx
from pursuit.datasets.base import LabelledImage
from pursuit.datasets.reading import Findings, picture_size, plural, read_picture, shown
from pursuit.errors import DataError

LOOKS_FOR = (
    "Annotations/DET/ beside Data/DET/, or ILSVRC2014_DET_bbox_train/ beside ILSVRC2014_DET_train/"
)
# Labels and pictures: as they lie in ImageNet's one archive, and in those of 2014.
FOLDERS = (
    (Path("Annotations", "DET"), Path("Data", "DET")),
    (Path("ILSVRC2014_DET_bbox_train"), Path("ILSVRC2014_DET_train")),
)
CORNERS = ("xmin", "ymin", "xmax", "ymax")


def fits(root: Path) -> bool:
    """Return whether a folder has the two sub-folders."""
    return _folders(root) is not None


def read(root: Path, findings: Findings) -> list[LabelledImage]:
    """Return the labelled pictures of a folder, in the order of the files of labels.

    Pictures without an object are left out, and so are labels without a picture: the paper
    unpacked the pictures of 2014 only.
    """
    folders = _folders(root)
    assert folders is not None  # `fits` was asked first
    labels, data = folders
    found, without = [], []
    for file in _files(labels):
        tree = _parse(file, findings)
        if tree is None:
            continue
        picture = _picture(tree, file, labels, data)
        if picture is None:
            without.append(file)
            continue
        still = _still(tree, file, picture, data, findings)
        if still is not None:
            found.append(still)
    if without:
        count = plural(len(without), "file")
        findings.note(f"{labels}: {count} of labels without a picture, such as {without[0].name}")
    return found


def _folders(root: Path) -> tuple[Path, Path] | None:
    for labels, data in FOLDERS:
        if (root / labels).is_dir() and (root / data).is_dir():
            return root / labels, root / data
    return None


def _files(labels: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(labels):
        folders.sort()
        for name in sorted(names):
            if name.endswith(".xml"):
                yield Path(place, name)


def _parse(file: Path, findings: Findings) -> ElementTree.Element | None:
    try:
        return ElementTree.parse(file).getroot()
    except (ElementTree.ParseError, OSError) as error:
        findings.wrong(f"{file}: not XML that can be read ({error})")
        return None


def _picture(tree: ElementTree.Element, file: Path, labels: Path, data: Path) -> Path | None:
    """Return where the picture is: in its folder, or where its labels lie."""
    name = (tree.findtext("filename") or file.stem).strip() + ".JPEG"
    folder = (tree.findtext("folder") or "").strip()
    for place in (data / folder, data / file.parent.relative_to(labels)):
        if (place / name).is_file():
            return place / name
    return None


def _still(
    tree: ElementTree.Element, file: Path, picture: Path, data: Path, findings: Findings
) -> LabelledImage | None:
    corners, names = _objects(tree, file, findings)
    if not corners:
        return None
    sides = [tree.findtext(f"size/{side}", "").strip() for side in ("width", "height")]
    if not all(side.isdecimal() and int(side) for side in sides):
        findings.wrong(f"{file}: no size with width and height in it")
        return None
    try:
        width, height = picture_size(picture)
    except DataError as error:
        findings.wrong(str(error))
        return None
    boxes = bx.from_xyxy(np.array(corners, dtype=np.float64))
    if (int(sides[0]), int(sides[1])) != (width, height):
        boxes *= height / int(sides[1])
    return LabelledImage(
        name=picture.relative_to(data).as_posix(),
        boxes=boxes,
        labels=tuple(names),
        open_frame=partial(read_picture, picture),
        source="imagenet_det",
        path=picture,
    )


def _objects(
    tree: ElementTree.Element, file: Path, findings: Findings
) -> tuple[list[list[float]], list[str]]:
    """Return the corners and the classes of the objects of a picture."""
    corners: list[list[float]] = []
    names: list[str] = []
    for entry in tree.iterfind("object"):
        texts = [entry.findtext(f"bndbox/{corner}", "") for corner in CORNERS]
        try:
            corners.append([float(text) for text in texts])
        except ValueError:
            findings.wrong(f"{file}: object {len(names) + 1}: corners {shown(','.join(texts))}")
            continue
        names.append(entry.findtext("name", "").strip())
    return corners, names
