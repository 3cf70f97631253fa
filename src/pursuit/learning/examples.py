"""Which pairs a training step sees: rows of the store, drawn afresh for every batch.

A batch is a function of the seed and the step alone, so a run that resumes at a step
draws what it would have drawn.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pursuit import boxes
from pursuit.errors import DataError, StoreError, nearest
from pursuit.learning.recipe import DataRecipe, GOTURNDataRecipe
from pursuit.store import Store, StoreObject

Rows = NDArray[np.int64]
Data = TypeVar("Data", bound=DataRecipe)


@dataclass(frozen=True)
class Pairs:
    """Rows of the store for a batch.

    Attributes:
        exemplar, search: (B,) rows.
        self_pair: (B,) True where both windows come from one picture.
        objects: (B,) object of each pair.
        scenery: (B,) rows of other objects whose frame fills the crop, to paste from.
        foreign: (B,) True where the scenery shows another object than the pair.
    """

    exemplar: Rows
    search: Rows
    self_pair: NDArray[np.bool_]
    objects: Rows
    scenery: Rows
    foreign: NDArray[np.bool_]


_SHARE_STREAM = 1_000_003  # keeps the choice of videos apart from other random numbers
# Kinds of crops, and what to do where the store has none of them.
_KINDS = {
    "labelled videos": "hold fewer out, or curate videos whose objects are labelled in two frames "
    "or more with --videos",
    "labelled stills": "add data.still=0, or curate a COCO data set with --stills",
    "unlabelled pictures": "add data.unlabelled=0, or curate a folder of pictures with --stills",
}
_FULL = 0.9  # share of a crop that its frame must fill to be scenery


def generator(seed: int, step: int, stream: int) -> np.random.Generator:
    """Return the random numbers of one step; streams keep different uses apart."""
    return np.random.default_rng([seed, step, stream])


class PairSampler:
    """Draws pairs of one object (paper, section 2.2), stills paired with themselves."""

    def __init__(self, store: Store, recipe: DataRecipe, seed: int) -> None:
        self._recipe = recipe
        self._seed = seed
        self._frame = store.frame
        objects = learnt_from(store, recipe, seed)
        self._videos = by_video(store, objects)
        self._stills = first_rows(objects, "still")
        self._unlabelled = first_rows(objects, "unlabelled")
        self._objects = store.object_of
        self._scenery = _scenery(store, objects)
        self._chance = video_chance(self._videos, recipe.video_weight)
        numbers = (len(self._videos), len(self._stills), len(self._unlabelled))
        self._shares = shares_of_kinds(recipe, numbers)

    @property
    def crops(self) -> int:
        """How many crops of the store can be an exemplar."""
        numbers = (
            sum(len(rows) for tracks in self._videos for rows in tracks),
            len(self._stills),
            len(self._unlabelled),
        )
        return sum(
            number for number, share in zip(numbers, self._shares, strict=True) if share > 1e-9
        )

    def draw(self, step: int, batch: int) -> Pairs:
        """Return the pairs of a step."""
        rng = generator(self._seed, step, 0)
        kinds = rng.choice(3, size=batch, p=self._shares)
        exemplar = np.zeros(batch, dtype=np.int64)
        search = np.zeros(batch, dtype=np.int64)
        videos = np.flatnonzero(kinds == 0)
        for i, video in zip(videos, self._draw_videos(rng, len(videos)), strict=True):
            exemplar[i], search[i] = self._draw_pair(rng, self._videos[video])
        for kind, rows in ((1, self._stills), (2, self._unlabelled)):
            places = np.flatnonzero(kinds == kind)
            if len(places):
                exemplar[places] = search[places] = rng.choice(rows, size=len(places))
        objects = self._objects[exemplar].astype(np.int64)
        scenery = _draw_scenery(rng, self._scenery, batch)
        foreign = self._objects[scenery] != objects
        return Pairs(exemplar, search, exemplar == search, objects, scenery, foreign)

    def _draw_videos(self, rng: np.random.Generator, number: int) -> Rows:
        """Return videos without repeats within the batch, as far as there are enough."""
        useful = int((self._chance > 0).sum())
        rounds: list[Rows] = []
        while number > 0:
            take = min(number, useful)
            rounds.append(rng.choice(len(self._videos), size=take, replace=False, p=self._chance))
            number -= take
        return np.concatenate(rounds) if rounds else np.zeros(0, dtype=np.int64)

    def _draw_pair(
        self, rng: np.random.Generator, tracks: tuple[Rows, ...]
    ) -> tuple[np.int64, np.int64]:
        """Return rows of an exemplar and a search window at most max_gap frames apart."""
        rows = tracks[rng.integers(len(tracks))]
        frames = self._frame[rows]
        first = int(rng.integers(len(rows)))
        low = int(np.searchsorted(frames, frames[first] - self._recipe.max_gap))
        high = int(np.searchsorted(frames, frames[first] + self._recipe.max_gap, side="right"))
        if high - low < 2:  # no other frame is near enough: the frame pairs with itself
            return rows[first], rows[first]
        second = int(rng.integers(low, high - 1))
        return rows[first], rows[second + (second >= first)]


class StillSampler:
    """Gives held-out stills, each paired with itself, one after another, then all of them anew."""

    def __init__(self, store: Store, stills: list[StoreObject]) -> None:
        self._rows = first_rows(stills, "still")
        self._objects = store.object_of
        self._scenery = _scenery(store, stills)

    def __len__(self) -> int:
        return len(self._rows)

    def draw(self, step: int, batch: int) -> Pairs:
        """Return the pairs of a step."""
        rows = self._rows[(step * batch + np.arange(batch)) % len(self)]
        objects = self._objects[rows].astype(np.int64)
        scenery = _draw_scenery(generator(0, step, 0), self._scenery, batch)
        foreign = self._objects[scenery] != objects
        return Pairs(rows, rows, np.ones(batch, dtype=np.bool_), objects, scenery, foreign)


def held_out_stills(store: Store, recipe: DataRecipe) -> list[StoreObject]:
    """Return the objects of the labelled stills that a recipe holds out.

    A picture is chosen by a hash of its name, with all its objects: the same ones for any seed
    and whatever else the store holds. Those of a smaller share are part of a larger one's.

    Raises:
        DataError: a share of the stills is to be held out, but the store has none of it.
    """
    stills = [entry for entry in store.objects if entry.kind == "still"]
    held = [entry for entry in stills if _place_of(entry.video) < recipe.held_out_stills]
    if recipe.held_out_stills > 0 and not held:
        raise DataError(
            f"data.held_out_stills={recipe.held_out_stills:g} holds out none of the {len(stills)} "
            "labelled stills of the store: take a larger share, or 0, or curate a COCO data set "
            "with --stills"
        )
    return held


def _place_of(name: str) -> float:
    """Return the place of a name between 0 and 1, below 1, as good as drawn by lot."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") / 2**48


