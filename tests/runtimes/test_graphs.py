"""Graphs: recorded when shapes come again, right each time, and what they gave stays."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from standin import StandInRecorder
from torch import Tensor

from pursuit.errors import EngineError
from pursuit.runtimes.graphs import CUDARecorder, Graphs, runner


def doubled(x: Tensor) -> Tensor:
    return 2 * x


def summed(x: Tensor, y: Tensor) -> Tensor:
    return x + y


def test_shapes_are_recorded_when_they_come_again() -> None:
    recorder = StandInRecorder()
    run = Graphs(recorder)
    for size, recorded in ((2, 0), (2, 1), (2, 1), (3, 1), (3, 2), (2, 2)):
        x = torch.rand(size)
        assert torch.equal(run(doubled, x), 2 * x)
        assert recorder.recorded == recorded
    assert recorder.replayed == 4


def test_types_and_functions_are_told_apart() -> None:
    recorder = StandInRecorder()
    run = Graphs(recorder)
    x = torch.arange(4)
    for _ in range(3):
        assert run(doubled, x).dtype == torch.int64
        assert run(doubled, x.float()).dtype == torch.float32
        assert run(summed, x, x).tolist() == [0, 2, 4, 6]
    assert recorder.recorded == 3


def test_what_was_given_stays_whatever_comes_after() -> None:
    run = Graphs(StandInRecorder())
    inputs = [torch.full((3,), float(i)) for i in range(5)]
    found = [run(summed, x, 10 * x) for x in inputs]
    assert [one.tolist() for one in found] == [[11.0 * i] * 3 for i in range(5)]
    assert [one.tolist() for one in inputs] == [[float(i)] * 3 for i in range(5)]  # only read


def test_in_and_out_of_inference_mode() -> None:
    run = Graphs(StandInRecorder())
    with torch.inference_mode():
        x = torch.ones(3)
        for _ in range(3):
            inside = run(doubled, x)
    assert run(doubled, inside).tolist() == [4, 4, 4]
    assert run(doubled, torch.ones(3)).tolist() == [2, 2, 2]


def pooled(x: Tensor, several: Tensor, factor: Tensor) -> Tensor:
    """As a score: of each row and those that go with it; not a number where a row is zeros."""
    return x * several.unflatten(0, (len(x), -1)).sum(dim=1) * factor / x


def test_rows_in_between_take_the_next_larger_recording() -> None:
    recorder = StandInRecorder()
    run = Graphs(recorder)
    sizes = [*range(1, 131), *range(130, 0, -1)]
    for rows in sizes:
        x, several = torch.rand(rows, 3) + 1, torch.rand(2 * rows, 3)
        factor = torch.tensor(rows / 7)
        found = run(pooled, x, several, factor)
        assert found.shape == (rows, 3)
        assert torch.equal(found, pooled(x, several, factor))
    # 1, 2, 3, 4, 6 and so on to 96.
    assert recorder.recorded == 13
    # All but the first of each, and those with more than 96 rows.
    assert recorder.replayed == len(sizes) - 13 - 2 * (130 - 96)


def test_recordings_stay_few_while_targets_are_lost_and_found() -> None:
    rng = np.random.default_rng(0)
    recorder = StandInRecorder()
    run = Graphs(recorder)
    counts = []
    for _ in range(3000):  # frames; each lost target has four more windows
        targets, scales = int(rng.integers(1, 33)), int(rng.choice([1, 3]))
        wide = 4 * int(rng.integers(0, targets + 1))
        run(doubled, torch.ones(targets * scales + wide, 2))
        run(summed, torch.ones(targets, 1), torch.ones(targets, 1))
        run(pooled, torch.ones(targets, 1), torch.ones(targets * scales, 1), torch.tensor(1.0))
        if wide:
            run(pooled, torch.ones(wide, 1), torch.ones(wide, 1), torch.tensor(1.0))
        counts.append(recorder.recorded)
    assert counts[-1] == counts[2000]  # nothing is recorded again, however long it goes on
    assert counts[-1] <= 4 * 13
    assert recorder.replayed > 0.75 * 4 * 3000


def test_a_programs_autocast_does_not_reach_in() -> None:
    run, x = Graphs(StandInRecorder()), torch.rand(4, 8)
    seen: list[bool] = []

    def product(x: Tensor) -> Tensor:
        seen.append(torch.is_autocast_enabled("cpu"))
        return x @ x.T

    with torch.autocast("cpu", torch.bfloat16):
        plain = run(product, x)
        run(product, x)
    # Plainly, recorded; what the stand-in plays is no matter.
    assert seen[:2] == [False, False]
    assert torch.equal(plain, x @ x.T)


def test_a_cpu_calls_plainly() -> None:
    calls = []

    def function(x: Tensor) -> Tensor:
        calls.append(x)
        return x

    x = torch.ones(2)
    for _ in range(3):
        assert runner(torch.device("cpu"))(function, x) is x
    assert len(calls) == 3


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A log of what `torch.cuda` is asked for, in order; it does nothing."""
    log: list[str] = []
    pools = itertools.count(1)

    class Stream:
        def __init__(self, name: str = "side") -> None:
            self.name = name

        def wait_stream(self, other: Stream) -> None:
            log.append(f"{self.name} waits for {other.name}")

    @contextlib.contextmanager
    def within(name: str) -> Iterator[None]:
        log.append(f"{name} (")
        yield
        log.append(")")

    @contextlib.contextmanager
    def on(stream: Stream) -> Iterator[None]:
        log.append(f"{stream.name} (")
        try:
            yield
        finally:
            log.append(f") {stream.name}")

    def graph(one: Any, pool: str, stream: Stream, *, capture_error_mode: str) -> Any:
        return within(f"graph in {pool} on {stream.name}, {capture_error_mode}")

    fake = SimpleNamespace(
        device=lambda device: within(str(device)),
        Stream=Stream,
        current_stream=lambda: Stream("main"),
        stream=on,
        graph_pool_handle=lambda: f"pool {next(pools)}",
        CUDAGraph=lambda: SimpleNamespace(replay=lambda: log.append("replay")),
        graph=graph,
    )
    monkeypatch.setattr(torch, "cuda", fake)
    return log


