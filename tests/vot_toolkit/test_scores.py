"""VOT's Python toolkit and `pursuit score vot --rules toolkit` on the same stored results."""

from __future__ import annotations

import pytest

from pursuit.datasets.vot import read_truth
from pursuit.measures import vot_rules
from pursuit.measures.vot_rules import Rules, SequenceRuns
from pursuit.reports.stored_vot import sequence_runs
from pursuit.results.vot import parse

from .conftest import MADE_UP, POLYGONS, SCENES, TRACKERS, Workspace

EQUAL = 1e-9
SINGLE = 1e-7  # for EAO the toolkit keeps overlaps in single precision

ALL = (*TRACKERS, MADE_UP)


@pytest.mark.parametrize("tracker", ALL)
def test_accuracy_failures_and_robustness(workspace: Workspace, tracker: str) -> None:
    ours = workspace.ours[tracker]
    accuracy, failures, (reliability, _), length = workspace.overall("baseline", 0, tracker)
    assert 0 < accuracy < 1 and failures > 0
    assert ours["accuracy"] == pytest.approx(accuracy, abs=EQUAL)
    assert ours["weighted_failures"] == pytest.approx(failures, abs=1e-12)
    assert ours["robustness"] == pytest.approx(reliability, abs=1e-12)
    assert ours["frames"] == length * len(SCENES)


@pytest.mark.parametrize("tracker", ALL)
def test_expected_average_overlap(workspace: Workspace, tracker: str) -> None:
    (theirs,) = workspace.overall("baseline", 1, tracker)
    assert 0 < theirs < 1
    assert workspace.ours[tracker]["eao"] == pytest.approx(theirs, abs=SINGLE)


@pytest.mark.parametrize("tracker", ALL)
def test_each_sequence(workspace: Workspace, tracker: str) -> None:
    found = workspace.each("baseline", 2, tracker)
    assert list(found) == list(SCENES)
    for name, (accuracy, failures, _, length) in found.items():
        ours = workspace.ours[tracker]["sequences"][name]
        assert ours["accuracy"] == pytest.approx(accuracy, abs=EQUAL), name
        assert (ours["failures"], ours["frames"]) == (failures, length), name


@pytest.mark.parametrize("tracker", ALL)
def test_unsupervised_overlap(workspace: Workspace, tracker: str) -> None:
    runs = [_unsupervised(workspace, tracker, name) for name in SCENES]
    (theirs,) = workspace.overall("unsupervised", 0, tracker)
    assert 0 < theirs < 1
    ours = vot_rules.figures(Rules.TOOLKIT, runs).accuracy
    assert ours == pytest.approx(theirs, abs=EQUAL)
    means = workspace.each("unsupervised", 1, tracker)
    for one in runs:
        figures = vot_rules.sequence_figures(Rules.TOOLKIT, one)
        assert [figures.accuracy] == pytest.approx(means[one.name], abs=EQUAL), one.name


def test_what_is_compared_is_not_all_alike(workspace: Workspace) -> None:
    ours = workspace.ours
    assert len({one["accuracy"] for one in ours.values()}) == len(ALL)
    assert len({one["failures"] for one in ours.values()}) > 1
    assert {len(_unsupervised(workspace, one, "calm").samples) for one in ALL} == {2}
    truth = read_truth(workspace.folder / "sequences").sequences
    drawn = [name for name, one in truth.items() if one.regions.polygons.shape[1:] == (4, 2)]
    assert drawn == sorted(POLYGONS)


def _unsupervised(workspace: Workspace, tracker: str, name: str) -> SequenceRuns:
    folder = workspace.folder / "results" / tracker / "unsupervised" / name
    # Of programs the toolkit's binary files; beside them it writes times and confidences.
    files = sorted(path for path in folder.iterdir() if path.suffix in (".bin", ".txt"))
    found = [parse(path.read_bytes(), str(path)) for path in files]
    truth = read_truth(workspace.folder / "sequences").sequences[name]
    return sequence_runs(Rules.TOOLKIT, truth, found, None)
