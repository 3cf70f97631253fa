"""Labels that `evaluate` takes are those under which `score` finds the results again."""

from __future__ import annotations

from pathlib import Path

import pytest

from pursuit.results.got10k_found import find as find_got10k
from pursuit.results.got10k_found import read_truth
from pursuit.results.labels import is_readable
from pursuit.results.otb_found import find
from pursuit.results.runs import Unused
from pursuit.results.vot_found import read_stored

ROWS = "10,20,30,40\n" * 3


def as_otb(folder: Path, label: str) -> set[str]:
    """Return the trackers that are found where one of this label has results."""
    (folder / label).mkdir(parents=True)
    (folder / label / "bus.txt").write_text(ROWS)
    return {one.tracker for one in find([folder], ["bus"], ["bus"], Unused())}


def as_got10k(folder: Path, label: str) -> set[str]:
    (folder / label / "bus").mkdir(parents=True)
    (folder / label / "bus" / "bus_001.txt").write_text(ROWS)
    truth = folder.with_name("truth")
    (truth / "bus").mkdir(parents=True)
    (truth / "bus" / "groundtruth.txt").write_text(ROWS)
    found = find_got10k([folder], read_truth(truth), Unused()).boxes
    return {tracker for tracker, runs in found.found.items() if runs}


def as_vot(folder: Path, label: str) -> set[str]:
    (folder / label / "baseline" / "bus").mkdir(parents=True)
    (folder / label / "baseline" / "bus" / "bus_001.txt").write_text("1\n" + ROWS)
    return {*read_stored([folder]).supervised.found}


@pytest.mark.parametrize(
    "label", ["siamfc-slim", "mine", "tre5x", "SiamFC+redetect", "valid", "a.b", "my tracker"]
)
def test_labels_that_are_taken_are_found_again(label: str, tmp_path: Path) -> None:
    assert is_readable(label, "bus")
    assert as_otb(tmp_path / "run", label) == {label}
    assert as_got10k(tmp_path / "got", label) == {label}
    assert as_vot(tmp_path / "vot", label) == {label}


@pytest.mark.parametrize(
    "label", ["att", "annotation", "tre", "SRE", "times", "OTB", "OTB100", "got10k", "results"]
)
def test_labels_that_are_refused_are_not_found_by_all(label: str, tmp_path: Path) -> None:
    assert not is_readable(label)
    assert as_otb(tmp_path / "run", label) != {label}


@pytest.mark.parametrize("label", ["baseline", "realtime", "longterm", "multistart"])
def test_experiments_of_vot_are_no_labels(label: str, tmp_path: Path) -> None:
    assert not is_readable(label)
    assert as_got10k(tmp_path / "got", label) != {label}


def test_a_sequence_is_no_label(tmp_path: Path) -> None:
    assert not is_readable("Bus", "bus") and not is_readable("Jogging-1", "jogging.1")
    assert is_readable("Bus", "Bus2")
    assert as_otb(tmp_path / "run", "Bus") == {"run"}
