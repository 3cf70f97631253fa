"""Opening a store: random access, and every way in which it can be damaged."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pursuit import store as stores
from pursuit.errors import StoreError
from pursuit.store.layout import INDEX

SHARD = "shard-00001.arrow"


@pytest.fixture
def copy(tmp_path: Path, store_path: Path) -> Path:
    """Return a store that a test may damage."""
    shutil.copytree(store_path, tmp_path / "crops")
    return tmp_path / "crops"


def test_shapes_and_types(store_path: Path) -> None:
    store = stores.open(store_path)
    count = len(store)
    for array, shape, kind in (
        (store.object_of, (count,), np.int32),
        (store.frame, (count,), np.int32),
        (store.boxes, (count, 4), np.float32),
        (store.scale, (count,), np.float32),
        (store.inside, (count, 4), np.float32),
        (store.border, (count, 3), np.uint8),
    ):
        assert (array.shape, array.dtype) == (shape, kind)
    crop = store.crop(count - 1)
    assert (crop.shape, crop.dtype) == ((271, 271, 3), np.uint8)
    assert bytes(store.jpeg(0)[:2]) == b"\xff\xd8"
    assert repr(store) == f"<Store {store_path}: 27 crops of 8 objects>"


def test_crops_are_the_same_in_any_order(store_path: Path) -> None:
    store = stores.open(store_path)
    forth = [bytes(store.jpeg(row)) for row in range(len(store))]
    back = [bytes(store.jpeg(row)) for row in reversed(range(len(store)))]
    assert forth == back[::-1]
    assert len(set(forth)) > 20


@pytest.mark.parametrize("row", [-1, 27])
def test_no_such_crop(store_path: Path, row: int) -> None:
    with pytest.raises(IndexError):
        stores.open(store_path).jpeg(row)


def test_a_store_travels_to_other_processes(store_path: Path) -> None:
    store = stores.open(store_path)
    again = pickle.loads(pickle.dumps(store))
    np.testing.assert_array_equal(again.crop(3), store.crop(3))
    assert again.objects == store.objects


def test_files_are_read_by_any_arrow(store_path: Path) -> None:
    index = pa.ipc.open_file(str(store_path / INDEX)).read_all()
    assert index.column("name").to_pylist()[0] == "first--two-1"
    assert index.column("frame")[0].as_py() == list(range(8))
    shard = pa.ipc.open_file(str(store_path / SHARD)).read_all()
    assert shard.schema.names == ["jpeg"]


def test_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no store at .*nowhere: make one with {2}pursuit curate"):
        stores.open(tmp_path / "nowhere")
    with pytest.raises(StoreError, match=r"index\.arrow is missing"):
        stores.open(tmp_path)


def test_a_missing_shard(copy: Path) -> None:
    (copy / SHARD).unlink()
    with pytest.raises(StoreError, match=rf"shard .*{SHARD} is missing: delete the folder"):
        stores.open(copy)


@pytest.mark.parametrize("keep", [0, 1, 5000])
def test_a_truncated_shard(copy: Path, keep: int) -> None:
    content = (copy / SHARD).read_bytes()
    (copy / SHARD).write_bytes(content[:keep])
    with pytest.raises(StoreError, match=f"{SHARD} has {keep} bytes, not {len(content)}"):
        stores.open(copy)


def test_a_shard_of_another_store(copy: Path) -> None:
    size = (copy / SHARD).stat().st_size
    batch = pa.record_batch([pa.array([b"x"], pa.binary())], ["jpeg"])
    with pa.ipc.new_file(str(copy / SHARD), batch.schema) as writer:
        writer.write_batch(batch)
    with pytest.raises(StoreError, match=SHARD):
        stores.open(copy)
    with (copy / SHARD).open("ab") as file:
        file.write(b"\0" * (size - file.tell()))
    with pytest.raises(StoreError, match=rf"{SHARD} (is damaged|does not hold)"):
        stores.open(copy)


def overwrite(path: Path, at: int, data: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[at : at + len(data)] = data
    path.write_bytes(content)


def test_a_damaged_header_or_footer(copy: Path) -> None:
    size = (copy / SHARD).stat().st_size
    overwrite(copy / SHARD, size - 40, b"\xff" * 40)
    with pytest.raises(StoreError, match=f"{SHARD} is damaged"):
        stores.open(copy)


def test_damaged_offsets_do_not_end_the_process(copy: Path) -> None:
    store = stores.open(copy)
    offsets = store._shards[1].buffers()[1]
    place = (copy / SHARD).read_bytes().find(offsets.to_pybytes())
    assert place > 0
    overwrite(copy / SHARD, place + 4, b"\xff\xff\xff\x7f")
    with pytest.raises(StoreError, match=f"{SHARD} is damaged"):
        stores.open(copy)


@pytest.mark.parametrize("part", ["start", "middle"])
def test_a_damaged_crop_names_shard_and_row(copy: Path, part: str) -> None:
    store = stores.open(copy)
    row = int(store._starts[1]) + 2
    jpeg = bytes(store.jpeg(row))
    place = (copy / SHARD).read_bytes().find(jpeg)
    overwrite(copy / SHARD, place + (0 if part == "start" else len(jpeg) // 2), b"\x00\x13\x37")
    damaged = stores.open(copy)
    with pytest.raises(StoreError, match=rf"{SHARD}, row 2: the crop is damaged"):
        damaged.crop(row)
    with pytest.raises(StoreError, match=rf"{SHARD}, row 2"):
        damaged.jpeg(row)
    damaged.crop(row + 1)  # the others are whole


def test_a_damaged_index(copy: Path) -> None:
    whole = (copy / INDEX).read_bytes()
    for content in (b"", whole[:100], whole[: len(whole) // 2], b"text" * 500):
        (copy / INDEX).write_bytes(content)
        with pytest.raises(StoreError, match=r"index\.arrow is damaged"):
            stores.open(copy)


def test_an_arrow_file_that_is_no_index(copy: Path) -> None:
    shutil.copy(copy / SHARD, copy / INDEX)
    with pytest.raises(StoreError, match="is not the index of a crop store"):
        stores.open(copy)


def test_a_store_of_another_format(copy: Path) -> None:
    with pa.memory_map(str(copy / INDEX)) as source:
        table = pa.ipc.open_file(source).read_all()
        about = table.schema.metadata[b"store"].replace(b'"version": 2', b'"version": 99')
        changed = table.replace_schema_metadata({b"store": about})
        content = pa.BufferOutputStream()
        with pa.ipc.new_file(content, changed.schema) as writer:
            writer.write_table(changed)
    (copy / INDEX).write_bytes(content.getvalue().to_pybytes())
    with pytest.raises(StoreError, match="has format 99, this pursuit reads 1 and 2"):
        stores.open(copy)


def test_a_store_of_format_1_reads_without_places(copy: Path) -> None:
    with pa.memory_map(str(copy / INDEX)) as source:
        table = pa.ipc.open_file(source).read_all().drop_columns(["place", "frame_size"])
        about = table.schema.metadata[b"store"].replace(b'"version": 2', b'"version": 1')
        older = table.replace_schema_metadata({b"store": about})
        content = pa.BufferOutputStream()
        with pa.ipc.new_file(content, older.schema) as writer:
            writer.write_table(older)
    newer = stores.open(copy)
    assert newer.place is not None and newer.place.shape == (len(newer), 4)
    boxes = newer.boxes.copy()  # the file they are mapped from changes
    (copy / INDEX).write_bytes(content.getvalue().to_pybytes())
    store = stores.open(copy)
    assert store.place is None and store.frame_size is None
    np.testing.assert_array_equal(store.boxes, boxes)
    assert store.crop(3).shape == (store.size, store.size, 3)
