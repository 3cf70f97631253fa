"""What is GOTURN's own in learning: examples, loss, optimiser groups, pictures for the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pursuit import boxes as bx
from pursuit.learning import augment, loop
from pursuit.learning.caffe_sgd import CaffeSGD
from pursuit.learning.examples import generator, swapped_for_held_out
from pursuit.learning.frame_pairs import FramePair, FramePairs
from pursuit.learning.pool import CropPool
from pursuit.learning.recipe import (
    GOTURNAugmentRecipe,
    GOTURNLossRecipe,
    GOTURNNetworkRecipe,
    GOTURNRecipe,
    MotionRecipe,
)
from pursuit.learning.world import World
from pursuit.networks.goturn import (
    CONTEXT,
    CROP,
    GOTURN,
    OUTPUT,
    GOTURNShape,
    convolutions,
    initialise,
    linears,
    norms,
)
from pursuit.store import Store
from pursuit.windows import cut_batch

Array = NDArray[np.float64]

_STILL = OUTPUT / 2 * (1 - 1 / CONTEXT), OUTPUT / 2 * (1 + 1 / CONTEXT)  # a target that stayed
_BETAS = 0.99  # AdamW's second: runs of ten thousands of steps, not millions
_PICTURES = 4
_TRUE, _PREDICTED = (0, 158, 115), (213, 94, 0)  # colours of boxes in the log's pictures


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
        still = np.tile(_STILL, (len(pairs), 2))[:, [0, 2, 1, 3]]
        targets = self._pasted(targets, still, None, rng)
        searches = self._pasted(searches, labels, CROP / CONTEXT, rng)
        mine = slice(int(of[self._rows][0]), int(of[self._rows][-1]) + 1)
        images = self._windows(searches.part(self._rows))
        return Batch(
            target=self._windows(targets.part(mine)),
            search=images,
            of=torch.as_tensor(of[self._rows] - mine.start).to(images.device),
            corners=torch.as_tensor(labels[self._rows], dtype=torch.float32).to(images.device),
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
        pastes = augment.draw_pastes(
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
        return replace(crops, pastes=pastes)

    def _windows(self, crops: _Crops) -> Tensor:
        """Return crops (B, 3, 227, 227), cut of those of the store."""
        pixels, border = self._pool.take(crops.rows)
        windows = cut_batch(pixels, crops.places, CROP, border)
        for paste in crops.pastes:
            augment.lay(windows, paste, *self._pool.take(crops.beside[paste.onto]))
        windows = augment.coloured(windows, crops.look)
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
    look: augment.Look
    pastes: tuple[augment.Paste, ...] = ()

    def part(self, rows: slice) -> _Crops:
        """Return these of them alone."""
        return _Crops(
            self.rows[rows],
            self.places[rows],
            self.beside[rows],
            self.look.part(rows),
            augment.pastes_of(self.pastes, rows),
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
) -> tuple[augment.Look, augment.Look]:
    """Return the looks of the target crops and of the search crops, `of` (B,) these."""
    change = recipe.augment
    targets = int(of[-1]) + 1
    is_gray = rng.random(targets) < recipe.data.gray
    gain, shift = augment.draw_colours(rng, targets, change.light, change.tint, 0)
    looks = []
    for among in (np.arange(targets), of):
        apart, offset = augment.draw_colours(rng, len(among), change.light_apart, 0, 0)
        colours = gain[among] * apart, shift[among] * apart + offset
        looks.append(
            augment.draw_look(rng, colours, is_gray[among], change.blur, change.low_resolution)
        )
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
        mask = torch.as_tensor(shown, dtype=torch.float32).to(windows.device)
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


def corner_loss(found: Tensor, corners: Tensor, recipe: GOTURNLossRecipe) -> Tensor:
    """Return the loss (B,) of corners (B, 4) against the true ones, summed over the four."""
    error = found - corners
    loss = (error.abs() if recipe.kind == "l1" else error.square() / 2).sum(1)
    if recipe.giou > 0:
        loss = loss + recipe.giou * (1 - generalised_overlap(found, corners))
    return loss


def generalised_overlap(a: Tensor, b: Tensor) -> Tensor:
    """Return the overlap (B,) of boxes x1, y1, x2, y2 (B, 4), less what is empty around both.

    Overlap minus the share of the box around both that neither fills: from -1 to 1, and still
    with a slope where boxes lie apart.
    """
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    common = (high - low).clamp(min=0).prod(1)
    areas = [(box[:, 2:] - box[:, :2]).clamp(min=0).prod(1) for box in (a, b)]
    union = (areas[0] + areas[1] - common).clamp(min=1e-6)
    span = torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])
    whole = span.clamp(min=1e-3).prod(1)
    return common / union - (whole - union) / whole


class Learner(nn.Module):
    """The network with its loss: what a step asks of it, in one call."""

    def __init__(self, network: GOTURN, recipe: GOTURNRecipe) -> None:
        super().__init__()
        self.network = network
        self._recipe = recipe

    def train(self, mode: bool = True) -> Learner:
        """Set the mode; a frozen trunk's norms stay as they are."""
        super().train(mode)
        for block in frozen_blocks(self.network, self._recipe.network):
            block.eval()
        return self

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the loss and the corners (B, 4) of a batch."""
        target, search = self._features(batch)
        found = self.network.regress(target[batch.of], search).float()
        loss = corner_loss(found, batch.corners, self._recipe.loss)
        # The paper's sum over the batch; of several processes each has its share of the batch,
        # and gradients are averaged over them.
        return loss.mean() * self._recipe.batch, found

    def _features(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return features of the target crops and of the search crops, seen as one batch.

        A target crop whose examples fall to two processes is seen by both: where the trunk has
        norms that learn, their moments are nearly, not quite, those of one process.
        """
        if not self._recipe.data.previous:
            search = self.network.embed(_laid_out(batch.search))
            return torch.zeros_like(search[: len(batch.target)]), search
        both = torch.cat([batch.target, batch.search])
        features = self.network.embed(_laid_out(both))
        return features[: len(batch.target)], features[len(batch.target) :]


