"""Interrupts that come in the midst of a step: it is done, and then they are handled."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from pursuit.learning import loop, recipe
from pursuit.learning.interrupts import interrupts_wait
from pursuit.learning.world import World

if sys.platform == "win32":
    pytest.skip("sends signals", allow_module_level=True)


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """Let Ctrl-C interrupt, as it does unless the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_waits_for_the_end() -> None:
    done = []

    def work() -> None:
        with interrupts_wait():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("all")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["all"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_sigterm_waits_where_somebody_handles_it() -> None:
    seen: list[str] = []
    handler = signal.signal(signal.SIGTERM, lambda *_: seen.append("signal"))
    try:
        with interrupts_wait():
            os.kill(os.getpid(), signal.SIGTERM)
            seen.append("work")
        assert seen == ["work", "signal"]
    finally:
        signal.signal(signal.SIGTERM, handler)


@pytest.mark.parametrize("kind", [signal.SIG_IGN, signal.SIG_DFL])
def test_what_python_does_not_handle_stays(kind: signal.Handlers) -> None:
    signal.signal(signal.SIGINT, kind)
    with interrupts_wait():
        assert signal.getsignal(signal.SIGINT) is kind
    assert signal.getsignal(signal.SIGINT) is kind


def test_another_thread_works_as_before() -> None:
    done = []

    def work() -> None:
        with interrupts_wait():
            done.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [signal.default_int_handler]


class Normed(nn.Module):
    """A norm, whose moments change in its pass, and a number to learn."""

    def __init__(self, stopped_in: int) -> None:
        super().__init__()
        self.norm, self.number = nn.BatchNorm1d(1), nn.Parameter(torch.ones(()))
        self.passes, self.stopped_in = 0, stopped_in

    def forward(self, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.number * self.norm(batch)
        self.passes += 1
        if self.passes == self.stopped_in:
            os.kill(os.getpid(), signal.SIGINT)
        return (found - 2).square().mean(), found


class Steps:
    """Batches that tell their step."""

    def batch(self, step: int) -> torch.Tensor:
        return torch.arange(4.0)[:, None] * (step + 1)

    def names(self, step: int) -> list[str]:
        return []


class Slow(Steps):
    """Batches, one of which is waited for when an interrupt comes."""

    def batch(self, step: int) -> torch.Tensor:
        if step == 2:
            threading.Event().wait(0.3)  # until the steps before are done
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(0.3)
        return super().batch(step)


def learnt(out: Path, stopped_in: int = 0, batches: Steps | None = None) -> dict[str, torch.Tensor]:
    """Train for six steps, or on from the checkpoint in `out`; return the values at the end."""
    learner = Normed(stopped_in)
    groups = [{"params": learner.parameters(), "lr": 1.0, "multiplier": 1}]
    task = loop.Task(
        learner,
        torch.optim.SGD(groups),
        batches or Steps(),
        None,
        lambda out, _: out,
        lambda out, _: out,
    )
    chosen = recipe.check({"batch": 4, "pairs": 24, "epochs": 1, "precision": "32-true"}, "test")
    loop.train(task, chosen, out, "cpu", World(), lambda _: None)
    return learner.state_dict()


def test_an_interrupt_in_a_step_leaves_a_checkpoint_of_a_whole_one(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        learnt(tmp_path / "stopped", stopped_in=3)
    state = torch.load(tmp_path / "stopped" / "checkpoint.pt", weights_only=True)
    assert state["step"] == 3
    whole, resumed = learnt(tmp_path / "whole"), learnt(tmp_path / "stopped")
    assert resumed["norm.num_batches_tracked"] == 6
    for name, value in whole.items():
        assert torch.equal(resumed[name], value), name


def test_an_interrupt_while_a_batch_is_waited_for_leaves_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        learnt(tmp_path / "stopped", batches=Slow())
    state = torch.load(tmp_path / "stopped" / "checkpoint.pt", weights_only=True)
    assert state["step"] == 2
    whole, resumed = learnt(tmp_path / "whole"), learnt(tmp_path / "stopped")
    for name, value in whole.items():
        assert torch.equal(resumed[name], value), name
