"""Reading a crop store: everything small in memory, the crops memory-mapped."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pursuit.errors import StoreError
from pursuit.frames import Frame
from pursuit.store.layout import FIELDS_OF, INDEX, METADATA, shard_name

AGAIN = "delete the folder and curate it again, or copy it again from where it came"


@dataclass(frozen=True)
class StoreObject:
    """One object of a store.

    Attributes:
        name: of the sequence, or of the picture (`PICTURE#INDEX` where it shows several).
        video: name of the video or picture it is in.
        kind: "video", "still", or "unlabelled" (the middle of a picture without boxes).
        source: data set it comes from.
        licence: "" where unknown.
        label: class, "" where unknown.
        first: number of its first crop.
        count: how many crops it has; they follow the first, by frame.
    """

    name: str
    video: str
    kind: str
    source: str
    licence: str
    label: str
    first: int
    count: int


class Store:
    """A crop store, opened; R crops of N objects. See `open_store`.

    Attributes:
        path: its folder.
        size: side S of a crop in pixels.
        room: pixels of a crop around SiamFC's 255, on each side.
        quality: of the JPEGs.
        objects: StoreObject of each object.
        object_of: int32 (R,), the object of each crop.
        frame: int32 (R,), its frame in the video.
        boxes: float32 (R, 4), x, y, w, h of the labelled box in pixels of the crop.
        scale: float32 (R,), pixels of the crop for one pixel of the frame.
        inside: float32 (R, 4), x, y, w, h of the part of the crop that the frame fills.
        border: uint8 (R, 3), RGB mean colour of the frame, which lies outside of it.
        crc32: uint32 (R,), of the crop's JPEG.
        place: float32 (R, 4), x, y, w, h of the labelled box in pixels of the frame; None in a
            store of format 1, which does not hold it.
        frame_size: int32 (R, 2), width and height of the frame; likewise.
    """

    def __init__(self, path: Path, about: dict[str, Any], index: pa.RecordBatch) -> None:
        self.path = path
        self.size: int = about["size"]
        self.room: int = about["room"]
        self.quality: int = about["quality"]
        counts = index.column("frame").value_lengths().to_numpy().astype(np.int64)
        firsts = np.cumsum(counts) - counts
        words = index.select(["name", "video", "kind", "source", "licence", "label"]).to_pylist()
        self.objects = tuple(
            StoreObject(**word, first=int(first), count=int(count))
            for word, first, count in zip(words, firsts, counts, strict=True)
        )
        self.object_of = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        self.frame: NDArray[np.int32] = _values(index, "frame").to_numpy()
        self.boxes: NDArray[np.float32] = _values(index, "box").flatten().to_numpy().reshape(-1, 4)
        self.scale: NDArray[np.float32] = _values(index, "scale").to_numpy()
        self.inside: NDArray[np.float32] = (
            _values(index, "inside").flatten().to_numpy().reshape(-1, 4)
        )
        self.border: NDArray[np.uint8] = (
            _values(index, "border").flatten().to_numpy().reshape(-1, 3)
        )
        self.place: NDArray[np.float32] | None = None
        self.frame_size: NDArray[np.int32] | None = None
        if "place" in index.schema.names:
            self.place = _values(index, "place").flatten().to_numpy().reshape(-1, 4)
            self.frame_size = _values(index, "frame_size").flatten().to_numpy().reshape(-1, 2)
        self.crc32: NDArray[np.uint32] = _values(index, "crc32").to_numpy()
        rows = [shard["rows"] for shard in about["shards"]]
        self._starts = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
        self._shards: list[pa.BinaryArray] = [
            _open_shard(path / shard_name(number), shard)
            for number, shard in enumerate(about["shards"])
        ]
        if self._starts[-1] != len(self.frame):
            raise StoreError(f"{path / INDEX} and the shards disagree: {AGAIN}")

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        return f"<Store {self.path}: {len(self)} crops of {len(self.objects)} objects>"

    def __reduce__(self) -> tuple[Any, ...]:
        # Processes that load crops open the store anew: memory maps do not travel.
        return (open_store, (self.path,))

    def jpeg(self, row: int) -> memoryview:
        """Return the JPEG of a crop; nothing is copied.

        Raises:
            IndexError: there is no such crop.
            StoreError: its bytes are not those that were written.
        """
        if not 0 <= row < len(self):
            raise IndexError(f"crop {row} of {len(self)}")
        shard = int(np.searchsorted(self._starts, row, side="right")) - 1
        data = memoryview(self._shards[shard][int(row - self._starts[shard])].as_buffer())
        if zlib.crc32(data) != self.crc32[row]:
            raise self._damaged(row, shard)
        return data

    def crop(self, row: int) -> Frame:
        """Return a crop (S, S, 3), uint8, RGB.

        Raises:
            IndexError: there is no such crop.
            StoreError: it is damaged.
        """
        data = np.frombuffer(self.jpeg(row), dtype=np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
        if image is None or image.shape != (self.size, self.size, 3):
            shard = int(np.searchsorted(self._starts, row, side="right")) - 1
            raise self._damaged(row, shard)
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]

    def _damaged(self, row: int, shard: int) -> StoreError:
        place = f"{self.path / shard_name(shard)}, row {row - self._starts[shard]}"
        return StoreError(f"{place}: the crop is damaged: {AGAIN}")


def open_store(path: Path | str) -> Store:
    """Open a crop store and check that its files are all there and whole.

    Raises:
        StoreError: no store, of another version, or a file is missing or damaged.
    """
    path = Path(path)
    if not path.is_dir():
        raise StoreError(f"no store at {path}: make one with  pursuit curate {path} --videos ...")
    file = path / INDEX
    if not file.is_file():
        raise StoreError(
            f"{path} is not a store, or its curation did not end: {INDEX} is missing; "
            "run  pursuit curate  on it (it goes on where it stopped)"
        )
    index = _read_arrow(file)
    try:
        about = json.loads((index.schema.metadata or {})[METADATA])
        version = about["version"]
    except (KeyError, ValueError):
        raise StoreError(f"{file} is not the index of a crop store") from None
    if version not in FIELDS_OF:
        reads = " and ".join(str(known) for known in FIELDS_OF)
        raise StoreError(f"{path} has format {version}, this pursuit reads {reads}: curate anew")
    if not index.schema.equals(pa.schema(FIELDS_OF[version])):
        raise StoreError(f"{file} does not have the columns of a store: {AGAIN}")
    return Store(path, about, index)


def _read_arrow(file: Path) -> pa.RecordBatch:
    """Return the one record batch of an Arrow IPC file, memory-mapped."""
    try:
        batch = pa.ipc.open_file(pa.memory_map(str(file))).get_batch(0)
        # Offsets that point nowhere would end the process, not raise.
        batch.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:80]
        raise StoreError(f"{file} is damaged ({reason}): {AGAIN}") from None
    return batch


def _open_shard(file: Path, shard: dict[str, int]) -> pa.BinaryArray:
    if not file.is_file():
        raise StoreError(f"shard {file} is missing: {AGAIN}")
    size = file.stat().st_size
    if size != shard["bytes"]:
        raise StoreError(f"shard {file} has {size} bytes, not {shard['bytes']}: {AGAIN}")
    batch = _read_arrow(file)
    if batch.schema.names != ["jpeg"] or batch.num_rows != shard["rows"]:
        raise StoreError(f"shard {file} does not hold its {shard['rows']} crops: {AGAIN}")
    return batch.column("jpeg")


def _values(index: pa.RecordBatch, name: str) -> pa.Array:
    """Return the values of a list column, one after another."""
    return index.column(name).flatten()
