"""What CUDA graphs record keeps their rules: nothing read back, nothing of the host's."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from apart import APART, Watch
from torch import Tensor

from pursuit.networks import siamfc
from pursuit.networks.goturn import CROP, GOTURN, GOTURNShape
from pursuit.networks.siamfc import EXEMPLAR, SEARCH, SiamFC, SiamFCShape
from pursuit.runtimes.cutting import DeviceCutter
from pursuit.runtimes.tuned import TunedGOTURN, TunedSiamFC
from pursuit.trackers.device_response import DeviceMapReader
from pursuit.trackers.settings import SiamFCSettings


@pytest.fixture(autouse=True)
def no_autocast_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(siamfc, "in_full", lambda _: nullcontext())


def pixels(number: int, size: int) -> Tensor:
    return torch.empty(number, size, size, 3, dtype=torch.uint8, device=APART)


def kept(recorded: Any, *inputs: Tensor) -> Tensor:
    """Return what a function returns, having seen that it stays on the device."""
    with Watch() as watch, torch.no_grad():
        out: Tensor = recorded(*inputs)
    assert not (watch.went or watch.waited or watch.mixed)
    return out


def test_siamfc() -> None:
    network = TunedSiamFC(SiamFC(SiamFCShape((8, 16, 16, 16, 8))), "meta")
    exemplar = kept(network.embed, pixels(2, EXEMPLAR))
    search = kept(network.embed, pixels(6, SEARCH))
    assert exemplar.shape == (2, 8, 6, 6) and search.shape == (6, 8, 22, 22)
    maps = kept(network.score, exemplar, search)
    assert maps.shape == (2, 3, 17, 17)


@pytest.mark.parametrize("norm", ["lrn", "batch"])
def test_goturn(norm: Any) -> None:
    shape = GOTURNShape((8, 16, 16, 16, 8), hidden=(32, 32, 32), norm=norm)
    network = TunedGOTURN(GOTURN(shape), "meta")
    features = kept(network.embed, pixels(8, CROP))
    corners = kept(network.regress, features[:2], features[2:])
    assert corners.shape == (2, 3, 4)


def test_maps() -> None:
    reader = DeviceMapReader(17, SiamFCSettings(), APART)
    maps = torch.empty(2, 3, 17, 17, device=APART)
    found = kept(reader._found, maps, torch.empty((), device=APART))
    assert found.shape == (2, 3, 3 + 17 * 17)


def test_windows_are_cut_without_waiting() -> None:
    cutter, out = DeviceCutter(APART), pixels(6, SEARCH)
    sides = np.array([[[80.0, 80], [90, 90], [600, 600]]] * 2)
    frame = np.zeros((480, 640, 3), np.uint8)
    with Watch() as watch:
        cutter.cut(frame, np.array([[300.0, 200], [90, 90]]), sides, np.zeros((2, 3)), out)
    assert watch.went == 1 and not (watch.waited or watch.mixed)


def test_the_watch_sees_what_breaks_the_rules() -> None:
    there = torch.empty(3, device=APART)
    with Watch() as watch:
        there + torch.tensor(1.0)
        torch.ones(3).to(APART)
        torch.ones(3).to(APART, non_blocking=True)
        torch.as_tensor(np.ones(3), device=APART)
    assert len(watch.mixed) == 1 and watch.went == 1 and len(watch.waited) == 2
    with pytest.raises(RuntimeError):
        there.sum().item()
