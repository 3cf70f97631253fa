"""A reader of Caffe's `.caffemodel` by its wire format: layer names and arrays, nothing else.

The file is a protobuf message (BVLC/caffe, src/caffe/proto/caffe.proto):

    NetParameter      name 1, layers 2 (the first generation), input 3, layer 100
    LayerParameter    name 1, blobs 7; of the first generation: name 4, blobs 6
    BlobProto         num, channels, height, width 1 to 4 (old), data 5, shape 7, double_data 8
    BlobShape         dim 1

It is mapped, not read, and the arrays are views of it, so that damaged or hostile files cannot
ask for memory: lengths are checked against the file, and the number of fields is bounded.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from pursuit.errors import WeightsError

HEAD = 4096  # bytes that tell what a file is

_VARINT, _EIGHT, _SPAN, _FOUR = 0, 1, 2, 5  # wire types
_WIDTHS = {_EIGHT: 8, _FOUR: 4}
_MOST_FIELDS = 50_000  # of a file; a network of a thousand layers has a third of that
_MOST_AXES = 32  # Caffe's own limit
_LONGEST_NAME = 1000
_BLOCK = 4096  # keys that are compared at a time
_LAYERS = {2: (4, 6), 100: (1, 7)}  # field of the net: its fields name and blobs
_OLD_DIMS = (1, 2, 3, 4)

# Of a layer: its blobs in their order, weights first; float32 or float64, any strides.
Arrays = tuple[NDArray[np.floating[Any]], ...]


def is_caffemodel(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of a .caffemodel."""
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**32:
        return False  # the header of a .safetensors, whose length can look like a key
    start = 0
    if head[:1] == b"\x0a":  # the net's name, which can be left out
        length = head[1] if len(head) > 1 else 0
        start = 2 + length
        if length >= 0x80:  # a length of two bytes
            start = 3 + (length & 0x7F) + (head[2] << 7 if len(head) > 2 else 0)
    rest = head[start : start + 2]
    return rest == b"\xa2\x06" or rest[:1] in (b"\x12", b"\x1a")


def read_layers(path: Path) -> dict[str, Arrays]:
    """Return the arrays of all layers that have any, in the order of the file.

    Arrays are views of the mapped file where its numbers lie in one piece; copy what you keep.
    Shapes are as the file says; older ones have leading ones, such as (1, 1, 4, 4096).

    Raises:
        WeightsError: the file cannot be read, is damaged, is no .caffemodel, or names two
            layers alike.
    """
    message = _Message(path, _mapped(path))
    layers: dict[str, Arrays] = {}
    for field in message.fields(0, len(message.data)):
        if field.wire != _SPAN or field.number not in _LAYERS:
            continue
        name, arrays = _layer(message, field)
        if arrays and name in layers:
            raise WeightsError(f"{path} holds two layers {name!r}: which one counts is unknown")
        if arrays:
            layers[name] = arrays
    if not layers:
        raise WeightsError(f"{path} holds no layer with weights: not a .caffemodel, or no network")
    return layers


def _mapped(path: Path) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            # A private copy of what is written to, so never of anything: torch asks for arrays
            # that could be written.
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except ValueError:
        raise WeightsError(f"{path} is empty: fetch it again") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise WeightsError(f"cannot read the weights {path}: {reason}") from None


@dataclass(frozen=True, slots=True)
class _Field:
    """One field, or a run of equal ones of fixed width, which stand one after the other.

    Attributes:
        key: where it begins.
        start, end: where its content lies; of a run, of the first and of the last.
        value: of a varint.
        stride: bytes from one number of the run to the next.
    """

    number: int
    wire: int
    key: int
    start: int
    end: int
    value: int = 0
    stride: int = 0


