"""Batch norms brought back to a trunk whose norms were folded into its convolutions.

Each norm takes the mean and variance of its convolution's output for its running moments, and
gives them back as its bias and gain: the network computes what it did, and can learn on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from pursuit.errors import RecipeError

# What a trunk sees of a batch, two tensors (B, 3, H, W), batch by batch.
Windows = Iterable[tuple[Tensor, Tensor]]
Moments = tuple[Tensor, Tensor]  # mean and variance (C,)


def moments(
    trunk: nn.Module,
    convolutions: Sequence[nn.Module],
    embed: Callable[[Tensor], Tensor],
    windows: Windows,
) -> list[Moments]:
    """Return the moments of each convolution's output; both tensors of a batch count alike.

    Args:
        trunk: moved to where the windows are.
        embed: runs it.

    Raises:
        RecipeError: there is no window to see.
    """
    seen: list[list[Moments]] = [[] for _ in convolutions]
    for place, conv in zip(seen, convolutions, strict=True):
        conv.register_forward_hook(
            lambda _module, _inputs, output, place=place: place.append(
                torch.var_mean(output, dim=(0, 2, 3))
            )
        )
    with torch.no_grad():
        for pair in windows:
            for images in pair:
                trunk.to(images.device)
                embed(images)
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
    conv: nn.Conv2d, norm: nn.BatchNorm2d, folded: nn.Conv2d, seen: Moments, length: float
) -> None:
    """Set a convolution and its norm to what a folded convolution computes, in place.

    Args:
        seen: moments of the folded convolution's output.
        length: that kernels get. Where folding left them short (some 70 times in the first layer
            of siamfc-slim) a step of learning would turn a kernel by the square of that too far.
    """
    mean, variance = seen
    assert conv.bias is not None and folded.bias is not None
    assert norm.running_mean is not None and norm.running_var is not None
    with torch.no_grad():
        factor = length / lengths(folded).clamp(min=1e-12)
        spread = variance * factor.square() + norm.eps
        conv.weight.copy_(folded.weight * factor[:, None, None, None])
        conv.bias.zero_()  # the norm takes any away
        norm.running_mean.copy_((mean - folded.bias) * factor)
        norm.running_var.copy_(spread - norm.eps)
        norm.weight.copy_(spread.sqrt() / factor)
        norm.bias.copy_(mean)


def lengths(conv: nn.Conv2d) -> Tensor:
    """Return the length (C,) of each kernel."""
    return conv.weight.detach().flatten(1).norm(dim=1)
