"""Writing files whole or not at all, and finding those that go by a name or a path."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from pursuit.errors import OutputError, PursuitError, nearest

# Of a disk, a user's share of it, and a file that may not grow.
_FULL = {getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name)}


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it there at the end, remove it on an error.

    The temporary name ends as the final one does, for writers that look at the suffix.

    Raises:
        OutputError: the folder cannot be written, or the disk is full.
    """
    target = Path(path)
    part = _new_part(target)
    try:
        yield part
        # mkstemp makes files for the owner only; results are as readable as any new file.
        part.chmod(0o666 & ~_umask())
        os.replace(part, target)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        part.unlink(missing_ok=True)


def check_writable(path: Path | str) -> None:
    """Make sure that a file can be written at `path`, before the work for it begins.

    Nothing stays of the trial.

    Raises:
        OutputError: it cannot: a folder stands there, or nothing can be written beside it.
    """
    target = Path(path)
    # os.path says no of what it may not look at; the trial then tells why.
    if os.path.isdir(target):  # noqa: PTH112
        raise cannot_write(target, IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)))
    parents = list(target.parents)
    missing = [folder for folder in parents if not os.path.exists(folder)]  # noqa: PTH110
    _new_part(target).unlink()
    for folder in missing:
        with suppress(OSError):  # somebody has put something there meanwhile
            folder.rmdir()


def _new_part(target: Path) -> Path:
    """Return a new empty file beside `target`; its folder is made if need be."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=target.name, prefix=".part-", dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise cannot_write(target, error) from error
    return Path(name)


def cannot_write(path: Path | str, error: OSError) -> OutputError:
    """Return the error to raise when writing `path` failed."""
    reason = error.strerror or str(error)
    full = "free some space or " if error.errno in _FULL else ""
    return OutputError(f"cannot write {path}: {reason}; {full}choose another place")


def named_file(
    name: str, inside: Mapping[str, Path], *, kind: str, missing: str, error: type[PursuitError]
) -> Path:
    """Return the file of a name inside the package, or of a path.

    Args:
        name: one of `inside`, which goes before a file of the same name, or a path.
        kind: what they are, in the plural: `weights`.
        missing: what the error says before the name: `no weights`.

    Raises:
        PursuitError: an `error`; neither is there. It tells the nearest name, or all.
    """
    if name in inside:
        return inside[name]
    if os.path.isfile(name):  # noqa: PTH113  says no of what it may not look at
        return Path(name)
    hint = nearest(name, inside) or f"; shipped {kind}: {', '.join(inside)}"
    raise error(f"{missing} {name}{hint}")


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value
