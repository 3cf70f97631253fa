"""Folders and archives: what is read, and what is refused."""

from __future__ import annotations

import io
import lzma
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from pursuit import archives
from pursuit.archives import Stored, stored
from pursuit.errors import DataError

FILES = {"kcf/Basketball.txt": b"1,2,3,4\n", "kcf/notes.md": b"#", "deep/er/Bolt.txt": b"x" * 9000}
MODES = ["w", "w:gz", "w:bz2", "w:xz"]


def folder(path: Path) -> Path:
    for name, content in FILES.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def archive(path: Path, files: dict[str, bytes], mode: str = "w:xz") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def read(path: Path) -> list[Stored]:
    return list(stored(path, lambda parts: parts[-1].endswith(".txt")))


def contents(path: Path) -> dict[str, bytes | None]:
    return {"/".join(one.parts): one.data for one in read(path)}


@pytest.mark.parametrize("mode", MODES)
def test_archives_are_known_by_their_content(tmp_path: Path, mode: str) -> None:
    path = archive(tmp_path / "all.tar", FILES, mode)
    # In its order; of what nobody asked for, the name.
    assert list(contents(path).items()) == [
        ("all/kcf/Basketball.txt", b"1,2,3,4\n"),
        ("all/kcf/notes.md", None),
        ("all/deep/er/Bolt.txt", b"x" * 9000),
    ]
    assert [one.place for one in read(path)] == [f"{path}: {name}" for name in FILES]
    assert {one.above for one in read(path)} == {()}


def test_a_folder_is_read_like_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder(tmp_path / "all")
    assert contents(root) == contents(archive(tmp_path / "all.tar", FILES))
    names = ["deep/er/Bolt.txt", "kcf/Basketball.txt", "kcf/notes.md"]
    assert ["/".join(one.parts) for one in read(root)] == [f"all/{name}" for name in names]
    assert [one.place for one in read(root)] == [str(root / name) for name in names]
    assert {one.above for one in read(root)} == {tmp_path.resolve().parts}
    monkeypatch.chdir(root)  # its own name holds, however it is called
    assert [one.parts for one in read(Path())] == [one.parts for one in read(root)]
    assert [one.place for one in read(Path())] == [str(Path(name)) for name in names]


def test_links_of_a_folder_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    root = folder(tmp_path / "all")
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "Deer.txt").write_bytes(b"1")
    (root / "there").symlink_to(tmp_path / "far")
    (root / "kcf" / "round").symlink_to(root)
    (tmp_path / "far" / "back").symlink_to(root)
    assert contents(root) == {f"all/{name}": data for name, data in contents_of(FILES).items()} | {
        "all/there/Deer.txt": b"1"
    }


def contents_of(files: dict[str, bytes]) -> dict[str, bytes | None]:
    return {name: data if name.endswith(".txt") else None for name, data in files.items()}


def test_two_streams_of_xz_in_a_file(tmp_path: Path) -> None:
    plain = archive(tmp_path / "plain", FILES, "w").read_bytes()
    path = tmp_path / "all.tar.xz"
    path.write_bytes(lzma.compress(plain[:5000]) + bytes(4) + lzma.compress(plain[5000:]))
    assert len(read(path)) == 3


