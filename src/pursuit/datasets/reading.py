"""What the readers share: findings about the data, pictures, numbers in text files."""

from __future__ import annotations

import copy
import io
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from pursuit.errors import DataError
from pursuit.frames import Frame

LISTED = "(pursuit data check lists all that is wrong)"

# What Windows' programs print for NaN: -nan(ind), 1.#QNAN, -1.#IND00.
_WINDOWS_NAN = re.compile(r"[+-]?(?:nan\(\w*\)|1\.#(?!inf)\w+)", re.IGNORECASE)
# Names of columns, in the order in which they are read; x1,y1,x2,y2 would be something else.
_HEADER = re.compile(
    r"(?:x|left|xmin)[\s,;]+(?:y|top|ymin)[\s,;]+(?:w|width)[\s,;]+(?:h|height)"
    r"(?:[\s,;]+(?:score|conf|confidence))?",
    re.IGNORECASE,
)
# Four numbers with decimal commas, 10,5;20,0;30,5;40,0, or four corners: nothing tells which.
_PAIRS = re.compile(r"\s*-?\d+,\d+(?:(?:\s*;\s*|\s+)-?\d+,\d+){3}[\s;]*")

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})


class Findings:
    """What a reader finds wrong with a data set, a line each.

    A reader goes on with what is left after each of them; strict findings stop it at the
    first thing that is wrong.

    Attributes:
        strict: whether they stop it.
        lines: all of them.
        faults: name of a sequence, or of a video for all of its, "" for the whole data set
            -> those it cannot be used for.
        videos: name of a sequence of a video that goes by another name -> that.
    """

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.lines: list[str] = []
        self.faults: dict[str, list[str]] = {}
        self.videos: dict[str, str] = {}
        self._names: tuple[str, ...] = ()

    def about(self, *names: str, video: str | None = None) -> Findings:
        """Return findings about these sequences or videos alone; what they are told, these hold.

        Args:
            names: of the sequences, or of a video for all of its.
            video: the name of the sequences' video, where that is another.
        """
        mine = copy.copy(self)  # with the same lists
        mine._names = names
        if video is not None:
            self.videos |= dict.fromkeys(names, video)
        return mine

    def wrong(self, line: str) -> None:
        """Take down what makes the labels doubtful.

        Raises:
            DataError: the findings are strict.
        """
        if self.strict:
            raise DataError(f"{line} {LISTED}")
        self.empty(line)

    def empty(self, line: str) -> None:
        """Take down that a sequence has nothing to work with."""
        self.lines.append(line)
        for name in self._names or ("",):
            self.faults.setdefault(name, []).append(line)

    def note(self, line: str) -> None:
        """Take down what only leaves less to work with."""
        self.lines.append(line)


def read_picture(path: Path) -> Frame:
    """Return the picture (H, W, 3), RGB, of a file.

    Raises:
        DataError: it is not there, or is not a picture.
    """
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise DataError(f"cannot read picture {path}: {error.strerror or error}") from error
    # imdecode and not imread: imread prints its own warnings, and fails on some names.
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:  # its header tells a size that no picture has
        image = None
    if image is None:
        raise DataError(f"{path} is not a picture that can be read: remove it or mend it")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]


def picture_size(path: Path) -> tuple[int, int]:
    """Return width and height in pixels of a picture; of a JPEG from its header alone.

    Raises:
        DataError: as `read_picture`.
    """
    try:
        with path.open("rb") as file:
            size = _jpeg_size(file)
    except OSError as error:
        raise DataError(f"cannot read picture {path}: {error.strerror or error}") from error
    if size is None:  # some files named .JPEG are something else
        height, width = read_picture(path).shape[:2]
        size = (width, height)
    return size


def size_of_picture(data: bytes, place: str) -> tuple[int, int]:
    """Return width and height in pixels of a picture in memory; `place` names it.

    Raises:
        DataError: it is not a picture.
    """
    size = _jpeg_size(io.BytesIO(data))
    if size is not None:
        return size
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        raise DataError(f"{place} is not a picture")
    return int(image.shape[1]), int(image.shape[0])


def _jpeg_size(file: BinaryIO) -> tuple[int, int] | None:
    """Return width and height out of a JPEG's frame header (ITU T.81, B.2.2), None if not one."""
    if file.read(2) != b"\xff\xd8":
        return None
    while True:
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF:
            return None
        marker, length = head[1], int.from_bytes(head[2:])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            frame = file.read(5)  # bits a sample, lines, samples a line
            size = int.from_bytes(frame[3:]), int.from_bytes(frame[1:3])
            return size if min(size) > 0 else None
        file.seek(length - 2, 1)


def read_pictures(paths: Sequence[Path]) -> Iterator[Frame]:
    """Yield the pictures (H, W, 3), RGB, of files, one at a time."""
    for path in paths:
        yield read_picture(path)


def pictures_in(folder: Path) -> list[Path]:
    """Return the picture files of a folder, in the order of their names."""
    return sorted(path for path in folder.iterdir() if is_picture(path))


def is_picture(path: Path) -> bool:
    """Return whether a file's name is that of a picture."""
    return path.suffix.lower() in PICTURES and not path.name.startswith(".")


