"""What is GOTURN's own in learning: loss, optimiser groups, pictures for the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pursuit.learning import loop
from pursuit.learning.caffe_sgd import CaffeSGD
from pursuit.learning.goturn_batches import STILL, Batch, held_out_examples, training_examples
from pursuit.learning.pool import CropPool
from pursuit.learning.recipe import (
    GOTURNLossRecipe,
    GOTURNNetworkRecipe,
    GOTURNRecipe,
)
from pursuit.learning.world import World
from pursuit.networks.goturn import (
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

Array = NDArray[np.float64]

_BETAS = 0.99  # AdamW's second: runs of ten thousands of steps, not millions
_PICTURES = 4
_TRUE, _PREDICTED = (0, 158, 115), (213, 94, 0)  # colours of boxes in the log's pictures


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
        low, high = STILL
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
