"""What of a data set can be followed, and what is wrong with the rest of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from pursuit.datasets import open_usable
from pursuit.datasets.usable import with_a_start
from pursuit.errors import DataError

LISTED = "(pursuit data check lists all that is wrong)"
ROWS = ("1,2,8,9",) * 3


def pictures(folder: Path, numbers: Sequence[int] = (1, 2, 3)) -> Path:
    folder.mkdir(parents=True)
    data = cv2.imencode(".png", np.zeros((12, 16, 3), np.uint8))[1].tobytes()
    for number in numbers:
        (folder / f"{number:04d}.png").write_bytes(data)
    return folder


def otb(root: Path, name: str, rows: Sequence[str] = ROWS, object_: str = "") -> Path:
    """Write a sequence of OTB's layout, three pictures long; return its file of labels."""
    if not (root / name).exists():
        pictures(root / name / "img")
    file = root / name / f"groundtruth_rect{object_}.txt"
    file.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return file


def test_each_bad_sequence_of_otb_is_named_with_all_its_faults(tmp_path: Path) -> None:
    otb(tmp_path, "Good")
    short = otb(tmp_path, "Short", ROWS[:2])
    text = otb(tmp_path, "Text", ("a,b,c,d", "1,2,3", "1,2,inf,9", "x", "1,2,8,9"))
    (tmp_path / "NoLabels" / "img").mkdir(parents=True)
    empty = otb(tmp_path, "Empty", ())
    none = otb(tmp_path, "NoFrames")
    for picture in (tmp_path / "NoFrames" / "img").iterdir():
        picture.unlink()
    found = open_usable(tmp_path)
    assert [one.name for one in found.sequences] == ["Good"]
    assert found.faults == {
        "Short": f"{short}: 2 boxes for 3 pictures in img {LISTED}",
        "Text": f"{text}:1: x, y, w, h must be numbers; got 'a,b,c,d'; "
        f"{text}:2: a box is four numbers x, y, w, h; got 3; "
        f"{text}:3: a box cannot be infinite; got '1,2,inf,9'; and 2 more faults {LISTED}",
        "NoLabels": f"{tmp_path / 'NoLabels'}: groundtruth_rect.txt is missing {LISTED}",
        "Empty": f"{empty}: no boxes in it {LISTED}",
        "NoFrames": f"{none}: 3 boxes for 0 pictures in img {LISTED}",
    }


def test_of_two_targets_only_the_bad_one_is_left_out(tmp_path: Path) -> None:
    otb(tmp_path, "Jogging", ROWS, ".1")
    otb(tmp_path, "Jogging", ROWS[:2], ".2")
    found = open_usable(tmp_path)
    assert ([one.name for one in found.sequences], [*found.faults]) == (
        ["Jogging-1"],
        ["Jogging-2"],
    )
    assert [*found.by_video()] == ["Jogging"]
    # Its video is known though nothing of it could be read.
    otb(tmp_path, "Jogging", (), ".2")
    (tmp_path / "Jogging" / "groundtruth_rect.2.txt").write_bytes(b"\xff\xfe\x00")
    assert [*open_usable(tmp_path).by_video()] == ["Jogging"]
    # An empty file beside another is no sequence, and no fault: OTB's Human4.
    otb(tmp_path, "Jogging", (), ".2")
    assert open_usable(tmp_path).faults == {}
    (tmp_path / "Jogging" / "img" / "0002.png").unlink()
    assert [*open_usable(tmp_path).faults] == ["Jogging-1", "Jogging-2"]


def test_vot_and_got10k(tmp_path: Path) -> None:
    for layout, folder in (("vot", "color"), ("got10k", "")):
        root = tmp_path / layout
        for name, rows in (("good", ROWS), ("short", ROWS[:2]), ("text", ("a,b,c,d",) * 3)):
            pictures(root / name / folder)
            (root / name / "groundtruth.txt").write_text("\n".join(rows), encoding="utf-8")
        (root / "bare").mkdir()
        (root / "bare" / "groundtruth.txt").touch()
        found = open_usable(root)
        assert [one.name for one in found.sequences] == ["good"]
        assert sorted(found.faults) == ["bare", "short", "text"]
        assert "2 labels for 3" in found.faults["short"] or "2 boxes for 3" in found.faults["short"]
        assert str(root / "text" / "groundtruth.txt:1") in found.faults["text"]


def test_faults_of_a_video_are_those_of_all_its_targets(
    tmp_path: Path, write_labelled_video: Callable[..., Path]
) -> None:
    both = [(0, 1, 1, 2, 30, 40), (0, 2, 1, 2, 30, 40)]
    write_labelled_video(tmp_path, "good", both[:1])
    video = write_labelled_video(tmp_path, "two", both)
    with video.with_suffix(".csv").open("a", encoding="utf-8") as file:
        file.write("1,1,a,b,c,d\n")
    found = open_usable(tmp_path)
    assert [one.name for one in found.sequences] == ["good"]
    assert [*found.faults] == ["two-1", "two-2"]
    (line,) = {*found.faults.values()}
    assert found.by_video() == {"two": line}


def test_what_there_is_of_some_videos_alone(tmp_path: Path) -> None:
    for name in ("Car", "Car-wash", "Jogging", "Nowhere"):
        otb(tmp_path, name, ROWS, ".1" if name == "Jogging" else "")
    otb(tmp_path, "Car-wash", ROWS[:2])
    otb(tmp_path, "Jogging", ROWS[:2], ".2")
    otb(tmp_path, "Nowhere", ("nan,nan,nan,nan",) * 3)
    found = with_a_start(open_usable(tmp_path))
    mine = found.of_videos(["Car", "Jogging"])
    assert [one.name for one in mine.sequences] == ["Car", "Jogging-1"]
    assert [*mine.faults] == ["Jogging-2"]
    mine = found.of_videos(["Car-wash", "Nowhere"])
    assert (mine.sequences, [*mine.faults]) == ([], ["Car-wash", "Nowhere"])


def test_who_cannot_be_started_on(tmp_path: Path) -> None:
    otb(tmp_path, "Good")
    otb(tmp_path, "Nowhere", ("nan,nan,nan,nan",) * 3)
    otb(tmp_path, "Torn")
    torn = tmp_path / "Torn" / "img" / "0001.png"
    torn.write_bytes(b"\x89PNG no more")
    opened = open_usable(tmp_path)
    assert (len(opened.sequences), opened.faults) == (3, {})
    found = with_a_start(opened)
    assert [one.name for one in found.sequences] == ["Good"]
    assert found.faults == {
        "Nowhere": f"{tmp_path / 'Nowhere' / 'img'}: no frame has a box to start with; label one",
        "Torn": f"{torn} is not a picture that can be read: remove it or mend it",
    }


def test_nothing_good_is_no_error_but_nothing_at_all_is(tmp_path: Path) -> None:
    otb(tmp_path, "Short", ROWS[:2])
    found = open_usable(tmp_path)
    assert (found.sequences, [*found.faults]) == ([], ["Short"])
    with pytest.raises(DataError, match="there is no such path"):
        open_usable(tmp_path / "gone")
