"""Memory of `pursuit track` does not grow with the length of the video."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAM = """
import sys
from pursuit.cli import main
status = main(sys.argv[1:])
lines = open("/proc/self/status").read().splitlines()
print(next(line for line in lines if line.startswith("VmHWM")).split()[1])
sys.exit(status)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_stays_constant(write_clip: Callable[..., Path], tmp_path: Path) -> None:
    peaks = []
    for frames in (30, 90):
        clip = write_clip(
            tmp_path / f"{frames}.mp4", frames, (1920, 1080), options={"preset": "ultrafast"}
        )
        words = ["track", str(clip), "--box", "10,40,20,20", "--tracker", "opencv-medianflow"]
        outputs = ["--save", str(tmp_path / "a.csv"), "--out", str(tmp_path / "a.mp4")]
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *words, *outputs],
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(int(done.stdout) / 1000)
    # A frame of this size is 6.2 MB: 60 frames that stay would be 370 MB.
    assert peaks[1] - peaks[0] < 40
