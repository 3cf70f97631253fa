"""A network that any person can check by hand, and scenes it can see."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from pursuit.frames import Frame


class Beacon:
    """Stands in for a network: finds the bright blob in a window by its centre of mass.

    Its features are the windows. Its score map is a bump of height 10 where the blob is,
    lower where the blob has another size than in the exemplar, -10 where there is none.
    """

    name = "beacon"
    device = torch.device("cpu")

    def __init__(self) -> None:
        self.embedded: list[int] = []  # windows of each call
        self.scored = 0

    def embed(self, windows: NDArray[np.uint8]) -> Tensor:
        self.embedded.append(len(windows))
        return torch.from_numpy(windows.astype(np.float64)).permute(0, 3, 1, 2)

    def score(self, exemplar: Tensor, search: Tensor) -> Tensor:
        self.scored += 1
        each = len(search) // len(exemplar)
        rows = [
            torch.stack([self._map(z, x) for x in search[i * each : (i + 1) * each]])
            for i, z in enumerate(exemplar)
        ]
        return torch.stack(rows).float()

    def _map(self, z: Tensor, x: Tensor) -> Tensor:
        cells = torch.arange(17, dtype=torch.float64)
        blob, first = self._blob(x), self._blob(z)
        if blob is None or first is None:
            return torch.full((17, 17), -10.0)
        # Pixel i of a window shows the point i + 0.5; the middle cell's is 127.5.
        where_x, where_y, radius = blob
        place_x, place_y = (where_x - 127.5) / 8 + 8, (where_y - 127.5) / 8 + 8
        bump = torch.exp(
            -((cells[None] - place_x) ** 2 + (cells[:, None] - place_y) ** 2) / (2 * 1.5**2)
        )
        return 10 * bump * np.exp(-((np.log(radius / first[2]) / 0.1) ** 2))

    @staticmethod
    def _blob(image: Tensor) -> tuple[float, float, float] | None:
        bright = (image.mean(0) - 10).clamp(min=0).numpy()
        total = bright.sum()
        if total < 100:
            return None
        points = np.arange(len(bright)) + 0.5
        x = (bright.sum(0) * points).sum() / total
        y = (bright.sum(1) * points).sum() / total
        spread = (bright * ((points[None] - x) ** 2 + (points[:, None] - y) ** 2)).sum() / total
        return float(x), float(y), float(np.sqrt(spread))


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Keep PyTorch from waiting for threads that a busy machine does not give it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def beacon() -> Beacon:
    """A stand-in for a network."""
    return Beacon()


@pytest.fixture(scope="session")
def scene() -> Callable[..., Frame]:
    """Function that paints smooth bright blobs at x, y (and a radius) into a black frame."""

    def paint(
        *centres: tuple[float, float], radius: float = 10, width: int = 400, height: int = 300
    ) -> Frame:
        y, x = np.mgrid[0:height, 0:width] + 0.5
        light = np.zeros((height, width))
        for cx, cy in centres:
            light += 240 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * radius**2))
        return np.clip(light, 0, 255).round().astype(np.uint8)[:, :, None].repeat(3, axis=2)

    return paint