def numbered(name: str) -> tuple[tuple[int, int | str], ...]:
    """Return a key that sorts names by the numbers in them: 2 before 10, a2 before a10."""
    parts = (part for part in re.split(r"(\d+)", name) if part)
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts)


def read_text(path: Path, findings: Findings) -> str | None:
    """Return the text of a file of labels; None, and a finding, if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        findings.wrong(f"cannot read {path}: {error.strerror or error}")
    except UnicodeDecodeError:
        findings.wrong(f"{path} is not a text file of labels")
    return None


def lines_of(text: str) -> list[tuple[int, str]]:
    """Return the lines of a text, with their numbers from 1; blank ones at the end are none."""
    return list(enumerate(text.rstrip().splitlines(), start=1))


def text_lines(data: bytes, place: str) -> list[tuple[int, str]]:
    """Return the lines of a text file of numbers, whoever wrote it, with their numbers from 1.

    A first line x,y,w,h that names the columns is left out, as are lines that begin with # or %.

    Raises:
        DataError: it is no text, or a line may be a box with decimal commas.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{place} is not a text file") from None
    lines = [(at, line) for at, line in lines_of(text) if not line.startswith(("#", "%"))]
    odd = next(((at, line) for at, line in lines if _PAIRS.fullmatch(line)), None)
    if odd is not None:
        raise DataError(
            f"{place}:{odd[0]}: decimal commas, or corners? write 10.5,20.5,... instead of "
            f"{shown(odd[1].strip())}"
        )
    named = lines and _HEADER.fullmatch(lines[0][1].replace('"', "").strip(" \t,;"))
    return lines[1:] if named else lines


def number(text: str) -> float:
    """Return the number that a text is; what Windows' programs print for NaN is one too.

    Raises:
        ValueError: it is none; neither are Python's 1_0 and digits of other scripts.
    """
    if _WINDOWS_NAN.fullmatch(text):
        return math.nan
    if "_" in text or not text.isascii():
        raise ValueError(text)
    return float(text)


def box_of(fields: Sequence[str], place: str, findings: Findings) -> list[float] | None:
    """Return x, y, w, h of four pieces of text; None, and a finding, if they are not."""
    try:
        values = [number(text) for text in fields]
    except ValueError:
        findings.wrong(f"{place}: x, y, w, h must be numbers; got {shown(','.join(fields))}")
        return None
    if len(values) != 4:
        findings.wrong(f"{place}: a box is four numbers x, y, w, h; got {len(values)}")
        return None
    if any(math.isinf(value) for value in values):
        findings.wrong(f"{place}: a box cannot be infinite; got {shown(','.join(fields))}")
        return None
    return values


def box_lines(text: str, place: str, findings: Findings) -> NDArray[np.float64]:
    """Return the boxes (N, 4) of a data set's labels with one a line; NaN where they say so.

    The numbers stand apart by commas, tabs, semicolons or spaces. A line is a frame: what is no
    box, a comment or names of columns too, is a finding, and goes on as NaN; `text_lines` leaves
    such lines out.
    """
    lines = lines_of(text)
    boxes = np.full((len(lines), 4), math.nan)
    without = []
    for at, line in lines:
        fields = re.split(r"[\s,;]+", line.strip(" \t,;"))
        box = box_of(fields, f"{place}:{at}", findings)
        if box is not None:
            boxes[at - 1] = box
            if np.isnan(box).any():
                without.append(at)
    note_nan(without, place, findings)
    return boxes


def has_frame_numbers(rows: Sequence[Sequence[float]]) -> bool:
    """Return whether rows of boxes or corners begin with the number of the frame.

    So do MOTChallenge's: frame, id, x, y, w, h, ...
    """
    lengths = {len(row) for row in rows}
    counted = len(rows) > 1 and [row[0] - rows[0][0] for row in rows] == list(range(len(rows)))
    return counted and (lengths == {10} or (lengths != {4} and rows[0][0] in (0, 1)))


def note_nan(lines: Sequence[int], place: Path | str, findings: Findings) -> None:
    """Take down the lines of a file of labels whose boxes hold NaN: they are no labels."""
    if lines:
        findings.note(f"{place}: {plural(len(lines), 'box')} with NaN: line {shown_numbers(lines)}")


def numbered_pictures(folder: Path, findings: Findings) -> list[Path]:
    """Return the pictures of a folder whose names are numbers, in their order.

    A number that is left out is a finding: the frames after it would have wrong boxes.
    """
    files = [path for path in pictures_in(folder) if path.stem.isdecimal()]
    files.sort(key=lambda path: int(path.stem))
    numbers = [int(path.stem) for path in files]
    for before, after in itertools.pairwise(numbers):
        if after == before:
            findings.wrong(f"{folder}: picture number {after} is there twice")
        elif after > before + 1:
            gap = shown_numbers(range(before + 1, after))
            findings.wrong(f"{folder}: pictures are missing: number {gap}")
    return files


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: 1 box, 2 boxes."""
    ending = "" if count == 1 else "es" if noun.endswith("x") else "s"
    return f"{count:,} {noun}{ending}"


def shown(text: str) -> str:
    """Return text as a message shows it: quoted, short."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def shown_numbers(numbers: Iterable[int]) -> str:
    """Return the first numbers, and how many more there are."""
    numbers = list(numbers)
    more = f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    return ", ".join(str(number) for number in numbers[:5]) + more
