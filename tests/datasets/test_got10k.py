"""GOT-10k's layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pursuit.datasets import open_videos
from pursuit.errors import DataError


def got10k(root: Path, name: str, frames: int, labels: str, absent: str | None = None) -> None:
    folder = root / name
    folder.mkdir(parents=True)
    for number in range(1, frames + 1):
        (folder / f"{number:08d}.jpg").touch()
    (folder / "groundtruth.txt").write_text(labels, encoding="utf-8")
    if absent is not None:
        (folder / "absence.label").write_text(absent, encoding="utf-8")


def test_boxes_are_taken_as_given_and_absence_is_no_label(tmp_path: Path) -> None:
    labels = "10.0000,20.0000,30.0000,40.0000\n11,21,30,40\n0,0,1,1\n"
    got10k(tmp_path, "GOT-10k_Val_000001", 3, labels, "0\n0\n1\n")
    got10k(tmp_path, "GOT-10k_Val_000002", 3, labels)
    (tmp_path / "list.txt").write_text("GOT-10k_Val_000001\n", encoding="utf-8")
    first, second = open_videos(tmp_path)
    assert first.boxes[:2].tolist() == [[10, 20, 30, 40], [11, 21, 30, 40]]
    assert first.labelled.tolist() == [True, True, False]
    assert second.labelled.all()
    (files,) = first.open_frames.args  # type: ignore[attr-defined]
    assert [path.name for path in files] == [f"{number:08d}.jpg" for number in (1, 2, 3)]


def test_the_test_split_has_the_first_box_only(tmp_path: Path) -> None:
    got10k(tmp_path, "GOT-10k_Test_000001", 4, "1,2,30,40\n")
    (sequence,) = open_videos(tmp_path)
    assert len(sequence) == 4
    assert sequence.labelled.tolist() == [True, False, False, False]
    assert np.isnan(sequence.boxes[1:]).all()


@pytest.mark.parametrize(
    ("frames", "labels", "absent", "message"),
    [
        (3, "1,2,3,4\n1,2,3,4\n", None, "2 boxes for 3 pictures"),
        (2, "1,2,3,4\n1,2,x,4\n", None, "groundtruth.txt:2: x, y, w, h must be numbers"),
        (2, "1,2,3,4\n1,2,3,4\n", "0\n", "absence.label: must hold 0 or 1 for each of the 2"),
        (2, "1,2,3,4\n1,2,3,4\n", "0\nno\n", "absence.label: must hold 0 or 1"),
    ],
)
def test_wrong_data(
    tmp_path: Path, frames: int, labels: str, absent: str | None, message: str
) -> None:
    got10k(tmp_path, "GOT-10k_Val_000001", frames, labels, absent)
    with pytest.raises(DataError) as caught:
        open_videos(tmp_path)
    assert message in str(caught.value)


def test_a_folder_of_pictures_without_labels(tmp_path: Path) -> None:
    got10k(tmp_path, "a", 1, "1,2,3,4\n")
    got10k(tmp_path, "b", 1, "1,2,3,4\n")
    (tmp_path / "b" / "groundtruth.txt").unlink()
    with pytest.raises(DataError, match=r"b: groundtruth\.txt is missing"):
        open_videos(tmp_path)
