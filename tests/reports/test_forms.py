"""Results in every form that `pursuit score` reads are found for a page, with the same numbers."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from pages import LENGTHS, TRUTH

from pursuit.errors import DataError
from pursuit.measures.otb import RULES
from pursuit.measures.vot_rules import Rules
from pursuit.reports import stored_got10k, stored_otb, stored_vot
from pursuit.reports.gathered import Gathered, gather
from pursuit.reports.vot import truth_of
from pursuit.results import got10k_found, otb_found, otb_labels
from pursuit.results.runs import Unused
from pursuit.results.vot_found import read_stored

pytest.importorskip("matplotlib")

SHIFTS = {"KCF": 2.0, "MIL": 6.0}


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labels as OTB, VOT and GOT-10k have them."""
    root = tmp_path_factory.mktemp("truth")
    for name, length in LENGTHS.items():
        (root / name).mkdir()
        (root / name / "groundtruth_rect.txt").write_text("21,17,24,20\n" * length)
        (root / name / "groundtruth.txt").write_text("20,16,24,20\n" * length)
        (root / name / "sequence").write_text("width=96\nheight=64\n")
        (root / name / "meta_info.ini").write_text("resolution: (96, 64)\n")
    return root


def boxes(tracker: str, name: str, first: float) -> list[list[float]]:
    """Boxes off by as much as the tracker is, but the first; counted from `first`."""
    x, y, w, h = TRUTH
    rows = [[x + first, y + first, w, h]] * LENGTHS[name]
    return [rows[0], *([x + first + SHIFTS[tracker], y + first, w, h] for _ in rows[1:])]


def text(rows: list[list[float]], head: str = "", end: str = "") -> bytes:
    lines = [",".join(f"{value:g}" for value in row) + end for row in rows]
    return "\n".join([*([head] if head else []), *lines, ""]).encode()


def corners(rows: list[list[float]]) -> list[list[float]]:
    return [[x, y, x + w, y, x + w, y + h, x, y + h] for x, y, w, h in rows]


def mat(**variables: object) -> bytes:
    savemat = pytest.importorskip("scipy.io").savemat
    file = io.BytesIO()
    savemat(file, variables)
    return file.getvalue()


def cell(rows: list[list[float]], runs: int = 1) -> bytes:
    cells = np.empty((1, runs), dtype=object)
    for at in range(runs):
        cells[0, at] = {"res": np.array(rows), "type": "rect", "len": len(rows)}
    return mat(results=cells)


def coded(rows: list[list[float]]) -> bytes:
    """VOT's rows: a start, a failure in frame 12 and what follows it."""
    lines = text(rows).decode().splitlines()
    lines[0], lines[11], lines[12:16], lines[16] = "1", "2", ["0"] * 4, "1"
    return "\n".join([*lines, ""]).encode()


def packed(rows: list[list[float]]) -> bytes:
    """The same as the Python toolkit packs it."""
    found = struct.pack("<hI", 1, len(rows))
    for line in coded(rows).decode().split():
        row = [float(value) for value in line.split(",")]
        found += (
            struct.pack("<BI", 0, int(row[0])) if len(row) == 1 else struct.pack("<B4f", 1, *row)
        )
    return found


