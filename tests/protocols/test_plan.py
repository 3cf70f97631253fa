"""The protocols' files: what they say, and that nothing else can be said."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from pursuit.protocols import plan as plans
from pursuit.protocols.entrants import Entrant
from pursuit.protocols.plan import Plan, Shift, plan, seed_of
from pursuit.protocols.repeat import expected_runs


@pytest.mark.parametrize(
    ("name", "runs", "folder"),
    [
        ("otb-ope", 1, ""),
        ("otb-tre", 20, "tre"),
        ("otb-sre", 12, "sre"),
        ("vot-supervised", 15, "baseline"),
        ("vot-region-noise", 15, "region_noise"),
        ("vot-unsupervised", 1, "unsupervised"),
        ("got10k", 3, ""),
    ],
)
def test_runs_and_folders(name: str, runs: int, folder: str) -> None:
    assert (plan(name).runs, plan(name).folder) == (runs, folder)


def test_all_files_are_protocols() -> None:
    names = [path.stem for path in Path(plans.__file__).with_name("plans").glob("*.yaml")]
    assert len(names) == 7
    assert all(isinstance(plan(name), Plan) for name in names)


def test_how_many_runs_are_expected() -> None:
    mosse, mil = Entrant("a", "opencv-mosse"), Entrant("b", "opencv-mil")
    every = [plan(name) for name in ("vot-supervised", "vot-region-noise", "got10k", "otb-ope")]
    assert [expected_runs(one, mosse) for one in every] == [3, 15, 1, 1]
    assert [expected_runs(one, mil) for one in every] == [15, 15, 3, 1]


def test_what_is_no_protocol() -> None:
    with pytest.raises(ValidationError, match="repetition"):
        Plan.model_validate({"benchmark": "otb", "repetition": 3})
    with pytest.raises(ValidationError, match="one of move, corner and scale"):
        Shift.model_validate({"move": [0.1, 0], "scale": 1.1})


def test_seeds_are_the_same_everywhere() -> None:
    # The first four bytes of the SHA-256 of "0/Deer/run 2 of 20".
    assert seed_of(0, "Deer", "run 2 of 20") == 0xFF90B255
    assert seed_of(0, "Deer", "run 3 of 20") != seed_of(0, "Deer", "run 2 of 20")
