"""Cross-correlation of N exemplars with S search windows each, as one matrix product.

The same sums as `networks.siamfc.correlate`, which as a grouped convolution with one output
a group runs several times slower on CPUs.
"""

from __future__ import annotations

import torch
from torch import Tensor


def correlate_scales(exemplar: Tensor, search: Tensor) -> Tensor:
    """Return valid cross-correlations (N, S, s, s), float32, s = n - k + 1.

    Args:
        exemplar: features (N, C, k, k).
        search: features (N * S, C, n, n), the S windows of a target side by side.
    """
    number, channels, kernel, _ = exemplar.shape
    scales, side = search.shape[0] // number, search.shape[-1]
    # Every exemplar cell times every search cell: (N, k * k, C) x (N, C, S * n * n) ...
    left = exemplar.float().reshape(number, channels, kernel * kernel).transpose(1, 2)
    right = search.float().reshape(number, scales, channels, side * side).transpose(1, 2)
    cells = torch.matmul(left, right.reshape(number, channels, scales * side * side))
    # ... of which a score sums the k * k that lie under the exemplar at its place.
    out = side - kernel + 1
    tall = scales * side * side  # step from one exemplar cell to the next
    shifted = cells.as_strided(
        (number, kernel, kernel, scales, out, out),
        (kernel * kernel * tall, kernel * tall + side, tall + 1, side * side, side, 1),
    )
    return shifted.sum(dim=(1, 2))
