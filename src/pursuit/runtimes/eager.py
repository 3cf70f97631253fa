"""The reference runtime: the network as it is written, float32. Others are compared with it."""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pursuit.networks.siamfc import SiamFC


class Eager:
    """Plain float32 on a device."""

    name = "eager"

    def __init__(self, network: SiamFC, device: str = "cpu") -> None:
        self.device = torch.device(device)
        self.network = copy.deepcopy(network).float().eval().to(self.device)

    @torch.inference_mode()
    def embed(self, windows: NDArray[np.uint8]) -> Tensor:
        """Return features (M, C, s, s) of windows (M, S, S, 3), RGB."""
        images = torch.from_numpy(windows).to(self.device).permute(0, 3, 1, 2)
        return self.network.embed(images.float().contiguous())

    @torch.inference_mode()
    def score(self, exemplar: Tensor, search: Tensor) -> Tensor:
        """Return score maps (N, S, s, s), float32, of features (N, C, k, k), (N * S, C, n, n)."""
        maps = self.network.score(exemplar, search)
        return maps.reshape(len(exemplar), -1, *maps.shape[1:])