def test_a_recording_is_warmed_up_on_its_own_stream_and_device(cuda: list[str]) -> None:
    recorder = CUDARecorder(torch.device("cuda:1"))
    assert cuda == ["cuda:1 (", ")"]
    cuda.clear()

    def run() -> Tensor:
        cuda.append("run")
        return torch.ones(1)

    replay, output = recorder.record(run)
    assert cuda == [
        "cuda:1 (",
        *("side waits for main", "side (", "run", "run", "run"),
        *("graph in pool 1 on side, thread_local (", "run", ")", ") side"),
        *("main waits for side", ")"),
    ]
    assert output.tolist() == [1]
    cuda.clear()
    replay()
    assert cuda == ["cuda:1 (", "replay", ")"]


def failing(error: Exception, at: int) -> Callable[[], Tensor]:
    """Return a function whose call number `at` raises."""
    calls = []

    def run() -> Tensor:
        calls.append(0)
        if len(calls) == at:
            raise error
        return torch.ones(1)

    return run


def test_what_cannot_be_recorded_is_said_in_a_line(cuda: list[str]) -> None:
    recorder = CUDARecorder(torch.device("cuda:0"))
    error = RuntimeError("operation failed due to a previous error during capture")
    error.__context__ = RuntimeError(
        "operation not permitted when stream is capturing\nmore\nlines"
    )
    with pytest.raises(EngineError, match="capturing; name the runtime eager, or") as caught:
        recorder.record(failing(error, at=4))
    assert "\n" not in str(caught.value)
    assert cuda[-1] == ") side"  # PyTorch's own recording does not leave its stream then
    recorder.record(lambda: torch.ones(1))
    assert "graph in pool 2 on side, thread_local (" in cuda


@pytest.mark.parametrize("hidden", [False, True])
def test_memory_that_runs_out_stays_what_it_is(cuda: list[str], hidden: bool) -> None:
    recorder = CUDARecorder(torch.device("cuda:0"))
    error: RuntimeError = torch.OutOfMemoryError("CUDA out of memory")
    if hidden:  # as the end of a recording does
        error = RuntimeError("capture was invalidated")
        error.__context__ = torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(torch.OutOfMemoryError):
        recorder.record(failing(error, at=4))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("index", range(max(1, torch.cuda.device_count())))
def test_a_gpu_plays_what_it_recorded(index: int) -> None:
    device = torch.device("cuda", index)
    run = runner(device)
    assert isinstance(run, Graphs)
    weight = torch.rand(64, 64, device=device)

    def layers(x: Tensor) -> Tensor:
        for _ in range(5):
            x = (x @ weight).relu_() / 32
        return x

    inputs = [torch.rand(rows, 64, device=device) for rows in (4, 4, 4, 9, 9, 4, 9, 4)]
    with torch.inference_mode():
        found = [run(layers, x) for x in inputs]
    for x, one in zip(inputs, found, strict=True):
        assert torch.allclose(one, layers(x), rtol=1e-4)
