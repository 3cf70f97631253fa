"""Runs as they are met: several of a tracker on a sequence, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pursuit.results.runs import Folder, Runs


def met(names: Sequence[str], sequence: str = "Ball_1") -> Runs[str]:
    runs: Runs[str] = Runs()
    folder = Folder[str]("mine", sequence, "here", {name: name for name in names})
    runs.put(folder)
    return runs


def test_runs_come_in_the_order_of_their_numbers() -> None:
    names = ["ball_1_002", "ball_1_001", "ball_1_003"]
    assert met(names).found["mine"]["Ball_1"] == sorted(names)


@pytest.mark.parametrize(
    ("names", "lacks"),
    [
        (["ball_1_002", "ball_1_003"], "001"),
        (["ball_1_001", "ball_1_004"], "002"),
        (["ball_1_1", "ball_1_3"], "002"),
    ],
)
def test_a_run_that_is_missing_between_others_is_named(names: list[str], lacks: str) -> None:
    runs = met(names)
    assert runs.wrong["mine"] == {"Ball_1": f"run {lacks} is missing, later ones are there (here)"}
    assert runs.found["mine"] == {}


def test_numbers_of_sequences_are_not_those_of_runs() -> None:
    assert met(["val_000005"], "Val_000005").found["mine"] == {"Val_000005": ["val_000005"]}
    # VOT and GOT-10k call folders and files so that a name may end as a run does.
    assert met(["ball_003"], "Ball_003").found["mine"] == {"Ball_003": ["ball_003"]}


@pytest.mark.parametrize(
    "names", [["ball_1_1", "ball_1_001"], ["ball_1", "ball_1_001"], ["ball_1", "ball_1_01"]]
)
def test_a_run_under_two_names_is_wrong(names: list[str]) -> None:
    runs = met(names)
    why = f"two results of one run: {', '.join(sorted(names))} (here): leave one out"
    assert runs.wrong["mine"] == {"Ball_1": why} and runs.found["mine"] == {}
