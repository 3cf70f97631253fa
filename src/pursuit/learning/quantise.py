"""A network's 8-bit form, made from crops of a store and judged on others of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from pursuit import runtimes, store, weights
from pursuit.errors import DataError, StoreError
from pursuit.learning import recipe as recipes
from pursuit.learning.examples import PairSampler, held_out_stills
from pursuit.learning.frame_pairs import FramePairs
from pursuit.learning.goturn_batches import Examples
from pursuit.learning.pool import CropPool
from pursuit.learning.recipe import (
    DataRecipe,
    GOTURNAugmentRecipe,
    GOTURNRecipe,
    MotionRecipe,
    Recipe,
    SiamFCRecipe,
)
from pursuit.learning.world import World
from pursuit.networks.goturn import GOTURN
from pursuit.networks.siamfc import SEARCH, SiamFC
from pursuit.runtimes import int8
from pursuit.runtimes.int8 import Windows
from pursuit.store import Store

MEASURED = 100  # crops of SiamFC, pairs of crops of GOTURN
APART = 20  # of others, on which the 8-bit form is judged
_DRAWN = 20 * (MEASURED + APART)  # at most, until so many of them are different


@dataclass(frozen=True)
class Quantised:
    """What was made.

    Attributes:
        files: .xml and .bin.
        size: of both, in bytes.
        measured: windows whose activations were measured.
        apart: windows that share no crop with these.
        difference: of features in 8 bits from those in float32 by the length of these, the mean
            over the windows apart.
    """

    files: tuple[Path, Path]
    size: int
    measured: int
    apart: int
    difference: float


@dataclass(frozen=True)
class _Draw:
    """What is looked at together: rows of the store, what makes windows (1, S, S, 3) of them."""

    rows: frozenset[int]
    windows: Callable[[], list[Windows]]


def quantise(
    path: Path, crops: Path, progress: Callable[[int, int | None], None] = lambda *_: None
) -> Quantised:
    """Write the 8-bit form of weights beside them, both of its files or none.

    The crops are such as the network learnt from: held-out ones are left out.

    Args:
        path: weights, ours or imported.
        crops: folder of a store.
        progress: told how many windows are done and how many there are.

    Raises:
        WeightsError: the weights cannot be used.
        RecipeError: the recipe in their card is not one.
        StoreError: no store, a damaged one, or one of too few crops.
        MissingExtra, EngineError: what makes the 8-bit form is not installed or not whole.
        OutputError: a file cannot be written.
    """
    network, card = weights.read(path)
    file = int8.beside(path)
    int8.check_ready(file)
    opened = store.open(crops)
    recipe = recipes.parse(card.recipe, f"in the card of {path}") if card.recipe else None
    measured, apart = windows(opened, network, recipe)
    total = len(measured) + len(apart)
    notes = {"card": card.model_dump_json(), "licence": card.licence}
    int8.quantise(network, measured, file, notes, lambda done: progress(done, total))
    exact, found = (
        runtimes.compile(network, name, weights=path) for name in ("eager", int8.RUNTIME)
    )
    differences = []
    for number, one in enumerate(apart, start=len(measured) + 1):
        expected = exact.embed(one)
        length = expected.norm().clamp_min(torch.finfo(torch.float32).tiny)
        differences.append(float((found.embed(one) - expected).norm() / length))
        progress(number, total)
    files = file, file.with_suffix(".bin")
    size = sum(one.stat().st_size for one in files)
    return Quantised(files, size, len(measured), len(apart), float(np.mean(differences)))


def windows(
    crops: Store, network: SiamFC | GOTURN, recipe: Recipe | None
) -> tuple[list[Windows], list[Windows]]:
    """Return windows (1, S, S, 3) such as a network sees, and some that share no crop with them.

    Args:
        crops: a store, of any data.
        network: whose they are.
        recipe: that it learnt by; None takes what there is, the videos first.

    Raises:
        StoreError: the store has too few crops that the recipe does not hold out.
    """
    if isinstance(network, GOTURN):
        draws = _first_that_draws(crops, recipe or GOTURNRecipe(), _goturn_draws)
    else:
        draws = _first_that_draws(crops, recipe or SiamFCRecipe(), _siamfc_draws)
    measured, apart = _split(draws)
    if not apart:
        raise StoreError(
            f"{crops.path} holds too few crops to measure some and judge on others: curate more "
            "videos or pictures that the weights' recipe does not hold out"
        )
    first, second = ([one for draw in some for one in draw.windows()] for some in (measured, apart))
    return first, second


def _first_that_draws(
    crops: Store, recipe: Recipe, draw: Callable[..., Iterator[_Draw]]
) -> Iterator[_Draw]:
    """Return draws of the kinds that the recipe names, else of the first kind that is there."""
    known = {entry.video for entry in crops.objects if entry.kind == "video"}
    data = recipe.data
    own = (data.still, data.unlabelled)
    for still, unlabelled in (own, (0.0, 0.0), (1.0, 0.0), (0.0, 1.0)):
        change = {
            "held_out": tuple(name for name in data.held_out if name in known),
            "held_out_stills": _held_out_share(crops, data),
            "still": still,
            "unlabelled": unlabelled,
        }
        with suppress(DataError):  # there is nothing of a kind
            return draw(crops, recipe.model_copy(update={"data": data.model_copy(update=change)}))
    return iter(())


def _held_out_share(crops: Store, data: DataRecipe) -> float:
    """Return the share of stills that is held out, 0 where none of the store's is among them."""
    with suppress(DataError):
        return data.held_out_stills if held_out_stills(crops, data) else 0.0
    return 0.0


