"""Which files are results of which tracker on which sequence, and where the labels are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pursuit.errors import DataError
from pursuit.results.otb_found import find
from pursuit.results.otb_labels import read_truth
from pursuit.results.runs import Unused

KNOWN = {"basketball", "jogging-1", "car2", "car24", "human4-2"}


def write(root: Path, *names: str, text: str = "1,2,3,4\n") -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def found(path: Path, known: set[str] = KNOWN) -> dict[str, tuple[str, str]]:
    return {
        Path(one.place).name: (one.tracker, one.sequence)
        for one in find([path], known, known, Unused())
    }


def test_names_tell_tracker_and_sequence(tmp_path: Path) -> None:
    root = write(
        tmp_path / "OPE",
        *("basketball_KCF_GaussHog.txt", "Jogging_1_siamfc3s.txt", "car24_CSK.txt"),
        *("Human4_ASLA.txt", "kcf/Car2.txt", "Basketball.txt"),
    )
    assert found(root) == {
        "basketball_KCF_GaussHog.txt": ("KCF_GaussHog", "basketball"),
        "Jogging_1_siamfc3s.txt": ("siamfc3s", "jogging-1"),
        "car24_CSK.txt": ("CSK", "car24"),
        "Human4_ASLA.txt": ("ASLA", "human4-2"),
        "Car2.txt": ("kcf", "car2"),
        "Basketball.txt": ("OPE", "basketball"),
    }


def test_numbers_and_kinds_after_a_sequence_are_no_trackers(tmp_path: Path) -> None:
    names = ["KCF/Car2_001.txt", "MIL/Car24_bbox.txt", "x/Jogging_1_2010.txt"]
    assert found(write(tmp_path, *names)) == {
        "Car2_001.txt": ("KCF", "car2"),
        "Car24_bbox.txt": ("MIL", "car24"),
        "Jogging_1_2010.txt": ("2010", "jogging-1"),
    }


def test_folders_of_protocols_are_no_trackers(tmp_path: Path) -> None:
    root = write(
        tmp_path / "all",
        *("kcf/OPE/Basketball.txt", "mosse/results_OPE_CVPR13/Car2.TXT", "OTB-100/csk/Car24.json"),
        *("csrt/Jogging_1/Jogging_1_001.txt", "results_TRE/basketball_MIL.mat"),
        *("csrt/car2/Car2.txt", "csrt/scores.json", "csrt/Human42.txt", "tb50/tld/car2.txt"),
    )
    assert found(root) == {
        "Basketball.txt": ("kcf", "basketball"),
        "Car2.TXT": ("mosse", "car2"),
        "Car24.json": ("csk", "car24"),
        "Jogging_1_001.txt": ("csrt", "jogging-1"),
        "basketball_MIL.mat": ("MIL", "basketball"),
        "Car2.txt": ("csrt", "car2"),
        "Human42.txt": ("csrt", "human4-2"),
        "car2.txt": ("tld", "car2"),
    }


def test_runs_of_other_protocols_beside_are_no_results(tmp_path: Path) -> None:
    root = write(
        tmp_path / "results",
        *("kcf/Car2.txt", "kcf/car2/car2_001.txt", "kcf/baseline/car2/car2_001.txt"),
        *("mosse/unsupervised/car2/car2_001.txt", "mosse/region_noise/car2/car2_002.txt"),
    )
    assert found(root) == {"Car2.txt": ("kcf", "car2")}


def test_times_labels_and_others_are_no_results(tmp_path: Path) -> None:
    root = write(
        tmp_path / "all",
        *("kcf/times/Basketball_time.txt", "kcf/Basketball.times.txt"),
        *("kcf/Basketball_fps.txt", "kcf/Basketball-scores.txt", "kcf/table.csv"),
        *("anno_TB100/Basketball.txt", "anno_TB100/att/Basketball.txt"),
        *("initOmit/Basketball.txt", "Basketball/groundtruth_rect.txt"),
        *("kcf/notes.txt", "kcf/Bolt.txt"),
    )
    unused = Unused()
    assert list(find([root], KNOWN, KNOWN, unused)) == []
    assert sorted(unused.names) == ["all/kcf/Bolt.txt", "all/kcf/notes.txt"]
    (line,) = unused.lines()
    assert "no sequence with labels: 2 files: " in line and "Bolt.txt" in line


def test_a_folder_that_was_named_may_be_called_anything(tmp_path: Path) -> None:
    root = write(tmp_path / "times", "kcf/Basketball.csv", "kcf/times/Car2.txt")
    assert found(root) == {"Basketball.csv": ("kcf", "basketball")}


def test_what_is_not_wanted_is_neither_read_nor_told(tmp_path: Path) -> None:
    root = write(tmp_path / "all", "kcf/Basketball.txt", "kcf/Car2.txt", text="rubbish")
    unused = Unused()
    (one,) = find([root], KNOWN, {"car2"}, unused)
    assert one.sequence == "car2"
    assert "Car2.txt:1: not 4 numbers: 'rubbish'" in one.wrong
    assert not unused.names and not unused.lines()


def test_labels_beside_results_and_on_their_own(tmp_path: Path) -> None:
    text = "11\t21\t30\t40\r\n12,22,30,40\r\n"
    flat = write(tmp_path / "flat", "anno_X/jogging.1.txt", "anno_X/Own.txt", text=text)
    write(flat, "kcf/Own.txt", "anno_X/att/Own.txt")
    truths = read_truth(flat)
    assert {at: one.name for at, one in truths.items()} == {"jogging-1": "Jogging-1", "own": "Own"}
    assert truths["own"].boxes.tolist() == [[10, 20, 30, 40], [11, 21, 30, 40]]
    assert truths["own"].entry is None and truths["jogging-1"].entry is not None

    nested = write(tmp_path / "otb", "Human4/groundtruth_rect.1.txt", text="")
    write(nested, "Human4/groundtruth_rect.2.txt", "Car2/groundtruth_rect.txt")
    write(nested, "Car2/att.txt", text="x")
    assert sorted(read_truth(nested)) == ["car2", "human4-2"]


def test_labels_as_vot_and_got10k_have_them_count_from_0(tmp_path: Path) -> None:
    root = write(tmp_path / "got", "a/groundtruth.txt", text="1,2,3,4\n2,2,3,4\n")
    write(root, "b/groundtruth.txt", text="1,2,5,2,5,8,1,8\n")
    truths = read_truth(root)
    assert truths["a"].boxes.tolist() == [[1, 2, 3, 4], [2, 2, 3, 4]]
    assert truths["b"].boxes.tolist() == [[1, 2, 4, 6]]


def test_labels_of_pysots_file_count_from_1(tmp_path: Path) -> None:
    file = tmp_path / "OTB100.json"
    rows = {"img_names": ["a.jpg", "b.jpg"], "gt_rect": [[11, 21, 30, 40], [12, 22, 30, 40]]}
    file.write_text(json.dumps({"Jogging-1": rows}), encoding="utf-8")
    (truth,) = read_truth(file).values()
    assert truth.name == "Jogging-1" and truth.entry is not None
    assert truth.boxes.tolist() == [[10, 20, 30, 40], [11, 21, 30, 40]]


@pytest.mark.parametrize(
    ("names", "text", "message"),
    [
        ((), "", "no labels"),
        (("a/Car2.txt", "b/Car2.txt"), "1,2,3,4", "boxes in 2 folders"),
        (("a/Jogging.1.txt", "a/Jogging-1.txt"), "1,2,3,4", "Jogging-1 has labels twice"),
        (("a/Car2.txt",), "1,2,3", r"Car2.txt:1: not 4 numbers"),
    ],
)
def test_labels_that_are_wrong(
    tmp_path: Path, names: tuple[str, ...], text: str, message: str
) -> None:
    root = write(tmp_path / "root", "README.md", *names, text=text)
    with pytest.raises(DataError, match=message):
        read_truth(root)


def test_labels_of_our_layout(tmp_path: Path, write_labelled_video) -> None:  # type: ignore[no-untyped-def]
    write_labelled_video(tmp_path, "clip", [(1, 0, 10, 20, 30, 40)], frames=3)
    truth = read_truth(tmp_path)["clip"]
    assert truth.boxes[1].tolist() == [10, 20, 30, 40]
    assert len(truth.boxes) == 3


def test_labels_without_a_row_are_told(tmp_path: Path) -> None:
    root = write(tmp_path / "labels", "Basketball.txt")
    write(root, "Human4.txt", text="\n")
    unused = Unused()
    assert list(read_truth(root, unused)) == ["basketball"]
    (line,) = unused.lines()
    assert line.startswith("not used, without a label: 1 file: ") and line.endswith("Human4.txt")


def told(path: Path, known: set[str] = KNOWN) -> tuple[list[tuple[str, str]], list[str]]:
    unused = Unused()
    ones = list(find([path], known, known, unused))
    return sorted((one.tracker, one.sequence) for one in ones), unused.lines()


def test_files_of_kinds_that_are_not_read_are_told(tmp_path: Path) -> None:
    root = write(tmp_path / "all", "kcf/Basketball.txt", "mosse/Basketball.npy", "mosse/Car2.pkl")
    write(root, "kcf/Car2.png", "mosse/notes.npy", "tld.zip", "csk/Basketball.tar.gz")
    ones, lines = told(root)
    assert ones == [("kcf", "basketball")]
    assert lines == [
        "not used, of a kind that is not read (.npy, .pkl): 2 files: "
        "all/mosse/Basketball.npy, all/mosse/Car2.pkl",
        "not used, an archive inside a folder, to be named itself: 2 files: "
        "all/tld.zip, all/csk/Basketball.tar.gz",
    ]


def test_a_folder_for_each_sequence(tmp_path: Path) -> None:
    root = write(tmp_path / "all", "Car2/KCF.txt", "Car2/MIL.txt", "Basketball/KCF.txt")
    write(root, "Car2/attrs.txt", text="IV, SV")
    write(root, "Car2/groundtruth.txt")
    ones, lines = told(root)
    assert ones == [("KCF", "basketball"), ("KCF", "car2"), ("MIL", "car2")]
    assert len(lines) == 1 and "2 files: all/Car2/attrs.txt, all/Car2/groundtruth.txt" in lines[0]
    other = write(tmp_path / "b" / "mine", "Car2/boxes.txt", "Basketball/boxes.txt")
    assert told(other)[0] == [("mine", "basketball"), ("mine", "car2")]
    # Beside usual results, such files are no tracker's.
    write(root, "mosse/Car2.txt")
    ones, lines = told(root)
    assert ones == [("mosse", "car2")]
    assert "of no sequence with labels: 2 files" in lines[0]
    assert "not called as results are: 3 files" in lines[1]


def test_names_that_begin_with_the_tracker(tmp_path: Path) -> None:
    root = write(tmp_path / "all", "kcf_hog_Jogging.1.txt", "kcf_hog_car2.txt", "x/OPE_Car24.txt")
    ones, lines = told(root)
    assert ones == [("kcf_hog", "car2"), ("kcf_hog", "jogging-1"), ("x", "car24")]
    assert not lines


def test_one_json_file_of_a_tracker_or_of_several(tmp_path: Path) -> None:
    boxes = [[11, 21, 30, 40], [12, 21, 30, 40]]
    (tmp_path / "KCF.json").write_text(
        json.dumps({"Car2": boxes, "Jogging.1": boxes, "Own": boxes})
    )
    (tmp_path / "scores.json").write_text(json.dumps({"KCF": {"auc": 0.5, "success": [1, 0]}}))
    unused = Unused()
    ones = list(find([tmp_path], KNOWN, KNOWN, unused))
    assert [(one.tracker, one.sequence) for one in ones] == [("KCF", "car2"), ("KCF", "jogging-1")]
    assert ones[0].runs[0].boxes.tolist() == [[10, 20, 30, 40], [11, 20, 30, 40]]
    assert unused.names == [f"{tmp_path / 'KCF.json'}: Own"]
    several = tmp_path / "b" / "all.json"
    several.parent.mkdir()
    several.write_text(json.dumps({"KCF": {"Car2": boxes}, "MIL": {"Car2": [[1, 2, 3]]}}))
    kcf, mil = find([several], KNOWN, KNOWN, unused)
    assert (kcf.tracker, len(kcf.runs[0].boxes)) == ("KCF", 2)
    assert mil.tracker == "MIL" and "3 numbers in a row of boxes" in mil.wrong
    deep = {"OTB100": {"KCF": {"Car2": boxes}}, "MIL": {"OPE": {"Car2": boxes}}}
    several.write_text(json.dumps(deep))
    assert [one.tracker for one in find([several], KNOWN, KNOWN, unused)] == ["KCF", "MIL"]


def test_one_file_is_as_its_folder(tmp_path: Path) -> None:
    root = write(tmp_path / "kcf", "Car2.txt", "Basketball_MIL.csv", "Car24.txt")
    assert told(root / "Car2.txt")[0] == [("kcf", "car2")]
    assert told(root / "Basketball_MIL.csv")[0] == [("MIL", "basketball")]


def test_a_folder_that_pursuit_wrote_is_a_trackers_whatever_it_is_called(tmp_path: Path) -> None:
    names = ("att", "times", "annotated", "tre", "OTB")
    root = write(tmp_path / "out", *(f"{name}/Car2.txt" for name in names))
    assert told(root)[0] == [("out", "car2")] * 2
    write(root, *(f"{name}/tracker.json" for name in names), text="{}")
    assert told(root)[0] == sorted((name, "car2") for name in names)


def test_an_empty_label_file_is_wrong_but_of_a_second_target(tmp_path: Path) -> None:
    root = write(tmp_path / "a", "Deer/groundtruth_rect.txt", text="")
    write(root, "Car2/groundtruth_rect.txt")
    with pytest.raises(DataError, match=r"Deer.groundtruth_rect.txt: no label in it"):
        read_truth(root)
    root = write(tmp_path / "b", "Pair/groundtruth_rect.2.txt", text="")
    write(root, "Pair/groundtruth_rect.1.txt")
    unused = Unused()
    assert list(read_truth(root, unused)) == ["pair-1"]
    assert len(unused.empty) == 1


def test_labels_that_are_polygons_count_from_1(tmp_path: Path) -> None:
    root = write(tmp_path / "a", "Car2/groundtruth_rect.txt", text="2,3,6,3,6,9,2,9\n")
    assert read_truth(root)["car2"].boxes.tolist() == [[1, 2, 4, 6]]
