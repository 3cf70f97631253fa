"""What is SiamFC's own in learning: labels, loss, optimiser groups, batches."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pursuit.errors import DataError
from pursuit.learning import augment, loop
from pursuit.learning.examples import (
    Pairs,
    PairSampler,
    StillSampler,
    generator,
    held_out_sampler,
    held_out_stills,
)
from pursuit.learning.pool import CropPool
from pursuit.learning.recipe import (
    AugmentRecipe,
    LossRecipe,
    NetworkRecipe,
    OptimRecipe,
    SiamFCRecipe,
)
from pursuit.learning.rows import on_device, row_numbers, uploaded
from pursuit.learning.world import World, gathered
from pursuit.networks.siamfc import STRIDE, SiamFC, SiamFCShape, initialise
from pursuit.store import Store

JUDGED = 16  # pairs of a batch that judges
STILL_MOTION = AugmentRecipe(
    stretch=0.06,
    scale_search=0.08,
    shift_exemplar=3,
    shift_search=48,
    rotate=10,
    light=0.2,
    tint=0.1,
    blur=0.2,
    low_resolution=0.2,
    surround=0.8,
    background=0.5,
    look_alike=1.0,
    occlusion=0.5,
)
_PICTURES = 4


class Batch(NamedTuple):
    """What a training step sees: this process's B rows of the global batch.

    Attributes:
        exemplar: (B, 3, 127, 127), search: (B, 3, S, S), RGB 0 to 255.
        offset: (B, 2) target's centre in the search window, pixels from its middle.
        partner: (B,) another pair of the global batch, for maps of wrong exemplars.
        foreign: (B,) True where the partner is another object.
        rows: (2, B) rows of the store of exemplars and search windows, on the CPU.
    """

    exemplar: Tensor
    search: Tensor
    offset: Tensor
    partner: Tensor
    foreign: Tensor
    rows: Tensor

    @property
    def windows(self) -> tuple[Tensor, Tensor]:
        """All that the trunk sees."""
        return self.exemplar, self.search


class Examples:
    """Batches of augmented windows; each is a function of the seed and the step.

    `world` says which rows of the global batch are made.
    """

    def __init__(
        self,
        sampler: PairSampler | StillSampler,
        store: Store,
        recipe: SiamFCRecipe,
        pool: CropPool,
        world: World,
    ) -> None:
        self._sampler = sampler
        self._store = store
        self._recipe = recipe
        self._pool = pool
        self._rows = world.rows(recipe.batch)

    def batch(self, step: int) -> Batch:
        """Return the batch of a step."""
        recipe = self._recipe
        pairs = self._sampler.draw(step, recipe.batch)
        rng = generator(recipe.seed, step, 1)
        plan = augment.draw(
            recipe.augment,
            recipe.data.gray,
            rng,
            boxes=(
                self._store.boxes[pairs.exemplar].astype(np.float64),
                self._store.boxes[pairs.search].astype(np.float64),
            ),
            inside=(
                self._store.inside[pairs.exemplar].astype(np.float64),
                self._store.inside[pairs.search].astype(np.float64),
            ),
            foreign=pairs.foreign,
            self_pair=pairs.self_pair,
            crop=self._store.size,
            search=recipe.search,
        )
        return _render(plan, pairs, self._rows, self._pool, rng)

    def names(self, step: int) -> list[str]:
        """Return the names of the objects of a step's pairs, of all processes."""
        objects = self._sampler.draw(step, self._recipe.batch).objects
        return [self._store.objects[number].name for number in objects]


def training_examples(store: Store, recipe: SiamFCRecipe, pool: CropPool, world: World) -> Examples:
    """Return the batches a recipe trains on.

    Raises:
        DataError: the store has fewer crops to draw from than a batch has pairs.
    """
    sampler = PairSampler(store, recipe.data, recipe.seed)
    if sampler.crops < recipe.batch:
        raise DataError(
            f"the store {store.path} has {sampler.crops} crops for the recipe to draw from, too "
            f"few for a batch of {recipe.batch} pairs: curate more, or take a smaller batch"
        )
    return Examples(sampler, store, recipe, pool, world)


