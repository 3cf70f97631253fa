"""Kernels in other forms give the same sums."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pursuit.runtimes.kernels import Kernels, kernels


def layers(channels: list[int], groups: list[int]) -> list[nn.Conv2d]:
    generator = torch.Generator().manual_seed(0)
    made = []
    for i, (before, after) in enumerate(pairwise(channels)):
        conv = nn.Conv2d(before, after, 5 if i == 0 else 3, 2 if i == 0 else 1, groups=groups[i])
        conv = conv.double()
        with torch.no_grad():
            for values in conv.parameters():
                values.normal_(generator=generator)
        made.append(conv)
    return made


def through(x: Tensor, form: list[Kernels]) -> Tensor:
    for i, one in enumerate(form):
        x = F.conv2d(x, one.weight, one.bias, one.stride, one.padding, 1, one.groups)
        x = F.max_pool2d(x.relu(), 3, 2) if i == 0 else x.relu()
    return x


@pytest.mark.parametrize(
    ("channels", "groups", "outputs"),
    [
        ([3, 4, 6, 8, 6], [1, 2, 1, 2], [4, 32, 8, 6]),  # a group of 3 becomes one of 16
        ([3, 4, 6, 8, 6], [1, 2, 2, 2], [4, 32, 32, 6]),
        ([3, 4, 8, 12, 6], [1, 2, 4, 2], [4, 8, 64, 6]),  # conv3's groups take parts of conv2's
        ([3, 4, 32, 8, 6], [1, 2, 1, 1], [4, 32, 8, 6]),
    ],
)
@torch.no_grad()
def test_groups_of_sixteens_give_the_same_features(
    channels: list[int], groups: list[int], outputs: list[int]
) -> None:
    x = torch.randn(2, 3, 63, 63, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    plain, wide = (kernels(layers(channels, groups), multiple=m) for m in (1, 16))
    assert [len(one.bias) for one in plain] == channels[1:]
    assert [len(one.bias) for one in wide] == outputs
    expected = through(x, plain)
    assert torch.allclose(through(x, wide), expected, rtol=1e-12, atol=1e-12)
    assert expected.std() > 1


@torch.no_grad()
def test_a_mean_goes_into_the_bias_and_pixels_into_pairs() -> None:
    images = torch.randint(0, 256, (2, 3, 63, 63), generator=torch.Generator().manual_seed(1))
    images, mean = images.double(), torch.tensor([10.0, 90.0, 200.0]).reshape(3, 1, 1)
    convolutions = layers([3, 4, 6], [1, 1])
    expected = through(images.flip(1) - mean, kernels(convolutions))
    found = kernels(convolutions, mean=mean, pairs=True)
    assert found[0].weight.shape == (4, 6, 5, 3) and found[0].stride == (2, 1)
    pairs = F.pad(images, (0, 1)).unflatten(3, (-1, 2)).permute(0, 4, 1, 2, 3).flatten(1, 2)
    assert torch.allclose(through(pairs, found), expected, rtol=1e-9, atol=1e-9)
    assert (through(images, kernels(convolutions, mean=mean)) - expected).norm() < (
        1e-9 * expected.norm()
    )
    assert (through(images, kernels(convolutions)) - expected).norm() > 0.1 * expected.norm()
