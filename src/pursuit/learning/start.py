"""First weights of a run: random by its seed, a run's checkpoint, or weights made to track.

Weights made to track have their batch norms folded into the convolutions; `unfold` brings norms
back, so that the network can learn on. GOTURN's trunk has kernels of the shapes of SiamFC's
and of CaffeNet's, and can start from either.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pursuit import weights
from pursuit.errors import RecipeError
from pursuit.files import named_file
from pursuit.learning import goturn, norms, siamfc
from pursuit.learning.norms import Windows
from pursuit.learning.recipe import (
    GOTURNNetworkRecipe,
    NetworkRecipe,
)
from pursuit.learning.widen import widen
from pursuit.networks.goturn import GOTURN, MEAN, GOTURNShape, convolutions, linears
from pursuit.networks.goturn import fold_norms as fold_goturn
from pursuit.networks.goturn import norms as goturn_norms
from pursuit.networks.siamfc import SiamFC, blocks, fold_norms, initialise
from pursuit.weights import Card, caffe
from pursuit.weights.files import SUFFIX

Kernels = list[tuple[Tensor, Tensor]]  # weights and biases of conv1 to conv5, of GOTURN's input


@dataclass(frozen=True)
class Source:
    """What `network.start` names.

    Attributes:
        network: a network, or the kernels of a trunk alone.
        card: None where nothing is known of it.
        can_learn: its norms are as they were learnt, not folded.
    """

    network: SiamFC | GOTURN | Kernels
    card: Card | None
    can_learn: bool


def start_from(
    network: SiamFC | GOTURN, start: str, seed: int, windows: Callable[[], Windows]
) -> None:
    """Give a network its first weights from other weights.

    SiamFC is widened where it is wider. GOTURN takes the trunk of SiamFC, of GOTURN or of
    CaffeNet, and of a GOTURN whose hidden layers are as wide as its own the head too, but for one
    with local response norms where the other has none; what it does not take stays as it is.

    Args:
        start: name of shipped weights, a .safetensors or .caffemodel file, or the checkpoint of
            a run.
        seed: decides the noise that sets copied channels apart.
        windows: gives windows to see the moments of norms on; called where norms were folded,
            not for a checkpoint.

    Raises:
        RecipeError: no such weights, a damaged checkpoint, or of a network that is wider, has
            other groups or norms, or is another.
        WeightsError: a weights file or its card is damaged or missing.
    """
    source = _read(start)
    if isinstance(network, GOTURN):
        _start_goturn(network, source, start, windows)
    elif isinstance(source.network, SiamFC):
        _start_siamfc(network, source.network, source.can_learn, start, seed, windows)
    else:
        raise RecipeError(
            f"network.start: {start} is of GOTURN or CaffeNet, which SiamFC cannot start from"
        )


def is_there(start: str) -> bool:
    """Return whether `network.start` names shipped weights or a file."""
    return start in weights.shipped() or os.path.isfile(start)  # noqa: PTH113  as named_file


def weights_file(start: str) -> Path:
    """Return the file that `network.start` names: weights or a checkpoint.

    Raises:
        RecipeError: there is none.
    """
    missing = "network.start: there is no checkpoint or weights file"
    return named_file(start, weights.shipped(), kind="weights", missing=missing, error=RecipeError)


def card_of(start: str) -> Card | None:
    """Return the card of the weights that `network.start` names; None where they have none.

    A checkpoint holds the card that its run began with, unless it was made before there was one.

    Raises:
        RecipeError, WeightsError: as `start_from`.
    """
    return _read(start).card


def digest_of(start: str) -> str:
    """Return 16 hex digits that change with the weights that `network.start` names.

    Raises:
        RecipeError, WeightsError: as `start_from`.
    """
    found = _read(start).network
    if isinstance(found, list):
        values = {f"conv{i}": torch.cat([w.flatten(), b]) for i, (w, b) in enumerate(found, 1)}
    else:
        values = found.state_dict()
    sha = hashlib.sha256()
    for name, value in values.items():
        sha.update(name.encode() + value.numpy().tobytes())
    return sha.hexdigest()[:16]


def unfold(folded: SiamFC, windows: Windows, *, norm_last: bool = False) -> SiamFC:
    """Return the same function of images with batch norms, their moments seen on the windows.

    Kernels get the length of first weights.

    Raises:
        RecipeError: there is no window to see.
    """
    copy = fold_norms(folded)

    def run(exemplar: Tensor, search: Tensor) -> None:
        copy.embed(exemplar)
        copy.embed(search)

    seen = norms.moments(copy, [block[0] for block in blocks(copy)], run, windows)
    network = SiamFC(replace(folded.shape, norm=True, norm_last=norm_last))
    first = SiamFC(network.shape)
    initialise(first, torch.Generator().manual_seed(0))
    parts = zip(blocks(folded), blocks(network), blocks(first), seen, strict=True)
    with torch.no_grad():
        for plain, block, random, moments in parts:
            conv, new, example = plain[0], block[0], random[0]
            assert isinstance(conv, nn.Conv2d) and isinstance(new, nn.Conv2d)
            assert isinstance(example, nn.Conv2d)
            norm = next((m for m in block if isinstance(m, nn.BatchNorm2d)), None)
            if norm is None:
                new.load_state_dict(conv.state_dict())
            else:
                norms.restore(new, norm, conv, moments, float(norms.lengths(example).mean()))
        network.bias.copy_(folded.bias)
    return network


def _start_siamfc(
    network: SiamFC,
    source: SiamFC,
    can_learn: bool,
    start: str,
    seed: int,
    windows: Callable[[], Windows],
) -> None:
    old, new = source.shape, network.shape
    if can_learn and old.norm_last != new.norm_last:
        has, lacks = ("has a", "has none") if old.norm_last else ("has no", "has one")
        raise RecipeError(
            f"network.start: {start} {has} norm after conv5, the recipe's network {lacks}: set "
            f"network.norm_last={str(old.norm_last).lower()}, or start from a weights file"
        )
    wider = any(few > many for few, many in zip(old.channels, new.channels, strict=True))
    if wider or old.groups != new.groups:
        raise _unfit(start, old.channels, old.groups, new.channels, new.groups)
    if not can_learn:
        source = unfold(source, windows(), norm_last=new.norm_last)
    if old.channels == new.channels and old.gain == new.gain:
        network.load_state_dict(source.state_dict())
    else:
        widen(source, network, torch.Generator().manual_seed(seed))


def _start_goturn(
    network: GOTURN, source: Source, start: str, windows: Callable[[], Windows]
) -> None:
    found, shape = source.network, network.shape
    kernels = _kernels(found)
    channels, groups = _form(kernels)
    if (channels, groups) != (shape.channels, shape.groups):
        raise _unfit(start, channels, groups, shape.channels, shape.groups)
    if isinstance(found, GOTURN) and found.shape.norm == shape.norm:
        network.trunk.load_state_dict(found.trunk.state_dict())
        if found.shape.hidden == shape.hidden:
            network.head.load_state_dict(found.head.state_dict())
        return
    head = None
    if isinstance(found, GOTURN) and found.shape.hidden == shape.hidden:
        # Of no use to features without the local response norms that it was learnt behind.
        alike = (found.shape.norm == "lrn") == (shape.norm == "lrn")
        head = fold_goturn(found).head if alike else None
    _set_layers(network, _plain(network.shape, kernels, head), head is not None, windows)


def _plain(shape: GOTURNShape, kernels: Kernels, head: nn.Module | None) -> GOTURN:
    """Return a network without norms of these kernels; without a head, its own is of no use."""
    hidden = (1, 1, 1) if head is None else shape.hidden
    plain = GOTURN(GOTURNShape(shape.channels, shape.groups, hidden, "none")).eval()
    with torch.no_grad():
        for conv, (weight, bias) in zip(convolutions(plain), kernels, strict=True):
            assert conv.bias is not None
            conv.weight.copy_(weight)
            conv.bias.copy_(bias)
    if head is not None:
        plain.head.load_state_dict(head.state_dict())
    return plain


def _set_layers(
    network: GOTURN, plain: GOTURN, with_head: bool, windows: Callable[[], Windows]
) -> None:
    """Set the trunk, and with it the head, to layers without norms.

    Where the network has norms, they get moments that they undo.
    """
    layers: list[norms.Layer] = [*convolutions(network), *(linears(network) if with_head else [])]
    given: list[norms.Layer] = [*convolutions(plain), *(linears(plain) if with_head else [])]
    found = goturn_norms(network)[: len(layers)]
    if found:
        seen = norms.moments(plain, given[: len(found)], plain, windows())
        plain.cpu()
        for layer, norm, same, moments in zip(layers, found, given, seen, strict=False):
            norms.restore(layer, norm, same, moments, float(norms.lengths(layer).mean()))
    for layer, same in zip(layers[len(found) :], given[len(found) :], strict=True):
        layer.load_state_dict(same.state_dict())


def _kernels(found: SiamFC | GOTURN | Kernels) -> Kernels:
    """Return a trunk's kernels and biases, norms folded, for GOTURN's input.

    That is BGR less the mean pixel. A SiamFC eats RGB: its first kernels are turned round, and
    what they give for the mean pixel goes into their biases.
    """
    if isinstance(found, list):
        return found
    if isinstance(found, GOTURN):
        convs = list(convolutions(fold_goturn(found)))
    else:
        convs = [m for m in fold_norms(found).trunk.modules() if isinstance(m, nn.Conv2d)]
    kernels = []
    for conv in convs:
        assert conv.bias is not None
        kernels.append((conv.weight.detach().clone(), conv.bias.detach().clone()))
    if isinstance(found, SiamFC):
        weight, bias = kernels[0]
        weight = weight.flip(1)
        mean = torch.tensor(MEAN, dtype=torch.float64)
        kernels[0] = weight, (bias + weight.double().sum((2, 3)) @ mean).float()
    return kernels


def _form(kernels: Kernels) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the channels and groups of a trunk."""
    channels = tuple(len(weight) for weight, _ in kernels)
    before = (3, *channels[:-1])
    return channels, tuple(
        many // weight.shape[1] for many, (weight, _) in zip(before, kernels, strict=True)
    )


