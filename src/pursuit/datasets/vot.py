"""VOT's ground truth, without its frames: regions, per-frame tags and sizes of pictures.

A folder (or archive) NAME/groundtruth.txt, a line a frame: a box x,y,w,h or the corners
x1,y1,x2,y2,... of a polygon, counted from 0; beside it TAG.tag or TAG.label, a line 0 or 1 a
frame, practical.value, the pictures, and a file `sequence` that may tell their size. Or pysot's
JSON file of all.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pursuit.archives import Parts, Stored, stored
from pursuit.boxes import Regions
from pursuit.datasets.reading import is_picture, number, shown, size_of_picture, text_lines
from pursuit.errors import DataError

Mask = NDArray[np.bool_]

# What VOT's attributes are called; a frame with none of them has the tag `empty`.
TAGS = ("camera_motion", "illum_change", "motion_change", "occlusion", "size_change")
NO_TAG = "empty"

_PRACTICAL = "practical.value"
_FARTHEST = 1e5  # pixels: no picture reaches that far, and drawing it would take the memory
_YEAR = re.compile(r"vot[-_ ]?(20[0-9]{2})(?![0-9])", re.IGNORECASE)


@dataclass(frozen=True)
class Truth:
    """The ground truth of one sequence of T frames.

    Attributes:
        name: of the sequence.
        regions: of the target, in T frames.
        size: width and height of its pictures; None where nothing tells.
        tags: where (T,) a frame has a tag, by its name.
        practical: (T,) the least difference of overlaps that matters, by how much people who drew
            the labels differ; NaN where nobody told. None where nobody did at all.
    """

    name: str
    regions: Regions
    size: tuple[int, int] | None
    tags: Mapping[str, Mask]
    practical: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Benchmark:
    """Ground truth of a whole year's sequences.

    Attributes:
        sequences: by name.
        year: of the challenge, as the name of the folder or file has it, or else the one above;
            None where they have none.
    """

    sequences: Mapping[str, Truth]
    year: int | None


def read_truth(path: Path) -> Benchmark:
    """Return the ground truth of a folder, a tar archive or a JSON file of pysot's.

    Raises:
        DataError: there is none, or a part of it is not what it should be.
    """
    if path.suffix.lower() == ".json" and not path.is_dir():
        found = _read_json(path)
    else:
        found = _read_folder(path)
    if not found:
        raise DataError(f"{path} holds no VOT sequence: NAME/groundtruth.txt, or pysot's JSON file")
    return Benchmark(found, year_of(path))


def year_of(path: Path) -> int | None:
    """Return the year of a challenge that a path's name tells, or the name of the one above."""
    years = [match[1] for part in path.resolve().parts[-2:] for match in _YEAR.finditer(part)]
    return int(years[-1]) if years else None


def sequence_truth(folder: Path) -> Truth:
    """Return the ground truth of the sequence that a folder holds.

    Raises:
        DataError: there is none, or a part of it is not what it should be.
    """
    found = [file for file in stored(folder, _wanted) if len(file.parts) < 3 or _in_color(file)]
    labels = next((file for file in found if file.parts[1:] == ("groundtruth.txt",)), None)
    if labels is None:
        raise DataError(f"{folder}: groundtruth.txt is missing")
    files = [file for file in found if len(file.parts) == 2]
    beside = [file for file in found if _in_color(file)]
    return _sequence(folder.name, labels, files, beside)


def rows_of(data: bytes, place: str) -> list[list[float]]:
    """Return the numbers of each line of a text file, of those that `text_lines` gives.

    The numbers stand apart by commas, tabs, semicolons or spaces; NaN is one. Any line ends do.

    Raises:
        DataError: it is no text, or a line is empty or holds something else.
    """
    rows = []
    for at, line in text_lines(data, place):
        fields = re.split(r"\s*[,;\t]\s*|\s+", line.strip(" \t,;"))
        try:
            rows.append([number(field) for field in fields])
        except ValueError:
            raise DataError(f"{place}:{at}: not numbers: {shown(line.strip())}") from None
    return rows


def has_corners(line: bytes, place: str) -> bool:
    """Return whether a first line of labels has corners, which a box has not."""
    try:
        return any(len(row) > 4 for row in rows_of(line, place))
    except DataError:
        return False


