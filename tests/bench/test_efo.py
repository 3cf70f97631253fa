"""The filter operation that speeds are measured in."""

from __future__ import annotations

import time

import torch

from pursuit.bench.efo import filter_ms


def test_the_filter_takes_its_time_on_one_thread() -> None:
    threads = torch.get_num_threads()
    start = time.perf_counter()
    found = filter_ms(repeats=1)
    whole = 1000 * (time.perf_counter() - start)
    # 326,000 windows of 900 pixels: no machine looks at all of them in 5 ms on one thread.
    assert 5 < found <= whole
    assert torch.get_num_threads() == threads