def held_out_sampler(store: Store, recipe: DataRecipe) -> PairSampler | None:
    """Return a sampler of the held-out videos alone, or None where none are held out."""
    swapped = swapped_for_held_out(store, recipe)
    return None if swapped is None else PairSampler(store, swapped, seed=0)


def swapped_for_held_out(store: Store, recipe: Data) -> Data | None:
    """Return what draws from the held-out videos alone, or None where none are held out."""
    if not recipe.held_out:
        return None
    known = {entry.video for entry in store.objects if entry.kind == "video"}
    _check_names(recipe.held_out, known)
    rest = tuple(sorted(known - set(recipe.held_out)))
    only = {"held_out": rest, "share": 1.0, "still": 0.0, "unlabelled": 0.0}
    return recipe.model_copy(update=only)


def shares_of_kinds(recipe: DataRecipe, numbers: tuple[int, int, int]) -> NDArray[np.float64]:
    """Return the shares (3,) of pairs from videos, stills, unlabelled pictures.

    Args:
        numbers: how many there are of each.

    Raises:
        DataError: there is none of a kind that has a share, or shares are more than 1.
    """
    shares = np.array([1 - recipe.still - recipe.unlabelled, recipe.still, recipe.unlabelled])
    if shares[0] < -1e-9:
        raise DataError("data.still and data.unlabelled together are more than 1")
    for (name, way), share, number in zip(_KINDS.items(), shares, numbers, strict=True):
        if share > 1e-9 and number == 0:
            if name == "labelled stills" and isinstance(recipe, GOTURNDataRecipe):
                way += f"; boxes that fill {recipe.largest:.0%} of a picture's side are left out"
            raise DataError(f"the recipe draws from {name}, but the store has none of use: {way}")
    return np.maximum(shares, 0) / shares.sum()


def learnt_from(store: Store, recipe: DataRecipe, seed: int) -> list[StoreObject]:
    """Return the objects of the store that a run sees, to follow or as scenery.

    Of the videos that are not held out, `recipe.share`, at least one; all stills that are not
    held out and all unlabelled pictures, where the recipe draws from them; for GOTURN, stills
    without those whose box fills too much of the picture.

    Raises:
        DataError: a held-out video is not in the store, or no still of the share to hold out.
        StoreError: a store of format 1, for GOTURN.
    """
    known = {entry.video for entry in store.objects if entry.kind == "video"}
    _check_names(recipe.held_out, known)
    videos = _share_of(known - set(recipe.held_out), recipe.share, seed)
    drawn = {"still": recipe.still > 0, "unlabelled": recipe.unlabelled > 0}
    held = set(held_out_stills(store, recipe))
    if isinstance(recipe, GOTURNDataRecipe):
        where, frames = places(store)
        fills = boxes.fills(where, frames, recipe.largest)
    else:
        fills = np.zeros(len(store), dtype=np.bool_)
    return [
        entry
        for entry in store.objects
        if (entry.video in videos if entry.kind == "video" else drawn[entry.kind])
        and entry not in held
        and not (entry.kind == "still" and fills[entry.first])
    ]


