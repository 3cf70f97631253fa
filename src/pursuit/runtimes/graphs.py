"""CUDA graphs: a function of tensors recorded once for inputs of a shape, then played again.

A GPU is done with a small network sooner than Python has told it each operation. A graph tells
them all at once; but it reads and writes the same memory each time. Here that memory stays
inside: inputs are copied into it and what it gives is copied out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from pursuit.errors import EngineError

_MOST = 16  # graphs of a network; of more shapes, those longest unused are let go
_WARM = 3  # calls before a recording, which must find all that is made on first use

# A function's name, and what shapes and types its inputs have.
_Key = tuple[str, tuple[tuple[torch.Size, torch.dtype], ...]]


class Runner(Protocol):
    """What calls functions of tensors: `Graphs`, or nobody but the caller."""

    def __call__(self, function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        """Return what a function returns of some inputs."""
        ...


def runner(device: torch.device) -> Runner:
    """Return what calls functions of tensors on a device the fastest."""
    return Graphs(CUDARecorder(device)) if device.type == "cuda" else _plainly


def _plainly(function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    return function(*inputs)


class Recorder(Protocol):
    """What records calls: `CUDARecorder`, or a stand-in where there is no GPU."""

    def record(self, run: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """Return what runs the same again, and the tensor that it writes what `run` returns to."""
        ...


@dataclass(frozen=True)
class _Graph:
    """A recording: where it reads, what plays it, where it writes."""

    inputs: tuple[Tensor, ...]
    replay: Callable[[], None]
    output: Tensor


class Graphs:
    """Calls functions of tensors, faster when they come again with inputs of the same shapes.

    Shapes that come a second time are recorded: some never do, and a recording takes as long as
    many calls. So shapes that are too many to keep are called as they are. What is returned is
    the caller's to keep.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._known: OrderedDict[_Key, _Graph | None] = OrderedDict()

    def __call__(self, function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        """Return what a function returns of some inputs.

        Args:
            function: known by its name. It reads nothing back from the device, and all that it
                reads besides its inputs stays where it is.
            inputs: on the recorder's device.

        Raises:
            EngineError: the function cannot be recorded.
            OutOfMemoryError: of PyTorch.
        """
        key = (function.__qualname__, tuple((one.shape, one.dtype) for one in inputs))
        if key not in self._known:
            self._remember(key, None)
            return function(*inputs)
        # Not in inference mode: what PyTorch keeps from the first recording, and writes to at
        # each, could then not be written to by a program's own recordings outside of it.
        with torch.inference_mode(mode=False), torch.no_grad():
            graph = self._known[key] or self._recorded(function, inputs)
            self._remember(key, graph)
            for mine, given in zip(graph.inputs, inputs, strict=True):
                mine.copy_(given)
            graph.replay()
            return graph.output.clone()

    def _remember(self, key: _Key, graph: _Graph | None) -> None:
        self._known[key] = graph
        self._known.move_to_end(key)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    def _recorded(self, function: Callable[..., Tensor], inputs: tuple[Tensor, ...]) -> _Graph:
        mine = tuple(torch.empty_like(one).copy_(one) for one in inputs)
        return _Graph(mine, *self._recorder.record(lambda: function(*mine)))


class CUDARecorder:
    """Records CUDA graphs on a device, all in one pool of memory.

    They may share it: none runs while another does, and what one gives is copied out before the
    next runs.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        with torch.cuda.device(device):
            # Warm-up and recording on one stream, of this device: libraries keep memory of
            # their own for each stream, and must not ask for it midway.
            self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            self._pool = torch.cuda.graph_pool_handle()

    def record(self, run: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """Return what runs the same again, and the tensor that it writes what `run` returns to.

        Raises:
            EngineError: something in it cannot be recorded.
            OutOfMemoryError: of PyTorch.
        """
        with torch.cuda.device(self._device):
            current, graph = torch.cuda.current_stream(), torch.cuda.CUDAGraph()
            self._stream.wait_stream(current)
            # Around the recording too: one that fails leaves its stream the current one.
            with torch.cuda.stream(self._stream):
                for _ in range(_WARM):
                    run()
                try:
                    # Other threads may ask for memory meanwhile.
                    with torch.cuda.graph(
                        graph, self._pool, self._stream, capture_error_mode="thread_local"
                    ):
                        output = run()
                except RuntimeError as error:
                    if _ran_out(error):
                        raise torch.OutOfMemoryError(str(error)) from error
                    why = (str(error).strip().splitlines() or [type(error).__name__])[0]
                    raise EngineError(
                        f"{self._device} cannot record this network as a CUDA graph: {why}; "
                        "name the runtime eager, or the device cpu"
                    ) from error
            current.wait_stream(self._stream)

        def replay() -> None:
            with torch.cuda.device(self._device):
                graph.replay()

        return replay, output


def _ran_out(error: BaseException | None) -> bool:
    """Return whether memory ran out: the end of a recording fails then too, and hides why."""
    while error is not None:
        if isinstance(error, torch.OutOfMemoryError):
            return True
        error = error.__context__
    return False
