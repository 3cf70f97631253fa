"""Writing files whole or not at all, and what is said where that fails."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pursuit.errors import OutputError
from pursuit.files import cannot_write, check_writable


@pytest.mark.parametrize(
    ("number", "end"),
    [
        (errno.ENOSPC, "; free some space or choose another place"),
        (errno.EFBIG, "; free some space or choose another place"),
        (errno.EACCES, "Permission denied; choose another place"),
        (errno.ENOTDIR, "Not a directory; choose another place"),
    ],
)
def test_space_is_freed_only_where_it_lacks(number: int, end: str) -> None:
    message = str(cannot_write("a.csv", OSError(number, os.strerror(number))))
    assert message.startswith("cannot write a.csv: ")
    assert message.endswith(end)


def test_a_place_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1", encoding="utf-8")
    check_writable(tmp_path / "a.csv")
    check_writable(tmp_path / "new" / "er" / "b.csv")
    assert [item.read_text(encoding="utf-8") for item in tmp_path.iterdir()] == ["1"]
    for place in (tmp_path, tmp_path / "a.csv" / "b.csv", tmp_path / (300 * "c")):
        with pytest.raises(OutputError, match="choose another place"):
            check_writable(place)
