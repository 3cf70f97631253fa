"""Files of folders and archives."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from pursuit.archives import stored
from pursuit.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "runs"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "one.txt").write_bytes(b"1\r\n" * 700)
    (root / "two.bin").write_bytes(b"2")
    return root


def packed(folder: Path, name: str, mode: str) -> Path:
    path = folder.parent / name
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        archive.add(folder, "inner")
    return path


@pytest.mark.parametrize(
    ("name", "mode"), [("x.tar", "w"), ("x.tar.gz", "w:gz"), ("x.tar.bz2", "w:bz2")]
)
def test_an_archive_reads_as_its_folder(folder: Path, name: str, mode: str) -> None:
    path = packed(folder, name, mode)
    mine = {one.parts[-2:]: one for one in stored(folder, lambda parts: parts[-1] == "one.txt")}
    theirs = {one.parts[-2:]: one for one in stored(path, lambda parts: parts[-1] == "one.txt")}
    assert mine.keys() == {("b", "one.txt"), ("runs", "two.bin")}
    assert theirs.keys() == {("b", "one.txt"), ("inner", "two.bin")}
    assert mine[("b", "one.txt")].data == theirs[("b", "one.txt")].data == b"1\r\n" * 700
    assert theirs[("inner", "two.bin")].data is None
    assert theirs[("b", "one.txt")].parts[0] == "x"
    assert mine[("b", "one.txt")].place == str(folder / "a" / "b" / "one.txt")
    assert theirs[("b", "one.txt")].place == f"{path}: inner/a/b/one.txt"


@pytest.mark.parametrize(
    ("mode", "keep"), [("w", 2400), ("w", 1024), ("w:gz", -20), ("w:xz", -60), ("w:bz2", -40)]
)
def test_a_damaged_archive(folder: Path, mode: str, keep: int) -> None:
    path = packed(folder, "x.tar", mode)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"x\.tar is (damaged|neither .* a whole tar)"):
        list(stored(path, lambda _: True))


def test_a_header_that_is_none_is_not_the_end(folder: Path) -> None:
    path = packed(folder, "x.tar", "w")
    with tarfile.open(path) as archive:
        second = archive.getmembers()[1].offset_data - 512
    data = bytearray(path.read_bytes())
    data[second] ^= 255
    path.write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        list(stored(path, lambda _: True))


def test_what_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*nowhere: No such file"):
        list(stored(tmp_path / "nowhere", lambda _: True))
    (tmp_path / "text").write_text("hello", encoding="utf-8")
    with pytest.raises(DataError, match="neither a folder nor a whole tar archive"):
        list(stored(tmp_path / "text", lambda _: True))
