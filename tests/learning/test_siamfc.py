from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from pursuit.learning import siamfc
from pursuit.learning.recipe import NetworkRecipe, OptimRecipe
from pursuit.networks.siamfc import SiamFC


@pytest.mark.parametrize("side", [15, 17])
def test_thirteen_cells_are_positive_within_16_pixels(side: int) -> None:
    positive = siamfc.labels(torch.zeros(1, 2), side, 16)[0]
    assert int(positive.sum()) == 13
    assert positive[side // 2, side // 2] and positive[side // 2, side // 2 + 2]
    assert not positive[side // 2 + 2, side // 2 + 1]


def test_labels_follow_a_target_that_is_not_in_the_middle() -> None:
    centred = siamfc.labels(torch.zeros(1, 2), 17, 16)[0]
    moved = siamfc.labels(torch.tensor([[24.0, -8.0]]), 17, 16)[0]
    assert torch.equal(moved, centred.roll((-1, 3), (0, 1)))


def test_loss_of_a_map_of_zeros_is_ln_2() -> None:
    positive = siamfc.labels(torch.zeros(2, 2), 17, 16)
    for balanced in (True, False):
        loss = siamfc.logistic_loss(torch.zeros(2, 17, 17), positive, balanced=balanced)
        assert loss.tolist() == pytest.approx([math.log(2)] * 2, rel=1e-6)


def test_balanced_loss_against_the_formula() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 3, (15, 15))
    y = np.full((15, 15), -1.0)
    for i in range(15):
        for j in range(15):
            if math.hypot(8 * (i - 7), 8 * (j - 7)) <= 16:
                y[i, j] = 1
    # Weights of the authors' program: 0.5/13 a positive, 0.5/212 a negative cell.
    weights = np.where(y > 0, 0.03846154, 0.00235849)
    expected = float((weights * np.log1p(np.exp(-y * scores))).sum())
    positive = siamfc.labels(torch.zeros(1, 2), 15, 16)
    loss = siamfc.logistic_loss(torch.tensor(scores)[None], positive, balanced=True)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_centre_error_is_in_pixels() -> None:
    scores = torch.zeros(1, 17, 17)
    scores[0, 8 + 3, 8 - 1] = 1
    error = siamfc.centre_error(scores, torch.tensor([[0.0, 0.0]]))
    assert float(error) == pytest.approx(8 * math.hypot(3, 1))
    assert float(siamfc.centre_error(scores, torch.tensor([[-8.0, 24.0]]))) == 0


def test_optimiser_multiplies_as_the_authors_program() -> None:
    network = SiamFC()
    recipe = OptimRecipe(lr=0.01, weight_decay=5e-4)
    groups = siamfc.optimiser(network, recipe).param_groups
    of = {id(p): (g["lr"], g["weight_decay"]) for g in groups for p in g["params"]}
    conv, norm = network.trunk[0][0], network.trunk[0][1]
    assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    assert of[id(conv.weight)] == (0.01, 5e-4)
    assert of[id(conv.bias)] == (0.02, 0)
    assert of[id(norm.weight)] == (0.02, 0)
    assert of[id(norm.bias)] == (0.01, 0)
    assert of[id(network.bias)] == (0.01, 5e-4)
    assert len(of) == len(list(network.parameters()))


def test_running_moments_move_by_5_percent_a_step() -> None:
    """Two calls a step, exemplars and search windows, keep 95 % of the old moments."""
    network = siamfc.build_network(NetworkRecipe(channels=(8, 8, 8, 8, 8)), norm_momentum=0.05)
    norm = network.trunk[0][1]
    assert isinstance(norm, nn.BatchNorm2d)
    norm.running_mean.fill_(1000.0)  # type: ignore[union-attr]
    for _ in range(2):
        norm(torch.zeros(4, 8, 3, 3))
    assert norm.running_mean.tolist() == pytest.approx([950.0] * 8)  # type: ignore[union-attr]
