"""Finding the layout of a data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pursuit.datasets import open_stills, open_videos
from pursuit.datasets.layouts import VIDEOS
from pursuit.errors import DataError


def test_nothing_fits(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("no data", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        open_videos(tmp_path)
    text = str(caught.value)
    assert str(tmp_path) in text
    assert all(layout.LOOKS_FOR in text and name in text for name, layout in VIDEOS.items())
    with pytest.raises(DataError, match="not a data set of stills"):
        open_stills(tmp_path)


def test_no_such_path(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such path"):
        open_videos(tmp_path / "nowhere")
    with pytest.raises(DataError, match="there is no such path"):
        open_stills(tmp_path / "nowhere")


def test_a_file_is_no_data_set_of_videos(tmp_path: Path) -> None:
    file = tmp_path / "clip.mp4"
    file.touch()
    with pytest.raises(DataError, match="not a data set of videos"):
        open_videos(file)


def test_a_layout_by_name(tmp_path: Path, write_labelled_video: Callable[..., Path]) -> None:
    write_labelled_video(tmp_path, "clip", [(0, 1, 1, 2, 30, 40)])
    assert len(open_videos(tmp_path, "video_with_boxes")) == 1
    with pytest.raises(DataError, match=r"looked for NAME/img.* \(otb\)$"):
        open_videos(tmp_path, "otb")
    with pytest.raises(DataError, match=r"no layout 'got-10k' \(did you mean got10k\?\)"):
        open_videos(tmp_path, "got-10k")