def _unfit(
    start: str,
    channels: tuple[int, ...],
    groups: tuple[int, ...],
    wanted: tuple[int, ...],
    wanted_groups: tuple[int, ...],
) -> RecipeError:
    return RecipeError(
        f"network.start: {start} has channels {channels} in groups {groups}; "
        f"it cannot start {wanted} in groups {wanted_groups}"
    )


def _read(start: str) -> Source:
    path = weights_file(start)
    if path.suffix == caffe.SUFFIX:
        return _read_caffe(path)
    if path.suffix == SUFFIX:
        return Source(*weights.read(path), can_learn=False)
    return _read_checkpoint(path)


def _read_caffe(path: Path) -> Source:
    """Return the authors' tracker, or the trunk of a file without a head."""
    if caffe.has_head(path):
        return Source(*caffe.read_goturn(path), can_learn=False)
    return Source(caffe.read_trunk(path), None, can_learn=False)


def _read_checkpoint(path: Path) -> Source:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        prefix = "network."
        values = {
            name[len(prefix) :]: value
            for name, value in state["learner"].items()
            if name.startswith(prefix)
        }
        network = _built(state)
        network.load_state_dict(values)
        card = weights.parse_card(state["card"]) if state.get("card") else None
    except Exception as error:  # torch raises many kinds for a damaged file
        raise RecipeError(
            f"network.start: {path} is no checkpoint of a run, or a damaged one"
        ) from error
    return Source(network, card, can_learn=True)


def _built(state: dict[str, Any]) -> SiamFC | GOTURN:
    """Return a network of the form that a checkpoint says."""
    if state.get("values", {}).get("method") == "goturn":
        return goturn.build_network(GOTURNNetworkRecipe.model_validate(state["network"]))
    return siamfc.build_network(NetworkRecipe.model_validate(state["network"]))
