from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from pursuit import weights
from pursuit.errors import RecipeError, WeightsError
from pursuit.learning import recipe
from pursuit.learning.recipe import NetworkRecipe
from pursuit.learning.siamfc import build_network, random_network
from pursuit.learning.start import start_from, unfold
from pursuit.networks.siamfc import SiamFC, blocks, fold_norms
from pursuit.weights import card_for

SLIM = NetworkRecipe(channels=(6, 8, 12, 12, 10), gain=3e-3)
WIDE = NetworkRecipe(channels=(16, 20, 24, 30, 28), gain=1e-3)
Trained = Callable[[NetworkRecipe], SiamFC]


def _windows() -> Iterator[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(3)
    for _ in range(2):
        pair = [torch.rand(4, 3, size, size, generator=generator) * 255 for size in (127, 255)]
        yield pair[0], pair[1]


def _no_windows() -> Iterator[tuple[Tensor, Tensor]]:
    raise AssertionError("a checkpoint needs no windows")


def _maps(network: SiamFC) -> Tensor:
    exemplar, search = next(_windows())
    with torch.no_grad():
        return network.eval()(exemplar, search)


def _checkpoint(network: SiamFC, form: NetworkRecipe, path: Path, **more: object) -> Path:
    learner = {f"network.{name}": value for name, value in network.state_dict().items()}
    torch.save({"learner": learner, "network": form.model_dump(mode="json"), **more}, path)
    return path


def _norms(network: SiamFC) -> list[nn.BatchNorm2d]:
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


@pytest.mark.parametrize("norm_last", [False, True])
def test_unfolded_norms_leave_the_shipped_maps_as_they_are(norm_last: bool) -> None:
    folded, _ = weights.read(weights.shipped()["siamfc-slim"])
    network = unfold(folded, _windows(), norm_last=norm_last)
    assert len(_norms(network)) == 4 + norm_last
    before, after = _maps(folded), _maps(network)
    assert float(before.std()) > 0.01  # maps with something in them
    assert float((before - after).abs().max()) < 1e-4 * float(before.abs().max())


def test_norms_hold_the_moments_that_the_windows_have() -> None:
    folded, _ = weights.read(weights.shipped()["siamfc-slim"])
    exemplar, search = next(_windows())
    network = unfold(folded, [(exemplar, search)]).eval()
    seen: dict[nn.Module, list[tuple[Tensor, Tensor]]] = {norm: [] for norm in _norms(network)}
    for norm in seen:
        norm.register_forward_pre_hook(
            lambda module, inputs: seen[module].append(torch.var_mean(inputs[0], dim=(0, 2, 3)))
        )
    with torch.no_grad():
        network.embed(exemplar)
        network.embed(search)
    for norm, each in seen.items():
        variance, mean = (sum(parts) / 2 for parts in zip(*each, strict=True))
        assert torch.allclose(norm.running_var, variance, rtol=1e-3)  # type: ignore[arg-type]
        near = 1e-3 * float(variance.sqrt().mean())  # type: ignore[union-attr]
        assert torch.allclose(norm.running_mean, mean, rtol=1e-3, atol=near)  # type: ignore[arg-type]


def test_unfolded_kernels_are_as_long_as_first_weights() -> None:
    folded, _ = weights.read(weights.shipped()["siamfc-slim"])
    network = unfold(folded, _windows())
    first = random_network(recipe.read("siamfc-slim"))
    for made, random in list(zip(blocks(network), blocks(first), strict=True))[:4]:
        lengths = made[0].weight.detach().flatten(1).norm(dim=1)
        assert float(lengths.std() / lengths.mean()) < 1e-3
        expected = float(random[0].weight.detach().flatten(1).norm(dim=1).mean())
        assert float(lengths.mean()) == pytest.approx(expected, rel=0.05)


def test_unfolding_without_windows_says_so(trained: Trained) -> None:
    with pytest.raises(RecipeError, match="no windows"):
        unfold(fold_norms(trained(SLIM)), [])


def test_a_run_starts_from_weights_of_its_width_or_narrower(
    trained: Trained, tmp_path: Path
) -> None:
    path, slim = tmp_path / "mine.safetensors", trained(SLIM)
    weights.save(path, slim, card_for(slim.shape, name="mine"))
    expected = _maps(weights.read(path)[0])
    same, again, wide = build_network(SLIM), build_network(SLIM), build_network(WIDE)
    for network in (same, again, wide):
        start_from(network, str(path), 0, _windows)
    assert float((_maps(same) - expected).abs().max()) < 1e-4 * float(expected.abs().max())
    for one, two in zip(same.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, two)
    # The copies' noise moves the maps a little, and no more.
    assert float((_maps(wide) - expected).std()) < 0.3 * float(expected.std())
    with pytest.raises(RecipeError, match="cannot start"):
        start_from(build_network(NetworkRecipe(channels=(4,) * 5)), str(path), 0, _windows)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(WeightsError, match="truncated or damaged"):
        start_from(same, str(path), 0, _windows)


def test_the_full_width_starts_from_the_shipped_slim_weights() -> None:
    chosen = recipe.read("siamfc-3s", ["network.start=siamfc-slim"])
    network = random_network(chosen)
    start_from(network, chosen.network.start, chosen.seed, _windows)
    expected = _maps(weights.read(weights.shipped()["siamfc-slim"])[0])
    found = _maps(network)
    both = torch.corrcoef(torch.stack([found.flatten(), expected.flatten()]))
    assert float(both[0, 1]) > 0.95


def test_a_run_starts_from_a_checkpoint(trained: Trained, tmp_path: Path) -> None:
    slim = trained(SLIM)
    path = _checkpoint(slim, SLIM, tmp_path / "checkpoint.pt")
    same = build_network(SLIM)
    start_from(same, str(path), 0, _no_windows)
    assert all(torch.equal(a, b) for a, b in zip(same.parameters(), slim.parameters(), strict=True))
    start_from(build_network(WIDE), str(path), 0, _no_windows)
    with pytest.raises(RecipeError, match="cannot start"):
        start_from(build_network(NetworkRecipe(channels=(4,) * 5)), str(path), 0, _no_windows)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(RecipeError, match="damaged"):
        start_from(same, str(path), 0, _no_windows)


@pytest.mark.parametrize(
    ("norm_last", "says"),
    [
        (True, r"has a norm after conv5, the recipe's network has none: set .*norm_last=true"),
        (False, r"has no norm after conv5, the recipe's network has one: set .*norm_last=false"),
    ],
)
def test_a_checkpoint_with_other_norms_is_told_by_them(
    norm_last: bool, says: str, trained: Trained, tmp_path: Path
) -> None:
    form, other = (SLIM.model_copy(update={"norm_last": n}) for n in (norm_last, not norm_last))
    path = _checkpoint(trained(form), form, tmp_path / "checkpoint.pt")
    with pytest.raises(RecipeError, match=says):
        start_from(build_network(other), str(path), 0, _no_windows)


def test_weights_that_are_not_there_are_named() -> None:
    with pytest.raises(RecipeError, match=r"siamfc-slin.*did you mean siamfc-slim"):
        start_from(build_network(SLIM), "siamfc-slin", 0, _no_windows)