class _Message:
    """The bytes of a file, and how many fields may still be read of it."""

    def __init__(self, path: Path, data: mmap.mmap | bytes) -> None:
        self.path = path
        self.data = data
        self._left = _MOST_FIELDS

    def fail(self, at: int, what: str) -> NoReturn:
        raise WeightsError(
            f"{self.path} is not a whole .caffemodel: {what} at byte {at} of {len(self.data)}; "
            "truncated or damaged (fetch it again), or not a .caffemodel"
        )

    def fields(self, start: int, end: int) -> Iterator[_Field]:
        """Yield the fields of the message that lies from `start` to `end`."""
        at = start
        while at < end:
            self._left -= 1
            if self._left < 0:
                self.fail(at, f"more than {_MOST_FIELDS} fields")
            field = self._field(at, end)
            yield field
            at = field.end

    def varint(self, at: int, end: int) -> tuple[int, int]:
        """Return an unsigned number of 64 bits and where it ends."""
        value = 0
        for i in range(10):
            if at + i >= end:
                self.fail(at, "a number that is cut off")
            byte = self.data[at + i]
            value |= (byte & 0x7F) << (7 * i)
            if byte < 0x80:
                return value & (2**64 - 1), at + i + 1
        self.fail(at, "a number of more than 10 bytes")

    def numbers(self, field: _Field, width: int) -> NDArray[np.floating[Any]]:
        """Return a view of the numbers (n,) of a packed field or of a run."""
        stride = field.stride or width
        size, rest = divmod(field.end - field.start, stride)
        if field.stride:
            size += 1  # the last one has no key behind it
        elif rest:
            self.fail(field.key, f"numbers of {width} bytes in {rest} too many")
        if not size:
            return np.empty(0, np.float32)
        return np.ndarray((size,), f"<f{width}", self.data, field.start, (stride,))

    def _field(self, at: int, end: int) -> _Field:
        key, start = self.varint(at, end)
        number, wire = key >> 3, key & 7
        if not number:
            self.fail(at, "a field of number 0")
        if wire == _VARINT:
            value, after = self.varint(start, end)
            return _Field(number, wire, at, start, after, value)
        if wire == _SPAN:
            length, start = self.varint(start, end)
            if length > end - start:
                self.fail(at, f"a field of {length} bytes where {end - start} are left")
            return _Field(number, wire, at, start, start + length)
        if wire not in _WIDTHS:
            self.fail(at, f"a field of the unknown type {wire}")
        width = _WIDTHS[wire]
        if width > end - start:
            self.fail(at, f"a field of {width} bytes where {end - start} are left")
        stride = start + width - at
        more = self._alike(at, stride, (end - at) // stride) - 1 if start == at + 1 else 0
        return _Field(number, wire, at, start, start + width + more * stride, stride=stride)

    def _alike(self, at: int, stride: int, most: int) -> int:
        """Return how many keys of one byte at `at`, `at + stride` ... are alike: 1 to `most`."""
        keys = np.ndarray((most,), np.uint8, self.data, at, (stride,))
        for done in range(0, most, _BLOCK):
            other = np.flatnonzero(keys[done : done + _BLOCK] != keys[0])
            if len(other):
                return done + int(other[0])
        return most


def _layer(message: _Message, layer: _Field) -> tuple[str, Arrays]:
    """Return the name and the arrays of a layer."""
    name_field, blobs_field = _LAYERS[layer.number]
    name = ""
    blobs = []
    for field in message.fields(layer.start, layer.end):
        if (field.number, field.wire) == (name_field, _SPAN):
            if field.end - field.start > _LONGEST_NAME:
                message.fail(field.key, f"a layer's name of {field.end - field.start} bytes")
            name = message.data[field.start : field.end].decode(errors="replace")
        if (field.number, field.wire) == (blobs_field, _SPAN):
            blobs.append(field)
    return name, tuple(_blob(message, blob, name) for blob in blobs)


def _blob(message: _Message, blob: _Field, layer: str) -> NDArray[np.floating[Any]]:
    """Return the array of a blob, in its shape."""
    old: dict[int, int] = {}
    dims: list[int] = []
    single: list[NDArray[np.floating[Any]]] = []
    double: list[NDArray[np.floating[Any]]] = []
    for field in message.fields(blob.start, blob.end):
        if field.number in _OLD_DIMS and field.wire == _VARINT:
            old[field.number] = field.value
        elif field.number == 5 and field.wire in (_SPAN, _FOUR):
            single.append(message.numbers(field, 4))
        elif field.number == 7 and field.wire == _SPAN:
            dims += _dims(message, field)
        elif field.number == 8 and field.wire in (_SPAN, _EIGHT):
            double.append(message.numbers(field, 8))
    if old:  # they go before a shape, as in Caffe
        dims = [_signed(old.get(number, 0)) for number in _OLD_DIMS]
    pieces = double or single
    size = sum(len(piece) for piece in pieces)
    if len(dims) > _MOST_AXES:
        message.fail(blob.key, f"an array of layer {layer!r} of {len(dims)} or more dimensions")
    if min(dims, default=1) < 1 or math.prod(dims) != size:
        message.fail(
            blob.key, f"an array of layer {layer!r} with {size} values for the shape {tuple(dims)}"
        )
    return (pieces[0] if len(pieces) == 1 else np.concatenate(pieces)).reshape(dims)


def _dims(message: _Message, shape: _Field) -> list[int]:
    """Return the dimensions in a BlobShape, no more than are too many."""
    found: list[int] = []
    for field in message.fields(shape.start, shape.end):
        at = field.start
        if field.number != 1 or field.wire not in (_VARINT, _SPAN):
            continue
        while at < field.end and len(found) <= _MOST_AXES:
            value, at = message.varint(at, field.end)
            found.append(_signed(value))
    return found


def _signed(value: int) -> int:
    """Return a number of 64 bits as its sign bit has it."""
    return value - 2**64 if value >= 2**63 else value
