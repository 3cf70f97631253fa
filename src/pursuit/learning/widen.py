"""Widening a network: a trained one with fewer channels, copied over.

A wider network that computes what the narrow one does is a far better start than random
values where steps are dear: narrow networks train several times faster.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pursuit.networks.siamfc import SiamFC, blocks

_NOISE = 0.03  # of a layer's own spread; copies that are equal would stay equal


def widen(
    source: SiamFC, target: SiamFC, generator: torch.Generator, noise: float = _NOISE
) -> None:
    """Set the target's values so that, but for the noise, it gives the source's score maps.

    Channels are copied in turn within each half (grouped convolutions see halves); what
    reads a copied channel shares its weight among the copies. The embedding is scaled so
    that the correlation, with the target's gain, stays what it was.
    """
    shape, wide = source.shape, target.shape
    before = np.arange(3)
    with torch.no_grad():
        for i, (old, new) in enumerate(zip(blocks(source), blocks(target), strict=True)):
            after = _copies(shape.channels[i], wide.channels[i])
            conv, grown = old[0], new[0]
            assert isinstance(conv, nn.Conv2d) and isinstance(grown, nn.Conv2d)
            weight = _dense(conv)[after][:, before] / _counts(before)[None, :, None, None]
            weight = _grouped(weight, grown.groups)
            weight += noise * weight.std() * torch.randn(weight.shape, generator=generator)
            bias = conv.bias[after]  # type: ignore[index]
            grown.weight.copy_(weight)
            grown.bias.copy_(bias)  # type: ignore[union-attr]
            for norm, wider in zip(list(old)[1:], list(new)[1:], strict=True):
                if isinstance(norm, nn.BatchNorm2d):
                    wider.load_state_dict(_picked(norm, after))
            before = after
        last = blocks(target)[-1][-1]  # a norm after conv5 would undo a factor before it
        scale = (shape.gain / wide.gain / _counts(before)).sqrt()
        for values in (last.weight, last.bias):
            assert isinstance(values, Tensor)
            values.mul_(scale.reshape(-1, *[1] * (values.ndim - 1)))
        target.bias.copy_(source.bias)


def _copies(few: int, many: int) -> NDArray[np.int64]:
    """Return (many,): which of the few channels each of the many copies, half by half."""
    half, wide = few // 2, many // 2
    first = np.arange(wide) % half
    return np.concatenate([first, half + first])


def _counts(copied: NDArray[np.int64]) -> Tensor:
    """Return how often the channel that each copy copies is copied, (many,)."""
    return torch.from_numpy(np.bincount(copied)[copied]).float()


def _dense(conv: nn.Conv2d) -> Tensor:
    """Return kernels (out, in, k, k) of a grouped convolution, 0 between groups."""
    out, share = conv.weight.shape[:2]
    dense = torch.zeros(out, conv.in_channels, *conv.weight.shape[2:])
    rows = out // conv.groups
    for group in range(conv.groups):
        part = slice(group * rows, (group + 1) * rows)
        dense[part, group * share : (group + 1) * share] = conv.weight[part]
    return dense


def _grouped(dense: Tensor, groups: int) -> Tensor:
    """Return kernels (out, in / groups, k, k) from dense ones."""
    out, full = dense.shape[:2]
    rows, share = out // groups, full // groups
    parts = [
        dense[group * rows : (group + 1) * rows, group * share : (group + 1) * share]
        for group in range(groups)
    ]
    return torch.cat(parts).clone()


def _picked(norm: nn.BatchNorm2d, chosen: NDArray[np.int64]) -> dict[str, Tensor]:
    return {
        name: value[chosen] if value.ndim else value for name, value in norm.state_dict().items()
    }
