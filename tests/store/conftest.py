"""Small data sets and a small store of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from pursuit.store import curate


@pytest.fixture(scope="session")
def data(
    tmp_path_factory: pytest.TempPathFactory, write_labelled_video: Callable[..., Path]
) -> Path:
    """Folder with videos/ (3 videos, 4 objects), stills/ (COCO, 3 boxes), pictures/ (1)."""
    root = tmp_path_factory.mktemp("data")
    videos = root / "videos"
    rows = [(n, key, 10 + n, 5 * key, 24, 20) for n in range(8) for key in (1, 2)]
    write_labelled_video(videos, "first--two", rows, frames=8)
    rows = [(n, 1, 2 * n - 10, 20, 18, 30) for n in range(0, 12, 2)]
    write_labelled_video(videos, "one", rows, frames=12, size=(80, 60))
    bad = [(0, 1, 300, 5, 20, 20), (1, 1, 5, 5, 0, 20), (2, 1, 5, 5, 7, 20), (3, 1, 5, 5, 20, 20)]
    write_labelled_video(videos, "some-bad", bad)
    for name in ("stills/images/a", "stills/images/b", "pictures/c"):
        path = root / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        y, x = np.mgrid[:50, :70]
        picture = np.stack([x * 3, y * 4, (x + y) * 2], axis=2).astype(np.uint8)
        path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    content = {
        "images": [{"id": 1, "file_name": "images/a.png"}, {"id": 2, "file_name": "images/b.png"}],
        "annotations": [
            {"image_id": 1, "bbox": [5, 5, 20, 30], "category_id": 9},
            {"image_id": 1, "bbox": [30, 10, 25, 25], "category_id": 9},
            {"image_id": 2, "bbox": [10, 10, 40, 30], "category_id": 9},
        ],
        "categories": [{"id": 9, "name": "cup"}],
    }
    (root / "stills" / "annotations.json").write_text(json.dumps(content), encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def make_store(data: Path) -> Callable[[Path], Path]:
    """Function that makes the store of all the small data, in several shards."""

    def make(out: Path) -> Path:
        stills = [data / "stills", data / "pictures"]
        curate(out, [data / "videos"], stills, workers=1, room=8, shard_mb=0.1)
        return out

    return make


@pytest.fixture(scope="session")
def store_path(
    tmp_path_factory: pytest.TempPathFactory, make_store: Callable[[Path], Path]
) -> Path:
    """Return a store that tests only read."""
    return make_store(tmp_path_factory.mktemp("store") / "crops")
