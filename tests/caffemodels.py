"""`.caffemodel` files, written by the protobuf package from a schema made here.

The schema is the part of BVLC/caffe's caffe.proto that such files use; numbers and types are
Caffe's own. Nothing of pursuit takes part in the writing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import torch
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from torch import nn

from pursuit.networks.goturn import GOTURN, GOTURNShape, convolutions, linears

Layers = Mapping[str, Sequence[NDArray[Any]]]

_OPTIONAL, _REPEATED = 1, 3
_DOUBLE, _FLOAT, _INT64, _INT32, _STRING, _MESSAGE = 1, 2, 3, 5, 9, 11
_BLOB, _SHAPE = ".caffe.BlobProto", ".caffe.BlobShape"
_LAYER, _OLD_LAYER = ".caffe.LayerParameter", ".caffe.V1LayerParameter"

# Message: its fields' names, numbers, labels, types, and the message that a field holds.
_SCHEMA: dict[str, list[tuple[str, int, int, int, str]]] = {
    "BlobShape": [("dim", 1, _REPEATED, _INT64, "")],
    "BlobProto": [
        ("num", 1, _OPTIONAL, _INT32, ""),
        ("channels", 2, _OPTIONAL, _INT32, ""),
        ("height", 3, _OPTIONAL, _INT32, ""),
        ("width", 4, _OPTIONAL, _INT32, ""),
        ("data", 5, _REPEATED, _FLOAT, ""),
        ("diff", 6, _REPEATED, _FLOAT, ""),
        ("shape", 7, _OPTIONAL, _MESSAGE, _SHAPE),
        ("double_data", 8, _REPEATED, _DOUBLE, ""),
        ("double_diff", 9, _REPEATED, _DOUBLE, ""),
    ],
    "ConvolutionParameter": [("num_output", 1, _OPTIONAL, _INT32, "")],
    "LayerParameter": [
        ("name", 1, _OPTIONAL, _STRING, ""),
        ("type", 2, _OPTIONAL, _STRING, ""),
        ("bottom", 3, _REPEATED, _STRING, ""),
        ("top", 4, _REPEATED, _STRING, ""),
        ("loss_weight", 5, _REPEATED, _FLOAT, ""),
        ("blobs", 7, _REPEATED, _MESSAGE, _BLOB),
        ("phase", 10, _OPTIONAL, _INT32, ""),
        ("convolution_param", 106, _OPTIONAL, _MESSAGE, ".caffe.ConvolutionParameter"),
    ],
    "V1LayerParameter": [
        ("bottom", 2, _REPEATED, _STRING, ""),
        ("top", 3, _REPEATED, _STRING, ""),
        ("name", 4, _OPTIONAL, _STRING, ""),
        ("type", 5, _OPTIONAL, _INT32, ""),
        ("blobs", 6, _REPEATED, _MESSAGE, _BLOB),
        ("blobs_lr", 7, _REPEATED, _FLOAT, ""),
    ],
    "NetParameter": [
        ("name", 1, _OPTIONAL, _STRING, ""),
        ("layers", 2, _REPEATED, _MESSAGE, _OLD_LAYER),
        ("input", 3, _REPEATED, _STRING, ""),
        ("input_dim", 4, _REPEATED, _INT32, ""),
        ("layer", 100, _REPEATED, _MESSAGE, _LAYER),
    ],
}


@dataclass(frozen=True)
class Form:
    """How a file says what it holds."""

    packed: bool = True  # Caffe's own; others write a key before each number
    generation: Literal["layer", "layers"] = "layer"
    dims: Literal["shape", "four", "both"] = "shape"  # four: num, channels, height, width
    numbers: Literal["data", "double_data"] = "data"
    gradients: bool = False  # each blob holds its diff too


def encode(layers: Layers, form: Form = Form(), name: str = "GOTURN") -> bytes:
    """Return the bytes of a .caffemodel with these arrays, layers without any between them."""
    net = _message("NetParameter", form.packed)()
    net.name = name
    net.input.append("target")
    net.input_dim.extend([1, 3, 227, 227])
    for layer, arrays in layers.items():
        made = getattr(net, form.generation).add()
        made.name = layer
        made.bottom.append("before")
        made.top.append(layer)
        if form.generation == "layer":
            made.type = "Convolution"
            made.convolution_param.num_output = len(arrays[0]) if arrays else 0
        else:
            made.type = 4
            made.blobs_lr.extend([1.0, 2.0])
        for array in arrays:
            _fill(made.blobs.add(), np.asarray(array), form)
        relu = getattr(net, form.generation).add()
        relu.name = f"relu of {layer}"
    return net.SerializeToString()


def decodes(data: bytes) -> bool:
    """Return whether protobuf itself finds a whole message in these bytes."""
    try:
        _message("NetParameter", packed=True)().ParseFromString(data)
    except DecodeError:
        return False
    return True


def goturn(shape: GOTURNShape | None = None, seed: int = 0) -> GOTURN:
    """Return a network with random weights; by default a narrow one."""
    network = GOTURN(shape or GOTURNShape((4, 6, 8, 8, 4), hidden=(12, 10, 8)))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():  # large enough for all layers to tell in the outputs
        for value in network.parameters():
            value.normal_(0, (2 / value[0].numel()) ** 0.5, generator=generator)
    return network.eval()


def goturn_layers(network: GOTURN) -> dict[str, list[NDArray[Any]]]:
    """Return the layers of the authors' file with this network's values."""
    names = [f"conv{i}" for i in range(1, 6)]
    trunk = dict(zip(names, map(_arrays, convolutions(network)), strict=True))
    second = {f"{name}_p": arrays for name, arrays in trunk.items()}
    heads = ("fc6-new", "fc7-new", "fc7-newb", "fc8-shapes")
    head = dict(zip(heads, map(_arrays, linears(network)), strict=True))
    return {**trunk, **second, **head}


def _arrays(layer: nn.Conv2d | nn.Linear) -> list[NDArray[Any]]:
    assert layer.bias is not None
    return [layer.weight.detach().numpy().copy(), layer.bias.detach().numpy().copy()]


def _fill(blob: Any, array: NDArray[Any], form: Form) -> None:
    if form.dims in ("shape", "both"):
        blob.shape.dim.extend(array.shape)
    if form.dims in ("four", "both"):
        four = (1,) * (4 - array.ndim) + array.shape
        blob.num, blob.channels, blob.height, blob.width = four
    values = array.reshape(-1).tolist()
    getattr(blob, form.numbers).extend(values)
    if form.gradients:
        blob.diff.extend([7.0] * len(values))
        blob.double_diff.extend([7.0] * len(values))


@cache
def _message(name: str, packed: bool) -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package="caffe", syntax="proto2")
    for message, fields in _SCHEMA.items():
        made = file.message_type.add(name=message)
        for field, number, label, kind, holds in fields:
            one = made.field.add(name=field, number=number, label=label, type=kind)
            if holds:
                one.type_name = holds
            if label == _REPEATED and kind in (_FLOAT, _DOUBLE, _INT64):
                one.options.packed = packed
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"caffe.{name}"))
