"""Which pairs of frames GOTURN learns from, and which crops of them: an endless stream.

Pair p of the stream is a function of the seed and p alone. A pair of frames gives 1 + k3
examples, all of one target crop: the search crop that a tracker would take, and moved ones.
Boxes here are in pixels of the stored crops. A crop's square is around its own label, so that
the box of one frame has to be brought into the crop of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pursuit import boxes as bx
from pursuit.learning import motion
from pursuit.learning.examples import (
    Rows,
    by_video,
    first_rows,
    generator,
    learnt_from,
    places,
    shares_of_kinds,
    video_chance,
)
from pursuit.learning.recipe import GOTURNRecipe
from pursuit.store import Store

Array = NDArray[np.float64]
Random = np.random.Generator

_STREAM = 2  # apart from the random numbers of steps
_FARTHER = 0.4  # how often a gap of one labelled frame more is drawn
_PATCH = (30.0, 110.0)  # pixels of the stored crop, root of a random patch's area
_ASPECT = 2.0  # largest ratio of a random patch's sides
_PATCH_SHARE = 0.6  # of the picture, the most that a random patch fills of a side


@dataclass(frozen=True)
class FramePair:
    """A pair of frames and the crops that are to be cut of it.

    Attributes:
        previous, current: rows of the store.
        target: (4,) box in the previous frame around which the target crop is cut.
        box: (4,) label in the current frame.
        search: (1 + k3, 4) boxes in the current frame around which search crops are cut: the
            previous one first.
    """

    previous: int
    current: int
    target: Array
    box: Array
    search: Array


@dataclass(frozen=True)
class _Video:
    """Pairs (n, 2) of rows of one video by their gap, from 1; forwards, and backwards."""

    forwards: tuple[Rows, ...]
    backwards: tuple[Rows, ...]


class FramePairs:
    """The stream of pairs of frames that a recipe draws from a store."""

    def __init__(self, store: Store, recipe: GOTURNRecipe) -> None:
        data = recipe.data
        self._recipe = recipe
        self._store = store
        self._places, self._frame_sizes = places(store)
        self._objects = learnt_from(store, data, recipe.seed)
        tracks = by_video(store, self._objects)
        found = [(self._video(rows), rows) for rows in tracks]
        found = [(video, rows) for video, rows in found if any(map(len, video.forwards))]
        self._videos = [video for video, _ in found]
        self._tracks = [rows for _, rows in found]
        self._chance = video_chance(self._tracks, data.video_weight)
        self._stills = first_rows(self._objects, "still")
        self._unlabelled = first_rows(self._objects, "unlabelled")
        numbers = (len(self._videos), len(self._stills), len(self._unlabelled))
        self._kinds = np.cumsum(shares_of_kinds(data, numbers)[[1, 0, 2]])
        self._by_picture = _by_picture(store, self._stills)

    @property
    def examples(self) -> int:
        """How many examples one pair of frames gives."""
        return 1 + self._recipe.motion.moved

    def name(self, pair: FramePair) -> str:
        """Return the name of the object of a pair."""
        return self._store.objects[self._store.object_of[pair.current]].name

    def pair(self, number: int) -> FramePair:
        """Return a pair of the stream.

        Images and videos take turns as evenly as their shares allow: one by one where they are
        a half each.
        """
        rng = generator(self._recipe.seed, number, _STREAM)
        kind = int(np.searchsorted(self._kinds, _turn(number), side="right"))
        if kind == 1:
            previous, current, before, seen, box = self._of_video(rng)
        else:
            current = previous = self._draw_picture(rng, labelled=kind == 0)
            box = before = seen = self._of_picture(current, kind == 0, rng)
        error = _error(self._recipe.augment.jitter, rng)
        moved = self._moved(box, current, self._recipe.motion.moved, rng)
        return FramePair(
            previous=previous,
            current=current,
            target=_wrong(before, error),
            box=box,
            search=np.concatenate([_wrong(seen, error)[None], moved]),
        )

    def _of_video(self, rng: Random) -> tuple[int, int, Array, Array, Array]:
        """Return two rows, the box before in its own crop and in the current one, the label."""
        far = rng.random() < self._recipe.data.far
        previous, current = self._draw_far(rng) if far else self._draw_near(rng)
        before = self._store.boxes[previous].astype(np.float64)
        box = self._store.boxes[current].astype(np.float64)
        if far:  # how it moved says nothing of one frame to the next
            return previous, current, before, self._moved(box, current, 1, rng)[0], box
        places, scale = self._places, self._store.scale[current]
        seen = brought(places[previous], places[current], scale, self._store.size)
        return previous, current, before, seen, box

    def _of_picture(self, row: int, labelled: bool, rng: Random) -> Array:
        """Return the box that is followed in a picture: its label, or a random patch."""
        if labelled and rng.random() >= self._recipe.augment.patch:
            return self._store.boxes[row].astype(np.float64)
        return _patch(self._store.inside[row].astype(np.float64), rng)

    def _moved(self, box: Array, row: int, number: int, rng: Random) -> Array:
        frame = self._frame(row)
        boxes, frames = np.tile(box, (number, 1)), np.tile(frame, (number, 1))
        reach = np.tile(reaches(self._store.inside[[row]], self._store.size), (number, 1))
        return motion.moved(boxes, frames, reach, self._recipe.motion, rng)

    def _frame(self, row: int) -> Array:
        """Return the frame (4,) of a crop, in pixels of the crop."""
        scale = float(self._store.scale[row])
        corner = self._store.size / 2 - bx.centres(self._places[row]) * scale
        return np.concatenate([corner, self._frame_sizes[row] * scale])

    def _draw_far(self, rng: Random) -> tuple[int, int]:
        tracks = self._tracks[rng.choice(len(self._tracks), p=self._chance)]
        rows = tracks[rng.integers(len(tracks))]
        first = int(rng.integers(len(rows)))
        gap = self._recipe.data.far_gap
        low, high = max(0, first - gap), min(len(rows), first + gap + 1)
        second = int(rng.integers(low, high - 1))
        return int(rows[first]), int(rows[second + (second >= first)])

    def _draw_near(self, rng: Random) -> tuple[int, int]:
        video = self._videos[rng.choice(len(self._videos), p=self._chance)]
        back = rng.random() < self._recipe.data.reversed and any(map(len, video.backwards))
        by_gap = video.backwards if back else video.forwards
        often = np.array([len(rows) > 0 for rows in by_gap]) * _FARTHER ** np.arange(len(by_gap))
        rows = by_gap[rng.choice(len(by_gap), p=often / often.sum())]
        previous, current = rows[rng.integers(len(rows))]
        return int(previous), int(current)

    def _draw_picture(self, rng: Random, *, labelled: bool) -> int:
        """Return a row: pictures are equally likely, then their objects."""
        if not labelled:
            return int(rng.choice(self._unlabelled))
        return int(rng.choice(self._by_picture[rng.integers(len(self._by_picture))]))

    def _video(self, tracks: Sequence[Rows]) -> _Video:
        gaps = range(1, self._recipe.data.max_gap + 1)
        pairs = [
            np.concatenate([np.stack([rows[:-gap], rows[gap:]], 1) for rows in tracks])
            for gap in gaps
        ]
        return _Video(
            tuple(rows[self._serves(rows)] for rows in pairs),
            tuple(rows[:, ::-1][self._serves(rows[:, ::-1])] for rows in pairs),
        )

    def _serves(self, rows: Rows) -> NDArray[np.bool_]:
        """Return which pairs (n, 2) show the target where a tracker would look, in the store.

        Left out are those whose target's middle has left the search crop, and those whose search
        crop looks past what the store holds of the frame.
        """
        if not len(rows):
            return np.zeros(0, dtype=bool)
        previous, current = rows.T
        size = self._store.size
        scale = self._store.scale[current]
        seen = brought(self._places[previous], self._places[current], scale, size)
        shift = np.abs(bx.centres(seen) - size / 2)
        kept = motion.within(seen, reaches(self._store.inside[current], size))
        return np.asarray(kept & (shift <= seen[:, 2:]).all(axis=1))


def brought(boxes: Array, labels: Array, scale: ArrayLike, size: int) -> Array:
    """Return boxes (..., 4) of frames in the crops around labels (..., 4) of the same frames.

    Args:
        boxes, labels: pixels of the frame.
        scale: (...), pixels of the crops for one pixel of the frame.
        size: side of the crops.
    """
    each = np.asarray(scale, dtype=np.float64)[..., None]
    centre = size / 2 + (bx.centres(boxes) - bx.centres(labels)) * each
    return bx.from_centres(centre, boxes[..., 2:] * each)


def reaches(inside: NDArray[np.float32], size: int) -> Array:
    """Return left, top, right, bottom (N, 4) of what crops hold of their frames.

    Where a frame ends within its crop nothing is unknown on that side: infinite.

    Args:
        inside: (N, 4) what the frames fill of the crops.
        size: side of the crops.
    """
    edges = bx.xyxy(inside.astype(np.float64))
    low = np.where(edges[:, :2] > 0, -np.inf, 0)
    high = np.where(edges[:, 2:] < size, np.inf, size)
    return np.concatenate([low, high], axis=1)


def _turn(number: int) -> float:
    """Return a number in [0, 1) for each in 0, 1, 2, ...: below and above 1/2 in turns.

    Van der Corput's: the digits in base 2, mirrored at the point. Any share of [0, 1) gets its
    part of any stretch of the stream.
    """
    digits = f"{number:b}"[::-1]
    return int(digits, 2) / 2 ** len(digits)


def _by_picture(store: Store, rows: Rows) -> list[Rows]:
    """Return the rows of each picture."""
    pictures: dict[str, list[int]] = {}
    for row in rows.tolist():
        pictures.setdefault(store.objects[store.object_of[row]].video, []).append(row)
    return [np.array(found, dtype=np.int64) for found in pictures.values()]


def _patch(inside: Array, rng: Random) -> Array:
    """Return a random box (4,) of the picture, which fills `inside` (4,) of its crop."""
    root = np.exp(rng.uniform(*np.log(_PATCH)))
    stretch = np.exp(rng.uniform(-0.5, 0.5) * np.log(_ASPECT))
    size = np.minimum(root * np.array([stretch, 1 / stretch]), inside[2:] * _PATCH_SHARE)
    return np.concatenate([inside[:2] + rng.random(2) * (inside[2:] - size), size])


def _error(scale: float, rng: Random) -> Array:
    """Return how wrong the box before is (4,): shift in box widths, log of the sizes' factors."""
    return rng.laplace(0, 1, 4) * scale


def _wrong(box: Array, error: Array) -> Array:
    return bx.from_centres(bx.centres(box) + error[:2] * box[2:], box[2:] * np.exp(error[2:]))
