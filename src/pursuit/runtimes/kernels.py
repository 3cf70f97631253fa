"""Convolutions in the form that an engine is fastest with: the same sums, other shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from pursuit.runtimes.tuned import in_pairs


@dataclass(frozen=True)
class Kernels:
    """What a convolution computes with.

    Attributes:
        weight: (O, C / groups, k, k); k / 2 along a row where pixels come in pairs.
        bias: (O,).
        stride: down and along a row.
        padding: zeros on each side.
        groups: how many.
    """

    weight: Tensor
    bias: Tensor
    stride: tuple[int, int]
    padding: int
    groups: int


def kernels(
    convolutions: Sequence[nn.Conv2d],
    *,
    mean: Tensor | None = None,
    multiple: int = 1,
    pairs: bool = False,
) -> list[Kernels]:
    """Return the kernels of convolutions that follow each other.

    Args:
        convolutions: in order; the groups of the first are 1 if `pairs`.
        mean: (3, 1, 1) if the first takes B, G, R less this mean, and is to take R, G, B.
        multiple: of which the outputs of a group are. Those that are added are zeros, and what
            follows passes over them: ReLUs and pools only may stand between. The last
            convolution stays as it is.
        pairs: whether the first takes pixels in pairs along a row: images (N, 6, S, S / 2).
    """
    found = [_as_they_are(conv) for conv in convolutions]
    if mean is not None:
        found[0] = _of_images(found[0], mean)
    for i in range(len(found) - 1):
        one, after = found[i : i + 2]
        # A group of the next layer takes whole groups of this one, or else all stays as it is.
        if one.groups > 1 and one.groups % after.groups == 0:
            found[i], found[i + 1] = _aligned(one, after, multiple)
    if pairs:
        down, along = found[0].stride
        found[0] = replace(found[0], weight=in_pairs(found[0].weight), stride=(down, along // 2))
    return found


def _as_they_are(conv: nn.Conv2d) -> Kernels:
    assert conv.bias is not None and isinstance(conv.padding[0], int)
    down, along = conv.stride
    return Kernels(conv.weight, conv.bias, (down, along), conv.padding[0], conv.groups)


def _of_images(one: Kernels, mean: Tensor) -> Kernels:
    """Return kernels of B, G, R less a mean as those of R, G, B."""
    assert one.padding == 0  # zeros around the images would be the mean, taken off
    taken_off = (one.weight.double() * mean.double()).sum(dim=(1, 2, 3))
    bias = (one.bias.double() - taken_off).to(one.bias.dtype)
    return replace(one, weight=one.weight.flip(1), bias=bias)


def _aligned(one: Kernels, after: Kernels, multiple: int) -> tuple[Kernels, Kernels]:
    """Return two layers with zeros between them, so that a group of the first has a multiple."""
    each = len(one.bias) // one.groups
    to = -(-each // multiple) * multiple
    if to == each:
        return one, after
    first = replace(
        one,
        weight=_lengthened(one.weight, 0, each, to),
        bias=_lengthened(one.bias, 0, each, to),
    )
    return first, replace(after, weight=_lengthened(after.weight, 1, each, to))


def _lengthened(values: Tensor, axis: int, each: int, to: int) -> Tensor:
    """Return values with zeros after each so many along an axis, which make that many of them."""
    parts = values.unflatten(axis, (-1, each))  # type: ignore[no-untyped-call]
    shape = list(parts.shape)
    shape[axis + 1] = to - each
    zeros = values.new_zeros(shape)
    return torch.cat([parts, zeros], dim=axis + 1).flatten(axis, axis + 1)
