"""Caffe's files by their wire format: every form is read, nothing hostile is believed."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from caffemodels import Form, decodes, encode
from google.protobuf import wrappers_pb2
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save as save_safetensors

from pursuit.errors import WeightsError
from pursuit.weights.caffemodel import HEAD, _Message, is_caffemodel, read_layers

FORMS = [
    Form(*values)
    for values in itertools.product(
        (True, False), ("layer", "layers"), ("shape", "four", "both"), ("data", "double_data")
    )
]


def layers() -> dict[str, list[np.ndarray[Any, Any]]]:
    rng = np.random.default_rng(0)
    return {
        "conv1": [
            rng.normal(size=(2, 3, 5, 5)).astype(np.float32),
            rng.normal(size=2).astype(np.float32),
        ],
        "relu": [],
        "fc6": [rng.normal(size=(40, 300)).astype(np.float32)],
    }


def written(folder: Path, data: bytes) -> Path:
    path = folder / "net.caffemodel"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_every_form_is_read(tmp_path: Path, form: Form, gradients: bool) -> None:
    form = Form(form.packed, form.generation, form.dims, form.numbers, gradients)
    found = read_layers(written(tmp_path, encode(layers(), form)))
    assert list(found) == ["conv1", "fc6"]  # the layers without weights are none
    for name, arrays in found.items():
        for array, expected in zip(arrays, layers()[name], strict=True):
            axes = (1,) * (4 - expected.ndim) if form.dims != "shape" else ()
            assert array.shape == (*axes, *expected.shape)
            assert array.reshape(expected.shape).tolist() == expected.tolist()


def test_numbers_in_pieces_are_put_together(tmp_path: Path) -> None:
    # Protobuf allows a repeated field to go on after others, packed and not.
    numbers = np.arange(5, dtype="<f4")
    packed = b"\x2a\x08" + numbers[:2].tobytes()
    loose = b"".join(b"\x2d" + one.tobytes() for one in numbers[2:4])
    last = b"\xaa\x00\x04" + numbers[4:].tobytes()  # the key in two bytes where one would do
    blob = packed + loose + b"\x3a\x02\x08\x05" + last
    (array,) = read_layers(written(tmp_path, net(blob)))["a"]
    assert array.tolist() == [0, 1, 2, 3, 4]


def net(*blobs: bytes) -> bytes:
    """Return a net of one layer `a` with blobs of these bytes."""
    layer = b"\x0a\x01a" + b"".join(span(b"\x3a", blob) for blob in blobs)
    return span(b"\xa2\x06", layer)


def span(key: bytes, content: bytes) -> bytes:
    return key + varint(len(content)) + content


def varint(value: int) -> bytes:
    """Return a number as protobuf writes it, by the protobuf package."""
    return wrappers_pb2.UInt64Value(value=value).SerializeToString()[1:] or b"\0"


@given(st.integers(0, 2**64 - 1))
def test_varints(value: int) -> None:
    data = b"##" + varint(value) + b"##"
    assert _Message(Path("x"), data).varint(2, len(data)) == (value, len(data) - 2)


def test_varints_of_every_length() -> None:
    for bits in range(1, 65):
        data = varint(2**bits - 1)
        assert len(data) == -(-bits // 7)
        assert _Message(Path("x"), data).varint(0, len(data)) == (2**bits - 1, len(data))
        with pytest.raises(WeightsError, match="cut off"):
            _Message(Path("x"), data).varint(0, len(data) - 1)
    with pytest.raises(WeightsError, match="more than 10 bytes"):
        _Message(Path("x"), b"\x80" * 11).varint(0, 11)


def test_a_matrix_of_300_mb_is_not_copied(tmp_path: Path) -> None:
    # Of the size of the authors' fc6-new: its length takes five bytes. The file is a hole.
    rows, columns = 4096, 18432
    data = 4 * rows * columns
    shape = span(b"\x3a", span(b"\x0a", varint(rows) + varint(columns)))
    blob = shape + b"\x2a" + varint(data)
    name = span(b"\x0a", b"fc6-new")
    layer = name + b"\x3a" + varint(len(blob) + data) + blob
    assert len(varint(data)) == 5
    path = tmp_path / "big.caffemodel"
    with path.open("wb") as file:
        file.write(b"\xa2\x06" + varint(len(layer) + data) + layer)
        file.seek(data - 4, 1)
        file.write(np.float32(-2.5).tobytes())
    (array,), peak = peak_of(lambda: read_layers(path)["fc6-new"])
    assert array.shape == (rows, columns)
    assert (array[0, 0], array[-1, -1]) == (0, -2.5)
    assert peak < 100_000


def peak_of(work: Callable[[], Any]) -> tuple[Any, int]:
    """Return what the work returns and the most bytes that Python and NumPy held meanwhile."""
    tracemalloc.start()
    try:
        return work(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def one_line(path: Path, match: str) -> str:
    def read() -> str:
        with pytest.raises(WeightsError, match=match) as caught:
            read_layers(path)
        return str(caught.value)

    text, peak = peak_of(read)
    assert "\n" not in text and str(path) in text
    assert peak < 300_000
    return text


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("generation", ["layer", "layers"])
def test_truncated_anywhere(tmp_path: Path, packed: bool, generation: Any) -> None:
    form = Form(packed, generation)
    whole = encode({"a": [np.ones((2, 3))], "b": [np.ones(200)]}, form)
    assert list(read_layers(written(tmp_path, whole))) == ["a", "b"]
    first = whole.index(b"relu of a") - (5 if generation == "layer" else 4)  # a ends here
    for end in range(1, len(whole)):
        path = written(tmp_path, whole[:end])
        # A cut between two fields of the net leaves a shorter net, which protobuf reads too.
        if decodes(whole[:end]) and end >= first:
            assert list(read_layers(path)) in (["a"], ["a", "b"])
        else:
            one_line(path, "not a whole|holds no layer")


def test_an_empty_file(tmp_path: Path) -> None:
    one_line(written(tmp_path, b""), "is empty")
    one_line(tmp_path / "none.caffemodel", "No such file")
    one_line(tmp_path, "cannot read the weights")


DIMS = b"\x3a\x04\x0a\x02\x02\x03"  # a shape of 2, 3
SIX = b"\x2a\x18" + bytes(24)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xa2\x06" + varint(2**31), "field of 2147483648 bytes where 0 are left"),
        (b"\xa2\x06" + varint(2**64 - 1) + bytes(50), "field of 18446744073709551615 bytes"),
        (b"\xa2\x06" + b"\xff" * 11, "number of more than 10 bytes"),
        (b"\xa2\x06\x80", "number that is cut off"),
        (b"\x00\x01", "field of number 0"),
        (b"\x0b\x0c", "unknown type 3"),
        (b"\x0f", "unknown type 7"),
        (b"\x0d\x00\x00", "field of 4 bytes where 2 are left"),
        (b"\x09" + bytes(7), "field of 8 bytes where 7 are left"),
        (b"\xa2\x06\x02\x3a\x05" + bytes(9), "field of 5 bytes where 0 are left at byte 3"),
        (net(DIMS + SIX[:-4]), "field of 24 bytes where 20 are left"),
        (net(DIMS + b"\x2a\x17" + bytes(23)), "numbers of 4 bytes in 3 too many"),
        (net(DIMS + b"\x42\x17" + bytes(23)), "numbers of 8 bytes in 7 too many"),
        (net(DIMS + b"\x2a\x14" + bytes(20)), r"'a' with 5 values for the shape \(2, 3\)"),
        (net(DIMS), r"'a' with 0 values for the shape \(2, 3\)"),
        (net(SIX), r"'a' with 6 values for the shape \(\)"),
        (net(b"\x3a\x02\x08\x00"), r"0 values for the shape \(0,\)"),
        (net(b"\x08\x02\x10\x03" + SIX), r"6 values for the shape \(2, 3, 0, 0\)"),
        (
            net(span(b"\x3a", span(b"\x0a", varint(2**64 - 2) + varint(2**64 - 3))) + SIX),
            r"shape \(-2, -3\)",
        ),
        (
            net(span(b"\x3a", span(b"\x0a", varint(2**62) * 4)) + SIX),
            r"6 values for the shape \(4611686018427387904, ",
        ),
        (net(span(b"\x3a", span(b"\x0a", b"\x01" * 100_000)) + SIX), "33 or more dimensions"),
        (net(span(b"\x3a", b"\x08\x01" * 40_000) + SIX), "33 or more dimensions"),
        (net(span(b"\x3a", b"\x08\x01" * 20) * 4 + SIX), "80 or more dimensions"),
        (net(b"\x2d" + bytes(4)) + b"\xa2\x06\x00" * 60_000, "more than 50000 fields"),
        (net(b"\x28\x01" * 60_000), "more than 50000 fields"),
        (span(b"\xa2\x06", span(b"\x0a", b"n" * 2000)), "name of 2000 bytes"),
        (b"\x0a\x03net" + b"\xa2\x06\x03\x0a\x01a", "holds no layer with weights"),
        (net(DIMS + SIX) * 2, "holds two layers 'a'"),
        (span(b"\xa2\x06", b"\x0a\x02\n\xff" + span(b"\x3a", SIX)), r"layer '\\n.' with 6"),
        (b"<!DOCTYPE html>\n<html>not here</html>" * 100, "unknown type 4"),
    ],
)
def test_hostile_or_damaged(tmp_path: Path, data: bytes, message: str) -> None:
    one_line(written(tmp_path, data), message)


@given(st.binary(max_size=400))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    tolerates(written(tmp_path_factory.getbasetemp(), data))


@given(st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=4))
def test_any_bytes_changed(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(encode({"a": [np.ones((2, 3)), np.ones(2)]}))
    for at, value in changes:
        data[at % len(data)] = value
    tolerates(written(tmp_path_factory.getbasetemp(), bytes(data)))


def tolerates(path: Path) -> None:
    """Make sure that a file gives arrays no larger than itself, or one clear error."""
    found, error = {}, f"{path}"
    try:
        found = read_layers(path)
    except WeightsError as caught:
        error = str(caught)
    assert str(path) in error and "\n" not in error
    size = sum(array.size for arrays in found.values() for array in arrays)
    assert size * 4 <= path.stat().st_size


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("name", ["", "CaffeNet", "n" * 300])
def test_what_a_file_is_shows_in_its_first_bytes(form: Form, name: str) -> None:
    assert is_caffemodel(encode(layers(), form, name)[:HEAD])


def test_what_is_no_caffemodel() -> None:
    for size in range(1, 60):  # the length of a header can look like a key
        data = save_safetensors({"n" * size: np.zeros(2)})
        header = int.from_bytes(data[:8], "little")
        assert not is_caffemodel(data)
        for length in (10, 18, 26):
            assert not is_caffemodel(length.to_bytes(8, "little") + data[8 : 8 + header])
    for data in (b"", b"\n", b"\x0a\x80", b"\n\nx,y,w,h\n1,2,3,4\n", b"name: 'GOTURN'\nlayer {"):
        assert not is_caffemodel(data)
