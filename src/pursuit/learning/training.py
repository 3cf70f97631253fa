"""From a recipe to weights: opens the store, builds the task, trains, saves what was learnt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from pursuit import store as crop_store
from pursuit import weights
from pursuit.errors import RecipeError, SettingsError, WeightsError
from pursuit.learning import loop
from pursuit.learning.checkpoints import CHECKPOINT, checkpoint
from pursuit.learning.examples import digest, learnt_from
from pursuit.learning.memory import keep_freed_memory
from pursuit.learning.methods import method_of
from pursuit.learning.pool import CropPool
from pursuit.learning.recipe import GOTURNRecipe, Recipe
from pursuit.learning.start import (
    card_of,
    digest_of,
    is_there,
    start_from,
    weights_file,
)
from pursuit.learning.world import World, joined, share_norms
from pursuit.networks.goturn import GOTURN
from pursuit.networks.siamfc import SiamFC
from pursuit.runtimes.failures import told
from pursuit.store import Store
from pursuit.weights.card import Roots

_START_BATCHES = 8  # whose windows show the moments of norms that were folded


@dataclass(frozen=True)
class Trained:
    """What a run leaves behind."""

    weights: Path


def train(
    recipe: Recipe,
    name: str,
    out: Path,
    *,
    device: str = "cpu",
    tell: Callable[[loop.Report], None],
    loading: Callable[[int, int], None] | None = None,
    stop_after: int | None = None,
) -> Trained | None:
    """Train a recipe; return None where `stop_after` ended the run before its last step.

    A run that has ended is left as it is, its card with what was put into it since; other data
    or first weights than it had are refused. Under torchrun the processes share each batch; the
    first one alone tells and saves, the others return None.

    Args:
        name: of the recipe; the weights file is `out/NAME.safetensors`, its card beside it.
        tell: called with a report every 50 steps and after each epoch.
        loading: called with (done, all) while crops are decoded.

    Raises:
        RecipeError, StoreError, DataError: the recipe and its store, the number of processes,
            or the checkpoint in `out` do not fit each other; a frozen trunk starts from nothing.
        SettingsError: the device is not there, or not for so many processes.
        EngineError: the device has too little memory, or fails.
    """
    if not recipe.data.store:
        raise RecipeError("the recipe names no store: add data=PATH (pursuit curate makes one)")
    if isinstance(recipe, GOTURNRecipe) and recipe.network.frozen and not recipe.network.start:
        raise RecipeError(
            "network.frozen keeps the trunk as it starts, and the recipe starts it from nothing: "
            "add network.start=bvlc_reference_caffenet.caffemodel or other weights, or "
            "network.frozen=false"
        )
    world = joined()
    world.rows(recipe.batch)
    device = _device(device, world)
    path = out / f"{name}.safetensors"
    if recipe.network.start and Path(recipe.network.start).resolve() == path.resolve():
        raise RecipeError(f"network.start: this run would write over {path}; give another --out")
    store = crop_store.open(Path(recipe.data.store))
    roots = _roots(store, recipe)
    if _has_ended(path, recipe, roots):
        return Trained(path) if world.rank == 0 else None
    method = method_of(recipe)
    network = method.network(recipe)
    file = out / CHECKPOINT
    card = None
    if world.rank == 0:  # which alone writes
        card = _begun(file, recipe, world, roots) or _card(store, recipe, name, network, roots)
    if device == "cpu":
        keep_freed_memory()
    aim = f"to learn from batches of {recipe.batch}"
    with told(torch.device(device), aim, "take a smaller batch=N"):
        pool = CropPool(store, torch.device(device), loading if world.rank == 0 else None)
        if recipe.network.start and not file.exists():
            start = recipe.network.start
            start_from(network, start, recipe.seed, lambda: _windows(store, recipe, pool))
        network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if world.size > 1:
            share_norms(network)
        noted = card.model_dump(mode="json") if card else {}
        task = method.task(recipe, network, store, pool, world, noted)
        reports = loop.train(task, recipe, out, device, world, tell, stop_after)
    if card is None:
        return None
    if stop_after is not None and stop_after < recipe.steps:
        return None
    card = card.with_values(name=name, recipe=_as_written(recipe), curves=_curves(reports))
    weights.save(path, network.float().cpu(), card)
    return Trained(path)


def _has_ended(path: Path, recipe: Recipe, roots: Roots) -> bool:
    """Return whether a run of this recipe ended with these weights; its checkpoint is there."""
    if not (path.is_file() and (path.parent / CHECKPOINT).is_file()):
        return False
    try:
        _, card = weights.read(path)
    except WeightsError:  # half written or damaged: made again from the checkpoint
        return False
    return card.recipe == _as_written(recipe) and not _differing(card, roots)


def _roots(store: Store, recipe: Recipe) -> Roots:
    """Return digests of what a run learns from and, where it is there, starts from.

    A run that resumes needs the weights no more that it started from.
    """
    roots: Roots = {"store": digest(store, learnt_from(store, recipe.data, recipe.seed))}
    if is_there(recipe.network.start):
        roots["start"] = digest_of(recipe.network.start)
    return roots


def _differing(card: weights.Card, roots: Roots) -> list[str]:
    """Return the roots that are known of both and differ; older cards know of none."""
    return [key for key in card.roots.keys() & roots.keys() if card.roots[key] != roots[key]]


def _begun(file: Path, recipe: Recipe, world: World, roots: Roots) -> weights.Card | None:
    """Return the card that a run began with, which its checkpoint holds; older ones hold none.

    Raises:
        RecipeError: the checkpoint is not of this recipe, store and start.
    """
    state = checkpoint(file, recipe, world)
    if state is None or not state.get("card"):
        return None
    card = weights.parse_card(state["card"])
    differing = _differing(card, roots)
    if "store" in differing:
        raise RecipeError(
            f"checkpoint {file} is of a run on other data than {recipe.data.store} holds; give "
            "another --out, or the data it was made with"
        )
    start = recipe.network.start
    if "start" in differing:
        raise RecipeError(
            f"checkpoint {file} is of a run that started from other weights than {start}; give "
            "another --out, or the network.start it was made with"
        )
    if Path(start).name != Path(state["network"]["start"]).name:
        weights_file(start)  # raises where it is not there, to be compared
    return card


def _windows(store: Store, recipe: Recipe, pool: CropPool) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield what the network sees in the first whole batches: all processes must start alike."""
    examples = method_of(recipe).examples(store, recipe, pool, World())
    for step in range(_START_BATCHES):
        yield examples.batch(step).windows


