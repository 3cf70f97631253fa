"""How fast a tracker was, from the times of its frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Speed:
    """The pace of a tracker.

    Attributes:
        fps: frames a second at the median time of an update, decoding apart.
        p95_ms: 95th percentile of the update times, milliseconds.
        decode_ms: median time to decode a frame, milliseconds.
    """

    fps: float
    p95_ms: float
    decode_ms: float


def speed(tracker_ms: NDArray[np.float64], decode_ms: NDArray[np.float64]) -> Speed | None:
    """Return the pace from the milliseconds (N,) of N updates; None where N is 0."""
    if not len(tracker_ms):
        return None
    return Speed(
        # A time of 0 can only come from a coarse clock or a file of rounded times.
        fps=1000 / max(float(np.median(tracker_ms)), 1e-6),
        p95_ms=float(np.percentile(tracker_ms, 95)),
        decode_ms=float(np.median(decode_ms)),
    )


def efo(frame_ms: float, filter_ms: float) -> float:
    """Return VOT's speed: frames that are tracked in the time of one filter operation.

    That is a maximum filter on a gray picture of 600 x 600 pixels, measured on the machine that
    the frames were tracked on, so that speeds of different machines compare (VOT2014, EFO: frames
    in an equivalent filter operation).

    Args:
        frame_ms: mean time of a frame, milliseconds.
        filter_ms: time of a filter operation there; `bench.efo.filter_ms` measures it.

    Raises:
        ValueError: a time is not above 0.
    """
    if not (frame_ms > 0 and filter_ms > 0):
        raise ValueError("times must be above 0")
    return filter_ms / frame_ms
