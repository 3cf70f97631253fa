"""First weights of a run: random by its seed, a run's checkpoint, or weights made to track.

Weights made to track have their batch norms folded into the convolutions. `unfold` brings
norms back that leave the network's score maps as they are, so that it can learn on.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from pursuit import weights
from pursuit.errors import RecipeError
from pursuit.files import named_file
from pursuit.learning import siamfc
from pursuit.learning.recipe import NetworkRecipe, Recipe
from pursuit.learning.widen import widen
from pursuit.networks.siamfc import SiamFC, blocks, fold_norms, initialise
from pursuit.weights import Card
from pursuit.weights.files import SUFFIX

# Exemplars (B, 3, 127, 127) and search windows (B, 3, S, S), batch by batch.
Windows = Iterable[tuple[Tensor, Tensor]]


def random_network(recipe: Recipe) -> SiamFC:
    """Return the recipe's network with the random first weights of its seed."""
    network = siamfc.build_network(recipe.network, recipe.optim.norm_momentum)
    initialise(network, torch.Generator().manual_seed(recipe.seed))
    return network


def start_from(network: SiamFC, start: str, seed: int, windows: Callable[[], Windows]) -> None:
    """Give a network its first weights from other weights, widened where it is wider.

    Args:
        start: name of shipped weights, a .safetensors file, or the checkpoint of a run.
        seed: decides the noise that sets copied channels apart.
        windows: gives windows to see the moments of norms on; called for weights that were
            folded, not for a checkpoint.

    Raises:
        RecipeError: no such weights, a damaged checkpoint, or of a network that is wider or
            has other groups or norms.
        WeightsError: a weights file or its card is damaged or missing.
    """
    file = weights_file(start)
    if file is None:
        source, _ = _read_checkpoint(Path(start))
        norms_fit = source.shape.norm_last == network.shape.norm_last
    else:
        source, norms_fit = weights.read_siamfc(file)[0], True
    old, new = source.shape, network.shape
    wider = any(few > many for few, many in zip(old.channels, new.channels, strict=True))
    if not norms_fit:
        has, lacks = ("has a", "has none") if old.norm_last else ("has no", "has one")
        raise RecipeError(
            f"network.start: {start} {has} norm after conv5, the recipe's network {lacks}: set "
            f"network.norm_last={str(old.norm_last).lower()}, or start from a weights file"
        )
    if wider or old.groups != new.groups:
        raise RecipeError(
            f"network.start: {start} has channels {old.channels} in groups {old.groups}; "
            f"it cannot start {new.channels} in groups {new.groups}"
        )
    if file is not None:
        source = unfold(source, windows(), norm_last=new.norm_last)
    if old.channels == new.channels and old.gain == new.gain:
        network.load_state_dict(source.state_dict())
    else:
        widen(source, network, torch.Generator().manual_seed(seed))


def is_there(start: str) -> bool:
    """Return whether `network.start` names shipped weights or a file."""
    return start in weights.shipped() or os.path.isfile(start)  # noqa: PTH113  as named_file


def weights_file(start: str) -> Path | None:
    """Return the weights file that `network.start` names; None where it is a checkpoint."""
    missing = "network.start: there is no checkpoint or weights file"
    path = named_file(start, weights.shipped(), kind="weights", missing=missing, error=RecipeError)
    return path if path.suffix == SUFFIX else None


def card_of(start: str) -> Card | None:
    """Return the card of the weights that `network.start` names; None where they have none.

    A checkpoint holds the card that its run began with, unless it was made before there was one.

    Raises:
        RecipeError, WeightsError: as `start_from`.
    """
    file = weights_file(start)
    return _read_checkpoint(Path(start))[1] if file is None else weights.read(file)[1]


