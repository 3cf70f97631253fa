"""The runtime for tracking: norms folded, channels last, bfloat16 where the hardware has it.

On CUDA calls are recorded as graphs (`graphs`).

What sums many terms or gives the answer stays in float32: SiamFC's correlation, GOTURN's
local response norm and its last layer (bfloat16 would round corners to 0.3 % of the crop).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pursuit.networks import goturn
from pursuit.networks.folding import folded
from pursuit.networks.goturn import GOTURN
from pursuit.networks.siamfc import SiamFC
from pursuit.runtimes.cutting import Windows
from pursuit.runtimes.engine import Correlation
from pursuit.runtimes.graphs import runner
from pursuit.runtimes.machine import has_fast_bf16
from pursuit.runtimes.pieces import embedded


class _Tuned:
    """The number type that suits a device, values brought to both, and how it runs functions."""

    def __init__(self, device: str) -> None:
        self.device = torch.device(device)
        self.name = "tuned" if self.device.type == "cpu" else self.device.type
        self.dtype = _best_type(self.device)
        # Two products of bfloat16 are one step of a CPU: three channels leave every fourth out.
        self._in_pairs = self.device.type == "cpu" and self.dtype == torch.bfloat16
        self._run = runner(self.device)

    def _images(self, windows: Tensor, mean: Tensor | None = None) -> Tensor:
        """Return windows (M, S, S, 3) less a mean (3 S,), as the first kernels take them.

        (M, 3, S, S), or (M, 6, S, S / 2) with pixels in pairs; channels last, as the array is.
        Whole numbers to 255, and their differences, are exact in bfloat16.
        """
        number, height, width, _ = windows.shape
        rows = windows.flatten(2)
        if not self._in_pairs:
            values = rows.to(self.dtype)
            values = values if mean is None else values - mean
            return values.reshape(windows.shape).permute(0, 3, 1, 2)
        pairs = (width + 1) // 2
        values = torch.zeros(number, height, 6 * pairs, dtype=self.dtype)
        inside = values[:, :, : 3 * width].copy_(rows)
        if mean is not None:
            inside -= mean
        return values.reshape(number, height, pairs, 6).permute(0, 3, 1, 2)

    def _first(self, weight: Tensor, stride: int) -> tuple[Tensor, tuple[int, int]]:
        """Return the first kernels and their strides, for images as `_images` gives them."""
        if not self._in_pairs:
            return self._placed(weight), (stride, stride)
        return self._placed(in_pairs(weight)), (stride, stride // 2)

    def _placed(self, values: Tensor) -> Tensor:
        values = values.detach().to(self.device, self.dtype, copy=True)
        return values.to(memory_format=torch.channels_last) if values.ndim == 4 else values


class TunedSiamFC(_Tuned, Correlation):
    """SiamFC's folded trunk, layer by layer."""

    def __init__(self, network: SiamFC, device: str = "cpu") -> None:
        _Tuned.__init__(self, device)
        Correlation.__init__(self, network)
        convolutions = [one for one in folded(network).modules() if isinstance(one, nn.Conv2d)]
        self._in_pairs &= convolutions[0].groups == 1
        self._layers = [
            (self._placed(conv.weight), self._placed(conv.bias), conv.stride, conv.groups)
            for conv in convolutions
            if conv.bias is not None
        ]
        first, stride = self._first(convolutions[0].weight, convolutions[0].stride[0])
        self._layers[0] = (first, self._layers[0][1], stride, convolutions[0].groups)

    @torch.inference_mode()
    def embed(self, windows: Windows) -> Tensor:
        """Return features (M, C, s, s) of windows (M, S, S, 3), RGB."""
        return embedded(partial(self._run, self._features), windows, self.device)

    @torch.inference_mode()
    def score(self, exemplar: Tensor, search: Tensor) -> Tensor:
        """Return score maps (N, S, s, s), float32, of features (N, C, k, k), (N * S, C, n, n)."""
        return self._run(super().score, exemplar, search)

    def _features(self, windows: Tensor) -> Tensor:
        x = self._images(windows)
        last = len(self._layers) - 1
        for i, (weight, bias, stride, groups) in enumerate(self._layers):
            x = F.conv2d(x, weight, bias, stride, groups=groups)
            if i < 2:
                x = _pool(x)  # before the ReLU, which it commutes with: a quarter of the work
            if i < last:
                x = x.relu_()
        return x.float()


