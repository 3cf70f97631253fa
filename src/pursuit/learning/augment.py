"""Augmentation: from stored crops to the windows a network learns from, a batch at a time.

`draw` decides everything with numpy's random numbers; `render` does it on the device the
crops are on. The same plan gives the same windows, wherever it runs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pursuit.learning.looks import Look, coloured, draw_colours, draw_look
from pursuit.learning.pastes import (
    Paste,
    draw_pastes,
    lay,
    pastes_of,
    scenery_windows,
    window_matrices,
)
from pursuit.learning.recipe import AugmentRecipe
from pursuit.learning.rows import Array, Random, among, row_numbers, uploaded
from pursuit.networks.siamfc import EXEMPLAR
from pursuit.windows import cut_batch

_TARGET = EXEMPLAR / 2  # side of a square target inside its window (eq. 7: context doubles it)


@dataclass(frozen=True)
class Surround:
    """Scenery shown where windows look past the edge of their frame.

    Attributes:
        onto: (n,) windows that are changed.
        matrices: (n, 2, 3) windows of the scenery.
        inside: (n, 4) what the frame fills of the crop, x, y, w, h in crop pixels.
    """

    onto: NDArray[np.int64]
    matrices: Array
    inside: Array


@dataclass(frozen=True)
class View:
    """How one side of a batch (exemplars or search windows) is cut and coloured.

    Attributes:
        size: side of the windows in pixels.
        matrices: (B, 2, 3) as `cut_batch` wants them.
        offset: (B, 2) where the target's centre lies from the window's, in window pixels.
    """

    size: int
    matrices: Array
    offset: Array
    surround: Surround
    pastes: tuple[Paste, ...]
    look: Look

    def part(self, rows: slice) -> View:
        """Return the view of these rows of the batch alone."""
        around = among(self.surround.onto, rows)
        return replace(
            self,
            matrices=self.matrices[rows],
            offset=self.offset[rows],
            surround=Surround(
                self.surround.onto[around] - rows.start,
                self.surround.matrices[around],
                self.surround.inside[around],
            ),
            pastes=pastes_of(self.pastes, rows),
            look=self.look.part(rows),
        )


@dataclass(frozen=True)
class Plan:
    """All that is decided for one batch."""

    exemplar: View
    search: View


def draw(
    recipe: AugmentRecipe,
    gray: float,
    rng: Random,
    *,
    boxes: tuple[Array, Array],
    inside: tuple[Array, Array],
    foreign: NDArray[np.bool_],
    self_pair: NDArray[np.bool_],
    crop: int,
    search: int,
) -> Plan:
    """Return the plan of a batch.

    Args:
        boxes: (B, 4) target in the crop of the exemplar, and of the search window.
        inside: (B, 4) what the frame fills of the crops, likewise.
        foreign: (B,) True where the scenery is of another object, so pieces may be pasted.
        self_pair: (B,) True where both windows come from one picture.
        crop: side of the stored crops in pixels.
        search: side of the search window in pixels.
    """
    batch = len(foreign)
    flip = np.where(rng.random(batch) < 0.5, -1.0, 1.0) if recipe.flip else np.ones(batch)
    is_gray = rng.random(batch) < gray
    patch = _patches(recipe, rng, self_pair, crop)
    views = []
    for side, size, scale, shift in (
        (0, EXEMPLAR, recipe.scale_exemplar, recipe.shift_exemplar),
        (1, search, recipe.scale_search, recipe.shift_search),
    ):
        place = _place(boxes[side], inside[side], patch)
        views.append(_view(recipe, rng, size, place, flip, scale, shift, is_gray, foreign, crop))
    return Plan(*views)


@dataclass(frozen=True)
class _Place:
    """The target in its crop: centre (B, 2), half size (B, 2), zoom (B,) of its context.

    `inside` (B, 4) is what the frame fills of the crop.
    """

    centre: Array
    half: Array
    zoom: Array
    inside: Array


def _patches(
    recipe: AugmentRecipe, rng: Random, self_pair: NDArray[np.bool_], crop: int
) -> tuple[NDArray[np.bool_], Array, Array]:
    """Return which pairs follow a random patch instead, its zoom (B,) and centre (B, 2)."""
    batch = len(self_pair)
    use = self_pair & (rng.random(batch) < recipe.patch)
    zoom = rng.uniform(0.4, 0.9, batch)
    room = np.maximum(crop - EXEMPLAR * zoom, 0) / 2
    centre = crop / 2 + rng.uniform(-1, 1, (batch, 2)) * room[:, None]
    return use, zoom, centre


def _place(box: Array, inside: Array, patch: tuple[NDArray[np.bool_], Array, Array]) -> _Place:
    use, zoom, centre = patch
    own = box[:, :2] + box[:, 2:] / 2
    return _Place(
        centre=np.where(use[:, None], centre, own),
        half=np.where(use[:, None], _TARGET / 2 * zoom[:, None], box[:, 2:] / 2),
        zoom=np.where(use, zoom, 1.0),
        inside=inside,
    )


def _view(
    recipe: AugmentRecipe,
    rng: Random,
    size: int,
    place: _Place,
    flip: Array,
    scale: float,
    shift: float,
    gray: NDArray[np.bool_],
    foreign: NDArray[np.bool_],
    crop: int,
) -> View:
    batch = len(foreign)
    stretch = rng.uniform(1 - recipe.stretch, 1 + recipe.stretch, (batch, 2))
    stretch *= np.exp(rng.uniform(-1, 1, batch) * np.log1p(scale))[:, None]
    angle = np.deg2rad(rng.uniform(-1, 1, batch) * recipe.rotate)
    linear = _linear(stretch * (size / 2 * place.zoom)[:, None], angle, flip)
    offset = rng.uniform(-1, 1, (batch, 2)) * shift
    pixels = stretch * place.zoom[:, None]  # crop pixels a window pixel
    half = place.half / pixels
    surround = _surround(recipe, rng, size, linear, place.inside, foreign, crop)
    target = None if size == EXEMPLAR else _TARGET
    pastes = draw_pastes(recipe, rng, size, linear, offset, half, foreign, crop, target)
    colours = draw_colours(rng, batch, recipe.light, recipe.tint, recipe.colour_noise)
    return View(
        size=size,
        matrices=window_matrices(linear, place.centre, offset, size),
        offset=offset,
        surround=surround,
        pastes=pastes,
        look=draw_look(rng, colours, gray, recipe.blur, recipe.low_resolution),
    )


def _linear(half: Array, angle: Array, flip: Array) -> Array:
    """Return (B, 2, 2): half sides (B, 2) in crop pixels, turned, mirrored left to right."""
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    turn[:, :, 0] *= flip[:, None]
    return turn * half[:, None, :]


def _surround(
    recipe: AugmentRecipe,
    rng: Random,
    size: int,
    linear: Array,
    inside: Array,
    foreign: NDArray[np.bool_],
    crop: int,
) -> Surround:
    batch = len(foreign)
    filled = inside[:, 2] * inside[:, 3] / crop**2
    onto = np.flatnonzero((rng.random(batch) < recipe.surround) & foreign & (filled < 0.98))
    at = rng.uniform(-0.3, 0.3, (batch, 2)) * size
    matrices = scenery_windows(rng, linear[onto], at[onto], size, crop)
    return Surround(onto, matrices, inside[onto])


def render(
    view: View, crops: Tensor, border: Tensor, scenery: Tensor, scenery_border: Tensor
) -> Tensor:
    """Return windows (B, 3, size, size), float32, 0 to 255.

    Args:
        crops: uint8 (B, 3, S, S).
        border: (B, 3) colour of what the crops do not hold.
        scenery, scenery_border: likewise, of the pictures that pieces come from.
    """
    windows = cut_batch(crops, view.matrices, view.size, border)
    if len(view.surround.onto):
        _fill(windows, view, crops, scenery, scenery_border)
    for paste in view.pastes:
        onto = row_numbers(paste.onto, windows)
        lay(windows, paste, scenery[onto], scenery_border[onto])
    return coloured(windows, view.look)


def _fill(
    windows: Tensor, view: View, crops: Tensor, scenery: Tensor, scenery_border: Tensor
) -> None:
    """Lay scenery where the crops hold no frame."""
    around = view.surround
    onto = row_numbers(around.onto, windows)
    masks = np.zeros((len(around.onto), crops.shape[-2], crops.shape[-1]), dtype=np.uint8)
    for mask, (x, y, w, h) in zip(masks, around.inside, strict=True):
        # Whole pixels inside: a rim of the mean colour would itself be a clue.
        mask[int(np.ceil(y)) : int(y + h), int(np.ceil(x)) : int(x + w)] = 255
    three = uploaded(masks, windows.device)[:, None].expand(-1, 3, -1, -1)
    nothing = torch.zeros(len(around.onto), 3, device=windows.device)
    inside = cut_batch(three, view.matrices[around.onto], view.size, nothing)[:, :1] / 255
    pieces = cut_batch(scenery[onto], around.matrices, view.size, scenery_border[onto])
    windows[onto] = torch.lerp(pieces, windows[onto], inside)
