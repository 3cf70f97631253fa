"""The filter operation that VOT measures machines by; see `measures.speed.efo`."""

from __future__ import annotations

import time

import torch

SIDE, WINDOW = 600, 30  # pixels


def filter_ms(repeats: int = 5) -> float:
    """Return the mean milliseconds of a maximum filter on a random gray picture.

    The window is 30 x 30 pixels, as VOT2014's report says (its program took 21 x 21), every
    pixel of it is looked at, and one thread does it, as in the toolkit's program. Filters that do
    it faster (OpenCV's, for one) would measure something else. The toolkit's own program, another
    compiler's work, gives another time on the same machine: numbers from here compare with each
    other, and with VOT's tables only roughly.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        picture = torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            torch.nn.functional.max_pool2d(picture, WINDOW, stride=1)
            times.append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    return 1000 * sum(times) / len(times)
