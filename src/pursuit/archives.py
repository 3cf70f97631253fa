"""The files of a folder, or of a tar archive of one: read the same way, without unpacking."""

from __future__ import annotations

import lzma
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pursuit.errors import DataError

Parts = tuple[str, ...]

_DAMAGED = (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError)


@dataclass(frozen=True)
class Stored:
    """A file of a folder or an archive.

    Attributes:
        place: what messages call it.
        parts: of its path, from the root of the disk or from the archive's own name on.
        data: what is in it; None where nobody asked.
    """

    place: str
    parts: Parts
    data: bytes | None


def stored(path: Path, wanted: Callable[[Parts], bool]) -> Iterator[Stored]:
    """Yield every file of a folder, by name, or of a tar archive, in its order.

    Args:
        path: the folder, or the archive, packed by gzip, bzip2, xz or not at all.
        wanted: whether to read what is in a file of such parts.

    Raises:
        DataError: there is nothing, a file cannot be read, or the archive is none, or damaged.
    """
    try:
        yield from _folder(path, wanted) if path.is_dir() else _archive(path, wanted)
    except OSError as error:  # also bzip2's word for damage
        place = error.filename or path
        raise DataError(f"cannot read {place}: {error.strerror or error}") from None


def _folder(path: Path, wanted: Callable[[Parts], bool]) -> Iterator[Stored]:
    whole = path.resolve()
    for folder, inner, names in os.walk(whole, followlinks=True):
        inner.sort()
        for name in sorted(names):
            file = Path(folder, name)
            data = file.read_bytes() if wanted(file.parts) else None
            yield Stored(str(path / file.relative_to(whole)), file.parts, data)


def _archive(path: Path, wanted: Callable[[Parts], bool]) -> Iterator[Stored]:
    try:
        archive = tarfile.open(path)  # noqa: SIM115  closed below; this error is another one
    except tarfile.ReadError:
        raise DataError(f"{path} is neither a folder nor a whole tar archive") from None
    except _DAMAGED as error:
        raise _damaged(path, error) from None
    own = path.name.split(".")[0]
    with archive:
        try:
            for member in archive:
                parts = (own, *(part for part in member.name.split("/") if part not in ("", ".")))
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None:
                    data = file.read() if wanted(parts) else None
                    yield Stored(f"{path}: {member.name}", parts, data)
            # tarfile takes a header that it cannot read for the end; the true end is a block of 0.
            assert archive.fileobj is not None
            archive.fileobj.seek(archive.offset)
            if archive.fileobj.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
                raise tarfile.ReadError("it ends too early, or a header is not one")
            while archive.fileobj.read(1 << 20):  # so that a packed one's checksum is looked at
                pass
        except _DAMAGED as error:
            raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} is damaged: {error}; get it again")
