"""The first convolution (11 x 11, stride 2, three channels) in forms that give the same sums.

    python benchmarks/conv1.py [--threads 2] [--seconds 10]

Plain; pixels in pairs along a row, as the runtimes have them in bfloat16; and space-to-depth,
blocks of 2 x 2 pixels as 12 channels. Each from three windows of uint8 to the sums, its making of
the input included, in turn; prints the least and the median time, also against the plain form's.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pursuit import weights
from pursuit.runtimes.tuned import in_pairs

SIDE, WINDOWS = 255, 3


def plain(weight: Tensor, bias: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the convolution of windows (M, S, S, 3), uint8, as it is defined."""
    kernels = weight.to(memory_format=torch.channels_last)
    return lambda x: F.conv2d(x.to(kernels.dtype).permute(0, 3, 1, 2), kernels, bias, 2)


def pairs(weight: Tensor, bias: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the same with two pixels of a row as six channels."""
    kernels = in_pairs(weight).to(memory_format=torch.channels_last)

    def run(x: Tensor) -> Tensor:
        number, height, width, _ = x.shape
        across = (width + 1) // 2
        values = torch.zeros(number, height, 6 * across, dtype=kernels.dtype)
        values[:, :, : 3 * width] = x.flatten(2)
        images = values.reshape(number, height, across, 6).permute(0, 3, 1, 2)
        return F.conv2d(images, kernels, bias, (2, 1))

    return run


def depth(weight: Tensor, bias: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the same with 2 x 2 pixels as twelve channels, stride 1."""
    even = F.pad(weight, (0, 1, 0, 1))
    kernels = F.pixel_unshuffle(even, 2).to(memory_format=torch.channels_last)

    def run(x: Tensor) -> Tensor:
        number, height, width, _ = x.shape
        values = torch.zeros(number, height + 1, width + 1, 3, dtype=kernels.dtype)
        values[:, :height, :width] = x
        blocks = values.unflatten(1, (-1, 2)).unflatten(3, (-1, 2))  # y, 2, x, 2, 3
        images = blocks.permute(0, 5, 2, 4, 1, 3).flatten(1, 3)
        return F.conv2d(images.contiguous(memory_format=torch.channels_last), kernels, bias)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    rng = np.random.default_rng(0)
    windows = torch.from_numpy(rng.integers(0, 256, (WINDOWS, SIDE, SIDE, 3), np.uint8))
    for name in ("siamfc-slim", "siamfc"):
        network, _ = weights.read_siamfc(weights.find(name))
        conv = next(one for one in network.modules() if isinstance(one, torch.nn.Conv2d))
        for dtype in (torch.bfloat16, torch.float32):
            values = conv.weight.detach().to(dtype), torch.zeros(len(conv.weight), dtype=dtype)
            forms = {make.__name__: make(*values) for make in (plain, pairs, depth)}
            race(f"{name}, {dtype}", forms, windows, given.seconds)


@torch.inference_mode()
def race(
    title: str, forms: dict[str, Callable[[Tensor], Tensor]], windows: Tensor, seconds: float
) -> None:
    """Run the forms in turn and print their times; they must give the same sums."""
    expected = forms["plain"](windows).float()
    for name, form in forms.items():
        found = form(windows).float()
        off = ((found - expected).norm() / expected.norm()).item()
        assert found.shape == expected.shape and off < 0.01, (name, off)
    times: dict[str, list[float]] = {name: [] for name in forms}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, form in forms.items():
            start = time.perf_counter()
            form(windows)
            times[name].append(1e3 * (time.perf_counter() - start))
    print(title)
    for name, each in times.items():
        ratio = np.median(np.array(each) / np.array(times["plain"]))
        print(
            f"  {name:6} least {min(each):6.3f} ms, median {np.median(each):6.3f} ms, "
            f"{ratio:4.2f} x plain"
        )


if __name__ == "__main__":
    main()
