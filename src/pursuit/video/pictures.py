"""Pictures as frames of a video: a folder or glob, in the order a person would count them."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from pursuit.errors import SettingsError, VideoError
from pursuit.files import atomic_path
from pursuit.frames import Frame
from pursuit.video.base import Opened, Shot, Shots, Start, VideoWarning, past_the_end

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm"})
_SAVED = (".png", ".jpg", ".jpeg", ".webp")


def folder_pictures(folder: Path, name: str) -> list[Path]:
    """Return the pictures in a folder, 2.jpg before 10.jpg; hidden files are left out.

    Raises:
        VideoError: there is none, or the folder cannot be read.
    """
    try:
        found = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    except OSError as error:
        raise VideoError(f"cannot read folder {name}: {error.strerror}") from None
    return _sorted(found, f"folder {name} holds no pictures")


def glob_pictures(pattern: str) -> list[Path]:
    """Return the pictures that match a pattern such as frames/*.jpg, 2.jpg before 10.jpg.

    Raises:
        VideoError: there is none.
    """
    # Path.glob takes no absolute patterns.
    found = [Path(path) for path in glob.glob(pattern)]  # noqa: PTH207
    pictures = [path for path in found if path.suffix.lower() in SUFFIXES]
    return _sorted(pictures, f"no picture matches {pattern}")


def _sorted(pictures: Iterable[Path], none: str) -> list[Path]:
    kept = [path for path in pictures if not path.name.startswith(".")]
    if not kept:
        known = ", ".join(sorted(SUFFIXES))
        raise VideoError(f"{none} ({known})")
    return sorted(kept, key=lambda path: natural_key(str(path)))


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Return a sort key that takes runs of digits as numbers."""
    parts = re.split(r"(\d+)", text)
    return [(1, int(part), part) if part.isdecimal() else (0, 0, part) for part in parts]


def open_pictures(paths: list[Path], name: str, start: Start = 0) -> Opened:
    """Open pictures as a video without a clock.

    Raises:
        VideoError: `start` is in seconds, or past the end, or the first picture is unreadable.
    """
    if not isinstance(start, int):
        raise VideoError(f"{name}: pictures have no clock; give the start as a frame number")
    if start >= len(paths):
        raise past_the_end(start, name)
    return Opened(_shots(paths, start), None, len(paths) - start)


def _shots(paths: list[Path], start: int) -> Shots:
    skipped = False
    for number, path in enumerate(paths[start:], start):
        try:
            frame = read_picture(path)
        except VideoError as error:
            if number == start:
                raise
            if not skipped:
                yield VideoWarning(f"{error}; its frame is left out")
            skipped = True
            continue
        yield Shot(number, None, frame)


def read_picture(path: Path) -> Frame:
    """Return a picture as a frame (H, W, 3): gray ones too, turned upright by their EXIF note.

    Raises:
        VideoError: it cannot be read.
    """
    try:
        # Not cv2.imread: it cannot open names outside the code page on Windows.
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise VideoError(f"cannot read picture {path}: {error.strerror}") from None
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise VideoError(f"cannot read picture {path}: damaged, or not a picture")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]


def save_picture(path: str | Path, picture: Frame) -> None:
    """Write a picture (H, W, 3), RGB, in the format of its name: .png, .jpg or .webp.

    Raises:
        SettingsError: the name asks for another format.
        OutputError: it cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _SAVED:
        known = ", ".join(_SAVED)
        raise SettingsError(f"cannot write picture {path}: name it with one of {known}")
    _, data = cv2.imencode(suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    with atomic_path(path) as part:
        part.write_bytes(data.tobytes())