def regions_of(rows: Several[Several[float]], place: str, corners: int = 3) -> Regions:
    """Return the regions of rows of numbers; a single number, and NaN, is no region.

    Raises:
        DataError: a row is neither a box nor a polygon of so many `corners` or more, or of no
            picture.
    """
    most = max((len(row) for row in rows if len(row) > 4), default=6) // 2
    boxes, polygons = np.full((len(rows), 4), np.nan), np.full((len(rows), most, 2), np.nan)
    for index, row in enumerate(rows):
        where = f"{place}:{index + 1}"
        if len(row) not in (1, 4) and (len(row) < 2 * corners or len(row) % 2):
            raise DataError(f"{where}: {len(row)} numbers are neither a box nor a polygon")
        if len(row) == 1 or any(math.isnan(value) for value in row):
            continue
        if max(map(abs, row)) > _FARTHEST:
            raise DataError(f"{where}: {shown(','.join(f'{x:g}' for x in row))} is in no picture")
        if len(row) == 4:
            boxes[index] = row
        else:
            polygons[index, : len(row) // 2] = np.reshape(row, (-1, 2))
    return Regions(boxes, polygons)


def _read_folder(path: Path) -> dict[str, Truth]:
    folders: dict[Parts, list[Stored]] = {}
    for file in stored(path, _wanted):
        folders.setdefault(file.parts[:-1], []).append(file)
    found: dict[str, Truth] = {}
    for parts, files in folders.items():
        labels = next((file for file in files if file.parts[-1] == "groundtruth.txt"), None)
        if labels is None:
            continue
        beside = folders.get((*parts, "color"), [])
        truth = _sequence(parts[-1], labels, files, beside)
        if truth.name in found:
            raise DataError(f"{labels.place}: there are two sequences {truth.name}")
        found[truth.name] = truth
    return found


def _in_color(file: Stored) -> bool:
    return len(file.parts) == 3 and file.parts[1] == "color"


def _wanted(parts: Parts) -> bool:
    name = Path(parts[-1])
    if name.name in ("groundtruth.txt", "sequence", _PRACTICAL) or name.suffix in (
        ".tag",
        ".label",
    ):
        return True
    return is_picture(name) and name.stem.strip("0") == "1"  # the first tells the size


def _sequence(name: str, labels: Stored, files: list[Stored], beside: list[Stored]) -> Truth:
    regions = regions_of(rows_of(labels.data or b"", labels.place), labels.place)
    if not regions.known.any():
        raise DataError(f"{labels.place}: no label in it")
    pictures = [file for file in files + beside if is_picture(Path(file.parts[-1]))]
    if pictures and len(pictures) != len(regions):
        raise DataError(f"{labels.place}: {len(regions)} labels for {len(pictures)} pictures")
    tags = {
        Path(file.parts[-1]).stem: _tag(file, len(regions))
        for file in files
        if file.parts[-1].endswith((".tag", ".label"))
    }
    practical = next((file for file in files if file.parts[-1] == _PRACTICAL), None)
    return Truth(
        name, regions, _size(files, pictures), with_empty(tags),
        None if practical is None else _differences(practical, len(regions)),
    )  # fmt: skip


def _tag(file: Stored, count: int) -> Mask:
    """Return where (T,) a tag is set that a file has a line of for each frame."""
    rows = rows_of(file.data or b"", file.place)
    if any(len(row) != 1 for row in rows):
        raise DataError(f"{file.place}: a line of a tag is 0 or 1")
    return _padded([row[0] for row in rows], count, file.place)


def _differences(file: Stored, count: int) -> NDArray[np.float64]:
    """Return the difference of overlaps that matters (T,); NaN where no line tells one above 0."""
    rows = rows_of(file.data or b"", file.place)
    if len(rows) > count or any(len(row) != 1 for row in rows):
        raise DataError(f"{file.place}: not a number for each of {count} frames")
    found = np.full(count, np.nan)
    found[: len(rows)] = [row[0] for row in rows]
    return np.where(np.isfinite(found) & (found > 0), found, np.nan)


def _padded(values: Several[float], count: int, place: str) -> Mask:
    """Return where (T,) values are 1; as VOT has it, frames without a value are not tagged."""
    if len(values) > count:
        raise DataError(f"{place}: {len(values)} values of a tag for {count} frames")
    found = np.zeros(count, dtype=bool)
    found[: len(values)] = np.asarray(values, dtype=np.float64) == 1
    return found


def _size(files: list[Stored], pictures: list[Stored]) -> tuple[int, int] | None:
    """Return the size that the file `sequence` tells, or else the first picture."""
    for file in files:
        if file.parts[-1] == "sequence" and file.data:
            told = dict(re.findall(rb"^(width|height)\s*=\s*(\d+)\s*$", file.data, re.MULTILINE))
            if len(told) == 2:
                return int(told[b"width"]), int(told[b"height"])
    first = next((file for file in pictures if file.data), None)
    if first is None or first.data is None:
        return None
    return size_of_picture(first.data, first.place)


def with_empty(tags: Mapping[str, Mask]) -> dict[str, Mask]:
    """Return tags with that of the frames that have none, where it does not say itself."""
    if not tags or NO_TAG in tags:
        return dict(tags)
    return {**tags, NO_TAG: ~np.any(list(tags.values()), axis=0)}


def _read_json(path: Path) -> dict[str, Truth]:
    try:
        content = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path} is not a JSON file: {error}") from None
    if not isinstance(content, dict):
        raise DataError(f"{path} is not pysot's JSON file: no sequences by name in it")
    return {name: _json_sequence(name, part, path) for name, part in content.items()}


def _json_sequence(name: str, part: Any, path: Path) -> Truth:
    place = f"{path}: {name}"
    if not isinstance(part, dict):
        raise DataError(f"{place}: not as pysot has it: no gt_rect and img_names by name in it")
    lists: dict[str, Any] = {at: part.get(at) for at in ("gt_rect", "img_names")}
    lists |= {tag: part[tag] for tag in TAGS if tag in part}
    for at, values in lists.items():
        if not isinstance(values, list):
            raise DataError(f"{place}: not as pysot has it: no list {at} in it")
    try:
        rows = [[float(value) for value in row] for row in lists["gt_rect"]]
        size = (int(part["width"]), int(part["height"])) if "width" in part else None
    except (KeyError, TypeError, ValueError):
        raise DataError(
            f"{place}: not as pysot has it: gt_rect is a list of numbers for each picture, width "
            "and height are numbers"
        ) from None
    tags = {tag: _padded(lists[tag], len(rows), place) for tag in TAGS if tag in part}
    pictures = len(lists["img_names"])
    if pictures != len(rows):
        raise DataError(f"{place}: {len(rows)} labels for {pictures} pictures")
    regions = regions_of(rows, place)
    if not regions.known.any():
        raise DataError(f"{place}: no label in it")
    return Truth(name, regions, size, with_empty(tags))
