"""The processes that learn together: which one this is, its rows of a batch, what they share.

Started plainly, a run is one process. Under torchrun it is several, on one machine or many;
each takes its rows of the same global batch. What would see the whole batch in one process
(the moments of batch norm, other pairs' search windows) goes through `gathered`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm

from pursuit.errors import RecipeError, SettingsError


@dataclass(frozen=True)
class World:
    """This process among those of a run.

    Attributes:
        rank: number of this process, from 0; 0 writes what is written.
        size: how many there are, on all machines.
        local_rank, local_size: likewise, on this machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    def rows(self, batch: int) -> slice:
        """Return this process's rows of a batch.

        Raises:
            RecipeError: the processes cannot share the batch evenly.
        """
        each, rest = divmod(batch, self.size)
        if rest or each < 1:
            near = max(1, round(batch / self.size)) * self.size
            raise RecipeError(
                f"a batch of {batch} pairs cannot be shared evenly by {self.size} processes: "
                f"take batch={near} or another number of processes"
            )
        return slice(self.rank * each, (self.rank + 1) * each)


def joined() -> World:
    """Return the world that torchrun made, or a world of one.

    Raises:
        SettingsError: machines with unequal numbers of processes.
    """
    if not (distributed.is_available() and distributed.is_torchelastic_launched()):
        return World()
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    world = World(*(int(os.environ[name]) for name in names))
    if world.size % world.local_size:
        raise SettingsError(
            f"this machine starts {world.local_size} of {world.size} processes: give torchrun "
            "the same --nproc-per-node on every machine"
        )
    return world


def gathered(values: Tensor) -> Tensor:
    """Return the tensors (n, ...) of all processes, one after another: (size * n, ...).

    Shapes are equal in all of them. The gradient goes back to the process a value came from,
    summed over all that used it. In a world of one this is the tensor itself.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return values
    return _Gather.apply(values)  # type: ignore[no-untyped-call]


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        own = values.contiguous()  # collectives take no channels-last tensors
        parts = [torch.empty_like(own) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, own)
        context.number = len(values)
        return torch.cat(parts)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        distributed.all_reduce(total)
        first = distributed.get_rank() * context.number
        return total[first : first + context.number]


class _SharedNorm(_BatchNorm):
    """Batch norm over the batch of all processes, on CPUs and GPUs (torch's is for GPUs)."""

    def forward(self, values: Tensor) -> Tensor:
        """Return normalised values (N, C, ...); learning, by the moments of all processes."""
        if not self.training:
            return super().forward(values)
        # Each channel's variance and mean here, then of the whole batch: shares are equal (of
        # GOTURN's target crops, nearly), so its variance is the mean of variances and the
        # variance of means. No large squares are taken from each other.
        others = [axis for axis in range(values.ndim) if axis != 1]
        moments = torch.stack(torch.var_mean(values.float(), dim=others, correction=0))
        variances, means = gathered(moments[None]).unbind(1)
        mean = means.mean(0)
        variance = variances.mean(0) + means.var(0, correction=0)
        self._keep(mean.detach(), variance.detach(), values.numel() // len(mean) * len(means))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        a_channel = (-1,) + (1,) * (values.ndim - 2)
        centred = values - mean.reshape(a_channel)
        scaled = centred * scale.reshape(a_channel) + self.bias.reshape(a_channel)
        return scaled.to(values.dtype)

    def _keep(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Move the running moments towards those of a batch of `count` values a channel."""
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        self.num_batches_tracked.add_(1)


# Norms still, to whoever asks for them by torch's classes: optimisers, and what folds them.
class SharedNorm1d(_SharedNorm, nn.BatchNorm1d):
    """Of vectors."""


class SharedNorm2d(_SharedNorm, nn.BatchNorm2d):
    """Of images."""


def share_norms(network: nn.Module) -> None:
    """Put norms over the batch of all processes where `network` has batch norms."""
    for module in list(network.modules()):
        for name, norm in module.named_children():
            if isinstance(norm, nn.BatchNorm2d | nn.BatchNorm1d):
                kind = SharedNorm2d if isinstance(norm, nn.BatchNorm2d) else SharedNorm1d
                shared = kind(norm.num_features, norm.eps, norm.momentum)
                shared.load_state_dict(norm.state_dict())
                setattr(module, name, shared.to(norm.weight.device))
