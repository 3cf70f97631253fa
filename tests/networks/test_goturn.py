"""GOTURN's network: CaffeNet's sizes and counts, its norms' formula, first weights, folding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pursuit.networks.goturn import (
    CROP,
    GOTURN,
    MEAN,
    GOTURNShape,
    convolutions,
    fold_norms,
    initialise,
    linears,
    norms,
)

SMALL = (4, 8, 8, 8, 8)


def layers(network: GOTURN) -> list[nn.Conv2d | nn.Linear]:
    return [*convolutions(network), *linears(network)]


def small(norm: str = "batch", seed: int = 0) -> GOTURN:
    """Return a small network whose norms do something, in eval mode."""
    generator = torch.Generator().manual_seed(seed)
    network = GOTURN(GOTURNShape(SMALL, hidden=(12, 10, 8), norm=norm))  # type: ignore[arg-type]
    initialise(network, generator)
    for layer in layers(network):
        nn.init.kaiming_normal_(layer.weight, generator=generator)
    for module in norms(network):
        assert module.running_mean is not None and module.running_var is not None
        module.running_mean.normal_(generator=generator)
        module.running_var.uniform_(0.5, 2, generator=generator)
        nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
        nn.init.normal_(module.bias, generator=generator)
    return network.eval().requires_grad_(False)


def crops(number: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (number, 3, CROP, CROP), generator=generator).float()


def test_sizes_and_counts_are_caffenets() -> None:
    with torch.device("meta"):
        network = GOTURN()
        x, sizes = torch.zeros(1, 3, CROP, CROP), []
        for block in network.trunk:
            x = block(x)
            sizes.append(tuple(x.shape[1:]))
    wide = [(96, 27, 27), (256, 13, 13), (384, 13, 13), (384, 13, 13), (256, 6, 6)]
    assert sizes == wide
    counts = [sum(p.numel() for p in layer.parameters()) for layer in layers(network)]
    head = [75_501_568, 16_781_312, 16_781_312, 16_388]
    assert counts == [34_944, 307_456, 885_120, 663_936, 442_624, *head]
    assert sum(counts) == 111_414_660
    # The authors' file holds both towers; of it the head alone is learnt.
    assert sum(counts) + sum(counts[:5]) == 113_748_740
    assert sum(counts[5:]) == 109_080_580


def test_first_weights_are_the_authors_fillers() -> None:
    network = GOTURN(GOTURNShape(hidden=(64, 64, 64)))
    initialise(network, torch.Generator().manual_seed(0))
    network.requires_grad_(False)
    stds = [float(layer.weight.std()) for layer in layers(network)]
    assert stds == pytest.approx([0.01] * 5 + [0.005] * 3 + [0.01], rel=0.1)
    biases = [float(layer.bias[0]) for layer in layers(network)]  # type: ignore[index]
    assert biases == [0, 1, 0, 1, 1, 1, 1, 1, 0]


def test_the_first_block_is_convolution_relu_pool_and_then_lrn() -> None:
    network = small("lrn")
    image = crops(1)
    conv = convolutions(network)[0]
    # By hand, in numpy: blue, green, red, each less its mean.
    planes = image[0].numpy()[::-1] - np.array(MEAN)[:, None, None]
    weight, bias = conv.weight.numpy().astype(float), conv.bias.numpy()  # type: ignore[union-attr]
    patches = np.lib.stride_tricks.sliding_window_view(planes, (11, 11), axis=(1, 2))[:, ::4, ::4]
    out = np.einsum("cyxij,ocij->oyx", patches, weight) + bias[:, None, None]
    out = np.maximum(out, 0)
    pooled = np.lib.stride_tricks.sliding_window_view(out, (3, 3), axis=(1, 2))[:, ::2, ::2]
    pooled = pooled.max(axis=(3, 4))
    square = np.pad(pooled**2, ((2, 2), (0, 0), (0, 0)))
    sums = sum(square[i : i + len(pooled)] for i in range(5))
    expected = pooled / (1 + 1e-4 / 5 * sums) ** 0.75
    found = network.trunk[0](image.flip(1) - network.mean)[0].numpy()
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert (expected < 0.99 * pooled).any()  # the norm does something here


def test_each_search_crop_goes_with_its_target() -> None:
    network = small()
    target, search = crops(2, 1), crops(6, 2)
    together = network(target, search)
    for i in range(6):
        alone = network(target[i // 3 : i // 3 + 1], search[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-4, atol=1e-4)
    # The target's features come first: the other way round is another answer.
    swapped = network.regress(network.embed(search[:1]), network.embed(target[:1]))
    assert not torch.allclose(swapped, together[:1], atol=1e-3)


@pytest.mark.parametrize("norm", ["batch", "lrn", "none"])
def test_folded_norms_leave_the_answers(norm: str) -> None:
    network = small(norm)
    assert len(norms(network)) == (8 if norm == "batch" else 0)
    folded = fold_norms(network)
    assert not norms(folded) and folded.shape.norm == ("none" if norm == "batch" else norm)
    target, search = crops(2, 3), crops(2, 4)
    torch.testing.assert_close(
        folded(target, search), network(target, search), rtol=1e-4, atol=1e-4
    )
