"""Numbers as tables and JSON have them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

NONE = "-"


def cells(*values: NDArray[np.float64] | float) -> list[str]:
    """Return numbers with three places, - for NaN."""
    return [NONE if math.isnan(value) else f"{float(value):.3f}" for value in values]


def fps_cell(fps: float | None) -> str:
    """Return frames a second, - for None or NaN."""
    if fps is None or math.isnan(fps):
        return NONE
    return f"{fps:,.{int(fps < 100)}f}"


def number(value: NDArray[np.float64] | float) -> float | None:
    """Return a number that JSON can hold, None for NaN."""
    return float(value) if math.isfinite(value) else None