@pytest.mark.parametrize("mode", MODES)
def test_damaged_archives(tmp_path: Path, mode: str) -> None:
    noise = bytes((7 * n * n + n // 3) % 251 for n in range(9000))
    path = archive(tmp_path / "all.tar", {"kcf/Basketball.txt": noise}, mode)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(DataError, match=r"all\.tar: a damaged archive.*get it again"):
        read(path)


@pytest.mark.parametrize(("mode", "missing"), [("w:gz", 20), ("w:xz", 60), ("w:bz2", 40)])
def test_an_archive_whose_last_bytes_are_missing(tmp_path: Path, mode: str, missing: int) -> None:
    path = archive(tmp_path / "all.tar", FILES, mode)
    path.write_bytes(path.read_bytes()[:-missing])
    with pytest.raises(DataError, match=r"all\.tar: a damaged archive"):
        read(path)


def test_damage_is_seen_in_what_nobody_asked_for(tmp_path: Path) -> None:
    path = archive(tmp_path / "all.tar", {"kcf/notes.md": b"#" * 5000}, "w")
    path.write_bytes(path.read_bytes()[:2400])
    with pytest.raises(DataError, match=r"all\.tar: a damaged archive"):
        read(path)


@pytest.mark.parametrize("damage", ["cut", "header", "bit"])
def test_an_archive_without_its_true_end(tmp_path: Path, damage: str) -> None:
    path = archive(tmp_path / "all.tar", {f"kcf/{at}.txt": b"1" for at in range(3)}, "w")
    content = path.read_bytes()
    # A member is a header and a block: the third begins at 2048.
    end = {
        "cut": b"",
        "header": b"x" * 512 + content[2560:],
        "bit": bytes([content[2048] ^ 1]) + content[2049:],
    }
    path.write_bytes(content[:2048] + end[damage])
    with pytest.raises(DataError, match=r"all\.tar: .*it ends too early, or a header is not one"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x1f\x8bnonsense", b"\xfd7zXZ\x00" * 9])
def test_what_is_no_archive(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "all.tar").write_bytes(content)
    with pytest.raises(DataError, match=r"all\.tar: a damaged archive, or none"):
        read(tmp_path / "all.tar")
    with pytest.raises(DataError, match=r"missing\.tar: no such folder or archive"):
        read(tmp_path / "missing.tar")


def test_what_cannot_be_read(tmp_path: Path) -> None:
    root = folder(tmp_path / "all")
    (root / "kcf" / "Gone.txt").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"cannot read .*all/kcf/Gone\.txt: No such file"):
        read(root)


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
    assert read(tmp_path / "all.tar") == []


def test_what_nobody_asked_for_may_be_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "_LARGEST", 8000)
    files = {"kcf/film.mp4": b"x" * 9000, "kcf/Bolt.txt": b"1"}
    assert contents(archive(tmp_path / "all.tar", files))["all/kcf/Bolt.txt"] == b"1"
    for path in (archive(tmp_path / "all.tar", FILES), folder(tmp_path / "all")):
        with pytest.raises(DataError, match=r"Bolt\.txt: over 0 MiB"):
            read(path)


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


def zipped(path: Path, files: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_a_zip_is_read_like_a_tar(tmp_path: Path) -> None:
    path = zipped(tmp_path / "all.zip", {"kcf/": b"", **FILES})
    assert contents(path) == contents(archive(tmp_path / "all.tar", FILES))
    assert [one.place for one in read(path)] == [f"{path}: {name}" for name in FILES]
    assert read(zipped(tmp_path / "empty.zip", {})) == []
    link = zipfile.ZipInfo("kcf/Bolt.txt")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as other:
        other.writestr(link, "/etc/passwd")
    assert read(tmp_path / "link.zip") == []


def test_damaged_zips(tmp_path: Path) -> None:
    path = zipped(tmp_path / "all.zip", FILES, zipfile.ZIP_STORED)
    whole = path.read_bytes()
    at = whole.index(b"x" * 9000)
    locked = whole.replace(b"PK\x03\x04\x14\x00\x00", b"PK\x03\x04\x14\x00\x01").replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"
    )
    assert locked != whole
    for content in (whole[:-30], whole[: at + 99], whole[:at] + b"y" + whole[at + 1 :], locked):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"all\.zip: a damaged archive, or none of \.zip"):
            read(path)
    with pytest.raises(DataError, match="packed by method 14"):
        read(zipped(tmp_path / "all.zip", FILES, zipfile.ZIP_LZMA))
    with pytest.raises(DataError, match="leads out of the archive"):
        read(zipped(tmp_path / "all.zip", {"../Bolt.txt": b"1"}))


def test_a_zip_that_is_a_bomb(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", {"Bolt.txt": bytes(100_000_000)})
    whole = path.read_bytes()
    size = (100_000_000).to_bytes(4, "little")
    for content, message in ((whole, "over 64 MiB"), (whole.replace(size, b"\5\0\0\0"), "damaged")):
        path.write_bytes(content)
        tracemalloc.start()
        with pytest.raises(DataError, match=message):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
        tracemalloc.stop()
