"""ImageNet VID's layout: Data/VID/.../VIDEO/000000.JPEG, Annotations/VID/.../VIDEO/000000.xml.

A file of labels names the objects of one frame with their track ids; a track is a sequence.
The corners are pixels that belong to the object and count from 0, so w = xmax - xmin + 1.
"""

from __future__ import annotations

import math
import os
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from pursuit.datasets.base import Sequence
from pursuit.datasets.reading import (
    Findings,
    numbered,
    pictures_in,
    read_pictures,
    shown,
    shown_numbers,
)

LOOKS_FOR = "Annotations/VID/ beside Data/VID/"
LABELS, DATA = Path("Annotations", "VID"), Path("Data", "VID")
CORNERS = ("xmin", "ymin", "xmax", "ymax")


def fits(root: Path) -> bool:
    """Return whether a folder has the two sub-folders."""
    return (root / LABELS).is_dir() and (root / DATA).is_dir()


def read(root: Path, findings: Findings) -> list[Sequence]:
    """Return the sequences of a folder, by name, `VIDEO-TRACK` where a video has several."""
    found = []
    for place, _, files in os.walk(root / LABELS):
        if any(name.endswith(".xml") for name in files):
            labels = Path(place)
            data = root / DATA / labels.relative_to(root / LABELS)
            found += _video(labels, data, findings.about(data.name))
    # Videos of the train folders a to d and of val have different names.
    return sorted(found, key=lambda sequence: (sequence.video, numbered(sequence.name)))


def _video(labels: Path, data: Path, findings: Findings) -> list[Sequence]:
    if not data.is_dir():
        findings.wrong(f"{labels}: its pictures {data} are missing")
        return []
    pictures = pictures_in(data)
    numbers = {path.stem: number for number, path in enumerate(pictures)}
    tracks: dict[str, list[tuple[int, list[float]]]] = {}
    files = sorted(labels.glob("*.xml"))
    for file in files:
        if file.stem not in numbers:
            findings.wrong(f"{file}: its picture is missing in {data}")
            continue
        for track, box in _objects(file, findings).items():
            tracks.setdefault(track, []).append((numbers[file.stem], box))
    bare = sorted(numbers[stem] for stem in numbers.keys() - {file.stem for file in files})
    if bare:
        findings.note(f"{labels}: frames without a file of labels: {shown_numbers(bare)}")
    found = []
    for track in sorted(tracks, key=numbered):
        boxes = np.full((len(pictures), 4), math.nan)
        for number, box in tracks[track]:
            boxes[number] = box
        found.append(
            Sequence(
                name=data.name if len(tracks) == 1 else f"{data.name}-{track}",
                video=data.name,
                boxes=boxes,
                open_frames=partial(read_pictures, tuple(pictures)),
                source="imagenet_vid",
                path=data,
            )
        )
    return found


def _objects(file: Path, findings: Findings) -> dict[str, list[float]]:
    """Return track -> box of one frame."""
    try:
        tree = ElementTree.parse(file)
    except (ElementTree.ParseError, OSError) as error:
        findings.wrong(f"{file}: not XML that can be read ({error})")
        return {}
    found: dict[str, list[float]] = {}
    for entry in tree.iterfind("object"):
        track = entry.findtext("trackid", "").strip()
        texts = [entry.findtext(f"bndbox/{corner}", "") for corner in CORNERS]
        try:
            left, top, right, bottom = (float(text) for text in texts)
        except ValueError:
            findings.wrong(f"{file}: object {track}: corners {shown(','.join(texts))}")
            continue
        if not track or track in found:
            findings.wrong(f"{file}: track {track} comes twice" if track else f"{file}: no trackid")
            continue
        found[track] = [left, top, right - left + 1, bottom - top + 1]
    return found
