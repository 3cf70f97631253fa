"""The binary form of a VOT result, SEQUENCE_001.bin, that its Python toolkit writes by default.

Little-endian: a version (int16, 1), the number of frames (uint32); then of each frame a kind
(uint8) and: 0 a code (uint32), 1 a box (4 float32), 2 a polygon (uint16, twice as many float32).
Kinds 3 and 4, masks and points, are no boxes of anything and are refused.
"""

from __future__ import annotations

import struct

from pursuit.errors import DataError

_VERSION = struct.pack("<h", 1)
_CODE, _BOX, _POLYGON = 0, 1, 2


def is_binary(data: bytes) -> bool:
    """Return whether a file begins as the binary form does; no text does."""
    return data.startswith(_VERSION)


def rows_of_binary(data: bytes, place: str) -> list[list[float]]:
    """Return the numbers of each frame, as the text form has them in a line.

    Raises:
        DataError: it ends too early or too late, or has a region that is no box or polygon.
    """
    try:
        (count,) = struct.unpack_from("<I", data, 2)
        rows, at = [], 6
        for frame in range(count):
            row, at = _region(data, at, f"{place}: frame {frame + 1}")
            rows.append(row)
    except struct.error:
        raise DataError(f"{place} is cut short: run that sequence again") from None
    if at != len(data):
        raise DataError(f"{place}: {len(data) - at} bytes too many for {count} frames")
    return rows


def _region(data: bytes, at: int, place: str) -> tuple[list[float], int]:
    """Return the numbers of the region that begins at a byte, and where the next one begins."""
    (kind,) = struct.unpack_from("<B", data, at)
    at += 1
    if kind == _CODE:
        form = "<I"
    elif kind == _BOX:
        form = "<4f"
    elif kind == _POLYGON:
        (corners,) = struct.unpack_from("<H", data, at)
        form, at = f"<{2 * corners}f", at + 2
    else:
        raise DataError(f"{place}: a region of kind {kind} is neither a code, a box nor a polygon")
    values = struct.unpack_from(form, data, at)
    return [float(value) for value in values], at + struct.calcsize(form)
