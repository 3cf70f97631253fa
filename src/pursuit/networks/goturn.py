"""The GOTURN network: two crops through one trunk, then fully-connected layers (paper, 3.3).

Only tensors in, tensors out. Inputs are RGB, 0 to 255, float, (N, 3, 227, 227), as for every
network here; the authors' form of them (BGR, mean pixel taken off) is made inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

CROP = 227  # pixels, side of both crops
CONTEXT = 2.0  # a crop is this many times as wide and high as its box (paper: k1 = k2 = 2)
OUTPUT = 10.0  # the search crop's width and height in units of the outputs
MEAN = (104.0, 117.0, 123.0)  # of B, G, R
CELLS = 6  # side of the pool5 features
KERNELS = (11, 5, 3, 3, 3)

_STRIDES = (4, 1, 1, 1, 1)
_PADDINGS = (0, 2, 1, 1, 1)
_POOLED = (0, 1, 4)  # blocks that end in max pooling
_BIASES = (0.0, 1.0, 0.0, 1.0, 1.0)  # first values, as CaffeNet's

Norm = Literal["lrn", "batch", "none"]


@dataclass(frozen=True)
class GOTURNShape:
    """What decides the form of a GOTURN network.

    The defaults are the paper's: CaffeNet's five convolutions and three layers of 4096.
    """

    channels: tuple[int, int, int, int, int] = (96, 256, 384, 384, 256)
    groups: tuple[int, int, int, int, int] = (1, 2, 1, 2, 2)
    hidden: tuple[int, int, int] = (4096, 4096, 4096)
    norm: Norm = "lrn"  # CaffeNet's; batch: after each layer but the last; none: those folded
    dropout: float = 0.5  # in training


class GOTURN(nn.Module):
    """Target and search crop to the target's corners in the search crop.

    The towers of the authors' program start alike and are frozen, so that one trunk serves
    both crops.
    """

    mean: Tensor

    def __init__(self, shape: GOTURNShape | None = None) -> None:
        super().__init__()
        self.shape = shape or GOTURNShape()
        # On the CPU where all else is made on torch's meta device too, to be filled later.
        mean = torch.tensor(MEAN, device="cpu").reshape(3, 1, 1)
        self.register_buffer("mean", mean, persistent=False)
        self.trunk = _trunk(self.shape)
        self.head = _head(self.shape)

    def embed(self, images: Tensor) -> Tensor:
        """Return pool5 features (N, C, 6, 6) of crops (N, 3, 227, 227), RGB 0 to 255."""
        return self.trunk(images.flip(1) - self.mean)

    def regress(self, target: Tensor, search: Tensor) -> Tensor:
        """Return corners x1, y1, x2, y2 (N * S, 4) from features (N, C, 6, 6), (N * S, C, 6, 6).

        Each of N targets has S search crops, which stand one after the other. The corners are
        in tenths of the search crop: a target that did not move has 2.5, 2.5, 7.5, 7.5.
        """
        target = target.repeat_interleave(len(search) // len(target), dim=0)
        hidden = self.head[:-1](torch.cat([target, search], dim=1).flatten(1))
        # bfloat16 has steps of 1/32 at 7.5: near a pixel of the crop.
        last = self.head[-1]
        with torch.autocast(hidden.device.type, enabled=False):
            return last(hidden.to(last.weight.dtype))

    def forward(self, target: Tensor, search: Tensor) -> Tensor:
        """Return corners (N * S, 4) of crops (N, 3, 227, 227) and (N * S, 3, 227, 227)."""
        return self.regress(self.embed(target), self.embed(search))


def _trunk(shape: GOTURNShape) -> nn.Sequential:
    blocks: list[nn.Module] = []
    before = 3
    for i, after in enumerate(shape.channels):
        conv = nn.Conv2d(
            before, after, KERNELS[i], _STRIDES[i], _PADDINGS[i], groups=shape.groups[i]
        )
        layers: list[nn.Module] = [conv]
        if shape.norm == "batch":
            layers.append(nn.BatchNorm2d(after))
        layers.append(nn.ReLU(inplace=True))
        if i in _POOLED:
            layers.append(nn.MaxPool2d(3, 2))
        if shape.norm == "lrn" and i < 2:
            layers.append(nn.LocalResponseNorm(5, 1e-4, 0.75, 1.0))
        blocks.append(nn.Sequential(*layers))
        before = after
    return nn.Sequential(*blocks)


def _head(shape: GOTURNShape) -> nn.Sequential:
    blocks: list[nn.Module] = []
    before = 2 * shape.channels[-1] * CELLS**2
    for after in shape.hidden:
        layers: list[nn.Module] = [nn.Linear(before, after)]
        if shape.norm == "batch":
            layers.append(nn.BatchNorm1d(after))
        layers += [nn.ReLU(inplace=True), nn.Dropout(shape.dropout)]
        blocks.append(nn.Sequential(*layers))
        before = after
    return nn.Sequential(*blocks, nn.Linear(before, 4))


def initialise(network: GOTURN, generator: torch.Generator | None = None) -> None:
    """Set the first weights as the authors' program fills them: Gaussian, constant biases."""
    with torch.no_grad():
        for conv, bias in zip(convolutions(network), _BIASES, strict=True):
            conv.weight.normal_(0, 0.01, generator=generator)
            assert conv.bias is not None
            conv.bias.fill_(bias)
        *hidden, last = linears(network)
        for layer in hidden:
            layer.weight.normal_(0, 0.005, generator=generator)
            layer.bias.fill_(1)
        last.weight.normal_(0, 0.01, generator=generator)
        last.bias.zero_()
    for norm in norms(network):
        norm.reset_parameters()


def convolutions(network: GOTURN) -> Sequence[nn.Conv2d]:
    """Return conv1 to conv5."""
    return [module for module in network.trunk.modules() if isinstance(module, nn.Conv2d)]


def linears(network: GOTURN) -> Sequence[nn.Linear]:
    """Return the fully-connected layers, the one of four outputs last."""
    return [module for module in network.head.modules() if isinstance(module, nn.Linear)]


def norms(network: GOTURN) -> Sequence[nn.BatchNorm2d | nn.BatchNorm1d]:
    """Return the batch norms: of conv1 to conv5, then of the hidden layers; or none."""
    return [m for m in network.modules() if isinstance(m, nn.BatchNorm2d | nn.BatchNorm1d)]


def fold_norms(network: GOTURN) -> GOTURN:
    """Return the same function of images without batch norms (running moments), in float32.

    LRN is no constant of the weights: a network that has it keeps it.
    """
    batch = network.shape.norm == "batch"
    folded = GOTURN(replace(network.shape, norm="none") if batch else network.shape)
    layers: list[nn.Conv2d | nn.Linear] = [*convolutions(network), *linears(network)]
    plain: list[nn.Conv2d | nn.Linear] = [*convolutions(folded), *linears(folded)]
    found: list[nn.BatchNorm2d | nn.BatchNorm1d | None] = [*norms(network)]
    found += [None] * (len(layers) - len(found))
    with torch.no_grad():
        for layer, same, norm in zip(layers, plain, found, strict=True):
            assert layer.bias is not None and same.bias is not None
            weight, bias = layer.weight.double(), layer.bias.double()
            if norm is not None:
                assert norm.running_mean is not None and norm.running_var is not None
                scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
                weight = (weight.flatten(1) * scale[:, None]).reshape(weight.shape)
                bias = (bias - norm.running_mean.double()) * scale + norm.bias.double()
            same.weight.copy_(weight)
            same.bias.copy_(bias)
    return folded.eval()