def held_out_examples(store: Store, recipe: SiamFCRecipe, pool: CropPool) -> Examples | None:
    """Return batches of the held-out videos, the target somewhere near the middle, else None."""
    sampler = held_out_sampler(store, recipe.data)
    if sampler is None:
        return None
    plain = AugmentRecipe(stretch=0, shift_exemplar=0, shift_search=24)
    return Examples(sampler, store, _judging(recipe, plain), pool, World())  # one process judges


def held_out_still_examples(store: Store, recipe: SiamFCRecipe, pool: CropPool) -> Examples | None:
    """Return batches of the held-out stills, one still after another, else None.

    Both windows are of one picture, too easy as they are: the search windows are moved, scaled,
    turned, lit and blurred, with another target pasted beside, half of them before another
    background and half partly covered. The batch's number alone decides how, not the recipe, so
    that networks of any recipe can be compared.
    """
    stills = held_out_stills(store, recipe.data)
    if not stills:
        return None
    sampler = StillSampler(store, stills)
    return Examples(sampler, store, _judging(recipe, STILL_MOTION), pool, World())


def _judging(recipe: SiamFCRecipe, augment: AugmentRecipe) -> SiamFCRecipe:
    """Return the recipe of batches that judge, the same whatever the recipe learns from."""
    data = recipe.data.model_copy(update={"gray": 0.0})
    fixed = {"seed": 0, "batch": JUDGED, "augment": augment, "data": data}
    return recipe.model_copy(update=fixed)


def _render(
    plan: augment.Plan, pairs: Pairs, rows: slice, pool: CropPool, rng: np.random.Generator
) -> Batch:
    """Return these rows of the batch that was planned."""
    scenery = pool.take(pairs.scenery[rows])
    first, second = pairs.exemplar[rows], pairs.search[rows]
    exemplar = augment.render(plan.exemplar.part(rows), *pool.take(first), *scenery)
    search = augment.render(plan.search.part(rows), *pool.take(second), *scenery)
    number = len(pairs.objects)
    partner = np.roll(np.arange(number), int(rng.integers(1, number)))
    return Batch(
        exemplar=exemplar,
        search=search,
        offset=on_device(plan.search.offset[rows], exemplar),
        partner=row_numbers(partner[rows], exemplar),
        foreign=uploaded((pairs.objects[partner] != pairs.objects)[rows], exemplar.device),
        rows=torch.as_tensor(np.stack([first, second])),
    )


def labels(offset: Tensor, side: int, radius: float) -> Tensor:
    """Return y of eq. 6 as True / False (B, side, side): cells within `radius` of the target.

    Args:
        offset: (B, 2) x, y of the target's centre from the map's middle, in pixels.
        side: cells of the score map.
        radius: R, in pixels of the search window.
    """
    cells = (torch.arange(side, device=offset.device) - (side - 1) / 2) * STRIDE
    dx = cells[None, None, :] - offset[:, 0, None, None]
    dy = cells[None, :, None] - offset[:, 1, None, None]
    return dx.square() + dy.square() <= radius**2


def logistic_loss(scores: Tensor, positive: Tensor, *, balanced: bool) -> Tensor:
    """Return the loss (B,) of score maps (B, s, s): eqs. 3 and 4.

    Balanced, the positive and the negative cells of a map each weigh one half.
    """
    signs = positive.to(scores.dtype) * 2 - 1
    each = functional.softplus(-signs * scores)
    if not balanced:
        return each.mean((1, 2))
    count = positive.sum((1, 2), keepdim=True).clamp(min=1)
    total = positive[0].numel()
    weights = torch.where(positive, 0.5 / count, 0.5 / (total - count))
    return (weights * each).sum((1, 2))