def _device(name: str, world: World) -> str:
    """Return cpu, or the GPU of this process; auto is a GPU where there is one."""
    if name not in ("cpu", "cuda", "auto"):
        raise SettingsError(f"device must be cpu, cuda or auto; got {name}")
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return "cpu"
    if not torch.cuda.is_available():
        raise SettingsError("this machine has no CUDA GPU that torch can use; take --device cpu")
    if world.local_size > torch.cuda.device_count():
        raise SettingsError(
            f"{world.local_size} processes, but torch sees {torch.cuda.device_count()} GPUs on "
            "this machine: start one process a GPU, or take --device cpu"
        )
    return f"cuda:{world.local_rank}"


def _as_written(recipe: Recipe) -> str:
    """Return the recipe as YAML, without the places of one machine."""
    values = recipe.model_dump(mode="json")
    values["data"]["store"] = ""
    values["network"]["start"] = Path(recipe.network.start).name
    if values["data"]["held_out_stills"] == 0:  # as cards were before stills were held out
        values["data"].pop("held_out_stills")
    return yaml.safe_dump(values, sort_keys=False)


def _card(
    store: Store, recipe: Recipe, name: str, network: SiamFC | GOTURN, roots: Roots
) -> weights.Card:
    """Return the card of a run that begins: all that is known before it learns."""
    card = weights.card_for(
        network.shape,
        name=name,
        recipe=_as_written(recipe),
        seed=recipe.seed,
        data=_sources(store, recipe),
        roots=roots,
    )
    start = recipe.network.start
    return _going_on(card_of(start), card, Path(start).name) if start else card


def _sources(store: Store, recipe: Recipe) -> list[weights.Source]:
    """Return what was learnt from: a row a source, with its licence and number of objects."""
    rows: dict[tuple[str, str, str], int] = {}
    for entry in learnt_from(store, recipe.data, recipe.seed):
        key = (entry.source, entry.licence, entry.kind)
        rows[key] = rows.get(key, 0) + 1
    return [
        weights.Source(name=source, licence=licence or "unknown", note=f"{count} objects, {kind}")
        for (source, licence, kind), count in sorted(rows.items())
    ]


def _going_on(before: weights.Card | None, card: weights.Card, start: str) -> weights.Card:
    """Return the card with what still holds of the weights that the run started from.

    Their data and licence bind the new weights too; what is the same is named once. The meaning
    of a score is nearer to theirs than to a default until it is fitted anew.
    """
    if before is None:
        unknown = weights.Source(name=start, note="first weights; their data is not known")
        return card.with_values(data=(*card.data, unknown))
    earlier = [
        source.model_copy(update={"note": f"{source.note} (by way of {before.name})"})
        for source in before.data
        if source not in card.data
    ]
    kept: dict[str, Any] = {"data": (*card.data, *earlier), "licence": before.licence}
    if before.network == card.network:
        kept |= {"score_scale": before.score_scale, "score_offset": before.score_offset}
    return card.with_values(**kept)


def _curves(reports: list[loop.Report]) -> dict[str, tuple[float, ...]]:
    """Return the figures of each epoch by their names, but for what was not held out."""
    curves: dict[str, list[float | None]] = {
        "loss": [one.loss for one in reports],
        "held-out loss": [one.held_out_loss for one in reports],
        "held-out centre error, pixels": [one.held_out_error for one in reports],
        "held-out stills loss": [one.held_out_stills_loss for one in reports],
        "held-out stills centre error, pixels": [one.held_out_stills_error for one in reports],
    }
    known = {name: [one for one in curve if one is not None] for name, curve in curves.items()}
    return {name: tuple(round(one, 4) for one in curve) for name, curve in known.items() if curve}
