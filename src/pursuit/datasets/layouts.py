"""Which layout a data set has, and opening it.

A layout is a module with LOOKS_FOR (what it goes by), fits(path) and read(path, findings).
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Protocol, TypeVar

from pursuit.datasets import (
    alov,
    coco,
    got10k,
    imagenet_det,
    imagenet_vid,
    otb,
    pictures,
    video_with_boxes,
    vot_videos,
)
from pursuit.datasets.base import LabelledImage, Sequence
from pursuit.datasets.reading import Findings
from pursuit.errors import DataError, nearest

Item = TypeVar("Item")


class Layout(Protocol[Item]):
    """How a kind of data set lies on disk."""

    LOOKS_FOR: str

    def fits(self, path: Path, /) -> bool:
        """Return whether the data set at `path` has this layout."""

    def read(self, path: Path, findings: Findings, /) -> list[Item]:
        """Return what it holds; tell `findings` what is wrong."""


# In the order in which they are tried.
VIDEOS: dict[str, Layout[Sequence]] = {
    "imagenet_vid": imagenet_vid,
    "alov": alov,
    "otb": otb,
    "vot": vot_videos,
    "got10k": got10k,
    "video_with_boxes": video_with_boxes,
}
STILLS: dict[str, Layout[LabelledImage]] = {
    "coco": coco,
    "imagenet_det": imagenet_det,
    "pictures": pictures,
}


def open_videos(root: Path | str, layout: str | None = None) -> list[Sequence]:
    """Return the sequences of a data set of videos, by name; frames are not read yet.

    Args:
        root: its folder.
        layout: a name out of `VIDEOS`; None finds it by looking.

    Raises:
        DataError: no such folder, no layout fits, or its labels are wrong.
    """
    return _open(Path(root), VIDEOS, layout, "videos")


def open_other_videos(path: Path, own: Collection[str]) -> list[Sequence] | None:
    """Return the sequences of a folder whose layout is none of a reader's own, else None.

    Raises:
        DataError: its labels are wrong.
    """
    if not path.is_dir():
        return None
    name = next((name for name, layout in VIDEOS.items() if layout.fits(path)), None)
    return None if name is None or name in own else open_videos(path, name)


def open_stills(path: Path | str, layout: str | None = None) -> list[LabelledImage]:
    """Return the pictures of a data set of stills; they are not read yet.

    Args:
        path: a folder with annotations.json and images/, the .json itself, a folder with
            ImageNet DET's two, or a folder of pictures without labels (their boxes are empty).
        layout: a name out of `STILLS`; None finds it by looking.

    Raises:
        DataError: no such path, no layout fits, or its labels are wrong.
    """
    return _open(Path(path), STILLS, layout, "stills")


def _open(root: Path, layouts: dict[str, Layout[Item]], name: str | None, kind: str) -> list[Item]:
    found = layouts[find_layout(root, layouts, name, kind)].read(root, Findings(strict=True))
    if not found:
        raise DataError(f"{root}: no labelled {kind} in it")
    return found


def find_layout(root: Path, layouts: dict[str, Layout[Item]], name: str | None, kind: str) -> str:
    """Return the name of the layout that a data set has.

    Raises:
        DataError: no such path, no such layout, or none fits.
    """
    if not root.exists():
        raise DataError(f"no data set of {kind} at {root}: there is no such path")
    if name is not None and name not in layouts:
        known = ", ".join(layouts)
        raise DataError(f"no layout {name!r}{nearest(name, layouts)}; there are {known}")
    tried = layouts if name is None else {name: layouts[name]}
    for key, layout in tried.items():
        if layout.fits(root):
            return key
    looked = "; ".join(f"{layout.LOOKS_FOR} ({key})" for key, layout in tried.items())
    raise DataError(f"{root} is not a data set of {kind} that we know; looked for {looked}")
