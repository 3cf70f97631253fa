"""The reference runtime: the network as it is written, float32. Others are compared with it."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import Tensor

from pursuit.networks.goturn import GOTURN
from pursuit.networks.siamfc import SiamFC
from pursuit.runtimes.cutting import Windows
from pursuit.runtimes.pieces import embedded
from pursuit.runtimes.precision import as_given

Network = TypeVar("Network", SiamFC, GOTURN)


class _Eager(Generic[Network]):
    """Plain float32 on a device: without TF32 and whatever autocast a program has."""

    name = "eager"

    def __init__(self, network: Network, device: str = "cpu") -> None:
        self.device = torch.device(device)
        self.network: Network = copy.deepcopy(network).float().eval().to(self.device)

    @torch.inference_mode()
    def embed(self, windows: Windows) -> Tensor:
        """Return features (M, C, s, s) of windows (M, S, S, 3), RGB."""
        with as_given(self.device):
            return embedded(self._features, windows, self.device)

    def _features(self, windows: Tensor) -> Tensor:
        return self.network.embed(windows.permute(0, 3, 1, 2).float().contiguous())


class EagerSiamFC(_Eager[SiamFC]):
    """SiamFC in plain float32 on a device."""

    @torch.inference_mode()
    def score(self, exemplar: Tensor, search: Tensor) -> Tensor:
        """Return score maps (N, S, s, s), float32, of features (N, C, k, k), (N * S, C, n, n)."""
        with as_given(self.device):
            maps = self.network.score(exemplar, search)
        return maps.reshape(len(exemplar), -1, *maps.shape[1:])


class EagerGOTURN(_Eager[GOTURN]):
    """GOTURN in plain float32 on a device."""

    @torch.inference_mode()
    def regress(self, target: Tensor, search: Tensor) -> Tensor:
        """Return corners (N, S, 4), float32, of features (N, C, 6, 6) and (N * S, C, 6, 6)."""
        with as_given(self.device):
            return self.network.regress(target, search).reshape(len(target), -1, 4)
