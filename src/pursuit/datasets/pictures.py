"""A folder of pictures without labels; sub-folders are looked into."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from pursuit.datasets.base import LabelledImage
from pursuit.datasets.reading import Findings, is_picture, read_picture

LOOKS_FOR = "pictures (.jpg, .png, .webp, ...)"


def fits(path: Path) -> bool:
    """Return whether a folder holds a picture somewhere."""
    return path.is_dir() and any(is_picture(file) for file in path.rglob("*"))


def read(path: Path, findings: Findings) -> list[LabelledImage]:
    """Return the pictures of a folder, by name, with no boxes."""
    del findings  # there is nothing to get wrong
    files = sorted(file for file in path.rglob("*") if is_picture(file))
    return [
        LabelledImage(
            name=file.relative_to(path).as_posix(),
            boxes=np.zeros((0, 4)),
            labels=(),
            open_frame=partial(read_picture, file),
            source=path.resolve().name,
            path=file,
        )
        for file in files
    ]
