"""ImageNet VID's layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from pursuit.datasets import open_videos
from pursuit.errors import DataError

VIDEO = Path("train", "ILSVRC2015_VID_train_0000", "ILSVRC2015_train_00005003")


def entry(track: str, corners: tuple[object, ...]) -> str:
    parts = zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in parts)
    return f"<object><trackid>{track}</trackid><name>n01</name><bndbox>{inner}</bndbox></object>"


def frame(root: Path, number: int, *entries: str, video: Path = VIDEO) -> None:
    """Write an empty picture and its file of labels."""
    for kind, suffix in (("Data", "JPEG"), ("Annotations", "xml")):
        path = root / kind / "VID" / video / f"{number:06d}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = f"<annotation>{''.join(entries)}</annotation>" if suffix == "xml" else ""
        path.write_text(text, encoding="utf-8")


def test_tracks_become_sequences(tmp_path: Path) -> None:
    frame(tmp_path, 0, entry("0", (10, 20, 29, 59)))
    frame(tmp_path, 1)
    frame(tmp_path, 2, entry("0", (11, 20, 30, 59)), entry("1", (0, 0, 99, 49)))
    first, second = open_videos(tmp_path)
    assert [first.name, second.name] == [f"{VIDEO.name}-0", f"{VIDEO.name}-1"]
    assert first.video == second.video == VIDEO.name
    assert first.boxes[0].tolist() == [10, 20, 20, 40]  # w = xmax - xmin + 1
    assert first.labelled.tolist() == [True, False, True]
    assert second.boxes[2].tolist() == [0, 0, 100, 50]
    assert second.labelled.tolist() == [False, False, True]


def test_one_track_has_the_name_of_its_video(tmp_path: Path) -> None:
    val = Path("val", "ILSVRC2015_val_00000000")
    frame(tmp_path, 0, entry("3", (1, 2, 3, 4)))
    frame(tmp_path, 0, entry("0", (1, 2, 3, 4)), video=val)
    assert [sequence.name for sequence in open_videos(tmp_path)] == [VIDEO.name, val.name]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([entry("0", (1, 2, "three", 4))], "object 0: corners '1,2,three,4'"),
        ([entry("0", (1, 2, 3, 4))] * 2, "track 0 comes twice"),
        ([entry("", (1, 2, 3, 4))], "no trackid"),
        (["<object>"], "not XML that can be read"),
    ],
)
def test_wrong_labels(tmp_path: Path, entries: list[str], message: str) -> None:
    frame(tmp_path, 0, *entries)
    with pytest.raises(DataError) as caught:
        open_videos(tmp_path)
    assert "000000.xml" in str(caught.value)
    assert message in str(caught.value)


def test_missing_pictures(tmp_path: Path) -> None:
    frame(tmp_path, 0, entry("0", (1, 2, 3, 4)))
    frame(tmp_path, 1, entry("0", (1, 2, 3, 4)))
    (tmp_path / "Data" / "VID" / VIDEO / "000001.JPEG").unlink()
    with pytest.raises(DataError, match=r"000001\.xml: its picture is missing"):
        open_videos(tmp_path)
