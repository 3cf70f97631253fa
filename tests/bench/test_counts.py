"""Operations and weights against numbers worked out by hand."""

from __future__ import annotations

import pytest
import torch

from pursuit.bench.counts import goturn_layers, siamfc_layers, trunk
from pursuit.networks.goturn import GOTURN
from pursuit.networks.siamfc import SiamFC, SiamFCShape


def test_siamfc_3s_is_16_3_gigaflop() -> None:
    layers = siamfc_layers(SiamFC(), 3)
    assert [layer.name for layer in layers] == [
        "conv1", "conv2", "conv3", "conv4", "conv5", "correlation",
    ]  # fmt: skip
    # Side of the output, then the weights of its kernels: paper, Table 1, at 255 pixels.
    sides = (123, 57, 26, 24, 22)
    kernels = (34_848, 307_200, 884_736, 663_552, 442_368)
    by_hand = [2 * 3 * side**2 * kernel for side, kernel in zip(sides, kernels, strict=True)]
    assert [layer.operations for layer in trunk(layers)] == by_hand
    assert sum(by_hand) == 16_318_210_752
    assert layers[-1].operations == 2 * 3 * 17**2 * 6 * 6 * 256
    assert sum(layer.weights for layer in layers) == 2_334_080
    assert layers[0].values == 3 * (3 * 255**2 + 96 * 123**2)


def test_siamfc_of_another_width() -> None:
    shape = SiamFCShape(channels=(32, 64, 96, 96, 64), groups=(1, 1, 1, 1, 1))
    layers = siamfc_layers(SiamFC(shape), 1)
    assert layers[0].operations == 2 * 123**2 * 32 * 3 * 11**2
    assert layers[1].operations == 2 * 57**2 * 64 * 32 * 5**2


def test_norms_do_not_count() -> None:
    assert siamfc_layers(SiamFC(SiamFCShape(norm=False)), 1) == siamfc_layers(SiamFC(), 1)


def goturn() -> GOTURN:
    with torch.device("meta"):  # a form without values
        return GOTURN()


def test_goturn_is_caffenet_and_109_million_weights() -> None:
    layers = goturn_layers(goturn(), crops=2, views=1)
    convolutions, head = trunk(layers), layers[5:]
    by_hand = (105_415_200, 223_948_800, 149_520_384, 112_140_288, 74_760_192)  # products
    assert [layer.operations for layer in convolutions] == [2 * 2 * value for value in by_hand]
    assert [layer.name for layer in head] == ["fc1", "fc2", "fc3", "fc4"]
    matrices = (18_432 * 4096, 4096 * 4096, 4096 * 4096, 4096 * 4)
    assert [layer.operations for layer in head] == [2 * value for value in matrices]
    assert sum(layer.weights for layer in head) == sum(matrices) + 3 * 4096 + 4
    # In bfloat16, 218 MB.
    assert 2 * sum(layer.weights for layer in head) == pytest.approx(218e6, rel=0.002)


def test_views_are_rows_of_the_head_and_crops_of_the_trunk() -> None:
    one, three = goturn_layers(goturn(), 1, 1), goturn_layers(goturn(), 4, 3)
    factors = [4] * 5 + [3] * 4
    assert [layer.operations for layer in three] == [
        factor * layer.operations for factor, layer in zip(factors, one, strict=True)
    ]
    assert [layer.weights for layer in three] == [layer.weights for layer in one]
