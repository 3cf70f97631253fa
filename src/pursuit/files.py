"""Writing files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pursuit.errors import OutputError


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it there at the end, remove it on an error.

    The temporary name ends as the final one does, for writers that look at the suffix.

    Raises:
        OutputError: the folder cannot be written, or the disk is full.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=target.name, prefix=".part-", dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise cannot_write(target, error) from error
    part = Path(name)
    try:
        yield part
        # mkstemp makes files for the owner only; results are as readable as any new file.
        part.chmod(0o666 & ~_umask())
        os.replace(part, target)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        part.unlink(missing_ok=True)


def cannot_write(path: Path | str, error: OSError) -> OutputError:
    """Return the error to raise when writing `path` failed."""
    reason = error.strerror or str(error)
    return OutputError(f"cannot write {path}: {reason}; free some space or choose another place")


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value
