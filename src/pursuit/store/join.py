"""Joining the parts of a curation to a store: the same bytes whoever wrote the parts."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pursuit.errors import StoreError
from pursuit.files import atomic_path
from pursuit.store.crops import CropSettings
from pursuit.store.layout import INDEX, INDEX_FIELDS, METADATA, SHARD, VERSION, shard_name

# A shard's file is its JPEGs, four bytes an offset, and Arrow's own headers.
HEADERS = 4096
OFFSET = 4


@dataclass(frozen=True)
class Joined:
    """What a store took of one part.

    Attributes:
        objects: its objects with a crop; they follow one another.
        left_out: how many boxes could not serve, by reason.
    """

    objects: int
    left_out: dict[str, int]

    def __post_init__(self) -> None:
        counts = (self.objects, *self.left_out.values())
        if not all(isinstance(count, int) and count >= 0 for count in counts):
            raise ValueError(f"counts are whole numbers of 0 and more; got {counts}")


@dataclass
class _Shards:
    """Writes JPEGs to one shard after another."""

    folder: Path
    limit: int
    written: list[dict[str, int]] = field(default_factory=list)
    waiting: list[bytes] = field(default_factory=list)
    size: int = HEADERS

    def add(self, jpeg: bytes) -> None:
        grown = self.size + len(jpeg) + OFFSET
        if self.waiting and grown > self.limit:
            self.flush()
            grown = HEADERS + len(jpeg) + OFFSET
        self.waiting.append(jpeg)
        self.size = grown

    def flush(self) -> None:
        if not self.waiting:
            return
        path = self.folder / shard_name(len(self.written))
        batch = pa.record_batch([pa.array(self.waiting, pa.binary())], schema=SHARD)
        write_arrow(path, batch)
        self.written.append({"rows": len(self.waiting), "bytes": path.stat().st_size})
        self.waiting, self.size = [], HEADERS


def write_arrow(path: Path, batch: pa.RecordBatch) -> None:
    """Write one record batch as an Arrow IPC file, whole or not at all."""
    with (
        atomic_path(path) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_file(sink, batch.schema) as writer,
    ):
        writer.write_batch(batch)


def join(
    parts: Iterable[Path], out: Path, settings: CropSettings, shard_bytes: int
) -> dict[str, Joined]:
    """Write the shards and the index of a store from its parts, in their order.

    Objects without a crop are left out. Returns name of each part -> what was taken of it.

    Raises:
        StoreError: no box at all can serve, or a part is damaged.
        OutputError: the store cannot be written.
    """
    shards = _Shards(out, shard_bytes)
    objects: list[dict[str, Any]] = []
    joined: dict[str, Joined] = {}
    for path in parts:
        with _read(path) as table:
            found, left_out = _take(table, shards)
        joined[path.name] = Joined(len(found), left_out)
        objects += found
    if not objects:
        counts = all_left_out(joined).items()
        reasons = ", ".join(f"{count} {reason}" for reason, count in counts)
        raise StoreError(f"no box of the data can serve: {reasons or 'nothing is labelled'}")
    shards.flush()
    _remove_stale(out, len(shards.written))
    known = {"version": VERSION, "size": settings.size, **asdict(settings)}
    about = json.dumps({**known, "shards": shards.written}, sort_keys=True)
    schema = pa.schema(INDEX_FIELDS, metadata={METADATA: about.encode()})
    write_arrow(out / INDEX, _as_index(objects, schema))
    return joined


def all_left_out(joined: Mapping[str, Joined]) -> dict[str, int]:
    """Return how many boxes of all parts could not serve, by reason."""
    counts: Counter[str] = Counter()
    for part in joined.values():
        counts.update(part.left_out)
    return dict(sorted(counts.items()))


@contextmanager
def _read(part: Path) -> Iterator[pa.Table]:
    """Give the rows of a part, memory-mapped."""
    try:
        source = pa.memory_map(str(part))
        table = pa.ipc.open_file(source).read_all()
    except (pa.ArrowException, OSError) as error:  # no power, say, before it was on the disk
        reason = " ".join(str(error).split())[:80]
        raise StoreError(
            f"{part} is damaged ({reason}): remove it, and the same command cuts it again"
        ) from None
    with source:
        yield table


def _take(table: pa.Table, shards: _Shards) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Move the crops of one part to the shards; return its objects for the index, what is left.

    What is left are the boxes that cannot serve: how many, by reason.
    """
    described = json.loads(table.schema.metadata[b"objects"])
    reasons = table.column("left_out").to_pylist()
    serves = np.array([not reason for reason in reasons], dtype=bool)
    of_object = table.column("object").to_numpy()
    columns = {
        "frame": table.column("frame").to_numpy(),
        "box": _rows_of(table, "box"),
        "scale": table.column("scale").to_numpy(),
        "inside": _rows_of(table, "inside"),
        "border": _rows_of(table, "border"),
        "place": _rows_of(table, "place"),
        "frame_size": _rows_of(table, "frame_size"),
    }
    jpegs = table.column("jpeg")
    found = []
    for number, description in enumerate(described):
        # The rows of a part are in the order of the frames already.
        mine = np.flatnonzero(serves & (of_object == number))
        if not len(mine):
            continue
        sums = []
        for row in mine.tolist():
            jpeg = bytes(memoryview(jpegs[row].as_buffer()))
            sums.append(zlib.crc32(jpeg))
            shards.add(jpeg)
        # Indexing copies: the part is closed before the index is written.
        values = {name: values[mine] for name, values in columns.items()}
        found.append({**description, **values, "crc32": np.array(sums, dtype=np.uint32)})
    return found, dict(Counter(reason for reason in reasons if reason))


def _rows_of(table: pa.Table, name: str) -> NDArray[Any]:
    """Return a column of lists of one length as an array (rows, length)."""
    column = table.column(name)
    if not column.num_chunks:
        return np.zeros((0, column.type.list_size))
    values: NDArray[Any] = column.combine_chunks().flatten().to_numpy()
    return values.reshape(-1, column.type.list_size)


def _as_index(objects: list[dict[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    counts = [len(item["frame"]) for item in objects]
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    columns = []
    for field_ in schema:
        values = [item[field_.name] for item in objects]
        if not pa.types.is_list(field_.type):
            columns.append(pa.array(values, field_.type))
            continue
        flat = np.concatenate(values)
        inner = field_.type.value_type
        crops = (
            pa.FixedSizeListArray.from_arrays(flat.ravel(), inner.list_size)
            if pa.types.is_fixed_size_list(inner)
            else pa.array(flat, inner)
        )
        columns.append(pa.ListArray.from_arrays(offsets, crops))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _remove_stale(out: Path, count: int) -> None:
    """Remove shards that a stopped run with smaller ones has left."""
    for path in out.glob("shard-*.arrow"):
        if path.name >= shard_name(count):
            path.unlink()