class FastLRN:
    """Local response norm of channels-last images, in float32: faster than PyTorch's.

    The sum over neighbouring channels is one product with a matrix that has a band of them.
    """

    def __init__(self, norm: nn.LocalResponseNorm, channels: int, device: torch.device) -> None:
        index = torch.arange(channels, device=device)
        offset = index - index[:, None]
        band = (offset >= -(norm.size // 2)) & (offset <= (norm.size - 1) // 2)
        self._band = band.float() * (norm.alpha / norm.size)
        self._start, self._power = norm.k, -norm.beta

    def __call__(self, x: Tensor) -> Tensor:
        """Return images (M, C, H, W) divided by what their neighbouring channels hold."""
        values = x.permute(0, 2, 3, 1).float()
        share = F.linear(values.square(), self._band).add_(self._start).pow_(self._power)
        return share.mul_(values).to(x.dtype).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class _Block:
    """A convolution and what follows it: a pool or none, a ReLU, a local response norm or none."""

    weight: Tensor
    bias: Tensor
    stride: tuple[int, ...]
    padding: str | tuple[int, ...]
    groups: int
    pools: bool
    norm: FastLRN | None


class TunedGOTURN(_Tuned):
    """GOTURN's trunk and head, layer by layer.

    A wide head takes as long as its weights take to be read, however few rows there are: half
    as many bytes in bfloat16 are half the time.
    """

    def __init__(self, network: GOTURN, device: str = "cpu") -> None:
        super().__init__(device)
        plain = folded(network)
        # R, G, B for a whole row of pixels: taken off three at a time it takes as long as conv2.
        self._mean = self._placed(plain.mean.flip(0).flatten().repeat(goturn.CROP))
        self._blocks = [self._block(block) for block in plain.trunk.children()]
        # The network takes B, G, R: turning its first kernels spares turning each window.
        conv = goturn.convolutions(plain)[0]
        first, stride = self._first(conv.weight.flip(1), conv.stride[0])
        self._blocks[0] = replace(self._blocks[0], weight=first, stride=stride)
        *hidden, last = goturn.linears(plain)
        self._hidden = [(self._placed(layer.weight), self._placed(layer.bias)) for layer in hidden]
        self._last = copy.deepcopy(last).float().to(self.device)

    @torch.inference_mode()
    def embed(self, windows: Windows) -> Tensor:
        """Return features (M, C, 6, 6) of windows (M, 227, 227, 3), RGB."""
        return embedded(partial(self._run, self._features), windows, self.device)

    @torch.inference_mode()
    def regress(self, target: Tensor, search: Tensor) -> Tensor:
        """Return corners (N, S, 4), float32, of features (N, C, 6, 6) and (N * S, C, 6, 6)."""
        return self._run(self._corners, target, search)

    def _features(self, windows: Tensor) -> Tensor:
        x = self._images(windows, self._mean)
        for block in self._blocks:
            x = F.conv2d(x, block.weight, block.bias, block.stride, block.padding, 1, block.groups)
            if block.pools:
                x = _pool(x)  # before the ReLU, as above
            x = x.relu_()
            if block.norm is not None:
                x = block.norm(x)
        return x.float().contiguous()

    def _corners(self, target: Tensor, search: Tensor) -> Tensor:
        number = len(target)
        target = target.repeat_interleave(len(search) // number, dim=0)
        x = torch.cat([target, search], dim=1).flatten(1).to(self.dtype)
        for weight, bias in self._hidden:
            x = F.linear(x, weight, bias).relu_()
        corners: Tensor = self._last(x.float())
        return corners.reshape(number, -1, 4)

    def _block(self, block: nn.Module) -> _Block:
        conv, *rest = block.children()
        assert isinstance(conv, nn.Conv2d) and conv.bias is not None
        norm = next((one for one in rest if isinstance(one, nn.LocalResponseNorm)), None)
        return _Block(
            self._placed(conv.weight),
            self._placed(conv.bias),
            conv.stride,
            conv.padding,
            conv.groups,
            any(isinstance(one, nn.MaxPool2d) for one in rest),
            None if norm is None else FastLRN(norm, conv.out_channels, self.device),
        )


def in_pairs(weight: Tensor) -> Tensor:
    """Return kernels (O, 3, k, k) as (O, 6, k, k / 2), for pixels taken in pairs along a row.

    The same sums of the same products, where the stride is even: half the stride along a row.
    A kernel of odd width has zeros at its end.
    """
    even = F.pad(weight, (0, weight.shape[-1] % 2))
    return even.unflatten(3, (-1, 2)).permute(0, 4, 1, 2, 3).flatten(1, 2)  # type: ignore[no-untyped-call]


def _best_type(device: torch.device) -> torch.dtype:
    if device.type == "cuda":
        with torch.cuda.device(device):  # it tells of the current one
            fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = device.type == "cpu" and has_fast_bf16()
    return torch.bfloat16 if fast else torch.float32


def _pool(x: Tensor) -> Tensor:
    """Return F.max_pool2d(x, 3, 2); on CPUs slices are twice as fast for channels-last bfloat16."""
    if x.device.type != "cpu":
        return F.max_pool2d(x, 3, 2)
    height, width = x.shape[-2:]
    tall = torch.maximum(x[:, :, 0 : height - 2 : 2], x[:, :, 2:height:2])
    tall = torch.maximum(tall, x[:, :, 1 : height - 1 : 2])
    wide = torch.maximum(tall[..., 0 : width - 2 : 2], tall[..., 2:width:2])
    return torch.maximum(wide, tall[..., 1 : width - 1 : 2])
