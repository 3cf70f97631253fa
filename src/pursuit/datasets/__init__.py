"""Data sets: labelled videos and stills, one reader a layout."""

from __future__ import annotations

from pursuit.datasets.base import LabelledImage, Sequence
from pursuit.datasets.layouts import open_other_videos, open_stills, open_videos
from pursuit.datasets.usable import Usable, open_usable

__all__ = [
    "LabelledImage",
    "Sequence",
    "Usable",
    "open_other_videos",
    "open_stills",
    "open_usable",
    "open_videos",
]
