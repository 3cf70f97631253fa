"""A store small enough for tests: videos and stills that are generated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from pursuit import store
from pursuit.datasets.base import LabelledImage, Sequence
from pursuit.learning.recipe import NetworkRecipe
from pursuit.learning.siamfc import build_network
from pursuit.networks.siamfc import SiamFC, initialise
from pursuit.store.crops import CropSettings
from pursuit.store.join import join
from pursuit.store.parts import Job, write_part

FRAMES = 12


def _frame(video: int, number: int) -> np.ndarray:
    """Return a smooth random picture with a striped target that moves."""
    rng = np.random.default_rng(video)
    coarse = rng.integers(40, 200, (15, 20, 3)).astype(np.uint8)
    frame = np.kron(coarse, np.ones((16, 16, 1), dtype=np.uint8))
    x, y = 100 + 3 * number, 90 + 2 * number
    frame[y : y + 40, x : x + 40] = rng.integers(0, 255, 3)
    frame[y : y + 40 : 8, x : x + 40] = rng.integers(0, 255, 3)
    return frame


def _sequence(video: int, look: int) -> Sequence:
    boxes = np.array([[100 + 3 * n, 90 + 2 * n, 40, 40] for n in range(FRAMES)], dtype=np.float64)
    return Sequence(
        name=f"video{video}",
        video=f"video{video}",
        boxes=boxes,
        open_frames=lambda: (_frame(look + video, n) for n in range(FRAMES)),
        source="generated",
    )


def _still(number: int, boxes: int) -> LabelledImage:
    box = np.array([[100.0, 90, 40, 40]] * boxes).reshape(-1, 4)
    return LabelledImage(
        name=f"still{number}",
        boxes=box,
        labels=("thing",) * boxes,
        open_frame=lambda: _frame(100 + number, 0),
        source="generated",
    )


@pytest.fixture(scope="session")
def trained() -> Callable[[NetworkRecipe], SiamFC]:
    """Function that gives a network whose norms have moved, as those of a trained one."""

    def network_of(form: NetworkRecipe) -> SiamFC:
        network = build_network(form)
        initialise(network, torch.Generator().manual_seed(0))
        generator = torch.Generator().manual_seed(1)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                for values in (module.running_mean, module.bias.data):
                    values.normal_(generator=generator)  # type: ignore[union-attr]
                for values in (module.running_var, module.weight.data):
                    values.uniform_(0.5, 2, generator=generator)  # type: ignore[union-attr]
        return network

    return network_of


@pytest.fixture(scope="session")
def small_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a store: 6 videos of 12 frames, 8 stills, 4 pictures without labels."""
    return _store(tmp_path_factory.mktemp("store"), look=0)


@pytest.fixture(scope="session")
def other_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a store as the small one by all names and numbers; the videos look different."""
    return _store(tmp_path_factory.mktemp("other"), look=20)


def _store(folder: Path, look: int) -> Path:
    settings = CropSettings()
    jobs = [Job(f"v{i}", video=(_sequence(i, look),)) for i in range(6)]
    jobs.append(Job("w", stills=tuple(_still(i, 1 if i < 8 else 0) for i in range(12))))
    parts = []
    for job in jobs:
        parts.append(folder / "parts" / job.file_name(settings))
        write_part(job, parts[-1], settings)
    join(parts, folder, settings, shard_bytes=10_000_000)
    assert len(store.open(folder)) == 6 * FRAMES + 12
    return folder
