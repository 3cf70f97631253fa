"""SGD with momentum as Caffe has it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.optim import Optimizer


class CaffeSGD(Optimizer):
    """v becomes momentum v + lr (gradient + decay w), w becomes w - v.

    PyTorch's momentum keeps gradients, Caffe's keeps steps: where the rate falls tenfold, what
    is kept goes on at the rate it was made with.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float, momentum: float) -> None:
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Take one step."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            gradients: Any = [weight.grad for weight in weights]
            if group["weight_decay"]:
                gradients = torch._foreach_add(gradients, weights, alpha=group["weight_decay"])
            steps = [self._step_of(weight) for weight in weights]
            torch._foreach_mul_(steps, group["momentum"])
            torch._foreach_add_(steps, gradients, alpha=group["lr"])
            torch._foreach_sub_(weights, steps)

    def _step_of(self, weight: torch.Tensor) -> torch.Tensor:
        state = self.state[weight]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        return state["momentum_buffer"]
