"""The pen that draws with PyTorch's own operations: what `torch.export` is shown."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pursuit.runtimes.kernels import Kernels


class Drawn(nn.Module):
    """A network that draws its graph from its inputs whenever it is called.

    Args:
        module: whose parameters it draws with.
        draw: draws with a pen that it is given, and returns the output.
    """

    def __init__(self, module: nn.Module, draw: Callable[[TorchPen], Tensor]) -> None:
        super().__init__()
        self.module = module
        self._draw = draw

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the output of inputs, which come in the order in which they are drawn."""
        return self._draw(TorchPen(list(inputs)))


class TorchPen:
    """Draws with tensors."""

    multiple, pairs = 1, False

    def __init__(self, inputs: list[Tensor]) -> None:
        self._inputs = inputs

    def windows(self, name: str, side: int | None) -> Tensor:
        """Return images (N, 3, S, S), float32, of an input: windows (N, S, S, 3), uint8."""
        return self._inputs.pop(0).permute(0, 3, 1, 2).float()

    def values(self, name: str, *sides: int) -> Tensor:
        """Return an input (N, *sides), float32."""
        return self._inputs.pop(0)

    def convolve(self, x: Tensor, by: Kernels) -> Tensor:
        """Return a convolution."""
        return F.conv2d(x, by.weight, by.bias, by.stride, by.padding, 1, by.groups)

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return x (N, C) by a matrix (O, C)."""
        return F.linear(x, weight, bias)

    def add(self, x: Tensor, values: Tensor) -> Tensor:
        """Return x + values."""
        return x + values

    def scale(self, x: Tensor, gain: float) -> Tensor:
        """Return gain * x."""
        return gain * x

    def relu(self, x: Tensor) -> Tensor:
        """Return max(x, 0)."""
        return x.relu()

    def pool(self, x: Tensor) -> Tensor:
        """Return the maximum of each 3 x 3 cells, every second one."""
        return F.max_pool2d(x, 3, 2)

    def lrn(self, x: Tensor, size: int, alpha: float, beta: float, start: float) -> Tensor:
        """Return the local response norm across channels."""
        return F.local_response_norm(x, size, alpha, beta, start)

    def product(self, left: Tensor, right: Tensor) -> Tensor:
        """Return the products (N, A, B) of matrices (N, C, A) and (N, C, B)."""
        return left.transpose(1, 2) @ right

    def join(self, left: Tensor, right: Tensor) -> Tensor:
        """Return both, one after the other along the second axis."""
        return torch.cat([left, right], dim=1)

    def reshape(self, x: Tensor, *sides: int) -> Tensor:
        """Return x as (N, *sides)."""
        return x.reshape(x.shape[0], *sides)

    def sum(self, x: Tensor, axis: int) -> Tensor:
        """Return the sum along an axis, which goes."""
        return x.sum(axis)

    def lengthen(self, x: Tensor, by: int) -> Tensor:
        """Return x with so many zeros at the end of its last axis."""
        return F.pad(x, (0, by))

    def shorten(self, x: Tensor, to: int) -> Tensor:
        """Return the beginning of the last axis."""
        return x[..., :to]
