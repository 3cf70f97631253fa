"""Augmentation: from stored crops to the windows a network learns from, a batch at a time.

`draw` decides everything with numpy's random numbers; `render` does it on the device the
crops are on. The same plan gives the same windows, wherever it runs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pursuit.learning.recipe import AugmentRecipe
from pursuit.networks.siamfc import EXEMPLAR
from pursuit.windows import cut_batch

Array = NDArray[np.float64]
Random = np.random.Generator

_TARGET = EXEMPLAR / 2  # side of a square target inside its window (eq. 7: context doubles it)
_BESIDE = 40 / _TARGET  # of a target's side, the least way from it to a look-alike
_BLUR = 9  # pixels, side of a blur kernel
_GRAY = (0.299, 0.587, 0.114)


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
class Look:
    """How the windows of a batch are coloured and blurred once they are cut.

    Attributes:
        gain, shift: (B, 3) of the colours.
        gray: (B,) True where the window is made gray.
        coarse: (n,), windows seen through half the pixels.
        blurred: (n,), windows blurred with kernels (n, 9, 9).
    """

    gain: Array
    shift: Array
    gray: NDArray[np.bool_]
    coarse: NDArray[np.int64]
    blurred: NDArray[np.int64]
    kernels: Array

    def part(self, rows: slice) -> Look:
        """Return the look of these rows of the batch alone."""
        blurred = _among(self.blurred, rows)
        return Look(
            gain=self.gain[rows],
            shift=self.shift[rows],
            gray=self.gray[rows],
            coarse=self.coarse[_among(self.coarse, rows)] - rows.start,
            blurred=self.blurred[blurred] - rows.start,
            kernels=self.kernels[blurred],
        )


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
        around = _among(self.surround.onto, rows)
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


def pastes_of(pastes: tuple[Paste, ...], rows: slice) -> tuple[Paste, ...]:
    """Return the pastes of these rows of the batch alone."""
    chosen = [(paste, _among(paste.onto, rows)) for paste in pastes]
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


def _among(onto: NDArray[np.int64], rows: slice) -> NDArray[np.bool_]:
    return (onto >= rows.start) & (onto < rows.stop)


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
        matrices=_matrices(linear, place.centre, offset, size),
        offset=offset,
        surround=surround,
        pastes=pastes,
        look=draw_look(rng, colours, gray, recipe.blur, recipe.low_resolution),
    )


def draw_look(
    rng: Random,
    colours: tuple[Array, Array],
    gray: NDArray[np.bool_],
    blur: float,
    low_resolution: float,
) -> Look:
    """Return the look of windows of these gains and shifts (B, 3); shares are blurred, coarse."""
    batch = len(gray)
    blurred = np.flatnonzero(rng.random(batch) < blur)
    return Look(
        *colours,
        gray=gray,
        coarse=np.flatnonzero(rng.random(batch) < low_resolution),
        blurred=blurred,
        kernels=_kernels(rng, len(blurred)),
    )


def _linear(half: Array, angle: Array, flip: Array) -> Array:
    """Return (B, 2, 2): half sides (B, 2) in crop pixels, turned, mirrored left to right."""
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    turn[:, :, 0] *= flip[:, None]
    return turn * half[:, None, :]


def _matrices(linear: Array, centre: Array, offset: Array, size: int) -> Array:
    """Return (B, 2, 3) windows in which crop point `centre` lies `offset` from the middle."""
    middle = centre - np.einsum("bij,bj->bi", linear, offset * 2 / size)
    return np.concatenate([linear, middle[:, :, None]], axis=2)


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
    matrices = _scenery(rng, linear[onto], at[onto], size, crop)
    return Surround(onto, matrices, inside[onto])


def _scenery(rng: Random, linear: Array, at: Array, size: int, crop: int) -> Array:
    """Return windows (n, 2, 3) of scenery, mirrored or not, its middle at offset `at` (n, 2)."""
    mirror = rng.choice([-1.0, 1.0], (len(linear), 1, 2))
    return _matrices(linear * mirror, np.full((len(linear), 2), crop / 2), at, size)


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
        matrices = _scenery(rng, linear[onto], at, size, crop)
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


def draw_colours(
    rng: Random, batch: int, light: float, tint: float, noise: float
) -> tuple[Array, Array]:
    """Return gain and shift (B, 3): contrast about middle gray, brightness, tint, noise."""
    contrast = np.exp(rng.uniform(-1, 1, (batch, 1)) * np.log1p(light))
    bright = rng.uniform(-1, 1, (batch, 1)) * light * 128
    tints = np.exp(rng.uniform(-1, 1, (batch, 3)) * np.log1p(tint))
    offset = rng.normal(0, 1, (batch, 3)) * noise
    return contrast * tints, 128 * (1 - contrast) * tints + bright + offset


def _kernels(rng: Random, number: int) -> Array:
    """Return blur kernels (n, 9, 9) that sum to 1: out of focus, or moving along a line."""
    reach = _BLUR // 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(float)
    kernels = np.zeros((number, _BLUR, _BLUR))
    for kernel in kernels:
        if rng.random() < 0.5:
            sigma = rng.uniform(0.5, 2.0)
            kernel[:] = np.exp(-(x**2 + y**2) / (2 * sigma**2))
        else:
            turn, length = rng.uniform(0, np.pi), rng.uniform(1, reach)
            along = x * np.cos(turn) + y * np.sin(turn)
            across = -x * np.sin(turn) + y * np.cos(turn)
            kernel[:] = np.exp(-(across**2)) * (np.abs(along) <= length)
        kernel /= kernel.sum()
    return kernels


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
        onto = _index(paste.onto, windows)
        lay(windows, paste, scenery[onto], scenery_border[onto])
    return coloured(windows, view.look)


def coloured(windows: Tensor, look: Look) -> Tensor:
    """Return windows (B, 3, n, n), 0 to 255, with a look: those given, changed."""
    if len(look.coarse):
        _coarsen(windows, look.coarse)
    if len(look.blurred):
        _blur(windows, look.blurred, _on(look.kernels, windows))
    windows *= _on(look.gain, windows)[:, :, None, None]
    windows += _on(look.shift, windows)[:, :, None, None]
    if look.gray.any():
        onto = _index(np.flatnonzero(look.gray), windows)
        weights = torch.tensor(_GRAY, device=windows.device)[:, None, None]
        windows[onto] = (windows[onto] * weights).sum(1, keepdim=True).expand(-1, 3, -1, -1)
    return windows.clamp_(0, 255)


def _on(values: Array, like: Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float32).to(like.device, non_blocking=True)


def _index(values: NDArray[np.int64], like: Tensor) -> Tensor:
    return torch.as_tensor(values).to(like.device, non_blocking=True)


def _fill(
    windows: Tensor, view: View, crops: Tensor, scenery: Tensor, scenery_border: Tensor
) -> None:
    """Lay scenery where the crops hold no frame."""
    around = view.surround
    onto = _index(around.onto, windows)
    masks = np.zeros((len(around.onto), crops.shape[-2], crops.shape[-1]), dtype=np.uint8)
    for mask, (x, y, w, h) in zip(masks, around.inside, strict=True):
        # Whole pixels inside: a rim of the mean colour would itself be a clue.
        mask[int(np.ceil(y)) : int(y + h), int(np.ceil(x)) : int(x + w)] = 255
    three = torch.from_numpy(masks).to(windows.device)[:, None].expand(-1, 3, -1, -1)
    nothing = torch.zeros(len(around.onto), 3, device=windows.device)
    inside = cut_batch(three, view.matrices[around.onto], view.size, nothing)[:, :1] / 255
    pieces = cut_batch(scenery[onto], around.matrices, view.size, scenery_border[onto])
    windows[onto] = torch.lerp(pieces, windows[onto], inside)


def lay(windows: Tensor, paste: Paste, scenery: Tensor, border: Tensor) -> None:
    """Lay pieces of scenery over windows (B, 3, size, size), which are changed.

    Args:
        scenery: uint8 (n, 3, S, S) pictures for the n windows of the paste.
        border: (n, 3) colours of what they do not hold.
    """
    onto = _index(paste.onto, windows)
    size = windows.shape[-1]
    pieces = cut_batch(scenery, paste.matrices, size, border)
    grid = torch.arange(size, device=windows.device) + 0.5
    centre, half = _on(paste.centre, windows), _on(paste.half, windows)
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


def _coarsen(windows: Tensor, chosen: NDArray[np.int64]) -> None:
    index = _index(chosen, windows)
    size = windows.shape[-1]
    small = functional.interpolate(
        windows[index], size=size // 2, mode="bilinear", align_corners=False, antialias=True
    )
    windows[index] = functional.interpolate(small, size=size, mode="bilinear", align_corners=False)


def _blur(windows: Tensor, chosen: NDArray[np.int64], kernels: Tensor) -> None:
    index = _index(chosen, windows)
    number, size = len(chosen), windows.shape[-1]
    reach = _BLUR // 2
    padded = functional.pad(windows[index], (reach,) * 4, mode="replicate")
    blurred = functional.conv2d(
        padded.reshape(1, number * 3, *padded.shape[-2:]),
        kernels.repeat_interleave(3, dim=0)[:, None],
        groups=number * 3,
    )
    windows[index] = blurred.reshape(number, 3, size, size)
