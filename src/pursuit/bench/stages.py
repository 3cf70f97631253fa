"""Where the time of an update goes: cutting windows, the network, its score map, the rest.

A tracker knows nothing of this: its network is stood in for, and the functions that it cuts and
decodes with are, while its speed is measured.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from pursuit import windows
from pursuit.runtimes.cutting import DeviceCutter
from pursuit.trackers import goturn
from pursuit.trackers.base import Tracker
from pursuit.trackers.device_response import DeviceMapReader
from pursuit.trackers.response import MapReader

# In the order of an update. The trunk makes features of windows; the head is what else the
# network does: SiamFC's correlation, GOTURN's fully-connected layers.
STAGES = ("cut", "trunk", "head", "decode")

# Through which trackers decode what the network says: where it is, and its name there.
_DECODERS: tuple[tuple[Any, str], ...] = (
    (MapReader, "read"),
    (DeviceMapReader, "read"),
    (goturn, "boxes_of"),
)


class Clock:
    """Adds up the seconds that the stages of an update take."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inside = False
        self._gpus: set[torch.device] = set()  # of the networks that are counted
        self.restart()

    def restart(self) -> None:
        """Begin at 0."""
        self.seconds = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count what trackers cut and decode, as long as this lasts."""
        cuts = [(windows, name) for name in vars(windows) if name.startswith("cut")]
        stages = {"cut": [*cuts, (DeviceCutter, "cut")], "decode": _DECODERS}
        with ExitStack() as stack:
            for stage, functions in stages.items():
                for module, name in functions:
                    timed = self._timed(stage, getattr(module, name))
                    stack.enter_context(_replaced(module, name, timed))
            yield

    def watched(self, tracker: Tracker) -> Tracker:
        """Return a tracker like this one, whose network is counted; it shares the network."""
        same = copy.copy(tracker)
        network = getattr(tracker, "_network", None)
        if network is not None:
            if network.device.type == "cuda":
                self._gpus.add(network.device)
            vars(same)["_network"] = _Watched(network, self._timed)
        return same

    def _timed(self, stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that also counts; one inside another counts as the outer one."""

        def run(*values: Any, **named: Any) -> Any:
            if self._inside:
                return call(*values, **named)
            self._inside = True
            started = time.perf_counter()
            try:
                result = call(*values, **named)
                # GPUs are handed work and answer later; each its own, the current one or not.
                for gpu in self._gpus:
                    torch.cuda.synchronize(gpu)
                return result
            finally:
                self.seconds[stage] += time.perf_counter() - started
                self._inside = False

        return run


@contextmanager
def _replaced(module: Any, name: str, function: Callable[..., Any]) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, function)
    try:
        yield
    finally:
        setattr(module, name, before)


class _Watched:
    """Stands in for a network on a runtime."""

    def __init__(self, network: Any, timed: Callable[..., Callable[..., Any]]) -> None:
        self._network = network
        self._timed = timed

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._network, name)
        if not callable(value):
            return value
        counted = self._timed("trunk" if name == "embed" else "head", value)
        vars(self)[name] = counted  # made once
        return counted
