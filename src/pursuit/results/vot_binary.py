"""Results as VOT's Python toolkit packs them: SEQUENCE_001.bin, what SEQUENCE_001.txt holds.

A version and the number of frames (int16, uint32), then for each frame what it is (uint8): 0 a
code (uint32), 1 a box (four float32), 2 a polygon (the number of its corners, uint16, and twice
as many float32), 3 a mask, 4 a point; all little-endian.
"""

from __future__ import annotations

import struct

from pursuit.errors import DataError

_VERSION = 1
_CODE, _BOX, _POLYGON = 0, 1, 2


def rows_of(data: bytes, place: str) -> list[list[float]]:
    """Return the numbers of each frame, as the lines of a text file would hold them.

    Raises:
        DataError: it is no such file, ends too early, or holds masks or points.
    """
    try:
        version, frames = struct.unpack_from("<hI", data)
        if version != _VERSION:
            raise DataError(f"{place}: version {version} of VOT's binary results is not known")
        rows: list[list[float]] = []
        at = struct.calcsize("<hI")
        while len(rows) < frames:
            row, at = _row(data, at, f"{place}: frame {len(rows) + 1}")
            rows.append(row)
    except struct.error:
        raise DataError(f"{place}: not VOT's binary results, or they end too early") from None
    if at != len(data):
        raise DataError(f"{place}: {len(data) - at} bytes after the last of {frames} frames")
    return rows


def _row(data: bytes, at: int, place: str) -> tuple[list[float], int]:
    """Return the numbers of the frame that begins at a byte, and where the next begins."""
    kind = data[at] if at < len(data) else _CODE  # and what follows is missing
    if kind == _CODE:
        form = "<xI"
    elif kind == _BOX:
        form = "<x4f"
    elif kind == _POLYGON:
        form = f"<3x{2 * struct.unpack_from('<xH', data, at)[0]}f"
    else:
        raise DataError(f"{place}: a mask or a point; boxes and polygons are scored")
    return list(struct.unpack_from(form, data, at)), at + struct.calcsize(form)
