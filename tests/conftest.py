"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

Row = tuple[object, ...]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real videos and published results; tests that need it skip where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("PURSUIT_TEST_DATA", default))
    if not root.is_dir():
        pytest.skip(f"needs the real data, and {root} is absent (set PURSUIT_TEST_DATA)")
    return root


@pytest.fixture(scope="session")
def write_labelled_video() -> Callable[..., Path]:
    """Function that writes NAME.mp4 (smooth, moving colours) and NAME.csv into a folder."""
    from pursuit.video import write

    def write_it(
        folder: Path,
        name: str,
        rows: Sequence[Row],
        *,
        frames: int = 6,
        size: tuple[int, int] = (96, 64),
        header: str = "frame,object,x,y,w,h",
    ) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        y, x = np.mgrid[: size[1], : size[0]].astype(np.float64)
        with write(folder / f"{name}.mp4", 25) as writer:
            for number in range(frames):
                waves = (np.sin((x + 3 * number) / 9), np.cos(y / 7), np.sin((x + y) / 13))
                writer.write(np.stack([128 + 90 * wave for wave in waves], 2).astype(np.uint8))
        lines = [header, *(",".join(str(value) for value in row) for row in rows)]
        labels = folder / f"{name}.csv"
        labels.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        return folder / f"{name}.mp4"

    return write_it
