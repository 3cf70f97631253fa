"""How OpenVINO shares the machine with what else runs on it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from pursuit import runtimes, weights
from pursuit.networks.siamfc import SiamFC

pytest.importorskip("openvino")

THREADS = Path("/proc/self/task")


def cores_of_threads() -> set[frozenset[int]]:
    """Return the cores that this process's threads may use: one set for all, if none is pinned."""
    found = set()
    for thread in THREADS.iterdir():
        with suppress(OSError):  # it has ended
            found.add(frozenset(os.sched_getaffinity(int(thread.name))))
    return found


@pytest.mark.skipif(
    not THREADS.exists() or len(os.sched_getaffinity(0)) < 2, reason="needs Linux, two cores"
)
@pytest.mark.parametrize("threads", [1, 2])
def test_its_threads_are_pinned_to_no_core(threads: int) -> None:
    """Each process would pin its threads to the same cores, and several would share one."""
    network, _ = weights.read(weights.find("siamfc-slim"))
    assert isinstance(network, SiamFC)
    windows = np.zeros((3, 255, 255, 3), np.uint8)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        compiled = runtimes.compile(network, "openvino")
        seen: set[frozenset[int]] = set()
        with ThreadPoolExecutor(1) as beside:
            calls = beside.submit(lambda: [compiled.embed(windows) for _ in range(30)])
            while not calls.done():
                seen |= cores_of_threads()
            calls.result()
    finally:
        torch.set_num_threads(before)
    assert seen == {frozenset(os.sched_getaffinity(0))}
