"""Networks in Caffe's `.caffemodel` files: the authors' GOTURN, and CaffeNet's convolutions.

| file | its layers | it is |
|---|---|---|
| the authors' `tracker.caffemodel` | both towers and the four of `_HEAD` | a tracker |
| the authors' `tracker_init.caffemodel` | both towers | a trunk to start from |
| `bvlc_reference_caffenet.caffemodel` | one tower and a classifier | a trunk to start from |
| OpenCV's `goturn.caffemodel` | two towers, two hidden layers | another network, refused |

All eat BGR, 0 to 255, with the mean pixel 104, 117, 123 taken off, as `GOTURN` makes it of RGB.
Widths and groups are read off the shapes; kernels and matrices lie as they do in PyTorch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pursuit.errors import WeightsError
from pursuit.networks.goturn import CELLS, GOTURN, KERNELS, GOTURNShape
from pursuit.weights.caffemodel import HEAD, Arrays, is_caffemodel, read_layers
from pursuit.weights.card import WIDEST, GOTURNCard, card_for
from pursuit.weights.files import finite, network_of

__all__ = ["HEAD", "SUFFIX", "has_head", "is_caffemodel", "read_goturn", "read_trunk"]

SUFFIX = ".caffemodel"

_TRUNK = ("conv1", "conv2", "conv3", "conv4", "conv5")
_SECOND = "_p"  # the search crop's tower
_HEAD = ("fc6-new", "fc7-new", "fc7-newb", "fc8-shapes")
_OUTPUTS = 4

Layers = dict[str, Arrays]
Pair = tuple[Tensor, Tensor]  # weight and bias, views of the file


def read_goturn(path: Path) -> tuple[GOTURN, GOTURNCard]:
    """Return the network of the authors' trained file, or of one of other widths.

    Raises:
        WeightsError: the file is damaged or holds another network, a trunk alone, or two
            towers that differ; the first wrong layer is named.
    """
    layers = _layers(path)
    trunk = _trunk(path, layers)
    if not _with_head(layers):
        raise WeightsError(
            f"{path} holds a trunk to start a training of GOTURN from, not a tracker: it has no "
            f"layer {_HEAD[0]}"
        )
    _check_towers(path, layers)
    before = 2 * len(trunk[-1][0]) * CELLS**2
    head = []
    for name in _HEAD:
        head.append(_pair(path, layers, name, (before,)))
        before = len(head[-1][0])
    if before != _OUTPUTS:
        raise _wrong(path, _HEAD[-1], layers[_HEAD[-1]][0], f"{_OUTPUTS} outputs")
    shape = GOTURNShape(
        channels=tuple(len(weight) for weight, _ in trunk),  # type: ignore[arg-type]
        groups=_groups(trunk),  # type: ignore[arg-type]
        hidden=tuple(len(weight) for weight, _ in head[:-1]),  # type: ignore[arg-type]
    )
    tensors: dict[str, Tensor] = {}
    for kind, pairs in (("conv", trunk), ("fc", head)):
        for i, (weight, bias) in enumerate(pairs, start=1):
            tensors |= {f"{kind}{i}.weight": weight, f"{kind}{i}.bias": bias}
    origin = f"GOTURN of Caffe, {path.name}"
    licence = "unknown: ask where the file came from"
    card = card_for(shape, name=path.stem, origin=origin, licence=licence)
    return network_of(path, shape, tensors), card


def has_head(path: Path) -> bool:
    """Return whether a file holds a layer of a tracker's head: a tracker, or what is left of one.

    Raises:
        WeightsError: as `read_trunk`.
    """
    return _with_head(_layers(path))


def read_trunk(path: Path) -> list[tuple[Tensor, Tensor]]:
    """Return kernels (C, in / groups, k, k) and biases (C,) of conv1 to conv5, float32.

    For a first convolution that eats BGR without the mean pixel, as `GOTURN`'s does.

    Raises:
        WeightsError: the file is damaged or holds another network; the first wrong layer is
            named.
    """
    return [(weight.clone(), bias.clone()) for weight, bias in _trunk(path, _layers(path))]


def _layers(path: Path) -> Layers:
    """Return the layers of a file that holds CaffeNet's convolutions, alone or in a GOTURN."""
    layers = read_layers(path)
    ends = [arrays[0].shape[-2:] for arrays in layers.values()]
    two_towers = ends.count((KERNELS[0],) * 2) > 1
    gives_a_box = any(len(end) == 2 and end[0] == _OUTPUTS for end in ends)
    if two_towers and gives_a_box and not _with_head(layers):
        raise WeightsError(
            f"{path} holds a GOTURN as OpenCV has it, which is another network (two hidden layers, "
            "another mean pixel, towers that differ): its weights do not fit the paper's; take the "
            "authors' tracker.caffemodel"
        )
    return layers


