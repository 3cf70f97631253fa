"""COCO's JSON of pictures and boxes.

`images`: id, file_name, license and, where a set is put together from several, source;
`annotations`: image_id, bbox (x, y, w, h, 0-based), category_id, iscrowd; `categories` and
`licenses`: id, name. Boxes of crowds (iscrowd 1) are no single objects and are left out.
"""

from __future__ import annotations

import json
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pursuit.datasets.base import LabelledImage
from pursuit.datasets.reading import Findings, box_of, plural, read_picture, read_text
from pursuit.errors import DataError

LOOKS_FOR = "annotations.json (COCO) beside images/, or the .json itself"


def fits(path: Path) -> bool:
    """Return whether it is a .json file or a folder that holds one."""
    return _json_of(path) is not None


def read(path: Path, findings: Findings) -> list[LabelledImage]:
    """Return the labelled pictures of a COCO file, in its order."""
    file = _json_of(path)
    assert file is not None  # `fits` was asked first
    content = _load(file)
    categories = _names(content.get("categories", []))
    licences = _names(content.get("licenses", []))
    boxes, labels = _boxes(content["annotations"], categories, file, findings)
    known = set()
    found = []
    for number, image in enumerate(content["images"]):
        if not isinstance(image, dict) or not {"id", "file_name"} <= image.keys():
            findings.wrong(f"{file}: images[{number}] has no id and file_name")
            continue
        known.add(image["id"])
        picture = _picture(file, str(image["file_name"]))
        if picture is None:
            findings.wrong(f"{file}: picture {image['file_name']} is missing")
            continue
        found.append(
            LabelledImage(
                name=str(image["file_name"]),
                boxes=np.array(boxes[image["id"]], dtype=np.float64).reshape(-1, 4),
                labels=tuple(labels[image["id"]]),
                open_frame=partial(read_picture, picture),
                source=str(image.get("source", file.resolve().parent.name)),
                licence=str(image.get("licence", licences.get(image.get("license"), ""))),
                path=picture,
            )
        )
    strays = [key for key in boxes if key not in known]
    if strays:
        images = plural(len(strays), "image")
        findings.wrong(f"{file}: annotations of {images} that it does not list")
    return found


def _json_of(path: Path) -> Path | None:
    if path.is_file():
        return path if path.suffix.lower() == ".json" else None
    usual = path / "annotations.json"
    if usual.is_file():
        return usual
    files = sorted(path.glob("*.json"))
    return files[0] if len(files) == 1 else None


def _load(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_text(file, Findings(strict=True)) or "")
    except ValueError as error:
        raise DataError(f"{file} is not JSON ({error}); a COCO file is expected") from None
    lists = isinstance(content, dict) and all(
        isinstance(content.get(key), list) for key in ("images", "annotations")
    )
    if not lists:
        raise DataError(f"{file} is not a COCO file: it needs the lists images and annotations")
    return dict(content)


def _names(entries: list[dict[str, Any]]) -> dict[Any, str]:
    return {entry.get("id"): str(entry.get("name", "")) for entry in entries}


def _picture(file: Path, name: str) -> Path | None:
    """Return where a picture is: beside the file, in images/, or in COCO's own folders."""
    folder = file.parent
    # instances_val2017.json lies in annotations/, its pictures in val2017/ beside that.
    own = folder.parent / file.stem.rpartition("_")[2]
    for place in (folder, folder / "images", own):
        if (place / name).is_file():
            return place / name
    return None


def _boxes(
    annotations: list[Any], categories: dict[Any, str], file: Path, findings: Findings
) -> tuple[dict[Any, list[list[float]]], dict[Any, list[str]]]:
    """Return image id -> boxes, and image id -> labels."""
    boxes: dict[Any, list[list[float]]] = defaultdict(list)
    labels: dict[Any, list[str]] = defaultdict(list)
    for number, entry in enumerate(annotations):
        place = f"{file}: annotations[{number}]"
        if not isinstance(entry, dict) or not isinstance(entry.get("bbox"), list):
            findings.wrong(f"{place} has no bbox")
            continue
        if entry.get("iscrowd"):
            continue
        box = box_of([str(value) for value in entry["bbox"]], place, findings)
        if box is None:
            continue
        boxes[entry.get("image_id")].append(box)
        labels[entry.get("image_id")].append(categories.get(entry.get("category_id"), ""))
    return boxes, labels
