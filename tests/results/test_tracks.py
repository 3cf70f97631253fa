"""Tracks on disk: the numbers each format asks for, and the way back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pursuit.errors import DataError, OutputError, SettingsError
from pursuit.results import tracks
from pursuit.results.tracks import Film
from pursuit.trackers.base import Result, State

FILM = Film("shots/clip one.mp4", 320, 240, 25.0)


def two(frame: int, lost: bool = False) -> Result:
    boxes = np.array([[10.5, 20, 30, 40], [1 / 3, 0, 5, 5.00049]])
    states = np.array([State.TRACKED, State.LOST if lost else State.UNSURE])
    return Result(boxes, np.array([0.875, 0.25]), states, np.array([0, 1]), 0.01, frame)


def one(frame: int) -> Result:
    return Result(np.array([10.0, 20, 30.25, 40]), 0.5, State.TRACKED, 0, 0.01, frame)


def save(path: Path, *results: Result) -> str:
    with tracks.write(path, FILM) as writer:
        for result in results:
            writer.write(result)
    return path.read_text(encoding="utf-8")


def test_csv(tmp_path: Path) -> None:
    assert save(tmp_path / "a.csv", two(7), two(8, lost=True)) == (
        "frame,id,x,y,w,h,score,state\n"
        "7,0,10.5,20.0,30.0,40.0,0.875,TRACKED\n"
        "7,1,0.333,0.0,5.0,5.0,0.25,UNSURE\n"
        "8,0,10.5,20.0,30.0,40.0,0.875,TRACKED\n"
        "8,1,0.333,0.0,5.0,5.0,0.25,LOST\n"
    )


def test_text_of_one_target(tmp_path: Path) -> None:
    assert save(tmp_path / "a.txt", one(0), one(1)) == "10.0,20.0,30.25,40.0\n" * 2


def test_text_of_several_targets_is_an_error_that_names_others(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"a\.txt can hold one target, and there are 2.*a\.csv"):
        save(tmp_path / "a.txt", two(0))
    assert list(tmp_path.iterdir()) == []


def test_mot_counts_from_one_and_leaves_out_the_lost(tmp_path: Path) -> None:
    assert save(tmp_path / "a.mot.txt", two(0), two(1, lost=True)) == (
        "1,1,11.5,21.0,30.0,40.0,0.875,-1,-1,-1\n"
        "1,2,1.333,1.0,5.0,5.0,0.25,-1,-1,-1\n"
        "2,1,11.5,21.0,30.0,40.0,0.875,-1,-1,-1\n"
    )


def test_json(tmp_path: Path) -> None:
    content = json.loads(save(tmp_path / "a.json", two(3), two(4, lost=True)))
    assert content["video"] == {
        "name": "shots/clip one.mp4", "width": 320, "height": 240, "fps": 25.0,
    }  # fmt: skip
    assert [frame["frame"] for frame in content["frames"]] == [3, 4]
    assert content["frames"][1]["targets"][1] == {
        "id": 1, "box": [0.333, 0.0, 5.0, 5.0], "score": 0.25, "state": "LOST",
    }  # fmt: skip


def test_coco(tmp_path: Path) -> None:
    content = json.loads(save(tmp_path / "a.coco.json", two(3), two(4, lost=True)))
    assert content["categories"] == [{"id": 1, "name": "target"}]
    assert content["images"][1] == {
        "id": 5, "file_name": "clip-one-000004.jpg", "width": 320, "height": 240, "frame": 4,
    }  # fmt: skip
    annotations = content["annotations"]
    assert [a["id"] for a in annotations] == [1, 2, 3]
    assert annotations[0] == {
        "id": 1, "image_id": 4, "category_id": 1, "bbox": [10.5, 20.0, 30.0, 40.0],
        "area": 1200.0, "iscrowd": 0, "track_id": 0, "score": 0.875,
    }  # fmt: skip
    known = {image["id"] for image in content["images"]}
    assert all(a["image_id"] in known for a in annotations)


@pytest.mark.parametrize("name", ["a.json", "a.coco.json"])
def test_json_without_results_is_valid(tmp_path: Path, name: str) -> None:
    assert json.loads(save(tmp_path / name))


def test_coco_is_read_by_our_reader_of_stills(tmp_path: Path) -> None:
    from pursuit.datasets import open_stills
    from pursuit.video import save_picture

    save(tmp_path / "a.coco.json", two(3))
    (tmp_path / "images").mkdir()
    for folder in (tmp_path, tmp_path / "images"):
        save_picture(folder / "clip-one-000003.jpg", np.zeros((240, 320, 3), np.uint8))
    (image,) = open_stills(tmp_path / "a.coco.json")
    assert image.boxes.tolist() == [[10.5, 20, 30, 40], [0.333, 0, 5, 5]]
    assert image.labels == ("target", "target")


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**6),
            st.integers(0, 99),
            st.tuples(*[st.floats(-1e4, 1e4)] * 2, *[st.floats(1, 1e4)] * 2),
            st.floats(0, 1),
        ),
        max_size=20,
    )
)
@pytest.mark.parametrize("name", ["a.csv", "a.mot.txt"])
def test_there_and_back(
    tmp_path_factory: pytest.TempPathFactory, name: str, rows: list[tuple[int, int, tuple, float]]
) -> None:
    path = tmp_path_factory.mktemp("there") / name
    results = [
        Result(np.array(box), score, State.TRACKED, number, 0.0, frame)
        for frame, number, box, score in rows
    ]
    save(path, *results)
    back = tracks.read(path)
    assert back.frames.tolist() == [row[0] for row in rows]
    assert back.ids.tolist() == [row[1] for row in rows]
    assert np.abs(back.boxes - np.array([r[2] for r in rows]).reshape(-1, 4)).max(initial=0) < 1e-3
    assert np.abs(back.scores - [row[3] for row in rows]).max(initial=0) < 1e-3


def test_states_come_back_from_csv(tmp_path: Path) -> None:
    save(tmp_path / "a.csv", two(7), two(8, lost=True))
    states = tracks.read(tmp_path / "a.csv").states
    assert states.tolist() == [State.TRACKED, State.UNSURE, State.TRACKED, State.LOST]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "frame,x\n1,2\n", "first line"),
        ("a.csv", "", "first line"),
        ("a.csv", "frame,id,x,y,w,h,score,state\n1,0,1,2,3\n", "line 2"),
        ("a.csv", "frame,id,x,y,w,h,score,state\n1,0,1,2,3,4,1,GONE\n", "line 2"),
        ("a.mot.txt", "1,1,1,1,5,5,1,-1,-1,-1\n1,1,x,1,5,5,1,-1,-1,-1\n", "line 2"),
        ("a.mot.txt", "1,1\n", "line 1"),
        ("a.json", "{}", "only .csv and .mot.txt"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        tracks.read(tmp_path / name)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read tracks"):
        tracks.read(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["a", "a.xml", "csv", "a.csv.gz", ".mp4"])
def test_unknown_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="cannot save boxes"), tracks.write(tmp_path / name):
        pass


@pytest.mark.parametrize("name", ["A.CSV", "b.MOT.TXT", "c.Coco.Json"])
def test_names_in_capitals(tmp_path: Path, name: str) -> None:
    assert save(tmp_path / name, one(0))


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.txt", "a.mot.txt", "a.coco.json"])
def test_an_interrupt_keeps_what_was_done(tmp_path: Path, name: str) -> None:
    def interrupted() -> None:
        with tracks.write(tmp_path / name, FILM) as writer:
            writer.write(one(0))
            writer.write(one(1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / name).read_text() == save(tmp_path / ("b" + name), one(0), one(1))


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> None:
        with tracks.write(tmp_path / "a.csv") as writer:
            writer.write(one(0))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OutputError, match="cannot write"),
        tracks.write(tmp_path / "file" / "a.csv"),
    ):
        pass
