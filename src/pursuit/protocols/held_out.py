"""Weights on what their recipe held out.

Videos are followed from the first label to the end; stills are looked at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from pursuit import weights
from pursuit.datasets import Sequence, Usable, open_usable
from pursuit.datasets.usable import with_a_start
from pursuit.errors import DataError, RecipeError, SettingsError, WeightsError, nearest
from pursuit.frames import Colour
from pursuit.learning import recipe as recipes
from pursuit.learning import siamfc
from pursuit.learning.examples import held_out_stills
from pursuit.learning.pool import CropPool
from pursuit.learning.recipe import Recipe, SiamFCRecipe
from pursuit.protocols.entrants import RUNTIME
from pursuit.protocols.otb import follow
from pursuit.protocols.runner import Unreadable
from pursuit.store import Store
from pursuit.trackers.base import Result, Tracker
from pursuit.trackers.registry import load_preset
from pursuit.trackers.settings import PRESETS

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Followed:
    """What a tracker did on one held-out target.

    Attributes:
        name: of the sequence.
        video: the video it is of.
        boxes: (T, 4) of the tracker; NaN before the first label.
        truth: (T, 4) labels; NaN where there is none.
        peaks: (T,) what the score is made of, SiamFC's highest value of a score map or how much
            GOTURN's views agree; NaN up to the frame it started in.
    """

    name: str
    video: str
    boxes: Array
    truth: Array
    peaks: Array


def recipe_of(path: Path) -> Recipe:
    """Return the recipe in the card of a weights file.

    Raises:
        WeightsError: the file cannot be used, or its card has no recipe.
        RecipeError: the recipe in it is not one.
    """
    _, card = weights.read(path)
    if not card.recipe:
        raise WeightsError(
            f"nothing says which videos {path} has not seen: it has no card with a recipe; judge "
            "it with  pursuit evaluate otb"
        )
    return recipes.parse(card.recipe, f"in the card of {path}")


def targets(recipe: Recipe, videos: Path) -> list[Sequence]:
    """Return the sequences of a data set whose videos the recipe held out, by name.

    Raises:
        RecipeError: the recipe holds none out.
        DataError: no such data set, a video is missing in it, or one of these is not good.
    """
    found = usable_targets(recipe, videos)
    if found.faults:
        name, why = next(iter(found.faults.items()))
        others = len(found.faults) - 1
        more = f"; {others} more cannot be used either" if others else ""
        raise DataError(f"the held-out {name} cannot be used: {why}{more}")
    return found.sequences


def usable_targets(recipe: Recipe, videos: Path) -> Usable:
    """Return what can be followed of the videos that the recipe held out, and what cannot.

    What is wrong with other videos does not matter. First frames are decoded.

    Raises:
        RecipeError: the recipe holds none out.
        DataError: no such data set, it cannot be read as a whole, or a video is missing in it.
    """
    held = recipe.data.held_out
    if not held:
        raise RecipeError(
            "the recipe holds no videos out: train with data.held_out=[A,B], or judge the weights "
            "with  pursuit evaluate otb"
        )
    found = open_usable(videos)
    known = {sequence.video for sequence in found.sequences} | found.by_video().keys()
    missing = [name for name in held if name not in known]
    if missing:
        more = f", and {len(missing) - 1} more are missing" if len(missing) > 1 else ""
        raise DataError(
            f"{videos} does not hold the held-out video {missing[0]}"
            f"{nearest(missing[0], known)}{more}: add what is missing, or name the folder that "
            "the store was curated from"
        )
    return with_a_start(found.of_videos(held))


def run(
    path: Path,
    recipe: Recipe,
    sequences: Several[Sequence],
    runtime: str = RUNTIME,
    left_out: dict[str, str] | None = None,
) -> Iterator[Followed]:
    """Yield what the recipe's tracker does with the weights at `path` on each sequence, in order.

    One whose frames cannot be read is put into `left_out`, with why; without that it is an error.

    Raises:
        SettingsError: the recipe names no preset, or there is no such runtime.
        WeightsError: the weights cannot be used.
        DataError: the frames of a sequence are not good.
    """
    if recipe.tracker not in PRESETS:
        raise SettingsError(
            f"the recipe's tracker {recipe.tracker!r} is not one of {', '.join(PRESETS)}"
            f"{nearest(recipe.tracker, PRESETS)}"
        )
    # A steep calibration says 0 or 1 of most signals, and they could not be told from that: with
    # this one, whatever the card says, scores are 1 / (1 + exp(-signal)).
    tracker = _Listener(
        load_preset(recipe.tracker, path, {}, runtime=runtime, calibration=(1.0, 0.0))
    )
    for sequence in sequences:
        try:
            boxes = follow(tracker, sequence).boxes
        except Unreadable as error:
            if left_out is None:
                raise
            left_out[sequence.name] = " ".join(str(error).split())
            continue
        peaks = np.full(len(sequence), np.nan)
        heard = _odds(np.array(tracker.scores))
        # Not of the frame it started in: there the score is 1, the box is given.
        peaks[len(peaks) - len(heard) + 1 :] = heard[1:]
        yield Followed(sequence.name, sequence.video, boxes, sequence.boxes, peaks)


@dataclass(frozen=True)
class Found:
    """Where a network found the targets of some held-out stills in their search windows.

    Attributes:
        pictures: (N,) the picture that each target is in.
        errors: (N,) pixels of the search window between the map's peak and the target.
    """

    pictures: tuple[str, ...]
    errors: Array


def find_stills(path: Path, recipe: Recipe, store: Store) -> Iterator[Found]:
    """Yield what the weights at `path` find of the stills that the recipe holds out, each once.

    A still has no track: one search window a target, of `siamfc.held_out_still_examples`.

    Raises:
        DataError: the recipe holds stills out, but the store has none of them.
        WeightsError: the weights cannot be used.
    """
    if not isinstance(recipe, SiamFCRecipe):  # recipes of other networks hold none out
        return
    network, _ = weights.read_siamfc(path)
    learner = siamfc.Learner(network, recipe.loss).eval()
    pool = CropPool(store, torch.device("cpu"), whole=False)
    examples = siamfc.held_out_still_examples(store, recipe, pool)
    objects = held_out_stills(store, recipe.data)
    if examples is None:
        return
    for step, first in enumerate(range(0, len(objects), siamfc.JUDGED)):
        some = objects[first : first + siamfc.JUDGED]
        batch = examples.batch(step)
        with torch.inference_mode():
            _, scores = learner(batch)
        errors = siamfc.centre_error(scores, batch.offset)[: len(some)]
        yield Found(tuple(entry.video for entry in some), errors.double().numpy())


class _Listener:
    """A tracker that keeps the scores of one target since `init`."""

    def __init__(self, tracker: Tracker) -> None:
        self.name = tracker.name
        self.scores: list[float] = []
        self._tracker = tracker

    def init(self, frame: object, box: ArrayLike, *, colour: Colour = "rgb") -> Result:
        self.scores = []
        return self._heard(self._tracker.init(frame, box, colour=colour))

    def update(self, frame: object, *, colour: Colour = "rgb") -> Result:
        return self._heard(self._tracker.update(frame, colour=colour))

    def _heard(self, result: Result) -> Result:
        self.scores.append(float(result.rows()[1][0]))
        return result


def _odds(scores: Array) -> Array:
    """Return the log odds (N,) of scores (N,)."""
    inside = np.clip(scores, 1e-15, 1 - 1e-15)
    return np.log(inside / (1 - inside))
