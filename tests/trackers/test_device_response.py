"""Score maps read on a device: the moves are those that are read on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pursuit.trackers.device_response import DeviceMapReader, reader
from pursuit.trackers.response import MapReader, Move
from pursuit.trackers.settings import SiamFCSettings

CPU = torch.device("cpu")


def random_maps(seed: int, number: int = 5, scales: int = 3) -> NDArray[np.float32]:
    """Return maps (N, S, 17, 17) of noise, a bump of some height and a slope."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:17, :17]
    place = rng.uniform(0, 16, (2, number, scales, 1, 1))
    bumps = np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 6)
    maps = rng.normal(size=(number, scales, 17, 17)) * rng.uniform(0, 1)
    maps += rng.uniform(0, 10, (number, scales, 1, 1)) * bumps + rng.normal() * x / 4
    return (maps - rng.uniform(0, 8)).astype(np.float32)


def check(found: Move, expected: Move) -> None:
    assert np.array_equal(found.scale, expected.scale)
    assert np.abs(found.offset - expected.offset).max() < 1e-4  # cells
    assert np.allclose(found.peaks, expected.peaks, rtol=1e-5, atol=1e-5)
    assert np.allclose(found.likeness, expected.likeness, atol=1e-5)


@pytest.mark.parametrize("scales", [1, 3, 5])
@pytest.mark.parametrize("upsampling", [1, 4, 16])
def test_moves_are_those_read_on_the_cpu(upsampling: int, scales: int) -> None:
    settings = SiamFCSettings(upsampling=upsampling, scales=scales)
    host, device = MapReader(17, settings), DeviceMapReader(17, settings, CPU)
    for seed in range(8):
        maps = random_maps(seed, scales=scales)
        first = np.random.default_rng(seed).uniform(0, 8, maps.shape[:2]).astype(np.float32)
        for then in (None, first):
            for influence in (None, 0):
                expected = host.read(maps, then, influence)
                check(device.read(torch.from_numpy(maps), then, influence), expected)
                assert np.abs(expected.offset).max() > 0.5


@pytest.mark.parametrize("value", [0.0, -3.5, np.nan, np.inf, 1e30])
def test_maps_that_say_nothing_move_nothing(value: float) -> None:
    settings = SiamFCSettings()
    maps = np.full((2, 3, 17, 17), value, np.float32)
    found = DeviceMapReader(17, settings, CPU).read(torch.from_numpy(maps))
    check(found, MapReader(17, settings).read(maps))
    assert np.array_equal(found.offset, np.zeros((2, 2)))
    assert found.scale.tolist() == [1, 1]


def test_odd_values_are_read_alike() -> None:
    settings, maps = SiamFCSettings(), random_maps(1)
    maps[0, 1, 3, 4], maps[1, 0, 16, 16], maps[2, 2, 0, 8] = np.nan, np.inf, -np.inf
    found = DeviceMapReader(17, settings, CPU).read(torch.from_numpy(maps))
    check(found, MapReader(17, settings).read(maps))


def test_hidden_cells_are_as_low_as_the_lowest() -> None:
    host, device = (
        MapReader(17, SiamFCSettings()),
        DeviceMapReader(17, SiamFCSettings(), CPU),
    )
    maps = random_maps(2)[:1]
    hidden = np.zeros((1, 3, 17, 17), np.bool_)
    hidden[:, :, 3:9, 5:8] = True
    found: Any = device.without(device.taken(torch.from_numpy(maps)), hidden)
    expected = host.without(host.taken(torch.from_numpy(maps)), hidden)
    assert np.array_equal(found.numpy(), expected)
    assert not np.array_equal(expected, maps)


def test_where_maps_are_read() -> None:
    assert isinstance(reader(17, SiamFCSettings(), CPU), MapReader)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_moves_are_those_read_on_a_gpu() -> None:
    settings, gpu = SiamFCSettings(), torch.device("cuda")
    host, device = MapReader(17, settings), reader(17, settings, gpu)
    assert isinstance(device, DeviceMapReader)
    for seed in range(12):  # the same shapes: recorded and played again
        maps = random_maps(seed)
        for influence in (None, 0):
            found = device.read(torch.from_numpy(maps).to(gpu), None, influence)
            check(found, host.read(maps, None, influence))
