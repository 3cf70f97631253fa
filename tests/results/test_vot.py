"""Results in VOT's format."""

from __future__ import annotations

import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest

from pursuit.errors import DataError
from pursuit.measures.vot import Code
from pursuit.results import vot
from pursuit.results.vot import Run
from pursuit.results.vot_found import read_stored

NAN = [np.nan] * 4


def test_what_is_written_is_read(tmp_path: Path) -> None:
    codes = [Code.SKIPPED, Code.STARTED, Code.FOLLOWED, Code.FAILED, Code.SKIPPED]
    boxes = np.array([NAN, NAN, [1.25, -2, 30.00004, 4], NAN, NAN])
    vot.write(tmp_path, "bolt", Run(np.array(codes), boxes))
    path = tmp_path / "bolt" / "bolt_001.txt"
    text = path.read_text(encoding="utf-8")
    assert text == "0\n1\n1.2500,-2.0000,30.0000,4.0000\n2\n0\n"
    found = vot.read(tmp_path, "bolt")
    assert found.codes.tolist() == codes
    np.testing.assert_allclose(found.boxes, boxes, atol=5e-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\n3\n", "bolt_001.txt:2: neither a code 0, 1, 2 nor a region: '3'"),
        ("1\n1,2,3\n", "bolt_001.txt:2"),
        ("1\n1,2,3,four\n", "'1,2,3,four'"),
        ("1\n1,2,3,4,5,6,7,8\n", "bolt_001.txt:2: a polygon"),
        ("1\n1,2,nan,4\n", "bolt_001.txt:2: a region must be of finite numbers"),
        ("1\n\n1,2,3,4\n", "bolt_001.txt:2: not numbers: ''"),
        ("1\n1,2,3,1e6\n", "is in no picture"),
    ],
)
def test_wrong_results(tmp_path: Path, text: str, message: str) -> None:
    path = vot.run_path(tmp_path, "bolt")
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        vot.read(tmp_path, "bolt")
    assert message in str(caught.value)


def test_no_result(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*bolt_001\.txt"):
        vot.read(tmp_path, "bolt")
    vot.run_path(tmp_path, "bolt").parent.mkdir()
    vot.run_path(tmp_path, "bolt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not a text file"):
        vot.read(tmp_path, "bolt")


def test_what_others_write_is_read() -> None:
    text = "1\r\n1,2,3,4\r\n1;2;3;2;3\t4\r\n2.0\r\nNaN,NaN,NaN,-0\r\nnan,nan,nan,-1\r\n\r\n"
    found = vot.parse(text.encode(), "x")
    assert found.codes.tolist() == [1, 3, 3, 2, 0, 1]
    assert found.regions.boxes[1].tolist() == [1, 2, 3, 4]
    assert found.regions.polygons[2].tolist() == [[1, 2], [3, 2], [3, 4]]
    assert found.regions.known.tolist() == [False, True, True, False, False, False]


def results_of(root: Path, tracker: str, *names: str, experiment: str = "baseline") -> Path:
    for name in names:
        path = root / tracker / experiment / name.rsplit("_", 1)[0] / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1\n1,2,3,4\n", encoding="utf-8")
    return root / tracker


def test_stored_results_of_folders_and_archives(tmp_path: Path) -> None:
    one = results_of(tmp_path / "a", "KCF", "bolt_002", "bolt_001", "ball_1_001")
    (one / "baseline" / "bolt" / "bolt_time.txt").write_text("0.1", encoding="utf-8")
    results_of(tmp_path / "a", "KCF", "bolt_001", experiment="region_noise")
    results_of(tmp_path / "b", "DSST", "bolt_001")
    packed = tmp_path / "packed.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(tmp_path / "b", "results")
    found = read_stored([one / "baseline", packed])
    assert {name: list(runs) for name, runs in found.supervised.found.items()} == {
        "KCF": ["ball_1", "bolt"],
        "DSST": ["bolt"],
    }
    places = [run.place.rsplit("/", 1)[1] for run in found.supervised.found["KCF"]["bolt"]]
    assert places == ["bolt_001.txt", "bolt_002.txt"]
    results_of(tmp_path / "a", "KCF", "bolt_001", experiment="realtime")
    found = read_stored([tmp_path / "a"])
    assert found.others == ("KCF/realtime",)
    assert list(found.noise.found["KCF"]) == ["bolt"]
    noise = read_stored([tmp_path / "a"], "region_noise")
    assert list(noise.supervised.found["KCF"]) == ["bolt"] and not noise.noise.found
    assert noise.others == ("KCF/baseline", "KCF/realtime")
    # The names above a folder count too, of a sequence's own as well.
    assert list(read_stored([one / "baseline" / "bolt"]).supervised.found["KCF"]) == ["bolt"]


def test_results_of_one_name_and_none(tmp_path: Path) -> None:
    results_of(tmp_path / "a", "KCF", "bolt_001", "car_001")
    results_of(tmp_path / "b", "KCF", "ball_001", "bolt_002")
    for paths in ([tmp_path / "a", tmp_path / "b"], [tmp_path]):
        found = read_stored(paths)
        assert set(found.supervised.found["KCF"]) == {"ball", "car"}
        (name,) = found.supervised.wrong["KCF"]
        assert name == "bolt" and "bolt_001.txt and " in found.supervised.wrong["KCF"]["bolt"]
        assert "bolt_002.txt: leave one out, or rename it" in found.supervised.wrong["KCF"]["bolt"]
    thrice = read_stored([tmp_path / "b"] * 3)
    assert not thrice.supervised.found["KCF"] and set(thrice.supervised.wrong["KCF"]) == {
        "ball",
        "bolt",
    }
    with tarfile.open(tmp_path / "b.tar", "w") as archive:
        archive.add(tmp_path / "b", "b")
        archive.add(tmp_path / "b" / "KCF" / "baseline" / "ball", "b/KCF/baseline/ball")
    twice = read_stored([tmp_path / "b.tar"])
    assert "ball_001.txt: this result is there twice" in twice.supervised.wrong["KCF"]["ball"]
    # Of bolt there is a second run, and no first.
    assert "run 001 is missing" in twice.supervised.wrong["KCF"]["bolt"]
    both = tmp_path / "d" / "KCF" / "BASELINE" / "bolt"
    results_of(tmp_path / "d", "KCF", "bolt_001", experiment="BASELINE")
    packed = struct.pack("<hIBIBffff", 1, 2, 0, 1, 1, 1, 2, 3, 4)
    (both / "bolt_001.bin").write_bytes(packed)
    forms = read_stored([tmp_path / "d"]).supervised
    assert "bolt_001.txt: this result is there twice" in forms.wrong["KCF"]["bolt"]
    (both / "bolt_001.bin").rename(both / "bolt_002.bin")
    (runs,) = read_stored([tmp_path / "d"]).supervised.found["KCF"].values()
    assert [run.codes.tolist() for run in runs] == [[1, 3], [1, 3]]
    (tmp_path / "c").mkdir()
    with pytest.raises(DataError, match="holds no result TRACKER/baseline"):
        read_stored([tmp_path / "c"])


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "name",
    ["KCF/baseline/bolt_001.txt", "KCF/baseline/bolt/bolt.txt", "KCF/Baseline/bolt/bolt_001.csv"],
)
def test_other_layouts_of_an_experiment(tmp_path: Path, name: str) -> None:
    write(tmp_path, name, "1\n1,2,3,4\n")
    found = read_stored([tmp_path])
    (run,) = found.supervised.found["KCF"]["bolt"]
    assert run.regions.boxes[1].tolist() == [1, 2, 3, 4] and not found.notes