def places(store: Store) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the boxes (R, 4) in pixels of their frames, and the sizes (R, 2) of these.

    Raises:
        StoreError: the store is of format 1, which does not hold them.
    """
    if store.place is None or store.frame_size is None:
        raise StoreError(
            f"the store {store.path} is of format 1, which does not hold where boxes lie in their "
            "frames; GOTURN learns from that: curate anew, to another folder"
        )
    return store.place.astype(np.float64), store.frame_size.astype(np.float64)


def digest(store: Store, objects: list[StoreObject]) -> str:
    """Return 16 hex digits that change with these objects, their order, crops or boxes.

    Where the store lies changes nothing.
    """
    sha = hashlib.sha256()
    for entry in objects:
        rows = slice(entry.first, entry.first + entry.count)
        sha.update(repr((entry.name, entry.video, entry.kind, entry.count)).encode())
        for values in (store.crc32, store.frame, store.boxes):
            sha.update(values[rows].tobytes())
    return sha.hexdigest()[:16]


def _share_of(videos: set[str], share: float, seed: int) -> set[str]:
    """Return a share of the videos by the seed: a smaller share is part of a larger one."""
    names = sorted(videos)
    order = np.random.default_rng([seed, _SHARE_STREAM]).permutation(len(names))
    return {names[i] for i in order[: math.ceil(share * len(names) - 1e-9)]}


def _check_names(names: tuple[str, ...], known: set[str]) -> None:
    missing = [name for name in names if name not in known]
    if not missing:
        return
    none = "'data.held_out=[]' holds nothing out"
    if len(missing) == len(names) > 1:  # the list of other data: no name of it was mistyped
        raise DataError(
            f"the store holds none of the {len(names)} videos that data.held_out names, such as "
            f"{missing[0]}: name videos of the store, 'data.held_out=[A,B]'; {none}"
        )
    raise DataError(
        f"data.held_out names {missing[0]}, which the store does not hold"
        f"{nearest(missing[0], known)}; take it off the list or curate it; {none}"
    )


def object_rows(entry: StoreObject) -> Rows:
    """Return the rows of one object, in the order of its frames."""
    return np.arange(entry.first, entry.first + entry.count, dtype=np.int64)


def by_video(store: Store, objects: list[StoreObject]) -> list[tuple[Rows, ...]]:
    """Return the tracks of each video among the objects that can give a pair."""
    videos: dict[str, list[Rows]] = {}
    for entry in objects:
        if entry.kind == "video" and entry.count > 1:
            rows = object_rows(entry)
            if (np.diff(store.frame[rows]) <= 0).any():
                raise StoreError(
                    f"the store's frames of {entry.name} are not in order; curate anew"
                )
            videos.setdefault(entry.video, []).append(rows)
    return [tuple(tracks) for _, tracks in sorted(videos.items())]


def _scenery(store: Store, objects: list[StoreObject]) -> list[Rows]:
    """Return the rows of each of the objects whose crops are full pictures; all rows if none is."""
    filled = store.inside[:, 2] * store.inside[:, 3] / store.size**2
    tracks = [object_rows(entry) for entry in objects]
    full = [rows[filled[rows] >= _FULL] for rows in tracks]
    return [rows for rows in full if len(rows)] or tracks


def _draw_scenery(rng: np.random.Generator, scenery: list[Rows], batch: int) -> Rows:
    chosen = rng.integers(len(scenery), size=batch)
    return np.array([rng.choice(scenery[number]) for number in chosen], dtype=np.int64)


def first_rows(objects: Iterable[StoreObject], kind: str) -> Rows:
    """Return the first rows of the objects of a kind: of pictures, the only ones."""
    return np.array([entry.first for entry in objects if entry.kind == kind], dtype=np.int64)


def video_chance(videos: Sequence[tuple[Rows, ...]], weight: str) -> NDArray[np.float64]:
    """Return the chance (V,) of each video, given the rows of its tracks."""
    if weight == "even":
        chance = np.ones(len(videos))
    else:
        frames = np.array([sum(len(rows) for rows in tracks) for tracks in videos], dtype=float)
        chance = np.sqrt(np.minimum(frames, 20))
    return chance / max(chance.sum(), 1)
