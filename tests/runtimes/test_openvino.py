"""How OpenVINO shares the machine with what else runs on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("openvino")

# In a process of its own: other tests' threads stay, however they were made.
SCRIPT = """
import os, pathlib, sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
import numpy as np, torch
from pursuit import runtimes, weights

torch.set_num_threads(int(sys.argv[1]))
network, _ = weights.read(weights.find("siamfc-slim"))
windows = np.zeros((3, 255, 255, 3), np.uint8)
compiled = runtimes.compile(network, "openvino")
seen = set()
with ThreadPoolExecutor(1) as beside:
    calls = beside.submit(lambda: [compiled.embed(windows) for _ in range(30)])
    while not calls.done():
        for thread in pathlib.Path("/proc/self/task").iterdir():
            with suppress(OSError):  # it has ended
                seen.add(frozenset(os.sched_getaffinity(int(thread.name))))
    calls.result()
print(sorted(map(sorted, seen)))
"""


@pytest.mark.skipif(
    not Path("/proc/self/task").exists() or len(os.sched_getaffinity(0)) < 2,
    reason="needs Linux, two cores",
)
@pytest.mark.parametrize("threads", [1, 2])
def test_its_threads_are_pinned_to_no_core(threads: int) -> None:
    """Each process would pin its threads to the same cores, and several would share one."""
    command = [sys.executable, "-c", SCRIPT, str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([sorted(os.sched_getaffinity(0))])


WITHOUT_VNNI = """
import numpy as np
from pursuit import runtimes, weights
from pursuit.runtimes import openvino

openvino.has_vnni = openvino.has_fast_bf16 = lambda: False
network, _ = weights.read(weights.find("goturn-compact"))
coarse = np.random.default_rng(0).integers(0, 256, (4, 29, 29, 3), np.uint8)
windows = coarse.repeat(8, 1).repeat(8, 2)[:, :227, :227]
corners = []
for name in ("eager", "openvino-int8"):
    compiled = runtimes.compile(network, name)
    features = compiled.embed(windows)
    corners.append(compiled.regress(features[:1], features[1:]).numpy())
print(np.abs(corners[0] - corners[1]).mean())
"""


def test_8_bit_weights_run_on_a_processor_without_vnni() -> None:
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    command = [sys.executable, "-c", WITHOUT_VNNI]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert 1e-5 < float(done.stdout) < 0.1  # tenths of a crop
