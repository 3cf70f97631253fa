from __future__ import annotations

import pytest
import torch
from torch import nn

from pursuit.errors import RecipeError, SettingsError
from pursuit.learning import recipe
from pursuit.learning.goturn import optimiser as goturn_optimiser
from pursuit.learning.methods import method_of
from pursuit.learning.siamfc import optimiser as siamfc_optimiser
from pursuit.learning.world import World, gathered, joined, share_norms
from pursuit.networks.goturn import GOTURN
from pursuit.networks.siamfc import SiamFC
from pursuit.weights.files import folded_tensors


def test_processes_share_a_batch_row_by_row() -> None:
    batch = list(range(6))
    assert [batch[World(rank, 3).rows(6)] for rank in range(3)] == [[0, 1], [2, 3], [4, 5]]
    assert batch[World().rows(6)] == batch


@pytest.mark.parametrize(("batch", "size", "near"), [(8, 3, 9), (4, 16, 16), (7, 2, 8)])
def test_a_batch_that_cannot_be_shared_says_one_that_can(batch: int, size: int, near: int) -> None:
    with pytest.raises(
        RecipeError, match=rf"{batch} pairs .* {size} processes: take batch={near} "
    ):
        World(0, size).rows(batch)


def test_a_plain_start_is_a_world_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    assert joined() == World(0, 1, 0, 1)
    values = torch.rand(2, 3)
    assert gathered(values) is values


def test_machines_with_unequal_numbers_of_processes_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "TORCHELASTIC_RUN_ID": "x",
        "RANK": "5",
        "WORLD_SIZE": "6",
        "LOCAL_RANK": "1",
        "LOCAL_WORLD_SIZE": "2",
    }.items():
        monkeypatch.setenv(name, value)
    assert joined() == World(5, 6, 1, 2)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    with pytest.raises(SettingsError, match="4 of 6 processes"):
        joined()


def test_a_shared_norm_alone_is_torchs_batch_norm() -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5, 1e-5, 0.05))
    with torch.no_grad():
        plain[1].weight.uniform_(0.5, 2)
        plain[1].bias.uniform_(-1, 1)
    shared = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5, 1e-5, 0.05))
    shared.load_state_dict(plain.state_dict())
    share_norms(shared)
    images = torch.rand(4, 3, 9, 9) * 3 + 2
    for module in (plain, shared):
        module(images).sin().sum().backward()
    for (name, one), two in zip(plain.named_parameters(), shared.parameters(), strict=True):
        assert one.grad is not None and two.grad is not None
        if name != "0.bias":  # a norm takes it off again: its gradient is rounding alone
            torch.testing.assert_close(two.grad, one.grad, rtol=1e-4, atol=1e-4)
    for one, two in zip(plain.buffers(), shared.buffers(), strict=True):
        torch.testing.assert_close(two, one, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(shared(images), plain(images), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(shared.eval()(images), plain.eval()(images), rtol=1e-4, atol=1e-4)


def test_a_shared_norm_of_vectors_is_torchs_too() -> None:
    torch.manual_seed(0)
    plain, shared = (nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5)) for _ in range(2))
    shared.load_state_dict(plain.state_dict())
    share_norms(shared)
    assert type(shared[1]) is not nn.BatchNorm1d
    values = torch.rand(8, 6) * 3 + 2
    torch.testing.assert_close(shared(values), plain(values), rtol=1e-4, atol=1e-5)
    for one, two in zip(plain.buffers(), shared.buffers(), strict=True):
        torch.testing.assert_close(two, one, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(shared.eval()(values), plain.eval()(values), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "number"), [("siamfc-slim", 4), ("goturn-compact", 8)])
def test_shared_norms_are_learnt_and_folded_as_any(name: str, number: int) -> None:
    """As in one process: gains are not decayed, and weights to track have them folded in."""
    chosen = recipe.read(name, ["network.start="])
    plain, shared = (method_of(chosen).network(chosen) for _ in range(2))
    share_norms(shared)
    assert type(plain) is type(shared)
    moved = [m for m in shared.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert len(moved) == number and not {type(m) for m in moved} & {nn.BatchNorm1d, nn.BatchNorm2d}
    assert _rates(shared, chosen) == _rates(plain, chosen)
    for norm in moved:
        nn.init.uniform_(norm.weight, 0.5, 2)
    plain.load_state_dict(shared.state_dict())
    expected, found = folded_tensors(plain), folded_tensors(shared)
    assert found.keys() == expected.keys()
    for key, value in found.items():
        assert torch.equal(value, expected[key]), key


def _rates(network: SiamFC | GOTURN, chosen: recipe.Recipe) -> dict[str, tuple[float, float]]:
    """Return the rate and the decay of each parameter."""
    if isinstance(network, GOTURN):
        assert isinstance(chosen, recipe.GOTURNRecipe)
        groups = goturn_optimiser(network, chosen).param_groups
    else:
        groups = siamfc_optimiser(network, chosen.optim).param_groups
    of = {id(p): (g["lr"], g["weight_decay"]) for g in groups for p in g["params"]}
    named = network.named_parameters()
    return {name: of[id(parameter)] for name, parameter in named if id(parameter) in of}