def _siamfc_draws(crops: Store, recipe: SiamFCRecipe) -> Iterator[_Draw]:
    """Return draws of a search window, from the middle of a stored crop."""
    rows = PairSampler(crops, recipe.data, seed=0).draw(0, _DRAWN).search
    edge = (crops.size - SEARCH) // 2
    inside = slice(edge, edge + SEARCH)

    def cut(row: int) -> list[Windows]:
        return [np.ascontiguousarray(crops.crop(row)[None, inside, inside])]

    return (_Draw(frozenset([row]), partial(cut, row)) for row in rows.tolist())


def _goturn_draws(crops: Store, recipe: GOTURNRecipe) -> Iterator[_Draw]:
    """Return draws of a target crop and the search crop that a tracker would take."""
    one = {"batch": 1, "augment": GOTURNAugmentRecipe(), "motion": MotionRecipe(moved=0)}
    plain = recipe.model_copy(update=one)
    pairs = FramePairs(crops, plain)
    pool = CropPool(crops, torch.device("cpu"), whole=False)
    examples = Examples(pairs, crops, plain, pool, World())

    def cut(number: int) -> list[Windows]:
        batch = examples.batch(number)
        both = torch.cat(batch.windows).round().clamp(0, 255).byte()
        return list(both.permute(0, 2, 3, 1).contiguous().numpy()[:, None])

    def draws() -> Iterator[_Draw]:
        for number in range(_DRAWN):
            pair = pairs.pair(number)
            yield _Draw(frozenset([pair.previous, pair.current]), partial(cut, number))

    return draws()


def _split(draws: Iterable[_Draw]) -> tuple[list[_Draw], list[_Draw]]:
    """Return different draws, about every fifth apart from the others, with no row in both."""
    measured: list[_Draw] = []
    apart: list[_Draw] = []
    seen: set[int] = set()
    kept: set[int] = set()
    for draw in draws:
        if len(measured) == MEASURED and len(apart) == APART:
            break
        if draw.rows <= seen or draw.rows <= kept:
            continue
        wants_apart = 4 * len(apart) < len(measured) and len(apart) < APART
        if wants_apart and not draw.rows & seen:
            apart.append(draw)
            kept |= draw.rows
        elif len(measured) < MEASURED and not draw.rows & kept:
            measured.append(draw)
            seen |= draw.rows
    return measured, apart
