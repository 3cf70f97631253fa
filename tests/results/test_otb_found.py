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
