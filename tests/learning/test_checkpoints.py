"""The checkpoint of a run: what it says, when it is written, what of it is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pursuit.errors import RecipeError
from pursuit.learning import checkpoints, recipe
from pursuit.learning.checkpoints import CHECKPOINT, Checkpoints, checkpoint
from pursuit.learning.world import World

WEIGHTS = {"weight": torch.tensor([1.5, -2.0])}


def made(folder: Path, world: World | None = None) -> Checkpoints:
    return Checkpoints(folder / CHECKPOINT, recipe.read("siamfc-slim"), world or World())


def test_what_is_written_is_read(tmp_path: Path) -> None:
    kept = made(tmp_path)
    assert kept.read() is None
    kept.write(kept.content({"learner": WEIGHTS, "step": 7}))
    state = kept.read()
    assert state is not None
    assert (state["step"], state["world"]) == (7, 1)
    assert state["learner"]["weight"].tolist() == [1.5, -2.0]
    assert state["values"]["optim"]["lr"] == recipe.read("siamfc-slim").optim.lr
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT]


def test_the_first_process_alone_reads(tmp_path: Path) -> None:
    two = World(size=2)
    first, second = made(tmp_path, two), made(tmp_path, replace(two, rank=1))
    first.write(first.content({"step": 3}))
    state = first.read()
    assert state is not None
    assert state["step"] == 3
    assert second.read() is None


def test_one_that_waits_is_written_when_its_weights_are_good(tmp_path: Path) -> None:
    kept = made(tmp_path)
    kept.settle(good=True)
    assert not kept.file.exists()  # none waited
    kept.hold(b"good")
    assert not kept.file.exists()
    kept.settle(good=True)
    assert kept.file.read_bytes() == b"good"
    kept.hold(b"bad")
    kept.settle(good=False)
    assert kept.waiting is None
    kept.settle(good=True)  # what was bad does not come back
    assert kept.file.read_bytes() == b"good"


def test_one_is_due_when_the_last_is_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now)
    kept = made(tmp_path)
    now += 300
    assert not kept.due
    now += 1
    assert kept.due
    kept.hold(None)  # not of numbers: the next is tried as late as after a good one
    assert not kept.due


def test_those_of_others_are_refused(tmp_path: Path) -> None:
    kept = made(tmp_path)
    kept.write(kept.content({"step": 7}))
    other = recipe.read("siamfc-slim", ["optim.lr=0.5"])
    with pytest.raises(RecipeError, match=r"of another recipe \(optim\.lr: .* there, 0\.5 here\)"):
        checkpoint(kept.file, other, World())
    with pytest.raises(RecipeError, match="of a run of 1 process, this is one of 2 processes"):
        made(tmp_path, World(size=2)).read()
    kept.write(b"torn")
    with pytest.raises(RecipeError, match="cannot be read: remove it to start anew"):
        kept.read()
