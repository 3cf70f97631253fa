"""The SiamFC network: a fully-convolutional trunk and a cross-correlation (paper, section 2.1).

Only tensors in, tensors out. Inputs are RGB, 0 to 255, float, (N, 3, S, S).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

STRIDE = 8  # input pixels a cell of the score map
EXEMPLAR = 127  # pixels, side of the exemplar (paper: A = 127^2)
SEARCH = 255  # pixels, side of the search window

_KERNELS = (11, 5, 3, 3, 3)
_STRIDES = (2, 1, 1, 1, 1)


@dataclass(frozen=True)
class SiamFCShape:
    """What decides the form of a SiamFC network.

    The defaults are Table 1 as the authors' program has it: 2,336,320 trunk parameters.
    """

    channels: tuple[int, int, int, int, int] = (96, 256, 384, 384, 256)
    groups: tuple[int, int, int, int, int] = (1, 2, 1, 2, 2)
    norm_last: bool = False  # batch norm after conv5 too, as the paper's text says
    norm: bool = True  # False: norms folded into the convolutions, for tracking
    norm_eps: float = 1e-5
    norm_momentum: float = 0.05  # share of the new batch in the running moments
    gain: float = 1e-3  # score = gain * correlation + bias; never learnt


class SiamFC(nn.Module):
    """Trunk and correlation: exemplar z and search window x to a score map (eq. 2).

    `bias` is b of eq. 2; the fixed `gain` is the authors' program's, not the paper's.
    """

    def __init__(self, shape: SiamFCShape | None = None) -> None:
        super().__init__()
        self.shape = shape or SiamFCShape()
        self.trunk = _trunk(self.shape)
        self.bias = nn.Parameter(torch.zeros(()))

    def embed(self, images: Tensor) -> Tensor:
        """Return features (N, C, s, s) of images (N, 3, S, S): 127 gives 6, 255 gives 22."""
        return self.trunk(images)

    def score(self, exemplar: Tensor, search: Tensor) -> Tensor:
        """Return score maps (N * S, s, s) from features (N, C, 6, 6) and (N * S, C, 22, 22)."""
        return self.shape.gain * correlate(exemplar, search) + self.bias

    def forward(self, exemplar: Tensor, search: Tensor) -> Tensor:
        """Return score maps (N, 17, 17) of images (N, 3, 127, 127) and (N, 3, 255, 255)."""
        return self.score(self.embed(exemplar), self.embed(search))


def correlate(exemplar: Tensor, search: Tensor) -> Tensor:
    """Return the valid cross-correlation (N * S, s, s), summed over channels.

    Each of N exemplars (C, k, k) slides over its own S search features (C, n, n), which stand
    one after the other: s = n - k + 1. In training S is 1; a tracker has S scales. float32
    whatever the inputs are: the sum has thousands of terms.
    """
    pairs, channels, size = search.shape[:3]
    number, kernel = len(exemplar), exemplar.shape[-1]
    window, side = size * size, size - kernel + 1
    # One matrix product gives each exemplar cell against each search cell; a score is the sum
    # along a diagonal of that table. Far faster than a convolution with a group a pair.
    with in_full(search.device.type):
        left = exemplar.float().reshape(number, 1, channels, -1).transpose(2, 3)
        right = search.float().reshape(number, pairs // number, channels, window)
        table = torch.matmul(left, right).contiguous()
    steps = (kernel * kernel * window, size, 1, kernel * window + size, window + 1)
    return table.as_strided((pairs, side, side, kernel, kernel), steps).sum(dim=(3, 4))


def in_full(device: str) -> AbstractContextManager[object]:
    """Return a context in which products on a kind of device keep the type of what they take."""
    # Where there is nothing to switch off, as in tracking, switching takes longer than the sums.
    on = torch.is_autocast_enabled(device)
    return torch.autocast(device, enabled=False) if on else nullcontext()


def _trunk(shape: SiamFCShape) -> nn.Sequential:
    layers: list[nn.Module] = []
    before = 3
    for i, after in enumerate(shape.channels):
        conv = nn.Conv2d(before, after, _KERNELS[i], _STRIDES[i], groups=shape.groups[i])
        block: list[nn.Module] = [conv]
        last = i == len(shape.channels) - 1
        if shape.norm and (not last or shape.norm_last):
            block.append(nn.BatchNorm2d(after, shape.norm_eps, shape.norm_momentum))
        if not last:
            block.append(nn.ReLU(inplace=True))
        if i < 2:
            block.append(nn.MaxPool2d(3, 2))
        layers.append(nn.Sequential(*block))
        before = after
    return nn.Sequential(*layers)


def initialise(network: SiamFC, generator: torch.Generator | None = None) -> None:
    """Set the first weights: Gaussian, std sqrt(2 / (k k C_out)), biases 0, norms 1 and 0.

    "Improved Xavier" of the paper as its program has it: fan-out with the total number of
    output channels, for grouped convolutions too.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
            with torch.no_grad():
                module.weight.normal_(0, (2 / fan_out) ** 0.5, generator=generator)
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
    nn.init.zeros_(network.bias)


def fold_norms(network: SiamFC) -> SiamFC:
    """Return the same function of images without batch norms (running moments), in float32."""
    values = {**vars(network.shape), "norm": False, "norm_last": False}
    folded = SiamFC(SiamFCShape(**values))
    with torch.no_grad():
        for source, target in zip(blocks(network), blocks(folded), strict=True):
            conv, plain = source[0], target[0]
            assert isinstance(conv, nn.Conv2d) and isinstance(plain, nn.Conv2d)
            assert conv.bias is not None and plain.bias is not None
            weight, bias = conv.weight.double(), conv.bias.double()
            for norm in source:
                if isinstance(norm, nn.BatchNorm2d):
                    assert norm.running_mean is not None and norm.running_var is not None
                    spread = torch.sqrt(norm.running_var.double() + norm.eps)
                    scale = norm.weight.double() / spread
                    weight = weight * scale[:, None, None, None]
                    bias = (bias - norm.running_mean.double()) * scale + norm.bias.double()
            plain.weight.copy_(weight)
            plain.bias.copy_(bias)
        folded.bias.copy_(network.bias)
    return folded.eval()


def blocks(network: SiamFC) -> Sequence[nn.Sequential]:
    """Return the five blocks of the trunk, each with its convolution first."""
    return [block for block in network.trunk if isinstance(block, nn.Sequential)]
