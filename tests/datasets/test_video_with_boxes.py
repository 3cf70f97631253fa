"""The layout NAME.mp4 + NAME.csv."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pursuit.datasets import open_videos
from pursuit.datasets.reading import Findings
from pursuit.datasets.video_with_boxes import count_frames, read
from pursuit.errors import DataError

Write = Callable[..., Path]
GOOD = [(0, 1, 10, 12, 20, 16), (2, 1, 11.5, 12, 20, 16)]


def test_boxes_and_frames(tmp_path: Path, write_labelled_video: Write) -> None:
    path = write_labelled_video(tmp_path, "clip", GOOD, frames=4)
    (sequence,) = open_videos(tmp_path)
    assert (sequence.name, sequence.video, sequence.path) == ("clip", "clip", path)
    assert len(sequence) == 4
    assert sequence.labelled.tolist() == [True, False, True, False]
    np.testing.assert_array_equal(sequence.boxes[2], [11.5, 12, 20, 16])
    first, second = list(sequence.frames()), list(sequence.frames())
    assert [frame.shape for frame in first] == [(64, 96, 3)] * 4
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first[0], first[1])


def test_sequences_travel_to_other_processes(tmp_path: Path, write_labelled_video: Write) -> None:
    write_labelled_video(tmp_path, "clip", GOOD)
    (sequence,) = pickle.loads(pickle.dumps(open_videos(tmp_path)))
    assert next(sequence.frames()).shape == (64, 96, 3)


def test_several_objects_are_named_in_the_order_of_their_numbers(
    tmp_path: Path, write_labelled_video: Write
) -> None:
    rows = [(0, key, 10, 10, 20, 20) for key in (10, 2, 1)]
    write_labelled_video(tmp_path, "walk", rows)
    sequences = open_videos(tmp_path)
    assert [sequence.name for sequence in sequences] == ["walk-1", "walk-2", "walk-10"]
    assert {sequence.video for sequence in sequences} == {"walk"}


@pytest.mark.parametrize(("name", "source"), [("davis--cow", "davis"), ("cow", "set")])
def test_source(tmp_path: Path, write_labelled_video: Write, name: str, source: str) -> None:
    write_labelled_video(tmp_path / "set", name, GOOD)
    assert open_videos(tmp_path / "set")[0].source == source


def test_more_columns_and_names_with_dots(tmp_path: Path, write_labelled_video: Write) -> None:
    header = "frame,object,label,x,y,w,h"
    write_labelled_video(tmp_path, "a.b", [(1, 7, "given", 1, 2, 30, 40)], header=header)
    (sequence,) = open_videos(tmp_path)
    np.testing.assert_array_equal(sequence.boxes[1], [1, 2, 30, 40])


def test_a_byte_order_mark_and_carriage_returns(
    tmp_path: Path, write_labelled_video: Write
) -> None:
    video = write_labelled_video(tmp_path, "clip", GOOD)
    text = "\ufeffFrame, Object, x, y, w, h\r\n0,1,1,2,30,40\r\n\r\n"
    video.with_suffix(".csv").write_text(text, encoding="utf-8", newline="")
    assert open_videos(tmp_path)[0].boxes[0].tolist() == [1, 2, 30, 40]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([*GOOD, (3, 1, 10, "ten", 20, 16)], "clip.csv:4: x, y, w, h must be numbers"),
        ([("first", 1, 1, 2, 3, 4)], "clip.csv:2: a frame number counts from 0; got 'first'"),
        ([(-1, 1, 1, 2, 3, 4)], "clip.csv:2: a frame number counts from 0; got '-1'"),
        ([(0, 1, 1, 2, 3)], "clip.csv:2: 5 columns where the header has 6"),
        ([(0, 1, 1, 2, "inf", 4)], "clip.csv:2: a box cannot be infinite"),
        ([*GOOD, GOOD[1]], "clip.csv:4: object 1 has two boxes in frame 2"),
        ([*GOOD, (6, 1, 1, 2, 30, 40)], "object 1: 1 box beyond the video's 6 frames, up to frame"),
        ([], "clip.csv: no boxes in it"),
    ],
)
def test_wrong_labels(
    tmp_path: Path, write_labelled_video: Write, rows: list[tuple[object, ...]], message: str
) -> None:
    write_labelled_video(tmp_path, "clip", rows)
    with pytest.raises(DataError) as caught:
        open_videos(tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_header_without_the_columns(tmp_path: Path, write_labelled_video: Write) -> None:
    write_labelled_video(tmp_path, "clip", GOOD, header="0,1,10,12,20,16")
    with pytest.raises(DataError, match=r"clip\.csv: the first line must name the columns"):
        open_videos(tmp_path)


def test_labels_without_their_video(tmp_path: Path, write_labelled_video: Write) -> None:
    write_labelled_video(tmp_path, "clip", GOOD)
    write_labelled_video(tmp_path, "gone", GOOD).unlink()
    with pytest.raises(DataError, match=r"gone\.csv: gone\.mp4 is missing beside it"):
        open_videos(tmp_path)


def test_a_file_that_is_no_video(tmp_path: Path, write_labelled_video: Write) -> None:
    write_labelled_video(tmp_path, "clip", GOOD).write_bytes(b"not a video" * 50)
    with pytest.raises(DataError, match=r"clip\.mp4"):
        open_videos(tmp_path)


def test_labels_that_are_no_text(tmp_path: Path, write_labelled_video: Write) -> None:
    write_labelled_video(tmp_path, "clip", GOOD).with_suffix(".csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"clip\.csv is not a text file"):
        open_videos(tmp_path)


def test_nan_is_no_label_and_is_noted(tmp_path: Path, write_labelled_video: Write) -> None:
    write_labelled_video(tmp_path, "clip", [*GOOD, (3, 1, "nan", "nan", "nan", "nan")])
    assert open_videos(tmp_path)[0].labelled.sum() == 2
    findings = Findings(strict=False)
    read(tmp_path, findings)
    assert findings.lines == [f"{tmp_path / 'clip.csv'}: 1 box with NaN: line 4"]


def test_reading_goes_on_after_findings(tmp_path: Path, write_labelled_video: Write) -> None:
    write_labelled_video(tmp_path, "a", [(0, 1, "x", 1, 1, 1), (1, 1, 5, 5, 20, 20)])
    write_labelled_video(tmp_path, "b", GOOD)
    findings = Findings(strict=False)
    sequences = read(tmp_path, findings)
    assert [sequence.name for sequence in sequences] == ["a", "b"]
    assert [int(sequence.labelled.sum()) for sequence in sequences] == [1, 2]
    assert len(findings.lines) == 1


def test_frames_are_counted_by_header_and_by_packets(
    tmp_path: Path, write_labelled_video: Write
) -> None:
    path = write_labelled_video(tmp_path, "clip", GOOD, frames=5)
    assert count_frames(path) == count_frames(path, read_all=True) == 5


def test_real_training_videos(shared_data: Path) -> None:
    sequences = open_videos(shared_data / "train")
    assert len({sequence.video for sequence in sequences}) == 111
    assert len(sequences) == 148
    assert sum(int(sequence.labelled.sum()) for sequence in sequences) == 7514
    assert {"davis2016_val", "uav123"} & {sequence.source for sequence in sequences}


def test_real_otb_sequences(shared_data: Path) -> None:
    sequences = open_videos(shared_data / "otb-dev")
    names = (
        "Bolt2 Couple Crossing Dancer2 David DragonBaby Football Freeman1 Girl Human7 "
        "Jogging-1 Jogging-2 MotorRolling Skiing Woman"
    )
    assert [sequence.name for sequence in sequences] == names.split()
    assert sum({sequence.video: len(sequence) for sequence in sequences}.values()) == 3874
    assert all(sequence.labelled.all() for sequence in sequences)
    (david,) = (sequence for sequence in sequences if sequence.name == "David")
    assert len(david) == 471
    assert sum(1 for _ in david.frames()) == 471