def centre_error(scores: Tensor, offset: Tensor) -> Tensor:
    """Return pixels (B,) between the highest cell and the target's centre."""
    side = scores.shape[-1]
    best = scores.flatten(1).argmax(1)
    cell = torch.stack([best % side, best // side], 1).float()
    return torch.linalg.vector_norm((cell - (side - 1) / 2) * STRIDE - offset, dim=1)


class Learner(nn.Module):
    """The network with its loss: what a step asks of it, in one call."""

    def __init__(self, network: SiamFC, recipe: LossRecipe) -> None:
        super().__init__()
        self.network = network
        self._recipe = recipe

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the loss and the score maps (B, s, s) of a batch."""
        recipe = self._recipe
        exemplar = self.network.embed(_laid_out(batch.exemplar))
        search = self.network.embed(_laid_out(batch.search))
        scores = self.network.score(exemplar, search)
        positive = labels(batch.offset, scores.shape[-1], recipe.radius)
        loss = logistic_loss(scores, positive, balanced=recipe.balanced).mean()
        if recipe.negatives > 0:
            # Partners may lie in other processes' rows; held-out batches are whole in one.
            searches = gathered(search) if self.training else search
            wrong = self.network.score(exemplar, searches[batch.partner])
            each = functional.softplus(wrong).mean((1, 2)) * batch.foreign
            loss = loss + recipe.negatives * each.mean()
        return loss, scores


def _laid_out(images: Tensor) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last)


def random_network(recipe: SiamFCRecipe) -> SiamFC:
    """Return the recipe's network with the random first weights of its seed."""
    network = build_network(recipe.network, recipe.optim.norm_momentum)
    initialise(network, torch.Generator().manual_seed(recipe.seed))
    return network


def build_network(form: NetworkRecipe, norm_momentum: float = 0.05) -> SiamFC:
    """Return a network of this form, without first weights."""
    return SiamFC(
        SiamFCShape(
            channels=form.channels,
            groups=form.groups,
            norm_last=form.norm_last,
            norm_momentum=_momentum(norm_momentum),
            gain=form.gain,
        )
    )


def _momentum(update: float) -> float:
    """Return the momentum a call, so that the two branches together move by `update`.

    The authors' program updates the shared moments once an iteration; PyTorch's module
    is called for exemplars and for search windows.
    """
    return 1 - float(np.sqrt(1 - update))


def optimiser(network: SiamFC, recipe: OptimRecipe) -> torch.optim.SGD:
    """Return SGD with the authors' multipliers of rate and decay for each kind of parameter.

    Convolution weights (1, 1), their biases (2, 0), norm gains (2, 0), norm biases (1, 0),
    the bias of the score (1, 1). `multiplier` in each group scales the schedule's rate.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            groups.setdefault(_multipliers(module, name), []).append(parameter)
    return torch.optim.SGD(
        [
            {
                "params": parameters,
                "lr": recipe.lr * rate,
                "multiplier": rate,
                "weight_decay": recipe.weight_decay * decay,
            }
            for (rate, decay), parameters in groups.items()
        ],
        momentum=recipe.momentum,
    )


def _multipliers(module: nn.Module, name: str) -> tuple[float, float]:
    if isinstance(module, nn.Conv2d):
        return (1, 1) if name == "weight" else (2, 0)
    if isinstance(module, nn.BatchNorm2d):
        return (2, 0) if name == "weight" else (1, 0)
    return (1, 1)


def _error(scores: Tensor, batch: Batch) -> Tensor:
    return centre_error(scores, batch.offset)


def _pictures(scores: Tensor, batch: Batch) -> Tensor:
    """Return (N, 3, S, 3 S): exemplar, search window, score map as light on the window."""
    size = batch.search.shape[-1]
    shown = batch.search[:_PICTURES] / 255
    maps = scores[:_PICTURES, None].float()
    low, high = maps.amin((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)
    light = functional.interpolate((maps - low) / (high - low + 1e-6), size=size)
    gap = size - batch.exemplar.shape[-1]
    exemplar = functional.pad(
        batch.exemplar[:_PICTURES] / 255, (gap // 2, gap - gap // 2) * 2, value=1.0
    )
    return torch.cat([exemplar, shown, shown * (0.2 + 0.8 * light)], dim=3).cpu()


def task(
    recipe: SiamFCRecipe,
    network: SiamFC,
    store: Store,
    pool: CropPool,
    world: World,
    card: dict[str, Any],
) -> loop.Task:
    """Return what the loop needs to train this network by this recipe."""
    return loop.Task(
        learner=Learner(network, recipe.loss),
        optimiser=optimiser(network, recipe.optim),
        training=training_examples(store, recipe, pool, world),
        held_out=held_out_examples(store, recipe, pool),
        held_out_stills=held_out_still_examples(store, recipe, pool),
        error=_error,
        pictures=_pictures,
        card=card,
    )
