"""Make the picture at the top of the README: the demo, followed with the shipped weights.

    python tools/make_picture.py

writes docs/images/demo.png: four moments of the result, in reading order.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np

from pursuit.bench import demo
from pursuit.video import decode_frames

OUT = Path(__file__).resolve().parents[1] / "docs" / "images" / "demo.png"
MOMENTS = (12, 110, 175, 225)  # on the way, under the bridge, among others, at the end
SIZE = (512, 288)

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder, "demo.mp4")
        print(demo.follow(video))
        frames = list(decode_frames(video))
    tiles = [cv2.resize(frames[i], SIZE, interpolation=cv2.INTER_AREA) for i in MOMENTS]
    gap = 6
    padded = [
        cv2.copyMakeBorder(t, 0, gap, 0, gap, cv2.BORDER_CONSTANT, value=(255,) * 3) for t in tiles
    ]
    sheet = np.vstack([np.hstack(padded[:2]), np.hstack(padded[2:])])[:-gap, :-gap]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(OUT), sheet[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(f"{OUT}  {OUT.stat().st_size / 1e6:.2f} MB")