def write(root: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def each(
    root: Path, name: str, first: float, make: Callable[[list[list[float]]], bytes], start: str = ""
) -> Path:
    """Write a file for each tracker and sequence; {T} and {S} in the name stand for them."""
    files = {
        name.format(T=tracker, S=sequence): make(boxes(tracker, sequence, first))
        for tracker in SHIFTS
        for sequence in LENGTHS
    }
    return write(root / start if start else root, files)


def by_score(kind: str, path: Path, truth: Path) -> dict[str, float]:
    """What `pursuit score` makes of it."""
    unused = Unused()
    if kind == "otb":
        known = otb_labels.read_truth(truth)
        found = otb_found.find([path], known, known, unused)
        trackers, _ = stored_otb.judge(found, known, RULES["matlab"])
        return {one.label: one.ope.auc for one in trackers}
    if kind == "vot":
        scores = stored_vot.scores(Rules.MATLAB, read_stored([path]), truth_of(truth))
        return {one.label: one.total.accuracy for one in scores.trackers}
    labels = got10k_found.read_truth(truth)
    each, _ = stored_got10k.judge(got10k_found.find([path], labels, unused), labels)
    return {one.label: one.figures.ao for one in each}


def on_page(found: Gathered) -> dict[str, dict[str, float]]:
    kinds: dict[str, dict[str, float]] = {}
    if found.otb:
        kinds["otb"] = {one.label: one.ope.auc for one in found.otb.trackers}
    if found.vot:
        kinds["vot"] = {one.label: one.score.total.accuracy for one in found.vot.trackers}
    if found.got10k:
        kinds["got10k"] = {one.label: one.figures.ao for one in found.got10k.trackers}
    return kinds


OTB = {
    "{T}/{S}.txt": text,
    "{T}/{S}.csv": lambda rows: text(rows, head="x,y,w,h"),
    "{T}/{S}.TXT": lambda rows: text(rows, head="# mine"),
    "{T}/OPE/{S}.txt": text,
    "OTB100/{T}/{S}.txt": lambda rows: text(rows, end=",0.5"),
    "{T}/{S}_bbox.txt": lambda rows: text(corners(rows)),
    "{T}/{S}_001.txt": text,
    "{T}/{S}/{S}.txt": text,
    "{S}_{T}.txt": text,
    "{T}_{S}.txt": text,
    "{S}/{T}.txt": text,
    "{S}_{T}.mat": cell,
    "x/{S}_{T}.mat": lambda rows: mat(anything=np.array(rows)),
    "{T}/{S}.mat": lambda rows: mat(rects=np.array(rows)),
    "{T}/{S}.json": lambda rows: json.dumps([{"res": rows, "resType": "rect"}]).encode(),
}
VOT = {
    "{T}/baseline/{S}/{S}_001.txt": coded,
    "{T}/baseline/{S}_001.txt": coded,
    "{T}/baseline/{S}/{S}.txt": coded,
    "{T}/Baseline/{S}/{S}_001.csv": coded,
    "{T}/baseline/{S}/{S}_001.bin": packed,
    "VOT2018/{T}/{S}/{S}_001.txt": coded,
    "{T}/{S}/{S}_001.csv": coded,
    "{T}/{S}/{S}_001.bin": packed,
}
GOT10K = {
    "{T}/{S}/{S}_001.txt": text,
    "{T}/{S}/{S}_001.csv": lambda rows: text(rows, head="x,y,w,h"),
    "{T}/{S}/{S}_001.TXT": lambda rows: text(corners(rows)),
    "{T}/GOT-10k/{S}/{S}_001.txt": lambda rows: text(rows, end=",0.5"),
    "GOT-10k/val/{T}/{S}/{S}_001.txt": text,
    "GOT-10k/{T}/{S}.txt": text,
    "{T}/got10k_val/{S}.txt": text,
}
FORMS = [
    *(("otb", name, 1.0, make) for name, make in OTB.items()),
    *(("vot", name, 0.0, make) for name, make in VOT.items()),
    *(("got10k", name, 0.0, make) for name, make in GOT10K.items()),
]
# By hand: overlaps of boxes 2 and 6 of 24 px off.
OVERLAP = {"KCF": 22 / 26, "MIL": 18 / 30}


def expected(kind: str) -> dict[str, float]:
    if kind == "otb":
        passed = {one: int(overlap * 20) + 1 for one, overlap in OVERLAP.items()}
        passed["MIL"] -= 1  # 0.6 is not above 0.6
        return {
            one: float(np.mean([(20 + count * (n - 1)) / n / 21 for n in LENGTHS.values()]))
            for one, count in passed.items()
        }
    return OVERLAP


@pytest.mark.parametrize(("kind", "name", "first", "make"), FORMS, ids=[x[1] for x in FORMS])
def test_one_file_a_sequence(
    kind: str,
    name: str,
    first: float,
    make: Callable[[list[list[float]]], bytes],
    truth: Path,
    tmp_path: Path,
) -> None:
    root = each(tmp_path / "results", name, first, make)
    found = gather([root], truth, None)
    assert not found.wrong
    assert on_page(found) == {kind: pytest.approx(by_score(kind, root, truth), rel=1e-12)}
    assert on_page(found) == {kind: pytest.approx(expected(kind))}
    folder = "{T}" in name.split("/")
    assert set(found.folders) == (set(SHIFTS) if folder else set())
    assert all(path.name == label for label, path in found.folders.items())
    # The same in an archive.
    with zipfile.ZipFile(tmp_path / "results.zip", "w") as archive:
        for path in sorted(root.rglob("*.*")):
            archive.write(path, path.relative_to(tmp_path / "results").as_posix())
    again = gather([tmp_path / "results.zip"], truth, None)
    assert on_page(again) == on_page(found) and not again.folders


def test_one_file_of_a_tracker_or_of_all(truth: Path, tmp_path: Path) -> None:
    rows = {one: {name: boxes(one, name, 1.0) for name in LENGTHS} for one in SHIFTS}
    files = {f"{one}.json": json.dumps(each).encode() for one, each in rows.items()}
    first = write(tmp_path / "a", files)
    second = write(tmp_path / "b", {"all.json": json.dumps({"OPE": rows}).encode()}) / "all.json"
    for path in (first, second):
        found = gather([path], truth, None)
        assert not found.wrong and not found.notes
        assert on_page(found) == {"otb": pytest.approx(expected("otb"))}


def test_several_runs_in_one_file(truth: Path, tmp_path: Path) -> None:
    each(tmp_path, "{S}_{T}.mat", 1.0, lambda rows: cell(rows, runs=12))
    found = gather([tmp_path], truth, None)
    assert found.otb is not None and not found.wrong
    aucs = {one.label: one.kinds["sre"].auc for one in found.otb.trackers}
    assert aucs == pytest.approx(expected("otb"))


@pytest.mark.parametrize(
    ("kind", "name", "make", "named"),
    [
        ("otb", "{T}/{S}.txt", text, "KCF"),
        ("otb", "baseline/{T}/{S}.txt", text, "baseline"),
        ("vot", "{T}/baseline/{S}/{S}_001.txt", coded, "KCF"),
        ("vot", "{T}/baseline/{S}/{S}_001.txt", coded, "KCF/baseline"),
        ("vot", "{T}/{S}/{S}_001.txt", coded, "KCF"),
        ("got10k", "{T}/{S}/{S}_001.txt", text, "KCF"),
        ("got10k", "times/{T}/{S}/{S}_001.txt", text, "times"),
    ],
)
def test_any_folder_on_the_way_may_be_named(
    kind: str,
    name: str,
    make: Callable[[list[list[float]]], bytes],
    named: str,
    truth: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    each(tmp_path, name, float(kind == "otb"), make)
    found = gather([tmp_path / named], truth, None)
    labels = ["KCF"] if named.startswith("KCF") else ["KCF", "MIL"]
    assert not found.wrong
    assert on_page(found) == {kind: {one: pytest.approx(expected(kind)[one]) for one in labels}}
    assert found.folders["KCF"].name == "KCF"
    # As where one stands.
    monkeypatch.chdir(tmp_path / named)
    here = gather([Path()], truth, None)
    assert on_page(here) == on_page(found) and here.folders == found.folders


def test_all_kinds_in_one_place_are_each_of_one_kind(truth: Path, tmp_path: Path) -> None:
    each(tmp_path, "{T}/{S}.txt", 1.0, text)
    each(tmp_path, "{T}/{S}/{S}_001.txt", 0.0, text)
    each(tmp_path, "{T}/baseline/{S}_001.txt", 0.0, coded)
    found = gather([tmp_path], truth, None)
    assert not found.wrong and not found.notes
    assert on_page(found) == {
        kind: pytest.approx(expected(kind)) for kind in ("otb", "vot", "got10k")
    }
    # Without folders of experiments a tracker's codes tell.
    other = tmp_path / "other"
    write(other, {f"VOT/{x}/{x}_001.txt": coded(boxes("KCF", x, 0.0)) for x in LENGTHS})
    write(other, {f"mine/{x}/{x}_001.txt": text(boxes("MIL", x, 0.0)) for x in LENGTHS})
    found = gather([other], truth, None)
    assert not found.wrong
    assert on_page(found) == {
        "vot": {"other": pytest.approx(OVERLAP["KCF"])},
        "got10k": {"mine": pytest.approx(OVERLAP["MIL"])},
    }


def test_sequences_are_found_however_they_are_written(truth: Path, tmp_path: Path) -> None:
    for kind, name, make in (
        ("otb", "otb/{T}/{S}.txt", text),
        ("vot", "vot/{T}/baseline/{S}/{S}_001.txt", coded),
        ("got10k", "got/{T}/{S}/{S}_001.txt", text),
    ):
        for tracker in SHIFTS:
            for sequence in LENGTHS:
                content = make(boxes(tracker, sequence, float(kind == "otb")))
                write(tmp_path, {name.format(T=tracker, S=sequence.upper()): content})
        found = gather([tmp_path / name[:3]], truth, None)
        assert not found.wrong
        assert on_page(found) == {kind: pytest.approx(expected(kind))}


def test_times_in_a_folder_of_their_own(truth: Path, tmp_path: Path) -> None:
    each(tmp_path, "{T}/{S}/{S}_001.txt", 0.0, text)
    each(tmp_path, "{T}/times/{S}_time.txt", 0.0, lambda rows: b"0.02\n" * len(rows))
    found = gather([tmp_path], truth, None)
    assert found.got10k is not None and not found.notes
    assert [one.fps for one in found.got10k.trackers] == pytest.approx([50, 50])


def test_stray_files_beside_results_are_named_and_no_more(truth: Path, tmp_path: Path) -> None:
    each(tmp_path, "{T}/baseline/{S}/{S}_001.txt", 0.0, coded)
    write(tmp_path, {"KCF/curves.mat": mat(a=1), "notes.txt": b"no boxes\n"})
    found = gather([tmp_path], truth, None)
    assert not found.wrong
    assert on_page(found) == {"vot": pytest.approx(OVERLAP)}
    (line,) = found.notes
    assert line.startswith("not used, of no sequence with labels: 2 files: ")
    assert "curves.mat" in line and "notes.txt" in line
    other = write(tmp_path / "GOT-10k", {"notes.txt": b"no boxes\n", "plot.txt": b""})
    assert not gather([tmp_path], truth, None).wrong
    for path in other.iterdir():
        path.unlink()
    # Called as a result, and none.
    write(tmp_path, {"KCF/curves.mat": b"", "KCF/first.mat": mat(a=1)})
    (tmp_path / "notes.txt").unlink()
    found = gather([tmp_path], truth, None)
    assert not found.wrong and list(on_page(found)) == ["vot"]
    assert [line.split(": ")[0] for line in found.notes] == [
        "not used, of no sequence with labels",
        "not used, called as results, but nothing that can be read",
    ]
    assert found.notes[1].endswith("first.mat")
    # Beside a result of its kind, it is a wrong one.
    write(tmp_path, {"MIL/first.txt": text(boxes("MIL", "first", 1.0))})
    found = gather([tmp_path], truth, None)
    assert list(on_page(found)) == ["otb", "vot"]
    assert any(line.startswith("KCF on first: ") and "first.mat" in line for line in found.wrong)


def test_experiments_that_are_not_on_a_page_are_named(truth: Path, tmp_path: Path) -> None:
    each(tmp_path, "{T}/unsupervised/{S}/{S}_001.txt", 0.0, text)
    each(tmp_path, "{T}/longterm/{S}/{S}_001.txt", 0.0, text)
    with pytest.raises(DataError, match="nothing that a report shows; not scored: KCF/longterm"):
        gather([tmp_path], truth, None)
    each(tmp_path, "{T}/{S}.txt", 1.0, text)
    found = gather([tmp_path], truth, None)
    assert not found.wrong and list(on_page(found)) == ["otb"]
    assert found.notes == [
        f"not scored: {tracker}/{name}: only the baseline is"
        for tracker in SHIFTS
        for name in ("longterm", "unsupervised")
    ]


def test_results_spread_over_places_are_one_trackers(truth: Path, tmp_path: Path) -> None:
    for kind, name, make in (
        ("otb", "{T}/{S}.txt", text),
        ("vot", "{T}/{S}/{S}_001.txt", coded),
        ("got10k", "{T}/{S}/{S}_001.csv", text),
    ):
        rows = {x: make(boxes("KCF", x, float(kind == "otb"))) for x in LENGTHS}
        places = [
            write(tmp_path / kind / at, {name.format(T="KCF", S=x): rows[x] for x in names})
            for at, names in (("a", ["first"]), ("b", ["second", "third"]))
        ]
        found = gather(places, truth, None)
        assert not found.wrong
        assert on_page(found) == {kind: {"KCF": pytest.approx(expected(kind)["KCF"])}}
        write(places[1], {name.format(T="KCF", S="first"): rows["first"]})
        assert set(on_page(gather(places, truth, None))[kind]) == {"KCF (a)", "KCF (b)"}
