"""Video in and out: read any source, write H.264, draw what was tracked."""

from __future__ import annotations

from pursuit.video.base import VideoWarning
from pursuit.video.drawing import Trails, draw
from pursuit.video.pictures import save_picture
from pursuit.video.reading import VideoReader, as_start, decode_frames, read
from pursuit.video.ruler import with_ruler
from pursuit.video.writing import VideoWriter, write

__all__ = [
    "Trails",
    "VideoReader",
    "VideoWarning",
    "VideoWriter",
    "as_start",
    "decode_frames",
    "draw",
    "read",
    "save_picture",
    "with_ruler",
    "write",
]
