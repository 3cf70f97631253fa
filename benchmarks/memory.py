"""Resident memory of `pursuit track` on a generated 1080p clip, above `import torch`.

    python benchmarks/memory.py [--frames 60 300] [--tracker siamfc-slim] [--device cpu]

Peaks over the life of a process of its own each, in MB (10^6 bytes): with boxes saved only, and
with the annotated video written too. Two lengths show whether memory grows with the clip.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from pursuit import video

SIZE = (1920, 1080)
BOX = "900,480,120,90"

_PEAK = """
import sys
def peak():
    try:
        lines = open("/proc/self/status").read().splitlines()
        print(int(next(l for l in lines if l.startswith("VmHWM")).split()[1]) * 1024 / 1e6)
    except OSError:
        import resource
        unit = 1 if sys.platform == "darwin" else 1024
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6)
"""
_TORCH = _PEAK + "import torch; peak()"
_TRACK = (
    _PEAK + "from pursuit.cli import main; status = main(sys.argv[1:]); peak(); sys.exit(status)"
)


def write_clip(path: Path, frames: int) -> None:
    """Write a clip of a camera that pans over a textured ground, with a patch that stays put."""
    random = np.random.default_rng(0)
    small = random.integers(0, 256, (120, 200, 3), dtype=np.uint8)
    ground = cv2.resize(small, (SIZE[0] + 400, SIZE[1] + 200), interpolation=cv2.INTER_CUBIC)
    patch = (
        random.integers(0, 256, (9, 12, 3), dtype=np.uint8).repeat(10, axis=0).repeat(10, axis=1)
    )
    with video.write(path, 30) as writer:
        for number in range(frames):
            x, y = abs(number * 3 % 800 - 400), abs(number % 400 - 200)
            frame = np.ascontiguousarray(ground[y : y + SIZE[1], x : x + SIZE[0]], dtype=np.uint8)
            frame[480:570, 900:1020] = patch
            writer.write(frame)


def peak_of(program: str, *words: str) -> float:
    """Return the peak resident memory of a Python program, MB."""
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, nargs="+", default=[60, 300])
    parser.add_argument("--tracker", default="siamfc-slim")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    base = peak_of(_TORCH)
    print(f"import torch: {base:.0f} MB")
    print(f"{'frames':>8} {'boxes only, MB above':>22} {'with --out, MB above':>22}")
    with tempfile.TemporaryDirectory() as folder:
        for frames in options.frames:
            clip, boxes = Path(folder, f"{frames}.mp4"), Path(folder, "boxes.csv")
            write_clip(clip, frames)
            words = ["track", str(clip), "--box", BOX, "--save", str(boxes)]
            words += ["--tracker", options.tracker, "--device", options.device]
            plain = peak_of(_TRACK, *words) - base
            drawn = peak_of(_TRACK, *words, "--out", str(Path(folder, "out.mp4"))) - base
            print(f"{frames:>8} {plain:>22.0f} {drawn:>22.0f}")


if __name__ == "__main__":
    main()