def digest_of(start: str) -> str:
    """Return 16 hex digits that change with the weights that `network.start` names.

    Raises:
        RecipeError, WeightsError: as `start_from`.
    """
    file = weights_file(start)
    network = _read_checkpoint(Path(start))[0] if file is None else weights.read(file)[0]
    sha = hashlib.sha256()
    for name, value in network.state_dict().items():
        sha.update(name.encode() + value.numpy().tobytes())
    return sha.hexdigest()[:16]


def unfold(folded: SiamFC, windows: Windows, *, norm_last: bool = False) -> SiamFC:
    """Return the same function of images with batch norms, their moments seen on the windows.

    Each norm takes the mean and variance of its convolution's output for its running
    moments, and gives them back as its bias and gain. Kernels get the length of first
    weights: where folding left them short (some 70 times in the first layer of siamfc-slim) a
    step of learning would turn a kernel by the square of that too far.

    Raises:
        RecipeError: there is no window to see.
    """
    moments = _moments(folded, windows)
    network = SiamFC(replace(folded.shape, norm=True, norm_last=norm_last))
    first = SiamFC(network.shape)
    initialise(first, torch.Generator().manual_seed(0))
    triples = zip(blocks(folded), blocks(network), blocks(first), moments, strict=True)
    with torch.no_grad():
        for plain, block, random, (mean, variance) in triples:
            conv, new = plain[0], block[0]
            assert isinstance(conv, nn.Conv2d) and isinstance(new, nn.Conv2d)
            assert conv.bias is not None and new.bias is not None
            new.weight.copy_(conv.weight)
            new.bias.copy_(conv.bias)
            norm = next((m for m in block if isinstance(m, nn.BatchNorm2d)), None)
            if norm is None:
                continue
            length = _lengths(random[0]).mean() / _lengths(conv).clamp(min=1e-12)
            spread = variance * length.square() + norm.eps
            new.weight.mul_(length[:, None, None, None])
            new.bias.zero_()  # the norm takes any away
            assert norm.running_mean is not None and norm.running_var is not None
            norm.running_mean.copy_((mean - conv.bias) * length)
            norm.running_var.copy_(spread - norm.eps)
            norm.weight.copy_(spread.sqrt() / length)
            norm.bias.copy_(mean)
        network.bias.copy_(folded.bias)
    return network


def _lengths(conv: nn.Module) -> Tensor:
    assert isinstance(conv, nn.Conv2d)
    return conv.weight.flatten(1).norm(dim=1)


def _moments(network: SiamFC, windows: Windows) -> list[tuple[Tensor, Tensor]]:
    """Return mean and variance (C,) of each convolution's output.

    Exemplars and search windows count alike, as they do in running moments.
    """
    network = fold_norms(network)  # a copy: it moves to where the windows are
    convs = [block[0] for block in blocks(network)]
    seen: list[list[tuple[Tensor, Tensor]]] = [[] for _ in convs]
    for place, conv in zip(seen, convs, strict=True):
        conv.register_forward_hook(
            lambda _module, _inputs, output, place=place: place.append(
                torch.var_mean(output, dim=(0, 2, 3))
            )
        )
    with torch.no_grad():
        for pair in windows:
            for images in pair:
                network.to(images.device).embed(images)
    if not seen[0]:
        raise RecipeError("network.start: there are no windows to see the moments of norms on")
    return [
        (
            torch.stack([mean for _, mean in each]).mean(0).cpu(),
            torch.stack([variance for variance, _ in each]).mean(0).cpu(),
        )
        for each in seen
    ]


def _read_checkpoint(path: Path) -> tuple[SiamFC, Card | None]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        form = NetworkRecipe.model_validate(state["network"])
        prefix = "network."
        values = {
            name[len(prefix) :]: value
            for name, value in state["learner"].items()
            if name.startswith(prefix)
        }
        source = siamfc.build_network(form)
        source.load_state_dict(values)
        card = weights.parse_card(state["card"]) if state.get("card") else None
    except Exception as error:  # torch raises many kinds for a damaged file
        raise RecipeError(
            f"network.start: {path} is no checkpoint of a SiamFC run, or a damaged one"
        ) from error
    return source, card
