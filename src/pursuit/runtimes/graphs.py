"""CUDA graphs: a function of tensors recorded once for inputs of a shape, then played again.

A GPU is done with a small network sooner than Python has told it each operation. A graph tells
them all at once; but it reads and writes the same memory each time. Here that memory stays
inside: inputs are copied into it and what it gives is copied out.

The number of windows changes from frame to frame where targets are lost, and a recording takes as
long as many calls. So there are recordings for a few numbers of rows only; those in between take
the next larger one and leave its last rows alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from pursuit.errors import EngineError
from pursuit.runtimes.failures import first_line
from pursuit.runtimes.precision import as_given

_MOST = 96  # rows of a recording: a GPU is busy with more for longer than Python tells it
_WARM = 3  # calls before a recording, which must find all that is made on first use

# What an input has for each row of the first one (0: it is one number for all), the shape of a
# row, its type.
_Form = tuple[int, torch.Size, torch.dtype]
# A function's name, rows, and what its inputs are.
_Key = tuple[str, int, tuple[_Form, ...]]


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
    """Calls functions of rows, faster when they come again with inputs of the same shapes.

    Shapes that come a second time are recorded: some never do. A recording has room for 1, 2, 3,
    4, 6, 8, 12, 16 and so on to 96 rows, and is kept: thirteen at most for each function and form
    of a row. More rows are called as they are. What is returned is the caller's to keep.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._known: dict[_Key, _Graph | None] = {}

    def __call__(self, function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        """Return what a function returns of some inputs.

        Args:
            function: known by its name. It makes each row of its output from a row of its first
                input and the rows of the others that go with it, the same number for each. It
                reads nothing back from the device, and all that it reads besides its inputs stays
                where it is.
            inputs: on the recorder's device; numbers that serve all rows have no axis.

        Raises:
            EngineError: the function cannot be recorded.
            OutOfMemoryError: of PyTorch.
        """
        rows, device = len(inputs[0]), inputs[0].device
        key = (function.__qualname__, _room(rows), tuple(_form(one, rows) for one in inputs))
        if rows > _MOST or key not in self._known:
            if rows <= _MOST:
                self._known[key] = None
            with as_given(device):
                return function(*inputs)
        # Not in inference mode: what PyTorch keeps from the first recording, and writes to at
        # each, could then not be written to by a program's own recordings outside of it.
        with torch.inference_mode(mode=False), torch.no_grad():
            graph = self._known[key]
            if graph is None:
                graph = self._known[key] = self._recorded(function, key, device)
            for mine, given in zip(graph.inputs, inputs, strict=True):
                (mine[: len(given)] if given.ndim else mine).copy_(given)
            graph.replay()
            return graph.output[:rows].clone()

    def _recorded(self, function: Callable[..., Tensor], key: _Key, device: torch.device) -> _Graph:
        _, room, forms = key
        mine = tuple(
            torch.zeros((room * each, *shape) if each else (), dtype=kind, device=device)
            for each, shape, kind in forms
        )
        with as_given(device):
            return _Graph(mine, *self._recorder.record(lambda: function(*mine)))


def _room(rows: int) -> int:
    """Return the least of 1, 2, 3, 4, 6, 8, 12, 16 and so on that has room for so many rows."""
    power = 1 << (rows - 1).bit_length()
    return power * 3 // 4 if rows <= power * 3 // 4 else power


def _form(one: Tensor, rows: int) -> _Form:
    return (len(one) // rows if one.ndim else 0), one.shape[1:], one.dtype


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
                    # PyTorch may hold on to the pool of a recording that failed, as if it went on.
                    self._pool = torch.cuda.graph_pool_handle()
                    cause = _first(error)
                    if isinstance(cause, torch.OutOfMemoryError):
                        raise torch.OutOfMemoryError(str(cause)) from error
                    raise EngineError(
                        f"{self._device} cannot record this network as a CUDA graph: "
                        f"{first_line(cause)}; name the runtime eager, or the device cpu"
                    ) from error
            current.wait_stream(self._stream)

        def replay() -> None:
            with torch.cuda.device(self._device):
                graph.replay()

        return replay, output


def _first(error: BaseException) -> BaseException:
    """Return the error that a recording failed of: its end fails then too, and hides it."""
    while isinstance(error.__context__, RuntimeError):
        error = error.__context__
    return error
