"""Folders and archives: what is read, and what is refused."""

from __future__ import annotations

import io
import lzma
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from pursuit.errors import DataError
from pursuit.results import packed


def archive(path: Path, files: dict[str, bytes], mode: str = "w:xz") -> Path:
    with tarfile.open(path, mode) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


FILES = {"kcf/Basketball.txt": b"1,2,3,4\n", "kcf/notes.md": b"#", "deep/er/Bolt.txt": b"x" * 9000}


def read(path: Path) -> dict[str, bytes]:
    return dict(packed.files(path, lambda name: name.endswith(".txt")))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_archives_are_known_by_their_content(tmp_path: Path, mode: str) -> None:
    found = read(archive(tmp_path / "all.tar", FILES, mode))
    assert found == {
        "all/kcf/Basketball.txt": b"1,2,3,4\n",
        "all/deep/er/Bolt.txt": b"x" * 9000,
    }


def test_a_folder_is_read_like_an_archive(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / "all" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "all" / name).write_bytes(content)
    assert list(read(tmp_path / "all")) == ["all/deep/er/Bolt.txt", "all/kcf/Basketball.txt"]


def test_two_streams_of_xz_in_a_file(tmp_path: Path) -> None:
    plain = archive(tmp_path / "plain", FILES, "w").read_bytes()
    path = tmp_path / "all.tar.xz"
    path.write_bytes(lzma.compress(plain[:5000]) + bytes(4) + lzma.compress(plain[5000:]))
    assert len(read(path)) == 2


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_damaged_archives(tmp_path: Path, mode: str) -> None:
    noise = bytes((7 * n * n + n // 3) % 251 for n in range(9000))
    path = archive(tmp_path / "all.tar", {"kcf/Basketball.txt": noise}, mode)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(DataError, match=r"all\.tar: a damaged archive"):
        read(path)


@pytest.mark.parametrize("damage", ["cut", "header"])
def test_an_archive_without_its_true_end(tmp_path: Path, damage: str) -> None:
    path = archive(tmp_path / "all.tar", {f"kcf/{at}.txt": b"1" for at in range(3)}, "w")
    content = path.read_bytes()
    # A member is a header and a block: the third begins at 2048.
    end = b"" if damage == "cut" else b"x" * 512 + content[2560:]
    path.write_bytes(content[:2048] + end)
    with pytest.raises(DataError, match=r"all\.tar: .*it ends too early, or a header is not one"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x1f\x8bnonsense", b"\xfd7zXZ\x00" * 9])
def test_what_is_no_archive(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "all.tar").write_bytes(content)
    with pytest.raises(DataError, match=r"all\.tar: a damaged archive, or none"):
        read(tmp_path / "all.tar")
    with pytest.raises(DataError, match="no such folder or archive"):
        read(tmp_path / "missing.tar")


@pytest.mark.parametrize("name", ["../kcf/Bolt.txt", "/etc/Bolt.txt", "a/../../Bolt.txt"])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="leads out of the archive"):
        read(archive(tmp_path / "all.tar", {name: b"1"}))


def test_links_are_passed_over(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "all.tar", "w") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            member = tarfile.TarInfo("kcf/Bolt.txt")
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
    assert read(tmp_path / "all.tar") == {}


def test_a_bomb_is_refused_in_little_memory(tmp_path: Path) -> None:
    # 100 MB of zeros in 15 kB, as a file and as a header.
    header = tarfile.TarInfo("kcf/Bolt.txt")
    header.size = 100_000_000
    for kind in (tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME):
        header.type = kind
        with lzma.open(tmp_path / "bomb.tar.xz", "wb", preset=0) as file:
            file.write(header.tobuf(tarfile.GNU_FORMAT))
            for _ in range(100):
                file.write(bytes(1_000_000))
        tracemalloc.start()
        with pytest.raises(DataError, match=r"bomb\.tar\.xz.*(over 64 MiB|grows beyond)"):
            read(tmp_path / "bomb.tar.xz")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
        tracemalloc.stop()
