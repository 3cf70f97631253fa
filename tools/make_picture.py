"""Make the picture at the top of the README: the demo, followed with the shipped weights.

    python tools/make_picture.py

writes docs/images/demo.gif.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

from pursuit.bench import demo
from pursuit.video import decode_frames

OUT = Path(__file__).resolve().parents[1] / "docs" / "images" / "demo.gif"
SIZE = (448, 252)
EVERY = 5  # frames of the clip a picture: 25 / 5 pictures a second

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder, "demo.mp4")
        print(demo.follow(video))
        frames = list(decode_frames(video))[::EVERY]
    pictures = [Image.fromarray(frame).resize(SIZE, Image.Resampling.LANCZOS) for frame in frames]
    # One palette for all, from several pictures, so that colours do not flicker.
    sample = Image.new("RGB", (SIZE[0], SIZE[1] * 4))
    for row, picture in enumerate(pictures[:: len(pictures) // 4][:4]):
        sample.paste(picture, (0, row * SIZE[1]))
    palette = sample.quantize(96)
    small = [p.quantize(palette=palette, dither=Image.Dither.NONE) for p in pictures]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    small[0].save(OUT, save_all=True, append_images=small[1:], duration=200, loop=0, optimize=True)
    print(f"{OUT}  {OUT.stat().st_size / 1e6:.2f} MB")
