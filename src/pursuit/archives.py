"""The files of a folder, or of an archive of one: read the same way, one after the other.

Nothing is unpacked to disk, so that no name in an archive leads anywhere. What an archive may
grow to in memory is bounded, whatever its headers say.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from pursuit.errors import DataError

Parts = tuple[str, ...]

# A result of 10,000 frames, 20 times over, is 10 MB of text.
_LARGEST = 64 << 20  # bytes of a file
_HEADERS = 1 << 20  # bytes of the headers between two files
_TOTAL = 16 << 30  # bytes of all that an archive holds
_XZ_MEMORY = 256 << 20  # bytes that unpacking may need; `xz -9` needs 65 MiB
_CHUNK = 1 << 16

_DAMAGED = (
    *(tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, OSError),
    *(ValueError, RuntimeError, NotImplementedError),  # zipfile: a password, another packing
)
_ZIP_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile cannot bound the others
_ALONE = (".txt", ".csv", ".mat", ".json", ".bin")  # never an archive's
_KINDS = ".zip, .tar, .tar.gz, .tar.bz2, .tar.xz"


def is_archive(name: str) -> bool:
    """Return whether a file is called as an archive, of a kind that is read or another."""
    return re.search(r"\.(?:zip|tar|tgz|tbz2?|txz|7z|rar|tar\.\w+)$", name.lower()) is not None


@dataclass(frozen=True)
class Stored:
    """A file of a folder or an archive.

    Attributes:
        place: what messages call it.
        parts: of its path, from the folder's own name, or the archive's without suffixes, on.
        above: of the path on disk of what the folder lies in; none of an archive.
        data: what is in it; None where nobody asked.
    """

    place: str
    parts: Parts
    above: Parts
    data: bytes | None


def stored(path: Path, wanted: Callable[[Parts], bool]) -> Iterator[Stored]:
    """Yield every file of a folder, by name, or of an archive, in its order.

    Links in an archive are passed over; those in a folder are followed, but for a link to a
    folder that it lies in.

    Args:
        path: a folder, or an archive .zip, .tar, .tar.gz, .tar.bz2, .tar.xz (known by its
            content); or a file of numbers, which is as if its folder held nothing else.
        wanted: whether to read what is in a file of such parts.

    Raises:
        DataError: neither of them, cannot be read, is damaged, or what is wanted is too large.
    """
    if path.is_dir():
        yield from _of_folder(path, wanted)
    elif path.is_file() and path.suffix.lower() in _ALONE:
        yield _alone(path, wanted)
    elif path.is_file():
        yield from _of_archive(path, wanted)
    else:
        raise DataError(f"{path}: no such folder or archive")


def _of_folder(root: Path, wanted: Callable[[Parts], bool]) -> Iterator[Stored]:
    def refuse(error: OSError) -> None:
        raise _unreadable(Path(error.filename), error)

    whole = root.resolve()
    above = whole.parent.parts
    for folder, below, names in os.walk(whole, onerror=refuse, followlinks=True):
        below[:] = sorted(name for name in below if not _turns_back(Path(folder, name)))
        for name in sorted(names):
            file = Path(folder, name)
            parts = file.parts[len(above) :]
            place = root / file.relative_to(whole)
            yield Stored(str(place), parts, above, _content(place) if wanted(parts) else None)


def _alone(path: Path, wanted: Callable[[Parts], bool]) -> Stored:
    whole = path.resolve()
    above = whole.parent.parent.parts
    parts = whole.parts[len(above) :]
    return Stored(str(path), parts, above, _content(path) if wanted(parts) else None)


def _turns_back(path: Path) -> bool:
    """Return whether a folder is a link to one that it lies in, which would never end."""
    return path.is_symlink() and path.resolve() in (above.resolve() for above in path.parents)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise _unreadable(path, error) from None
    if len(content) > _LARGEST:
        raise _too_large(str(path))
    return content


def _of_archive(path: Path, wanted: Callable[[Parts], bool]) -> Iterator[Stored]:
    try:
        with path.open("rb") as raw:
            zipped = raw.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
            raw.seek(0)
            yield from (_of_zip if zipped else _of_tar)(path, raw, wanted)
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno:  # damage has no number
            raise _unreadable(path, error) from None
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"{path}: a damaged archive, or none of {_KINDS} ({reason[:120]}); get it again"
        ) from None


def _of_zip(path: Path, raw: IO[bytes], wanted: Callable[[Parts], bool]) -> Iterator[Stored]:
    total = 0
    with zipfile.ZipFile(raw) as archive:
        for member in archive.infolist():
            if member.is_dir() or stat.S_ISLNK(member.external_attr >> 16):
                continue
            parts = (_own(path), *_inside(member.filename, path))
            place = f"{path}: {'/'.join(parts[1:])}"
            if not wanted(parts):
                yield Stored(place, parts, (), None)
                continue
            total += member.file_size
            if member.file_size > _LARGEST:
                raise _too_large(place[:300])
            if total > _TOTAL:
                raise ValueError("it grows beyond all results")
            if member.compress_type not in _ZIP_PACKINGS:
                raise NotImplementedError(f"packed by method {member.compress_type}")
            with archive.open(member) as file:
                # Without a number it unpacks all before it looks at the size; it checks the sum.
                yield Stored(place, parts, (), file.read(member.file_size + 1))


def _own(path: Path) -> str:
    """Return what stands for the folder that an archive is of."""
    return path.name.split(".")[0]


def _of_tar(path: Path, raw: IO[bytes], wanted: Callable[[Parts], bool]) -> Iterator[Stored]:
    with _unpacked(raw) as plain:
        stream = _Metered(plain)
        # As a stream: never back, which would unpack all from the start again.
        with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|") as tar:
            for member in tar:
                parts = (_own(path), *_inside(member.name, path))
                place = f"{path}: {'/'.join(parts[1:])}"
                asked = member.isreg() and wanted(parts)
                if asked and member.size > _LARGEST:
                    raise _too_large(place[:300])
                stream.allow(member.size + _HEADERS)
                file = tar.extractfile(member) if asked else None
                if member.isreg():
                    yield Stored(place, parts, (), file.read() if file else None)
        # tarfile takes a header that it cannot read for the end, which is a block of zeros.
        if stream.seen(tar.offset, tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("it ends too early, or a header is not one")
        # What tar leaves unread may be damaged too.
        stream.allow(_HEADERS)
        while stream.read(_CHUNK):
            pass


def _inside(name: str, path: Path) -> Parts:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if name.startswith("/") or ".." in parts:
        raise DataError(f"{path}: {name[:200]!r} leads out of the archive: not a safe archive")
    return parts


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(f"cannot read {path}: {error.strerror or error}")


def _too_large(place: str) -> DataError:
    return DataError(f"{place}: over {_LARGEST >> 20} MiB: no result or label is as large")


def _unpacked(raw: IO[bytes]) -> IO[bytes]:
    start = raw.read(6)
    raw.seek(0)
    if start == b"\xfd7zXZ\x00":
        return io.BufferedReader(_Xz(raw), _CHUNK)
    if start[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]
    if start[:3] == b"BZh":
        return bz2.BZ2File(raw)
    return raw


class _Xz(io.RawIOBase):
    """Bytes out of an .xz file, with a limit on memory, which lzma.open has not."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._unpacker = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while True:
            waits = self._unpacker.needs_input and not self._unpacker.eof
            packed = self._raw.read(_CHUNK) if waits else b""
            if waits and not packed:
                raise EOFError("it ends too early")
            if self._unpacker.eof:
                packed = self._unpacker.unused_data or self._raw.read(_CHUNK)
                packed = packed.lstrip(b"\0")  # padding between streams
                if not packed:
                    return 0
                self._unpacker = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
            data = self._unpacker.decompress(packed, max_length=len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)


class _Metered:
    """A stream that gives no more than it was allowed to."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._given, self._allowed = 0, _HEADERS
        self._last = b""

    def seen(self, start: int, size: int) -> bytes:
        """Return as many bytes from a place that was given lately."""
        at = start - (self._given - len(self._last))
        return self._last[at : at + size] if at >= 0 else b""

    def allow(self, more: int) -> None:
        """Allow as many bytes from here on."""
        self._allowed = min(self._given + more, _TOTAL)

    def read(self, size: int) -> bytes:
        """Return up to as many bytes.

        Raises:
            ValueError: they are more than was allowed.
        """
        data = self._stream.read(size)
        self._given += len(data)
        self._last = self._last[-_CHUNK:] + data
        if self._given > self._allowed:
            raise ValueError("it grows beyond all results, or has headers of that size")
        return data
