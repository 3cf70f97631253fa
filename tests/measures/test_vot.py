"""VOT's measures, against what its toolkits computed of other people's runs."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from pursuit.errors import DataError
from pursuit.measures import vot
from pursuit.measures.vot import Code
from pursuit.results import vot as results

# Frames of VOT2014's sequences and failures of GOTURN's authors on them, where there are any.
VOT2014_FRAMES = 10_213
FAILURES = {
    "basketball": 2,
    "bolt": 4,
    "fernando": 2,
    "fish1": 3,
    "fish2": 2,
    "hand1": 5,
    "hand2": 11,
    "jogging": 1,
    "motocross": 1,
    "torus": 3,
    "tunnel": 1,
    "woman": 1,
}


@pytest.fixture(scope="module")
def published(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of GOTURN's authors on VOT2014 and of others on VOT2018, one repetition each."""
    folder = tmp_path_factory.mktemp("vot")
    # Written one by one: the safe way of extractall came after Python 3.11.2.
    with tarfile.open(shared_data / "published" / "vot.tar.xz") as archive:
        for member in archive:
            if member.name.endswith("_001.txt") and "/baseline/" in member.name:
                content = archive.extractfile(member)
                assert content is not None
                target = folder / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())
    return folder


def runs(folder: Path) -> dict[str, results.Run]:
    return {path.name: results.read(folder, path.name) for path in sorted(folder.iterdir())}


def test_the_failures_of_goturns_authors(published: Path) -> None:
    found = runs(published / "vot2014_goturn" / "results" / "GOTURN" / "baseline")
    assert len(found) == 25
    failed = {name: vot.failures(run.codes) for name, run in found.items()}
    assert {name: count for name, count in failed.items() if count} == FAILURES
    frames = np.array([len(run.codes) for run in found.values()])
    assert frames.sum() == VOT2014_FRAMES
    reliability = vot.robustness(np.array(list(failed.values())), frames)
    assert reliability == pytest.approx(0.8997, abs=5e-5)


@pytest.mark.parametrize("tracker", ["DaSiamRPN", "LightTrack", "NanoTrack"])
def test_failures_and_frames_that_count_as_pysot_has_them(
    published: Path, shared_data: Path, tracker: str
) -> None:
    path = shared_data / "published" / "vot2018_pysot_scores.json"
    theirs = json.loads(path.read_text(encoding="utf-8"))[tracker]
    found = runs(published / "vot2018" / "raw" / "VOT2018" / tracker / "baseline")
    assert found.keys() == theirs["per_sequence"].keys()
    for name, run in found.items():
        their = theirs["per_sequence"][name]
        assert [vot.failures(run.codes)] == their["failures"], name
        assert vot.counted(run.codes).sum() == their["valid_overlap_frames"], name
    # What they call robustness is the failures in a hundred frames.
    failed = np.array([vot.failures(run.codes) for run in found.values()])
    frames = np.array([len(run.codes) for run in found.values()])
    reliability = vot.robustness(failed, frames)
    assert reliability == pytest.approx(np.exp(-30 * theirs["robustness"] / 100), rel=1e-12)


def test_the_toolkits_means_of_39_trackers(shared_data: Path) -> None:
    """The report of GOTURN's authors: 39 trackers on six attributes of VOT2014."""
    scipy = pytest.importorskip("scipy.io")
    with tarfile.open(shared_data / "published" / "vot.tar.xz") as archive:
        (name,) = (name for name in archive.getnames() if "/ranking/baseline_" in name)
        data = archive.extractfile(name)
        assert data is not None
        content = scipy.loadmat(io.BytesIO(data.read()), squeeze_me=True, struct_as_record=False)
    report = content["result"]
    lengths = report.lengths.astype(float)
    assert lengths.tolist() == [8056, 1820, 656, 2404, 5328, 1194]
    accuracy = vot.accuracy(report.accuracy.value.T * lengths, np.tile(lengths, (39, 1)))
    np.testing.assert_allclose(accuracy, report.accuracy.average_value, rtol=1e-12)
    robustness = vot.robustness(report.robustness.value.T, np.tile(lengths, (39, 1)))
    theirs = np.exp(-30 * report.robustness.average_normalized)
    np.testing.assert_allclose(robustness, theirs, rtol=1e-12)
    # Table 1 of the paper, last row: accuracy, robustness, overall error.
    (row,) = np.flatnonzero(np.isclose(accuracy, 0.6139, atol=5e-5))
    assert robustness[row] == pytest.approx(0.8991, abs=5e-5)
    errors = (1 - accuracy, 1 - robustness, vot.overall_error(accuracy, robustness))
    assert [round(float(error[row]), 2) for error in errors] == [0.39, 0.10, 0.24]


def codes(text: str) -> np.ndarray:
    """Return codes written as letters."""
    letters = {"-": Code.SKIPPED, "s": Code.STARTED, "x": Code.FAILED, "f": Code.FOLLOWED}
    return np.array([letters[letter] for letter in text])


def test_the_frames_after_a_start_do_not_count() -> None:
    found = vot.counted(codes("sfffffffffff" + "x----" + "sffffffff" + "fff"))
    # Ten with the start: frames 10 and 11, then 17 + 10 = 27 and on.
    assert np.flatnonzero(found).tolist() == [10, 11, 27, 28]


def test_overlaps_of_labelled_frames_that_count() -> None:
    truth = np.tile([0.0, 0, 10, 10], (14, 1))
    boxes = np.tile([5.0, 0, 10, 10], (14, 1))
    truth[11] = np.nan
    truth[12, 2] = 0  # an empty label says nothing
    boxes[13] = truth[13]
    found = vot.overlaps(boxes, codes("s" + "f" * 13), truth)
    np.testing.assert_allclose(found, [1 / 3, 1])
    with pytest.raises(DataError, match="13 codes, boxes of shape"):
        vot.overlaps(boxes, codes("s" + "f" * 12), truth)


def test_accuracy_pools_frames_and_knows_when_there_are_none() -> None:
    overlap, frames = np.array([[30.0, 0], [0, 0]]), np.array([[40, 20], [0, 0]])
    found = vot.accuracy(overlap, frames)
    assert found[0] == 0.5
    assert np.isnan(found[1])


def test_points_of_the_ar_plot() -> None:
    accuracy, failures = np.array([0.6, 0.3, np.nan]), np.array([1.0, 4, 0])
    frames = np.array([100.0, 200, 5])
    plain = vot.ar_mean(accuracy, failures, frames, np.ones(3))
    assert plain == pytest.approx((np.exp(-30 * (0.01 + 0.02) / 2), 0.45))
    weighted = vot.ar_mean(accuracy, failures, frames, frames)
    assert weighted == pytest.approx((np.exp(-30 * 5 / 300), (0.6 + 2 * 0.3) / 3))
    short = vot.ar_mean(accuracy, failures, frames, frames, sensitivity=100)
    assert short[0] == pytest.approx(np.exp(-500 / 300))
    assert vot.robustness(failures, frames, 100) == pytest.approx(np.exp(-500 / 305))
    assert np.isnan(vot.ar_mean(accuracy[2:], failures[2:], frames[2:], frames[2:])).all()
