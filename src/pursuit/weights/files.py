"""Weights on disk: `NAME.safetensors`, norms folded, half precision, and `NAME.json`, its card."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from pursuit.errors import WeightsError
from pursuit.files import atomic_path
from pursuit.networks.siamfc import SiamFC, SiamFCShape, fold_norms
from pursuit.weights.card import Card, card_path, read_card, write_card

SUFFIX = ".safetensors"


def save(path: Path | str, network: SiamFC, card: Card) -> Card:
    """Write a network and its card to `path` and beside it; return the card as written.

    Norms are folded in, kernels become float16, biases stay float32. The card's form and
    hash are set from the network. Each file appears whole or not at all.

    Raises:
        WeightsError: `path` does not end in .safetensors, or a value does not fit float16.
        OutputError: a file cannot be written.
    """
    target = Path(path)
    if target.suffix != SUFFIX:
        raise WeightsError(f"weights are written as NAME{SUFFIX}; got {target}")
    tensors = folded_tensors(network)
    for name, value in tensors.items():
        if not torch.isfinite(value).all():
            raise WeightsError(f"cannot write {target}: {name} holds values that are not finite")
    data = save_safetensors(tensors)
    written = card.with_values(
        channels=network.shape.channels,
        groups=network.shape.groups,
        gain=network.shape.gain,
        sha256=hashlib.sha256(data).hexdigest(),
    )
    with atomic_path(target) as part:
        part.write_bytes(data)
    write_card(card_path(target), written)
    return written


def read_safetensors(path: Path, data: bytes) -> tuple[SiamFC, Card]:
    """Return the network and card of a weights file that `save` wrote, given its bytes."""
    try:
        tensors = load_safetensors(data)
    except (SafetensorError, ValueError, KeyError):
        raise WeightsError(
            f"{path} is not a whole weights file: truncated or damaged (fetch it again), "
            "or not a weights file"
        ) from None
    card = read_card(card_path(path))
    digest = hashlib.sha256(data).hexdigest()
    if card.sha256 != digest:
        raise WeightsError(
            f"{path} is not the file its card names (sha256 {digest[:12]}, the card says "
            f"{card.sha256[:12] or 'nothing'}): damaged or exchanged, fetch both again"
        )
    return network_of(path, card.shape(), tensors), card


def folded_tensors(network: SiamFC) -> dict[str, Tensor]:
    """Return conv1.weight, conv1.bias ... conv5.bias and bias, norms folded in."""
    folded = fold_norms(network)
    tensors = {"bias": folded.bias.detach().float().reshape(1)}
    for i, conv in enumerate(_convolutions(folded), start=1):
        assert conv.bias is not None
        tensors[f"conv{i}.weight"] = conv.weight.detach().half().contiguous()
        tensors[f"conv{i}.bias"] = conv.bias.detach().float().contiguous()
    return tensors


def network_of(path: Path, shape: SiamFCShape, tensors: Mapping[str, Tensor]) -> SiamFC:
    """Return the network of a form with these values, in float32 and ready to track.

    Raises:
        WeightsError: a layer is missing or has another shape; the first one is named.
    """
    network = SiamFC(shape)
    targets: dict[str, Tensor] = {"bias": network.bias}
    for i, conv in enumerate(_convolutions(network), start=1):
        assert conv.bias is not None
        targets |= {f"conv{i}.weight": conv.weight, f"conv{i}.bias": conv.bias}
    for name, target in targets.items():
        if name not in tensors:
            raise WeightsError(f"{path} holds no {name}: the weights of another network")
        value = tensors[name]
        if value.numel() != target.numel() or (name != "bias" and value.shape != target.shape):
            raise WeightsError(
                f"{path} holds {name} of shape {tuple(value.shape)}, this network has "
                f"{tuple(target.shape)}: the weights of another network"
            )
        if not torch.isfinite(value).all():
            raise WeightsError(f"{path} holds values in {name} that are not finite")
        with torch.no_grad():
            target.copy_(value.reshape(target.shape))
    return network.eval().requires_grad_(False)


def _convolutions(network: SiamFC) -> list[nn.Conv2d]:
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]
