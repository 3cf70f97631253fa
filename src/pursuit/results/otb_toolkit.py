"""Results of OTB's toolbox: SEQUENCE_TRACKER.mat, or TRACKER/SEQUENCE.json of its Python form.

OPE has one run, TRE 20 that start later and later, SRE 12 with other first boxes. A run is a
struct with `res`, a row a frame, and `type`: `rect` for boxes, or a transformation of a template
that is made a box as the toolbox makes it.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pursuit.boxes import rounded
from pursuit.errors import DataError, MissingExtra
from pursuit.results.otb import FROM_ONE, boxes_of

Array = NDArray[np.float64]

_LARGEST = 256 << 20  # bytes of a file when unpacked
_HEADER = 128  # bytes before the first element

# What boxes are called in files, the toolbox's own name first.
_NAMES = ("results", "result", "res", "rects", "rect", "bboxes", "bbox", "boxes", "box")


@dataclass(frozen=True)
class StoredRun:
    """What a tracker did from its start to the end of a sequence.

    Attributes:
        boxes: (T, 4) x, y, w, h, 0-based.
        as_rows: whether the file held boxes, where a bad one is mended by most rules, and not
            transformations, where the toolbox takes what comes.
    """

    boxes: Array
    as_rows: bool = True


def parse(content: bytes, place: str) -> list[StoredRun]:
    """Return the runs in the content of a .mat file; `place` names it in errors.

    A plain matrix with one of the usual names, or the only one of boxes, is one run.

    Raises:
        DataError: it is no such file, is damaged, or a run's boxes are of an unknown type.
        MissingExtra: SciPy is not installed.
    """
    variables = _load(content, place)
    name = next((name for name in _NAMES if name in variables), "")
    if not name:
        alone = [name for name, value in variables.items() if _is_matrix(value)]
        if len(alone) != 1:
            raise DataError(f"{place}: no variable called results in it, nor one matrix of boxes")
        name = alone[0]
    stored = variables[name]
    # A cell of runs, or an array of structs.
    several = stored.dtype == object or stored.dtype.names
    cells = list(stored.ravel()) if several else [stored]
    if not len(cells):
        raise DataError(f"{place}: no run in it")
    return [
        _run(cell, f"{place}: run {at} of {len(cells)}" if len(cells) > 1 else place)
        for at, cell in enumerate(cells, start=1)
    ]


def _is_matrix(value: Any) -> bool:
    """Return whether a variable of a .mat file may be boxes of two frames and more."""
    shape = getattr(value, "shape", ())
    return 4 in shape and len(shape) == 2 and min(shape) > 1 and value.dtype.kind in "iuf"


def _load(content: bytes, place: str) -> dict[str, Any]:
    try:
        from scipy.io import loadmat
    except ImportError:
        raise MissingExtra("scipy", "evaluate") from None

    if content[:10] == b"MATLAB 7.3":
        raise DataError(f"{place}: of MATLAB's -v7.3, which is not read: save it with -v7")
    try:
        return loadmat(io.BytesIO(_inflated(content)))
    except Exception as error:  # whatever damaged bytes make of it
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{place}: not a MATLAB file, or damaged ({reason[:80]})") from None


def _inflated(content: bytes) -> bytes:
    """Return a file of version 5 with its packed elements unpacked, so that it cannot grow."""
    if content[126:128] not in (b"IM", b"MI"):
        return content  # of version 4, which packs nothing, or no such file
    order = "<" if content[126:128] == b"IM" else ">"
    parts, at, size = [content[:_HEADER]], _HEADER, 0
    while at + 8 <= len(content):
        kind, length = struct.unpack_from(f"{order}II", content, at)
        if kind != 15:  # not packed: all that follows is of the size that it has
            parts.append(content[at:])
            break
        unpacker = zlib.decompressobj()
        parts.append(unpacker.decompress(content[at + 8 : at + 8 + length], _LARGEST - size + 1))
        size += len(parts[-1])
        if size > _LARGEST:
            raise ValueError(f"over {_LARGEST >> 20} MiB when unpacked")
        if not unpacker.eof:
            raise ValueError("it ends too early")
        at += 8 + length
    return b"".join(parts)


def _run(cell: Any, place: str) -> StoredRun:
    """Return a run out of a struct, or out of a matrix of boxes."""
    kind, tmplsize = "rect", None
    while cell.dtype == object and cell.size == 1:
        cell = cell.ravel()[0]
    if cell.dtype.names:
        one = np.atleast_1d(cell)
        names = cell.dtype.names if one.size else ()
        fields = {name: one[name].ravel()[0] for name in names}
        if "res" not in fields:
            raise DataError(f"{place}: no field res in it")
        found = fields.get("type", np.array(["rect"]))
        kind = str(found.ravel()[0]) if found.size else "rect"
        tmplsize, cell = fields.get("tmplsize"), fields["res"]
    if cell.dtype == object or cell.dtype.kind not in "iufb" or cell.ndim != 2:
        raise DataError(f"{place}: its boxes are no matrix of numbers")
    rows = cell.astype(np.float64)
    return StoredRun(_boxes(kind, rows, tmplsize, place) - FROM_ONE, as_rows=_is_rect(kind))


def parse_json(content: bytes, place: str) -> list[StoredRun]:
    """Return the runs of a file of OTB's Python toolkit: a list of one, 20 or 12 of them.

    A run is an object with `res`, a row a frame, and `resType` and `tmplsize` as in a .mat. A
    list of boxes is one run.

    Raises:
        DataError: it is no such file, or a run's boxes are of an unknown type.
    """
    return runs_of(load_json(content, place), place)


def load_json(content: bytes, place: str) -> Any:
    """Return what a JSON file holds.

    Raises:
        DataError: it is none.
    """
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise DataError(f"{place}: not JSON, or damaged ({str(error)[:80]})") from None


def may_be_runs(stored: Any) -> bool:
    """Return whether what a JSON file holds looks like what `runs_of` takes."""
    first = stored[0] if isinstance(stored, list) and stored else stored
    return isinstance(first, list) or (
        isinstance(first, dict) and any(name in first for name in _NAMES)
    )


def runs_of(stored: Any, place: str) -> list[StoredRun]:
    """Return the runs out of what a JSON file holds.

    Raises:
        DataError: as `parse_json`.
    """
    runs = stored if isinstance(stored, list) else [stored]
    if runs and all(isinstance(one, list) for one in runs):
        runs = [{"res": runs}]  # boxes
    if not runs or not all(isinstance(one, dict) and may_be_runs(one) for one in runs):
        raise DataError(f"{place}: not of OTB's Python toolkit: a list of runs, each with res")
    return [
        _json_run(one, f"{place}: run {at} of {len(runs)}" if len(runs) > 1 else place)
        for at, one in enumerate(runs, start=1)
    ]


def _json_run(run: dict[str, Any], place: str) -> StoredRun:
    kind = str(run.get("resType") or run.get("type") or "rect")
    try:
        rows = np.array(next(run[name] for name in _NAMES if name in run), dtype=np.float64)
        size = None if run.get("tmplsize") is None else np.array(run["tmplsize"], dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{place}: its boxes are no matrix of numbers") from None
    if rows.ndim == 3:  # corners of a frame beside each other
        rows = rows.reshape(-1, rows.shape[2])
    if rows.ndim != 2:
        raise DataError(f"{place}: its boxes are no matrix of numbers")
    return StoredRun(_boxes(kind, rows, size, place) - FROM_ONE, as_rows=_is_rect(kind))


def _is_rect(kind: str) -> bool:
    return kind.lower() == "rect"


def _boxes(kind: str, rows: Array, tmplsize: Any, place: str) -> Array:
    """Return the boxes (T, 4), 1-based, of what a run saved."""
    plain = kind.lower()
    if _is_rect(kind):
        if rows.shape[1] != 4 and len(rows) == 4:
            rows = rows.T  # a column a frame
        if rows.shape[1] == 4:
            return rows
        boxes = boxes_of(rows.tolist())
        if boxes is None:
            raise DataError(f"{place}: {rows.shape[1]} numbers in a row of boxes, not 4")
        return boxes
    if plain in ("4corner", "affine"):
        if len(rows) % 2 or rows.shape[1] < 4:
            raise DataError(f"{place}: {kind} without two rows of corners a frame")
        return corner_boxes(rows)
    if plain not in _WARPS:
        raise DataError(f"{place}: boxes of type {kind!r} are not read")
    make, columns = _WARPS[plain]
    size = np.ravel(tmplsize).astype(np.float64) if tmplsize is not None else np.empty(0)
    if rows.shape[1] != columns or size.size != 2 or (plain == "lk_aff" and len(rows) % 2):
        raise DataError(f"{place}: {kind} without {columns} numbers a row, or without tmplsize")
    return make(rows, size)


def affine_boxes(rows: Array, size: Array) -> Array:
    """Return boxes (T, 4) of IVT's transformations (T, 6) of a template of w, h = `size` (2,).

    The template's middle goes to the row's first two numbers, and its corners by the matrix of
    the others. The toolbox rounds the corners down and takes the first and the third; where
    the box is turned over, it has negative sides.
    """
    half = size / 2

    def corner(sign: float) -> Array:
        # In the order of the toolbox's matrix product: what lies on a pixel's edge stays there.
        place = rows[:, :2] + rows[:, 2:6:2] * (sign * half[0]) + rows[:, 3:6:2] * (sign * half[1])
        return np.floor(place)

    return np.concatenate([corner(-1), corner(1) - corner(-1)], axis=1)


def l1_boxes(rows: Array, size: Array) -> Array:
    """Return boxes (T, 4) of L1's transformations (T, 6) of a template of h, w = `size` (2,).

    They map row and column, counted from 1, of the template to those of the frame; the box
    reaches from the pixel of its first corner to that of its last.
    """
    matrix = rows[:, :4].reshape(-1, 2, 2)
    first = rounded(matrix @ np.ones(2) + rows[:, 4:])
    last = rounded(matrix @ size + rows[:, 4:])
    return np.concatenate([first[:, ::-1], (last - first)[:, ::-1] + 1], axis=1)


def similarity_boxes(rows: Array, size: Array) -> Array:
    """Return boxes (T, 4) of scale, angle, x, y (T, 4) of a template of h, w = `size` (2,)."""
    scale, angle = rows[:, 0], rows[:, 1]
    across, along = scale * np.cos(angle), scale * np.sin(angle)
    matrices = np.stack([across, -along, rows[:, 2], along, across, rows[:, 3]], axis=1)
    return _warped(matrices.reshape(-1, 2, 3), size)


def lk_boxes(rows: Array, size: Array) -> Array:
    """Return boxes (T, 4) of Lucas and Kanade's warps (2 T, 3) of a template of h, w = `size` (2,).

    A warp is its matrix less the one that changes nothing.
    """
    return _warped(rows.reshape(-1, 2, 3) + np.eye(2, 3), size)


def _warped(matrices: Array, size: Array) -> Array:
    """Return the boxes (T, 4) around a template's corners, 1 to its sides, moved (T, 2, 3)."""
    high, wide = size
    corners = np.array([[1, 1, wide, wide], [1, high, high, 1], [1, 1, 1, 1]], dtype=np.float64)
    return corner_boxes((matrices @ corners).reshape(-1, 4))


def corner_boxes(rows: Array) -> Array:
    """Return the boxes (T, 4) around corners (2 T, N): for each frame a row of x, one of y."""
    corners = rows.reshape(len(rows) // 2, 2, -1)
    low, high = corners.min(axis=2), corners.max(axis=2)
    return rounded(np.concatenate([low, high - low + 1], axis=1))


_WARPS: dict[str, tuple[Callable[[Array, Array], Array], int]] = {
    "ivtaff": (affine_boxes, 6),
    "affine_ivt": (affine_boxes, 6),  # as UAV123's toolbox calls them
    "l1aff": (l1_boxes, 6),
    "affine_l1": (l1_boxes, 6),
    "similarity": (similarity_boxes, 4),
    "lk_aff": (lk_boxes, 3),
}