def test_results_outside_the_folder_of_an_experiment(tmp_path: Path) -> None:
    write(tmp_path, "VOT2018/KCF/bolt/bolt_001.txt", "1\n1,2,3,4\n2\n0\n")
    write(tmp_path, "VOT2018/KCF/ball/ball_001.txt", "1\n1,2,3,4\n")
    write(tmp_path, "VOT2018/MIL/bolt/bolt_001.txt", "1\n1,2,3,4\n5,2,3,4\n")
    found = read_stored([tmp_path])
    assert set(found.supervised.found["KCF"]) == {"bolt", "ball"}
    assert list(found.unsupervised.found) == ["MIL"] and list(found.supervised.found) == ["KCF"]
    kcf, mil = found.notes
    assert kcf.startswith("KCF lies in no folder of an experiment: taken as baseline, for some")
    assert "MIL lies" in mil and "taken as unsupervised, for no row after the first" in mil
    with tarfile.open(tmp_path / "CSR.tar", "w") as archive:
        archive.add(tmp_path / "VOT2018" / "KCF" / "bolt", "bolt")
    assert list(read_stored([tmp_path / "CSR.tar"]).supervised.found) == ["CSR"]
    # Beside folders of experiments, they are another benchmark's.
    write(tmp_path, "VOT2018/KCF/baseline/bolt/bolt_001.txt", "1\n1,2,3,4\n")
    found = read_stored([tmp_path / "VOT2018"])
    assert list(found.supervised.found["KCF"]) == ["bolt"] and not found.unsupervised.found
    assert found.others == ("VOT2018/KCF", "VOT2018/MIL")


def test_files_that_are_not_read_are_told(tmp_path: Path) -> None:
    write(tmp_path, "KCF/baseline/bolt/bolt_001.npy", "")
    write(tmp_path, "KCF/baseline/bolt/bolt_001_time.value", "")
    with pytest.raises(DataError, match=r"met 1 \.npy, 1 \.value; not used, of a kind .*\.npy"):
        read_stored([tmp_path])
    write(tmp_path, "KCF/baseline/ball/ball_001.txt", "1\n")
    (line,) = read_stored([tmp_path]).notes
    assert line.startswith("not used, of a kind that is not read (.npy): 1 file: ")


@pytest.mark.parametrize("name", ["bolt.txt", "bolt/MIL_bolt_001.txt", "bolt/bolt_1.csv"])
def test_an_experiment_without_a_run_is_told(tmp_path: Path, name: str) -> None:
    write(tmp_path, "KCF/baseline/bolt/bolt_001.txt", "1\n1,2,3,4\n")
    write(tmp_path, "KCF/baseline/bolt/bolt_time.txt", "0.1\n0.1\n")  # beside a run: no word of it
    write(tmp_path, f"MIL/baseline/{name}", "1\n1,2,3,4\n")
    found = read_stored([tmp_path])
    assert list(found.supervised.found) == ["KCF"]
    (line,) = found.notes
    assert line.startswith("not used, not called as results are: 1 file: ")
    assert line.endswith(f"MIL/baseline/{name}")


@pytest.mark.parametrize(
    ("codes", "row"),
    [
        ("1333200001333", 0),
        ("0013320", 0),
        ("1332", 0),
        ("13323", 5),  # goes on after a failure
        ("13303", 4),  # skipped without a failure
        ("13313", 4),  # started twice
        ("3331", 1),
        ("133221", 5),
    ],
)
def test_rows_that_cannot_come_after_those_before(codes: str, row: int) -> None:
    text = "".join(("1,2,3,4" if code == "3" else code) + "\n" for code in codes)
    assert vot.odd_row(vot.parse(text.encode(), "x")) == row
