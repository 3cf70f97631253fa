"""The network: Table 1, the paper's two claims, the score, the first weights, folding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pursuit.networks.siamfc import (
    STRIDE,
    SiamFC,
    SiamFCShape,
    correlate,
    fold_norms,
    initialise,
)

SMALL = SiamFCShape(channels=(8, 16, 16, 16, 8))


def small(seed: int = 0) -> SiamFC:
    """Return a small network with norms that do something, in eval mode."""
    generator = torch.Generator().manual_seed(seed)
    network = SiamFC(SMALL)
    initialise(network, generator)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_(generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
            nn.init.normal_(module.bias, generator=generator)
    return network.eval().requires_grad_(False)


def pixels(number: int, side: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (number, 3, side, side), generator=generator).float()


@pytest.mark.parametrize(
    ("side", "sizes"),
    [(127, (29, 12, 10, 8, 6)), (255, (61, 28, 26, 24, 22)), (239, (57, 26, 24, 22, 20))],
)
def test_sizes_of_table_1(side: int, sizes: tuple[int, ...]) -> None:
    x = torch.zeros(1, 3, side, side)
    found = []
    with torch.inference_mode():
        for block in SiamFC().eval().trunk:
            x = block(x)
            found.append(x.shape[-1])
    assert tuple(found) == sizes  # after the pool, where the block has one
    assert x.shape == (1, 256, sizes[-1], sizes[-1])


def test_parameters_are_the_authors() -> None:
    network = SiamFC()
    assert sum(p.numel() for p in network.trunk.parameters()) == 2_336_320
    assert sum(p.numel() for p in network.parameters()) == 2_336_321
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 4
    assert len(list(SiamFC(SiamFCShape(norm_last=True)).trunk[-1])) == 2


def test_score_map_is_17_cells_and_239_gives_15() -> None:
    network = small()
    assert network(pixels(1, 127), pixels(1, 255)).shape == (1, 17, 17)
    assert network(pixels(1, 127), pixels(1, 239)).shape == (1, 15, 15)


@pytest.mark.parametrize("steps", [1, 3])
def test_equation_1_a_shifted_input_shifts_the_map(steps: int) -> None:
    network = small()
    wide = pixels(1, 255 + STRIDE * steps)
    shift = STRIDE * steps
    z = pixels(1, 127, seed=1)
    here = network(z, wide[..., :255, :255])
    there = network(z, wide[..., shift:, shift:])
    assert torch.allclose(there[..., :-steps, :-steps], here[..., steps:, steps:], rtol=1e-6)


def test_section_2_1_one_dense_evaluation_equals_the_network_on_each_window() -> None:
    network = small()
    z, x = pixels(1, 127, seed=1), pixels(1, 255)
    dense = network(z, x)[0]
    for row, column in [(0, 0), (3, 11), (16, 16), (8, 8)]:
        y0, x0 = row * STRIDE, column * STRIDE
        window = x[..., y0 : y0 + 127, x0 : x0 + 127]
        assert network(z, window).item() == pytest.approx(dense[row, column].item(), rel=1e-6)


def test_correlation_is_the_sum_of_products() -> None:
    rng = np.random.default_rng(0)
    z, x = rng.normal(size=(2, 3, 4, 4)), rng.normal(size=(6, 3, 9, 9))
    found = correlate(torch.from_numpy(z), torch.from_numpy(x))
    assert found.shape == (6, 6, 6)
    for n in range(6):  # three search windows an exemplar, one after the other
        for i in range(6):
            for j in range(6):
                expected = (z[n // 3] * x[n, :, i : i + 4, j : j + 4]).sum()
                assert found[n, i, j].item() == pytest.approx(expected, abs=1e-4)


def test_correlation_passes_gradients() -> None:
    z = torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    found = torch.autograd.grad(correlate(z, x).square().sum(), (z, x))
    patches = torch.nn.functional.unfold(x, 2).reshape(2, 3, 4, 9)
    plain = torch.einsum("nckp,nck->np", patches, z.flatten(2))
    expected = torch.autograd.grad(plain.square().sum(), (z, x))
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-4)


def test_score_is_gain_times_correlation_plus_bias() -> None:
    network = SiamFC(SMALL).eval()
    with torch.no_grad():
        network.bias.fill_(-2.5)
    z, x = torch.ones(1, 8, 6, 6), torch.ones(1, 8, 22, 22)
    assert network.score(z, x).detach().unique().tolist() == pytest.approx([1e-3 * 288 - 2.5])


def test_first_weights_are_the_programs() -> None:
    network = SiamFC()
    initialise(network, torch.Generator().manual_seed(0))
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    stated = (0.01312, 0.01768, 0.02406, 0.02406, 0.02946)
    for conv, std in zip(convolutions, stated, strict=True):
        assert conv.weight.std().item() == pytest.approx(std, rel=0.02)
        assert conv.bias is not None and not conv.bias.any()


def test_folded_norms_leave_the_function_alone() -> None:
    network = small()
    folded = fold_norms(network)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    x = pixels(2, 127)
    expected, found = network.embed(x), folded.embed(x)
    assert found.dtype == torch.float32
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())


def test_last_norm_is_folded_too() -> None:
    network = SiamFC(SiamFCShape(channels=SMALL.channels, norm_last=True))
    initialise(network, torch.Generator().manual_seed(0))
    network.train()
    network.embed(pixels(4, 127))  # moves the running moments
    network.eval()
    x = pixels(1, 127, seed=3)
    expected = network.embed(x)
    assert torch.allclose(
        fold_norms(network).embed(x), expected, atol=1e-4 * expected.abs().max().item()
    )
