"""The work of curation, one part after another: a video, or a batch of stills, to a file.

A part is an Arrow IPC file with a row for each labelled box, in the order of the frames.
A box that cannot serve has its reason in `left_out` and no JPEG. The objects of a part are
in its schema's metadata. Parts are written whole or not at all, so that a run that was
killed goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pursuit.datasets import LabelledImage, Sequence
from pursuit.datasets.faults import box_faults
from pursuit.files import atomic_path
from pursuit.frames import Frame
from pursuit.store.crops import (
    CropSettings,
    border_colour,
    cut_crop,
    middle_box,
)
from pursuit.video import VideoWarning

VERSION = 2
BATCH_ROWS = 128  # held in memory at a time: 128 crops are some 3 MB
STILLS_A_PART = 64

SCHEMA = pa.schema(
    [
        pa.field("object", pa.int32()),  # in this part
        pa.field("frame", pa.int32()),
        pa.field("box", pa.list_(pa.float32(), 4)),  # pixels of the crop
        pa.field("scale", pa.float32()),  # pixels of the crop for one of the frame
        pa.field("inside", pa.list_(pa.float32(), 4)),  # what the frame fills of the crop
        pa.field("border", pa.list_(pa.uint8(), 3)),
        pa.field("place", pa.list_(pa.float32(), 4)),  # the box in pixels of the frame
        pa.field("frame_size", pa.list_(pa.int32(), 2)),
        pa.field("jpeg", pa.binary()),
        pa.field("left_out", pa.string()),
    ]
)


@dataclass(frozen=True)
class PartObject:
    """One object as a part knows it; see StoreObject."""

    name: str
    video: str
    kind: str
    source: str
    licence: str
    label: str


@dataclass(frozen=True)
class Job:
    """One task of a curation: the sequences of one video, or some stills, to one part.

    Attributes:
        name: of the part, without the hash and suffix; parts are joined in its order.
        video: the sequences of one video; empty for stills.
        stills: pictures; empty for a video.
    """

    name: str
    video: tuple[Sequence, ...] = ()
    stills: tuple[LabelledImage, ...] = ()

    @property
    def frames(self) -> int:
        """How many frames there are to read."""
        return len(self.video[0]) if self.video else len(self.stills)

    def file_name(self, settings: CropSettings) -> str:
        """Return the name of the part: it tells this input and these settings from others."""
        state = hashlib.sha256(json.dumps([VERSION, asdict(settings), self.name]).encode())
        if self.video:
            state.update(json.dumps(_stamp(self.video[0].path)).encode())
        for item in self.video:
            state.update(json.dumps([item.name, item.source, item.licence]).encode())
            state.update(item.boxes.tobytes())
        for still in self.stills:
            words = [still.name, still.source, still.licence, *still.labels]
            state.update(json.dumps([words, _stamp(still.path)]).encode())
            state.update(still.boxes.tobytes())
        readable = re.sub(r"[^A-Za-z0-9_.-]+", "_", self.name)[:80]
        return f"{readable}-{state.hexdigest()[:20]}.arrow"


def _stamp(path: Path | None) -> list[list[Any]]:
    """Return name, size and time of change of a file, or of all files of a folder."""
    if path is None:
        return []
    entries = os.scandir(path) if path.is_dir() else [path]
    stats = ((entry.name, entry.stat()) for entry in entries)
    return sorted([name, stat.st_size, stat.st_mtime_ns] for name, stat in stats)


@dataclass(frozen=True)
class Row:
    """A row of a part; what is None becomes zeros, or null in `jpeg` and `left_out`."""

    object: int
    frame: int
    box: NDArray[np.float64] | None = None
    scale: float = 0.0
    inside: NDArray[np.float64] | None = None
    border: NDArray[np.uint8] | None = None
    place: NDArray[np.float64] | None = None
    frame_size: tuple[int, int] | None = None
    jpeg: bytes | None = None
    left_out: str | None = None


def write_part(job: Job, path: Path, settings: CropSettings) -> None:
    """Curate one job into the file `path`; nothing is done where it stands already."""
    if path.exists():
        return
    if job.video:
        objects, rows = _video_objects(job.video), _video_rows(job.video, settings)
    else:
        objects, rows = _still_objects(job.stills), _still_rows(job.stills, settings)
    with warnings.catch_warnings():
        # Frames that a damaged video has lost are counted among what is left out.
        warnings.simplefilter("ignore", VideoWarning)
        write_rows(objects, rows, path)


def write_rows(objects: list[PartObject], rows: Iterable[Row], path: Path) -> None:
    """Write the rows of some objects into the file of a part."""
    described = json.dumps([asdict(item) for item in objects]).encode()
    schema = SCHEMA.with_metadata({"objects": described})
    with (
        atomic_path(path) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_file(sink, schema) as writer,
    ):
        for batch in _batches(rows, BATCH_ROWS):
            writer.write_batch(_as_batch(batch, schema))


def _video_objects(sequences: tuple[Sequence, ...]) -> list[PartObject]:
    return [PartObject(s.name, s.video, "video", s.source, s.licence, "") for s in sequences]


def _video_rows(sequences: tuple[Sequence, ...], settings: CropSettings) -> Iterator[Row]:
    """Yield the rows of a video in one pass over its frames."""
    boxes = np.stack([sequence.boxes for sequence in sequences], axis=1)  # frames x objects x 4
    labelled = np.asarray(np.isfinite(boxes).all(axis=2))
    cutter: _Cutter | None = None
    number = -1
    for number, frame in enumerate(itertools.islice(sequences[0].frames(), len(boxes))):
        here = np.flatnonzero(labelled[number]).tolist()
        if not here:
            continue
        height, width = frame.shape[:2]
        if cutter is None or (cutter.width, cutter.height) != (width, height):
            cutter = _Cutter(boxes, width, height, settings)
        yield from cutter.rows(frame, number, here)
    for lost, index in np.argwhere(labelled[number + 1 :]):
        yield Row(int(index), int(lost) + number + 1, left_out="no such frame")


def _still_objects(stills: tuple[LabelledImage, ...]) -> list[PartObject]:
    found = []
    for still in stills:
        kind = "still" if len(still.boxes) else "unlabelled"
        for index, label in enumerate(still.labels if len(still.boxes) else ("",)):
            name = still.name if len(still.boxes) < 2 else f"{still.name}#{index}"
            found.append(PartObject(name, still.name, kind, still.source, still.licence, label))
    return found


def _still_rows(stills: tuple[LabelledImage, ...], settings: CropSettings) -> Iterator[Row]:
    first = 0
    for still in stills:
        frame = still.frame()
        boxes = still.boxes
        if not len(boxes):
            boxes = middle_box(frame.shape[1], frame.shape[0])[None]
        cutter = _Cutter(boxes[None], frame.shape[1], frame.shape[0], settings)
        yield from cutter.rows(frame, 0, range(len(boxes)), first)
        first += len(boxes)


class _Cutter:
    """Cuts the boxes (T, N, 4) of N objects in T frames of one size.

    What can be known from the boxes alone is reckoned for all frames at once.
    """

    def __init__(
        self, boxes: NDArray[np.float64], width: int, height: int, settings: CropSettings
    ) -> None:
        self.width, self.height = width, height
        self._settings = settings
        self._boxes = boxes
        faults = box_faults(boxes.reshape(-1, 4), width, height)
        self._faults = faults.reshape(boxes.shape[:2])
        with np.errstate(all="ignore"):  # boxes with faults are not looked up
            self._scale = settings.scale(boxes)
            self._in_crops = settings.boxes_in_crops(boxes)
            self._inside = settings.frame_in_crops(boxes, width, height)

    def rows(
        self, frame: Frame, number: int, indices: Iterable[int], first: int = 0
    ) -> Iterator[Row]:
        """Yield the rows of some objects in frame `number`, their numbers counted from `first`."""
        border = border_colour(frame)
        for index in indices:
            at = (number, index)
            if fault := str(self._faults[at]):
                yield Row(first + index, number, left_out=fault)
                continue
            yield Row(
                first + index,
                number,
                self._in_crops[at],
                float(self._scale[at]),
                self._inside[at],
                border,
                self._boxes[at],
                (self.width, self.height),
                cut_crop(frame, self._boxes[at], border, self._settings),
            )


def _batches(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _as_batch(rows: list[Row], schema: pa.Schema) -> pa.RecordBatch:
    columns = [
        pa.array([row.object for row in rows], pa.int32()),
        pa.array([row.frame for row in rows], pa.int32()),
        _lists([row.box for row in rows], np.zeros(4, dtype=np.float32)),
        pa.array([row.scale for row in rows], pa.float32()),
        _lists([row.inside for row in rows], np.zeros(4, dtype=np.float32)),
        _lists([row.border for row in rows], np.zeros(3, dtype=np.uint8)),
        _lists([row.place for row in rows], np.zeros(4, dtype=np.float32)),
        _lists([row.frame_size for row in rows], np.zeros(2, dtype=np.int32)),
        pa.array([row.jpeg for row in rows], pa.binary()),
        pa.array([row.left_out for row in rows], pa.string()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _lists(values: list[Any], nothing: NDArray[Any]) -> pa.FixedSizeListArray:
    """Return arrays as lists of the length and type of `nothing`, which stands for None."""
    rows = np.array([nothing if value is None else value for value in values], nothing.dtype)
    return pa.FixedSizeListArray.from_arrays(rows.ravel(), len(nothing))
