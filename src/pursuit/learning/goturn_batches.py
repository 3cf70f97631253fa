"""GOTURN's batches: pairs of frames cut, turned, coloured, with pieces of others laid over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pursuit import boxes as bx
from pursuit.learning.examples import generator, swapped_for_held_out
from pursuit.learning.frame_pairs import FramePair, FramePairs
from pursuit.learning.looks import Look, coloured, draw_colours, draw_look
from pursuit.learning.pastes import Paste, draw_pastes, lay, pastes_of
from pursuit.learning.pool import CropPool
from pursuit.learning.recipe import GOTURNAugmentRecipe, GOTURNRecipe, MotionRecipe
from pursuit.learning.rows import on_device, row_numbers
from pursuit.learning.world import World
from pursuit.networks.goturn import CONTEXT, CROP, OUTPUT
from pursuit.store import Store
from pursuit.windows import cut_batch

Array = NDArray[np.float64]

# Low and high corner of a target that stayed where it was, in tenths of its search crop.
STILL = OUTPUT / 2 * (1 - 1 / CONTEXT), OUTPUT / 2 * (1 + 1 / CONTEXT)


class Batch(NamedTuple):
    """What a training step sees: this process's B rows of the global batch.

    Attributes:
        target: (T, 3, 227, 227), search: (B, 3, 227, 227), RGB 0 to 255.
        of: (B,) which target crop each search crop goes with.
        corners: (B, 4) target's x1, y1, x2, y2 in tenths of the search crop.
    """

    target: Tensor
    search: Tensor
    of: Tensor
    corners: Tensor

    @property
    def windows(self) -> tuple[Tensor, Tensor]:
        """What the network sees, a target crop for each search crop."""
        return self.target[self.of], self.search


class Examples:
    """Batches of crops; each is a function of the seed and the step.

    The examples of the stream of frame pairs stand one after the other; a batch takes the next
    ones. A pair's last examples may so fall into the next batch.
    """

    def __init__(
        self, pairs: FramePairs, store: Store, recipe: GOTURNRecipe, pool: CropPool, world: World
    ) -> None:
        self._pairs = pairs
        self._inside = store.inside
        self._object_of = store.object_of
        self._size = store.size
        self._recipe = recipe
        self._pool = pool
        self._rows = world.rows(recipe.batch)

    def batch(self, step: int) -> Batch:
        """Return the batch of a step."""
        recipe = self._recipe
        of, which = self._numbers(step)
        first = int(of[0])
        pairs = [self._pairs.pair(number) for number in range(first, int(of[-1]) + 1)]
        of -= first
        rng = generator(recipe.seed, step, 1)
        flip = np.where(rng.random(len(pairs)) < 0.5 * recipe.augment.flip, -1.0, 1.0)
        looks = _looks(recipe, of, rng)
        current = np.array([pair.current for pair in pairs])
        search = np.stack([pairs[i].search[k] for i, k in zip(of, which, strict=True)])
        boxes = np.stack([pair.box for pair in pairs])[of]
        labels = corners(boxes, search, flip[of])
        targets = _Crops(
            rows=np.array([pair.previous for pair in pairs]),
            places=_places(np.stack([pair.target for pair in pairs]), flip),
            beside=np.roll(current, -1),
            look=looks[0],
        )
        searches = _Crops(
            rows=current[of],
            places=_places(search, flip[of]),
            beside=targets.beside[of],
            look=looks[1],
        )
        searches = self._rotated(searches, bx.centres(boxes), rng)
        still = np.tile(STILL, (len(pairs), 2))[:, [0, 2, 1, 3]]
        targets = self._pasted(targets, still, None, rng)
        searches = self._pasted(searches, labels, CROP / CONTEXT, rng)
        mine = slice(int(of[self._rows][0]), int(of[self._rows][-1]) + 1)
        images = self._windows(searches.part(self._rows))
        return Batch(
            target=self._windows(targets.part(mine)),
            search=images,
            of=row_numbers(of[self._rows] - mine.start, images),
            corners=on_device(labels[self._rows], images),
        )

    def names(self, step: int) -> list[str]:
        """Return the names of the objects of a step's pairs of frames, of all processes."""
        pairs: list[FramePair] = [
            self._pairs.pair(int(i)) for i in np.unique(self._numbers(step)[0])
        ]
        return [self._pairs.name(pair) for pair in pairs]

    def _numbers(self, step: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return which pair of frames each example (B,) is of, and which of its examples it is."""
        batch = self._recipe.batch
        numbers = np.arange(step * batch, (step + 1) * batch)
        return numbers // self._pairs.examples, numbers % self._pairs.examples

    def _rotated(self, crops: _Crops, about: Array, rng: np.random.Generator) -> _Crops:
        """Return crops turned about points (B, 2) of the store's, where nothing else comes in."""
        reach = np.deg2rad(self._recipe.augment.rotate)
        if not reach:
            return crops
        angle = rng.uniform(-reach, reach, len(about))
        turned = _turned(crops.places, about, angle)
        span = np.abs(turned[:, :, :2]).sum(2)
        inside = self._inside[crops.rows].astype(np.float64)
        low, high = turned[:, :, 2] - span, turned[:, :, 2] + span
        fits = (low >= inside[:, :2]) & (high <= inside[:, :2] + inside[:, 2:])
        chosen = fits.all(axis=1)[:, None, None]
        return replace(crops, places=np.where(chosen, turned, crops.places))

    def _pasted(
        self, crops: _Crops, labels: Array, target: float | None, rng: np.random.Generator
    ) -> _Crops:
        """Return crops with pieces of others laid over them; `labels` (B, 4) are their corners."""
        sides = labels.reshape(-1, 2, 2) * (CROP / OUTPUT)
        laid = draw_pastes(
            self._recipe.augment,
            rng,
            CROP,
            crops.places[:, :, :2],
            sides.mean(1) - CROP / 2,
            (sides[:, 1] - sides[:, 0]) / 2,
            self._object_of[crops.rows] != self._object_of[crops.beside],
            self._size,
            target,
        )
        return replace(crops, pastes=laid)

    def _windows(self, crops: _Crops) -> Tensor:
        """Return crops (B, 3, 227, 227), cut of those of the store."""
        pixels, border = self._pool.take(crops.rows)
        windows = cut_batch(pixels, crops.places, CROP, border)
        for paste in crops.pastes:
            lay(windows, paste, *self._pool.take(crops.beside[paste.onto]))
        windows = coloured(windows, crops.look)
        return _blackened(windows, crops.places, self._inside[crops.rows].astype(np.float64))


@dataclass(frozen=True)
class _Crops:
    """How one side of a batch is cut: its target crops or its search crops.

    Attributes:
        rows: (B,) of the store.
        places: (B, 2, 3) windows of the stored crops, as `cut_batch` wants them.
        beside: (B,) rows of other pictures, of which pieces may be laid over.
    """

    rows: NDArray[np.int64]
    places: Array
    beside: NDArray[np.int64]
    look: Look
    pastes: tuple[Paste, ...] = ()

    def part(self, rows: slice) -> _Crops:
        """Return these of them alone."""
        return _Crops(
            self.rows[rows],
            self.places[rows],
            self.beside[rows],
            self.look.part(rows),
            pastes_of(self.pastes, rows),
        )


def _places(boxes: Array, flip: Array) -> Array:
    """Return windows (B, 2, 3) of twice the boxes (B, 4); `flip` (B,) is -1 for mirrored ones."""
    places = np.zeros((len(boxes), 2, 3))
    places[:, 0, 0], places[:, 1, 1] = (boxes[:, 2:] * (CONTEXT / 2)).T
    places[:, 0, 0] *= flip
    places[:, :, 2] = bx.centres(boxes)
    return places


def _turned(places: Array, about: Array, angle: Array) -> Array:
    """Return windows (B, 2, 3) turned by angles (B,) about points (B, 2)."""
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    centre = about + np.einsum("bij,bj->bi", turn, places[:, :, 2] - about)
    return np.concatenate([turn @ places[:, :, :2], centre[:, :, None]], axis=2)


def _looks(
    recipe: GOTURNRecipe, of: NDArray[np.int64], rng: np.random.Generator
) -> tuple[Look, Look]:
    """Return the looks of the target crops and of the search crops, `of` (B,) these."""
    change = recipe.augment
    targets = int(of[-1]) + 1
    is_gray = rng.random(targets) < recipe.data.gray
    gain, shift = draw_colours(rng, targets, change.light, change.tint, 0)
    looks = []
    for among in (np.arange(targets), of):
        apart, offset = draw_colours(rng, len(among), change.light_apart, 0, 0)
        colours = gain[among] * apart, shift[among] * apart + offset
        looks.append(draw_look(rng, colours, is_gray[among], change.blur, change.low_resolution))
    return looks[0], looks[1]


def _blackened(windows: Tensor, places: Array, inside: Array) -> Tensor:
    """Return windows, changed: black where they look past their frames.

    The stored crops have their frame's mean colour there. The edge is a ramp one stored pixel
    wide, as the resampling of a black border would leave it.

    Args:
        places: (B, 2, 3) of the windows in the stored crops. Those turned lie inside.
        inside: (B, 4) what the frames fill of the stored crops.
    """
    steps = (np.arange(CROP) + 0.5) / CROP * 2 - 1
    half = np.stack([places[:, 0, 0], places[:, 1, 1]], axis=1)
    at = places[:, :, 2, None] + half[:, :, None] * steps  # (B, 2, 227)
    low, high = inside[:, :2, None], (inside[:, :2] + inside[:, 2:])[:, :, None]
    shown = np.clip(at - low + 0.5, 0, 1) * np.clip(high - at + 0.5, 0, 1)
    if (shown < 1).any():
        mask = on_device(shown, windows)
        windows *= mask[:, 0, None, None, :] * mask[:, 1, None, :, None]
    return windows


def corners(boxes: Array, around: Array, flip: Array) -> Array:
    """Return x1, y1, x2, y2 (B, 4) of boxes (B, 4) in the crops around others (B, 4).

    In tenths of a crop, which is twice as wide and high as its box; `flip` (B,) is -1 where it
    is mirrored.
    """
    size = around[:, 2:] * CONTEXT
    corner = bx.centres(around) - size / 2
    found = (bx.xyxy(boxes).reshape(-1, 2, 2) - corner[:, None]) / size[:, None] * OUTPUT
    mirrored = np.stack([OUTPUT - found[:, ::-1, 0], found[:, :, 1]], axis=2)
    return np.where(flip[:, None, None] < 0, mirrored, found).reshape(-1, 4)


def training_examples(store: Store, recipe: GOTURNRecipe, pool: CropPool, world: World) -> Examples:
    """Return the batches a recipe trains on.

    Raises:
        DataError: the store has nothing of what the recipe draws from.
        StoreError: it is of format 1.
    """
    return Examples(FramePairs(store, recipe), store, recipe, pool, world)


def held_out_examples(store: Store, recipe: GOTURNRecipe, pool: CropPool) -> Examples | None:
    """Return batches of the held-out videos, else None: alike for all recipes.

    Of each pair of frames the search crop that a tracker would take, and one that is moved as
    in the paper.
    """
    data = swapped_for_held_out(store, recipe.data)
    if data is None:
        return None
    plain = {"gray": 0.0, "reversed": 0.0, "max_gap": 1, "far": 0.0, "video_weight": "even"}
    still = recipe.model_copy(
        update={
            "seed": 0,
            "batch": 16,
            "data": data.model_copy(update=plain),
            "motion": MotionRecipe(moved=1),
            "augment": GOTURNAugmentRecipe(),
        }
    )
    return training_examples(store, still, pool, World())  # one process judges
