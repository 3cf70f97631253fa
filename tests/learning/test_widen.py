from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from pursuit.errors import RecipeError
from pursuit.learning.recipe import NetworkRecipe
from pursuit.learning.siamfc import build_network
from pursuit.learning.widen import start_from, widen
from pursuit.networks.siamfc import SiamFC, initialise

SLIM = NetworkRecipe(channels=(6, 8, 12, 12, 10), gain=3e-3)
WIDE = NetworkRecipe(channels=(16, 20, 24, 30, 28), gain=1e-3)


def _slim() -> SiamFC:
    network = build_network(SLIM)
    initialise(network, torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.running_mean, module.bias.data):
                values.normal_(generator=generator)  # type: ignore[union-attr]
            for values in (module.running_var, module.weight.data):
                values.uniform_(0.5, 2, generator=generator)  # type: ignore[union-attr]
    return network


@pytest.mark.parametrize("training", [True, False])
def test_a_widened_network_gives_the_same_maps(training: bool) -> None:
    slim, wide = _slim().train(training), build_network(WIDE).train(training)
    widen(slim, wide, torch.Generator(), noise=0.0)
    exemplar, search = torch.rand(2, 3, 127, 127) * 255, torch.rand(2, 3, 255, 255) * 255
    with torch.no_grad():
        expected, found = slim(exemplar, search), wide(exemplar, search)
    assert float((expected - found).abs().max()) < 1e-4 * float(expected.abs().max())


def test_copies_differ_by_the_noise() -> None:
    wide = build_network(WIDE)
    widen(_slim(), wide, torch.Generator().manual_seed(0))
    kernels = wide.trunk[0][0].weight  # type: ignore[index]
    assert len(torch.unique(kernels.flatten(1), dim=0)) == 16


def test_a_run_starts_from_a_checkpoint(tmp_path: Path) -> None:
    slim, path = _slim(), tmp_path / "checkpoint.pt"
    learner = {f"network.{name}": value for name, value in slim.state_dict().items()}
    torch.save({"learner": learner, "network": SLIM.model_dump(mode="json")}, path)
    same = build_network(SLIM)
    start_from(same, path, seed=0)
    assert all(torch.equal(a, b) for a, b in zip(same.parameters(), slim.parameters(), strict=True))
    start_from(build_network(WIDE), path, seed=0)
    with pytest.raises(RecipeError, match="cannot start"):
        start_from(build_network(NetworkRecipe(channels=(4, 4, 4, 4, 4))), path, seed=0)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(RecipeError, match="damaged"):
        start_from(same, path, seed=0)
    with pytest.raises(RecipeError, match="there is no checkpoint"):
        start_from(same, tmp_path / "none.pt", seed=0)
