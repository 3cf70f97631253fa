"""Pieces of other pictures laid over a batch's windows: backgrounds, look-alikes, covers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pursuit.learning.rows import Array, Random, among, on_device, row_numbers
from pursuit.networks.siamfc import EXEMPLAR
from pursuit.windows import cut_batch

_BESIDE = 80 / EXEMPLAR  # of a target's side, the least way from it to a look-alike


class Pieces(Protocol):
    """The shares of a recipe that say how often pieces of other pictures are laid over."""

    @property
    def background(self) -> float: ...  # noqa: D102
    @property
    def look_alike(self) -> float: ...  # noqa: D102
    @property
    def occlusion(self) -> float: ...  # noqa: D102


@dataclass(frozen=True)
class Paste:
    """Pieces of scenery laid over some windows of a batch.

    Attributes:
        onto: (n,) windows that are changed, each with a piece of its own scenery.
        matrices: (n, 2, 3) windows of the scenery, as `cut_batch` wants them.
        centre, half: (n, 2) middle and half size of the piece, in window pixels.
        outside: the piece is what lies outside of that, the target's own picture inside.
        power: exponent of the super-ellipse: 2 is an ellipse, large ones are boxes.
    """

    onto: NDArray[np.int64]
    matrices: Array
    centre: Array
    half: Array
    outside: bool
    power: float


def pastes_of(pastes: tuple[Paste, ...], rows: slice) -> tuple[Paste, ...]:
    """Return the pastes of these rows of the batch alone."""
    chosen = [(paste, among(paste.onto, rows)) for paste in pastes]
    return tuple(
        replace(
            paste,
            onto=paste.onto[mine] - rows.start,
            matrices=paste.matrices[mine],
            centre=paste.centre[mine],
            half=paste.half[mine],
        )
        for paste, mine in chosen
        if mine.any()
    )


def draw_pastes(
    recipe: Pieces,
    rng: Random,
    size: int,
    linear: Array,
    offset: Array,
    half: Array,
    foreign: NDArray[np.bool_],
    crop: int,
    target: float | None,
) -> tuple[Paste, ...]:
    """Return other backgrounds, then look-alikes and covers for search windows.

    Args:
        size: side of the windows in pixels.
        linear: (B, 2, 2) half sides of the windows in crop pixels, turned and mirrored.
        offset: (B, 2) where the target's centre lies from the window's, in window pixels.
        half: (B, 2) half of the target's sides, likewise.
        foreign: (B,) True where the scenery is of another object.
        crop: side of the stored crops in pixels.
        target: side of a usual target in search windows, in window pixels; None: these are not.
    """
    batch = len(foreign)
    middle = size / 2 + offset
    pastes = []

    def choose(share: float) -> NDArray[np.int64]:
        return np.flatnonzero((rng.random(batch) < share) & foreign)

    def piece(
        onto: NDArray[np.int64],
        at: Array,
        where: Array,
        extent: Array,
        *,
        outside: bool = False,
        power: float = 4.0,
    ) -> None:
        """Show the scenery's middle at window offset `at`, within a piece at `where`."""
        matrices = scenery_windows(rng, linear[onto], at, size, crop)
        pastes.append(Paste(onto, matrices, where, extent, outside, power))

    onto = choose(recipe.background)
    if len(onto):
        at = rng.uniform(-0.45, 0.45, (len(onto), 2)) * size
        margin = rng.uniform(1.0, 1.35, (len(onto), 1))
        piece(onto, at, middle[onto], half[onto] * margin, outside=True)
    if target is None:
        return tuple(pastes)
    onto = choose(recipe.look_alike)
    if len(onto):
        turn = rng.uniform(0, 2 * np.pi, len(onto))
        far = rng.uniform(_BESIDE * target, 0.42 * size, len(onto))
        at = offset[onto] + far[:, None] * np.stack([np.cos(turn), np.sin(turn)], -1)
        extent = np.full((len(onto), 2), target / 2) * rng.uniform(0.7, 1.2, (len(onto), 2))
        piece(onto, at, size / 2 + at, extent)
    onto = choose(recipe.occlusion)
    if len(onto):
        side = rng.uniform(-1, 1, (len(onto), 2)) * half[onto]
        extent = half[onto] * rng.uniform(0.25, 0.7, (len(onto), 2))
        at = rng.uniform(-0.5, 0.5, (len(onto), 2)) * size
        piece(onto, at, middle[onto] + side, extent, power=float(rng.choice([2.0, 8.0])))
    return tuple(pastes)


def scenery_windows(rng: Random, linear: Array, at: Array, size: int, crop: int) -> Array:
    """Return windows (n, 2, 3) of scenery, mirrored or not, its middle at offset `at` (n, 2)."""
    mirror = rng.choice([-1.0, 1.0], (len(linear), 1, 2))
    return window_matrices(linear * mirror, np.full((len(linear), 2), crop / 2), at, size)


def window_matrices(linear: Array, centre: Array, offset: Array, size: int) -> Array:
    """Return (B, 2, 3) windows in which crop point `centre` lies `offset` from the middle."""
    middle = centre - np.einsum("bij,bj->bi", linear, offset * 2 / size)
    return np.concatenate([linear, middle[:, :, None]], axis=2)


def lay(windows: Tensor, paste: Paste, scenery: Tensor, border: Tensor) -> None:
    """Lay pieces of scenery over windows (B, 3, size, size), which are changed.

    Args:
        scenery: uint8 (n, 3, S, S) pictures for the n windows of the paste.
        border: (n, 3) colours of what they do not hold.
    """
    onto = row_numbers(paste.onto, windows)
    size = windows.shape[-1]
    pieces = cut_batch(scenery, paste.matrices, size, border)
    grid = torch.arange(size, device=windows.device) + 0.5
    centre, half = on_device(paste.centre, windows), on_device(paste.half, windows)
    distance = [
        ((grid - centre[:, axis, None]).abs() / half[:, axis, None]) ** paste.power
        for axis in (0, 1)
    ]
    radius = (distance[0][:, None, :] + distance[1][:, :, None]) ** (1 / paste.power)
    # A soft edge about a tenth of the piece wide: a hard one would itself be a clue.
    mask = ((1.05 - radius) * 10).clamp(0, 1)[:, None]
    if paste.outside:
        mask = 1 - mask
    windows[onto] = torch.lerp(windows[onto], pieces, mask)
