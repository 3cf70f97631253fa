"""Stages of an update: each is counted, none twice, and nothing stays behind."""

from __future__ import annotations

import contextlib
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from pursuit import windows
from pursuit.bench import stages
from pursuit.bench.stages import STAGES, Clock
from pursuit.trackers import goturn, registry
from pursuit.trackers.response import MapReader


@pytest.mark.parametrize("name", ["siamfc-slim", "goturn-compact"])
def test_stages_of_a_real_update_make_up_most_of_it(name: str) -> None:
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (120, 160, 3), np.uint8)
    clock = Clock()
    tracker = clock.watched(registry.load(name, runtime="tuned"))
    with clock.watching():
        tracker.init(frame, (60, 40, 30, 20))
        shares = []
        for _ in range(6):
            clock.restart()
            started = time.perf_counter()
            tracker.update(frame)
            shares.append(sum(clock.seconds.values()) / (time.perf_counter() - started))
            assert tuple(clock.seconds) == STAGES
            assert min(clock.seconds.values()) > 0
    assert max(shares) <= 1
    assert max(shares) > 0.6  # a busy machine may stop between two stages, but not each time


def test_the_tracker_itself_and_its_functions_stay_as_they_were() -> None:
    before = windows.cut, MapReader.read, goturn.boxes_of
    tracker = registry.load("siamfc-slim", runtime="tuned")
    frame = np.zeros((60, 80, 3), np.uint8)
    clock = Clock()
    with contextlib.suppress(RuntimeError), clock.watching():
        assert windows.cut is not before[0]
        raise RuntimeError("midway")
    assert (windows.cut, MapReader.read, goturn.boxes_of) == before
    watched = clock.watched(tracker)
    tracker.init(frame, (10, 10, 20, 20))
    assert sum(clock.seconds.values()) == 0
    watched.init(frame, (10, 10, 20, 20))
    assert clock.seconds["trunk"] > 0
    assert clock.seconds["cut"] == 0


def test_what_is_inside_another_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_twice() -> None:
        for _ in range(2):
            windows.cut(np.zeros((9, 9, 3), np.uint8), (4, 4), 4, 8, (0, 0, 0))

    monkeypatch.setattr(windows, "cut_twice", cut_twice, raising=False)
    ticks = iter(range(100))  # a second passes at each look at the clock
    monkeypatch.setattr(stages, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    clock = Clock()
    with clock.watching():
        windows.cut_twice()  # type: ignore[attr-defined]
        assert clock.seconds["cut"] == 1
        cut_twice()
    assert clock.seconds == {"cut": 3, "trunk": 0, "head": 0, "decode": 0}
    clock.restart()
    assert sum(clock.seconds.values()) == 0


def test_each_gpu_in_use_is_waited_for_whichever_is_current(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[str] = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: waited.append(str(device)))

    def tracker(device: str) -> Any:
        network = SimpleNamespace(device=torch.device(device), embed=lambda: None)
        return SimpleNamespace(_network=network)

    clock = Clock()
    on_cpu = clock.watched(tracker("cpu"))
    on_cpu._network.embed()
    assert waited == []
    on_gpu = clock.watched(tracker("cuda:1"))
    on_gpu._network.embed()
    assert waited == ["cuda:1"]
    clock.watched(tracker("cuda:1"))
    with clock.watching():  # what is cut is handed to the GPU too
        windows.cut(np.zeros((9, 9, 3), np.uint8), (4, 4), 4, 8, (0, 0, 0))
    assert waited == ["cuda:1"] * 2