def _with_head(layers: Layers) -> bool:
    return any(name in layers for name in _HEAD)


def _trunk(path: Path, layers: Layers) -> list[Pair]:
    """Return conv1 to conv5, each fitting the one before it."""
    found: list[Pair] = []
    before = 3
    for name, kernel in zip(_TRUNK, KERNELS, strict=True):
        weight, bias = _pair(path, layers, name, (None, kernel, kernel))
        inputs = weight.shape[1]
        if before % inputs or len(weight) % (before // inputs):
            raise _wrong(path, name, layers[name][0], f"{before} channels in, in equal groups")
        found.append((weight, bias))
        before = len(weight)
    return found


def _groups(trunk: list[Pair]) -> tuple[int, ...]:
    before = [3, *(len(weight) for weight, _ in trunk)]
    return tuple(n // weight.shape[1] for n, (weight, _) in zip(before, trunk, strict=False))


def _check_towers(path: Path, layers: Layers) -> None:
    """Make sure that both towers hold the same values: one trunk then serves both crops."""
    for name in _TRUNK:
        second = name + _SECOND
        if second not in layers:
            raise WeightsError(f"{path} holds no layer {second}: the weights of another network")
        alike = len(layers[name]) == len(layers[second]) and all(
            np.array_equal(one, two) for one, two in zip(layers[name], layers[second], strict=True)
        )
        if not alike:
            raise WeightsError(
                f"{path} has towers that differ, first in {name} and {second}: it was trained with "
                "two trunks, pursuit's GOTURN has one for both crops"
            )


def _pair(path: Path, layers: Layers, name: str, size: tuple[int | None, ...]) -> Pair:
    """Return weight (n, *size) and bias (n,) of a layer; None in `size` fits any number."""
    if name not in layers:
        raise WeightsError(f"{path} holds no layer {name}: the weights of another network")
    first, *rest = layers[name]
    weight = _without_ones(first, 1 + len(size))
    wanted = ", ".join("any" if n is None else str(n) for n in size)
    fits = weight.ndim == 1 + len(size) and all(
        n in (None, got) for n, got in zip(size, weight.shape[1:], strict=True)
    )
    if not fits:
        raise _wrong(path, name, first, f"(any, {wanted})")
    if len(weight) > WIDEST:
        raise _wrong(path, name, first, f"no more than {WIDEST} rows")
    if len(rest) != 1:
        raise WeightsError(f"{path} holds {len(layers[name])} arrays in layer {name}, not two")
    bias = _without_ones(rest[0], 1)
    if bias.shape != weight.shape[:1]:
        raise _wrong(path, f"{name} (its bias)", rest[0], f"({len(weight)},)")
    tensors = _tensor(weight), _tensor(bias)
    if not all(finite(tensor) for tensor in tensors):
        raise WeightsError(f"{path} holds values in layer {name} that are not finite")
    return tensors


def _without_ones(array: NDArray[Any], axes: int) -> NDArray[Any]:
    """Return an array without the leading ones of old files, down to so many axes."""
    while array.ndim > axes and len(array) == 1:
        array = array[0]
    return array


def _tensor(array: NDArray[Any]) -> Tensor:
    """Return a float32 tensor: a view of the file where it holds such numbers side by side."""
    return torch.from_numpy(np.ascontiguousarray(array, np.float32))


def _wrong(path: Path, layer: str, array: NDArray[Any], wanted: str) -> WeightsError:
    return WeightsError(
        f"{path} holds layer {layer} of shape {array.shape}, where {wanted} is needed: the weights "
        "of another network"
    )
