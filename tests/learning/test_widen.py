from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from pursuit.learning.recipe import NetworkRecipe
from pursuit.learning.siamfc import build_network
from pursuit.learning.widen import widen
from pursuit.networks.siamfc import SiamFC

SLIM = NetworkRecipe(channels=(6, 8, 12, 12, 10), gain=3e-3)
WIDE = NetworkRecipe(channels=(16, 20, 24, 30, 28), gain=1e-3)


@pytest.mark.parametrize("norm_last", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_a_widened_network_gives_the_same_maps(
    training: bool, norm_last: bool, trained: Callable[[NetworkRecipe], SiamFC]
) -> None:
    few, many = (form.model_copy(update={"norm_last": norm_last}) for form in (SLIM, WIDE))
    slim, wide = trained(few).train(training), build_network(many).train(training)
    widen(slim, wide, torch.Generator(), noise=0.0)
    exemplar, search = torch.rand(2, 3, 127, 127) * 255, torch.rand(2, 3, 255, 255) * 255
    with torch.no_grad():
        expected, found = slim(exemplar, search), wide(exemplar, search)
    assert float((expected - found).abs().max()) < 1e-4 * float(expected.abs().max())


def test_copies_differ_by_the_noise(trained: Callable[[NetworkRecipe], SiamFC]) -> None:
    wide = build_network(WIDE)
    widen(trained(SLIM), wide, torch.Generator().manual_seed(0))
    kernels = wide.trunk[0][0].weight  # type: ignore[index]
    assert len(torch.unique(kernels.flatten(1), dim=0)) == 16
