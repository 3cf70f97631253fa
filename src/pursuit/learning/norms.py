"""Batch norms brought back to a network whose norms were folded into its layers.

Each norm takes the mean and variance of its layer's output for its running moments, and
gives them back as its bias and gain: the network computes what it did, and can learn on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from pursuit.errors import RecipeError

# What a network sees, two tensors (B, 3, H, W), batch by batch.
Windows = Iterable[tuple[Tensor, Tensor]]
Moments = tuple[Tensor, Tensor]  # mean and variance (C,)
Layer = nn.Conv2d | nn.Linear


def moments(
    network: nn.Module,
    layers: Sequence[nn.Module],
    run: Callable[[Tensor, Tensor], object],
    windows: Windows,
) -> list[Moments]:
    """Return the moments of each layer's output; a layer that runs twice sees both alike.

    Args:
        network: moved to where the windows are.
        run: runs it on the two tensors of a batch.

    Raises:
        RecipeError: there is no window to see.
    """
    seen: list[list[Moments]] = [[] for _ in layers]
    for place, layer in zip(seen, layers, strict=True):
        layer.register_forward_hook(
            lambda _module, _inputs, output, place=place: place.append(
                torch.var_mean(output, dim=[axis for axis in range(output.ndim) if axis != 1])
            )
        )
    with torch.no_grad():
        for pair in windows:
            network.to(pair[0].device)
            run(*pair)
    if not seen[0]:
        raise RecipeError("network.start: there are no windows to see the moments of norms on")
    return [
        (
            torch.stack([mean for _, mean in each]).mean(0).cpu(),
            torch.stack([variance for variance, _ in each]).mean(0).cpu(),
        )
        for each in seen
    ]


def restore(
    layer: Layer,
    norm: nn.BatchNorm2d | nn.BatchNorm1d,
    folded: Layer,
    seen: Moments,
    length: float,
) -> None:
    """Set a layer and its norm to what a folded layer computes, in place.

    Args:
        seen: moments of the folded layer's output.
        length: that kernels get. Where folding left them short (some 70 times in the first layer
            of siamfc-slim) a step of learning would turn a kernel by the square of that too far.
    """
    mean, variance = seen
    assert layer.bias is not None and folded.bias is not None
    assert norm.running_mean is not None and norm.running_var is not None
    with torch.no_grad():
        factor = length / lengths(folded).clamp(min=1e-12)
        spread = variance * factor.square() + norm.eps
        weight = folded.weight.flatten(1) * factor[:, None]
        layer.weight.copy_(weight.reshape(layer.weight.shape))
        layer.bias.zero_()  # the norm takes any away
        norm.running_mean.copy_((mean - folded.bias) * factor)
        norm.running_var.copy_(spread - norm.eps)
        norm.weight.copy_(spread.sqrt() / factor)
        norm.bias.copy_(mean)


def lengths(layer: Layer) -> Tensor:
    """Return the length (C,) of each kernel."""
    return layer.weight.detach().flatten(1).norm(dim=1)