def _laid_out(images: Tensor) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last)


def shape_of(form: GOTURNNetworkRecipe) -> GOTURNShape:
    """Return the form of the network of a recipe."""
    return GOTURNShape(form.channels, form.groups, form.hidden, form.norm, form.dropout)


def build_network(form: GOTURNNetworkRecipe, norm_momentum: float = 0.05) -> GOTURN:
    """Return a network of this form, without first weights."""
    network = GOTURN(shape_of(form))
    for norm in norms(network):
        norm.momentum = norm_momentum
    return network


def random_network(recipe: GOTURNRecipe) -> GOTURN:
    """Return the recipe's network with the random first weights of its seed."""
    network = build_network(recipe.network, recipe.optim.norm_momentum)
    first_weights(network, recipe)
    return network


def first_weights(network: GOTURN, recipe: GOTURNRecipe) -> None:
    """Set the random first weights of a recipe."""
    generator = torch.Generator().manual_seed(recipe.seed)
    initialise(network, generator)
    if recipe.network.first == "caffe":
        return
    with torch.no_grad():
        layers: list[nn.Conv2d | nn.Linear] = [*convolutions(network), *linears(network)[:-1]]
        for layer in layers:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            assert layer.bias is not None
            layer.bias.zero_()
        low, high = _STILL
        linears(network)[-1].bias.copy_(torch.tensor([low, low, high, high]))


def forget_target(network: GOTURN) -> None:
    """Take away the weights of the target crop's features, so that the network ignores them.

    Given none, they get no gradient either: trained so, the weights track as any others do.
    """
    with torch.no_grad():
        weight = linears(network)[0].weight
        weight[:, : weight.shape[1] // 2] = 0


def frozen_blocks(network: GOTURN, form: GOTURNNetworkRecipe) -> Sequence[nn.Module]:
    """Return the blocks of the trunk that are not learnt: all, its first ones, or none."""
    blocks = list(network.trunk)
    if isinstance(form.frozen, bool):  # a number to Python too
        return blocks if form.frozen else []
    return blocks[: form.frozen]


def optimiser(network: GOTURN, recipe: GOTURNRecipe) -> torch.optim.Optimizer:
    """Return the recipe's optimiser; decay is on kernels and matrices alone.

    `multiplier` in each group scales the schedule's rate: the recipe's for the trunk, and in
    SGD twice for biases, as in the authors' program.
    """
    optim = recipe.optim
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for block in frozen_blocks(network, recipe.network):
        block.requires_grad_(False)
    for part, rate in ((network.head, 1.0), (network.trunk, optim.trunk)):
        for module in part.modules():
            is_norm = isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d)
            for name, parameter in module.named_parameters(recurse=False):
                if not parameter.requires_grad:
                    continue
                doubled = optim.kind == "sgd" and name == "bias" and not is_norm
                decays = name == "weight" and not is_norm
                groups.setdefault((rate * (1 + doubled), decays), []).append(parameter)
    described = [
        {
            "params": parameters,
            "lr": optim.lr * rate,
            "multiplier": rate,
            "weight_decay": optim.weight_decay * decays,
        }
        for (rate, decays), parameters in groups.items()
    ]
    if optim.kind == "sgd":
        return CaffeSGD(described, optim.lr, optim.momentum)
    return torch.optim.AdamW(described, lr=optim.lr, betas=(optim.momentum, _BETAS))


def centre_error(found: Tensor, batch: Batch) -> Tensor:
    """Return pixels (B,) of the search crop between the centres of corners (B, 4) and truth."""
    apart = (found - batch.corners).reshape(-1, 2, 2).mean(1) * (CROP / OUTPUT)
    return torch.linalg.vector_norm(apart, dim=1)


def pictures(found: Tensor, batch: Batch) -> Tensor:
    """Return (N, 3, 227, 454): target crop, search crop with the true and the found box."""
    shown = []
    for i in range(min(_PICTURES, len(batch.search))):
        image = batch.search[i].cpu().clone()
        _outline(image, batch.corners[i], _TRUE)
        _outline(image, found[i], _PREDICTED)
        shown.append(torch.cat([batch.target[int(batch.of[i])].cpu(), image], dim=2))
    return torch.stack(shown) / 255


def _outline(image: Tensor, corners: Tensor, colour: tuple[int, int, int]) -> None:
    """Draw the outline of a box onto an image (3, 227, 227)."""
    scaled = (corners.float().cpu() * (CROP / OUTPUT)).round().clamp(0, CROP - 1)
    left, top, right, bottom = (int(value) for value in scaled)
    paint = torch.tensor(colour, dtype=image.dtype)[:, None]
    for y in (top, bottom):
        image[:, y, left : right + 1] = paint
    for x in (left, right):
        image[:, top : bottom + 1, x] = paint


def task(
    recipe: GOTURNRecipe,
    network: GOTURN,
    store: Store,
    pool: CropPool,
    world: World,
    card: dict[str, Any],
) -> loop.Task:
    """Return what the loop needs to train this network by this recipe."""
    if not recipe.data.previous:
        forget_target(network)
    return loop.Task(
        learner=Learner(network, recipe),
        optimiser=optimiser(network, recipe),
        training=training_examples(store, recipe, pool, world),
        held_out=held_out_examples(store, recipe, pool),
        error=centre_error,
        pictures=pictures,
        card=card,
    )
