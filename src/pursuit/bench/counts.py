"""What a network has to do for a frame, counted from its layers: operations, weights, values."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pursuit.networks.goturn import CELLS, CROP, GOTURN
from pursuit.networks.siamfc import EXEMPLAR, SEARCH, SiamFC


@dataclass(frozen=True)
class Layer:
    """The work of one layer in one frame.

    Attributes:
        name: conv1 .., correlation, fc1 ..
        operations: products and sums, two for each weight that is used.
        weights: how many there are, with biases.
        values: how many go in and come out.
    """

    name: str
    operations: int
    weights: int
    values: int


def siamfc_layers(network: SiamFC, windows: int) -> list[Layer]:
    """Return the work of a frame with so many search windows of one target.

    The correlation counts as eq. 2 has it: each cell of the score map sums the products of the
    whole exemplar. Norms, pools and ReLUs are left out: they are less than 1 % of a trunk.
    """
    same = _on_meta(network)
    found = _watched(same, lambda: same.embed(_nothing(windows, SEARCH)))
    search = same.embed(_nothing(windows, SEARCH))
    exemplar = same.embed(_nothing(1, EXEMPLAR))
    cells = windows * (search.shape[-1] - exemplar.shape[-1] + 1) ** 2
    products = cells * exemplar.numel()
    values = search.numel() + exemplar.numel() + cells
    return [*found, Layer("correlation", 2 * products, 0, values)]


def goturn_layers(network: GOTURN, crops: int, views: int) -> list[Layer]:
    """Return the work of a frame of one target.

    Args:
        network: of any width.
        crops: how many the trunk embeds.
        views: how many rows the head answers.
    """
    same = _on_meta(network)
    found = _watched(same, lambda: same.embed(_nothing(crops, CROP)))
    pairs = torch.empty(views, 2 * network.shape.channels[-1] * CELLS**2, device="meta")
    return found + _watched(same, lambda: same.head(pairs))


def trunk(layers: Sequence[Layer]) -> list[Layer]:
    """Return the convolutions among some layers."""
    return [layer for layer in layers if layer.name.startswith("conv")]


def _on_meta(network: Any) -> Any:
    return copy.deepcopy(network).eval().to("meta")


def _nothing(number: int, side: int) -> Tensor:
    return torch.empty(number, 3, side, side, device="meta")


def _watched(network: nn.Module, call: Callable[[], object]) -> list[Layer]:
    """Return the layers that a call goes through, in order."""
    found: list[Layer] = []

    def see(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(module, nn.Conv2d | nn.Linear)
        kind = "conv" if isinstance(module, nn.Conv2d) else "fc"
        name = f"{kind}{len(found) + 1}"
        # Each output is a sum of as many products as its kernel has weights.
        operations = 2 * output.numel() * module.weight[0].numel()
        weights = sum(parameter.numel() for parameter in module.parameters())
        found.append(Layer(name, operations, weights, inputs[0].numel() + output.numel()))

    hooks = [
        module.register_forward_hook(see)
        for module in network.modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    ]
    with torch.inference_mode():
        call()
    for hook in hooks:
        hook.remove()
    return found
