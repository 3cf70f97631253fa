"""Data sets: labelled videos and stills, one reader a layout."""

from __future__ import annotations

from pursuit.datasets.base import LabelledImage, Sequence
from pursuit.datasets.layouts import open_stills, open_videos

__all__ = ["LabelledImage", "Sequence", "open_stills", "open_videos"]
