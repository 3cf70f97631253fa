"""The runtime for tracking: norms folded, channels last, bfloat16 where the hardware has it.

The correlation stays in float32: it sums thousands of products.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from pursuit.networks.siamfc import SiamFC, correlate, fold_norms
from pursuit.runtimes.machine import has_fast_bf16


class Tuned:
    """The folded trunk, layer by layer, in the number type that suits the device."""

    def __init__(self, network: SiamFC, device: str = "cpu") -> None:
        self.device = torch.device(device)
        self.name = "tuned" if self.device.type == "cpu" else self.device.type
        self.dtype = _best_type(self.device)
        folded = fold_norms(network)
        self._gain = folded.shape.gain
        self._bias = folded.bias.item()
        self._layers = [
            (self._placed(conv.weight), self._placed(conv.bias), conv.stride, conv.groups)
            for conv in folded.modules()
            if isinstance(conv, nn.Conv2d) and conv.bias is not None
        ]

    @torch.inference_mode()
    def embed(self, windows: NDArray[np.uint8]) -> Tensor:
        """Return features (M, C, s, s) of windows (M, S, S, 3), RGB."""
        # The array's own layout is channels last. Whole numbers to 255 are exact in bfloat16.
        x = torch.from_numpy(windows).to(self.device).to(self.dtype).permute(0, 3, 1, 2)
        last = len(self._layers) - 1
        for i, (weight, bias, stride, groups) in enumerate(self._layers):
            x = F.conv2d(x, weight, bias, stride, groups=groups)
            if i < 2:
                x = _pool(x)  # before the ReLU, which it commutes with: a quarter of the work
            if i < last:
                x = x.relu_()
        return x.float()

    @torch.inference_mode()
    def score(self, exemplar: Tensor, search: Tensor) -> Tensor:
        """Return score maps (N, S, s, s), float32, of features (N, C, k, k), (N * S, C, n, n)."""
        maps = correlate(exemplar, search).mul_(self._gain).add_(self._bias)
        return maps.reshape(len(exemplar), -1, *maps.shape[1:])

    def _placed(self, values: Tensor) -> Tensor:
        values = values.detach().to(self.device, self.dtype)
        return values.to(memory_format=torch.channels_last) if values.ndim == 4 else values


def _best_type(device: torch.device) -> torch.dtype:
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = device.type == "cpu" and has_fast_bf16()
    return torch.bfloat16 if fast else torch.float32


def _pool(x: Tensor) -> Tensor:
    """Return F.max_pool2d(x, 3, 2); on CPUs slices are twice as fast for channels-last bfloat16."""
    if x.device.type != "cpu":
        return F.max_pool2d(x, 3, 2)
    height, width = x.shape[-2:]
    tall = torch.maximum(x[:, :, 0 : height - 2 : 2], x[:, :, 2:height:2])
    tall = torch.maximum(tall, x[:, :, 1 : height - 1 : 2])
    wide = torch.maximum(tall[..., 0 : width - 2 : 2], tall[..., 2:width:2])
    return torch.maximum(wide, tall[..., 1 : width - 1 : 2])
