"""Weights on disk: `NAME.safetensors`, norms folded, half precision, and `NAME.json`, its card."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import overload

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from pursuit.errors import WeightsError
from pursuit.files import atomic_path
from pursuit.networks import goturn, siamfc
from pursuit.networks.folding import folded
from pursuit.networks.goturn import GOTURN, GOTURNShape
from pursuit.networks.siamfc import SiamFC, SiamFCShape
from pursuit.weights.card import Card, card_path, form, read_card, write_card

SUFFIX = ".safetensors"
Network = SiamFC | GOTURN


def save(path: Path | str, network: Network, card: Card) -> Card:
    """Write a network and its card to `path` and beside it; return the card as written.

    Batch norms are folded in, kernels and matrices become float16, biases stay float32. The
    card's form and hash are set from the network. Each file appears whole or not at all.

    Raises:
        WeightsError: `path` does not end in .safetensors, or a value does not fit float16.
        OutputError: a file cannot be written.
    """
    target = Path(path)
    if target.suffix != SUFFIX:
        raise WeightsError(f"weights are written as NAME{SUFFIX}; got {target}")
    tensors = folded_tensors(network)
    for name, value in tensors.items():
        if not finite(value):
            raise WeightsError(f"cannot write {target}: {name} holds values that are not finite")
    data = save_safetensors(tensors)
    written = card.with_values(**form(network.shape), sha256=hashlib.sha256(data).hexdigest())
    with atomic_path(target) as part:
        part.write_bytes(data)
    write_card(card_path(target), written)
    return written


def digest(network: Network) -> str:
    """Return the sha256 of the file that `save` would write of a network."""
    return hashlib.sha256(save_safetensors(folded_tensors(network))).hexdigest()


def read_safetensors(path: Path) -> tuple[Network, Card]:
    """Return the network and card of a weights file that `save` wrote.

    The file is mapped, not read: what is allocated is the network in float32.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError, KeyError):
        raise WeightsError(
            f"{path} is not a whole weights file: truncated or damaged (fetch it again), "
            "or not a weights file"
        ) from None
    card = read_card(card_path(path))
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if card.sha256 != digest:
        raise WeightsError(
            f"{path} is not the file its card names (sha256 {digest[:12]}, the card says "
            f"{card.sha256[:12] or 'nothing'}): damaged or exchanged, fetch both again"
        )
    return network_of(path, card.shape(), tensors), card


def folded_tensors(network: Network) -> dict[str, Tensor]:
    """Return conv1.weight, conv1.bias ... conv5.bias, batch norms folded in.

    SiamFC has `bias` too, GOTURN fc1.weight ... fc4.bias.
    """
    tensors = {}
    for name, (module, part) in _places(folded(network)).items():
        value = getattr(module, part).detach()
        value = value.half() if part == "weight" else value.float()
        tensors[name] = value.contiguous().reshape(value.shape or 1)
    return tensors


@overload
def network_of(path: Path, shape: SiamFCShape, tensors: Mapping[str, Tensor]) -> SiamFC: ...
@overload
def network_of(path: Path, shape: GOTURNShape, tensors: Mapping[str, Tensor]) -> GOTURN: ...
def network_of(
    path: Path, shape: SiamFCShape | GOTURNShape, tensors: Mapping[str, Tensor]
) -> Network:
    """Return the network of a form with copies of these values, in float32 and ready to track.

    Raises:
        WeightsError: there is no network of this form, or a layer is missing or has another
            shape; the first one is named.
    """
    try:
        with torch.device("meta"):  # no memory: a form in a bad card can be of any size
            network = SiamFC(shape) if isinstance(shape, SiamFCShape) else GOTURN(shape)
    except ValueError as error:
        raise WeightsError(f"{path} comes with a form that no network has: {error}") from None
    for name, (module, part) in _places(network).items():
        if name not in tensors:
            raise WeightsError(f"{path} holds no {name}: the weights of another network")
        value, size = tensors[name], getattr(module, part).shape
        if value.shape != size and not (size == () and value.numel() == 1):
            raise WeightsError(
                f"{path} holds {name} of shape {tuple(value.shape)}, this network has "
                f"{tuple(size)}: the weights of another network"
            )
        if not finite(value):
            raise WeightsError(f"{path} holds values in {name} that are not finite")
        own = torch.empty(size).copy_(value.reshape(size))
        setattr(module, part, nn.Parameter(own, requires_grad=False))
    return network.eval()


def finite(value: Tensor) -> bool:
    """Return whether all values (at least one) are, without a copy of them."""
    return all(bool(torch.isfinite(end)) for end in value.aminmax())


def _places(network: Network) -> dict[str, tuple[nn.Module, str]]:
    """Return where each tensor of a weights file goes: a module and the name it has there."""
    if isinstance(network, SiamFC):
        convolutions: Sequence[nn.Module] = [block[0] for block in siamfc.blocks(network)]
    else:
        convolutions = goturn.convolutions(network)
    layers = {f"conv{i}": layer for i, layer in enumerate(convolutions, start=1)}
    if isinstance(network, GOTURN):
        layers |= {f"fc{i}": layer for i, layer in enumerate(goturn.linears(network), start=1)}
    places = {
        f"{name}.{part}": (layer, part)
        for name, layer in layers.items()
        for part in ("weight", "bias")
    }
    return {"bias": (network, "bias"), **places} if isinstance(network, SiamFC) else places
