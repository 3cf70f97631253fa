"""A training step against the same network in plain float32, contiguous, eager: A B A B.

    python benchmarks/training_step.py [RECIPE] [--batch N] [--threads N] [--rounds N]

Prints pairs a second of both and the ratio, round by round, on random windows: the
network, its loss and the optimiser, without the loader, which is measured beside it when
`--data STORE` names a store.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

from pursuit import store
from pursuit.learning import recipe as recipes
from pursuit.learning import siamfc
from pursuit.learning.pool import CropPool
from pursuit.learning.world import World
from pursuit.networks.siamfc import EXEMPLAR, correlate, initialise


class Plain(nn.Module):
    """The network and loss as one would first write them: float32, contiguous."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: siamfc.Batch) -> torch.Tensor:
        """Return the loss of a batch."""
        exemplar = self.network.embed(batch.exemplar.contiguous())
        search = self.network.embed(batch.search.contiguous())
        number, channels, size = search.shape[:3]
        maps = nn.functional.conv2d(
            search.reshape(1, number * channels, size, size), exemplar, groups=number
        )[0]
        scores = self.network.shape.gain * maps + self.network.bias
        positive = siamfc.labels(batch.offset, scores.shape[-1], 16)
        return siamfc.logistic_loss(scores, positive, balanced=True).mean()


def stepper(
    learner: nn.Module, optimiser: torch.optim.Optimizer, batch: siamfc.Batch, *, mixed: bool
) -> Callable[[], None]:
    """Return a function that takes one training step."""

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            out = learner(batch)
        loss = out[0] if isinstance(out, tuple) else out
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("recipe", nargs="?", default="siamfc-slim")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    recipe = recipes.read(given.recipe)
    number = given.batch or recipe.batch
    batch = siamfc.Batch(
        exemplar=torch.rand(number, 3, EXEMPLAR, EXEMPLAR) * 255,
        search=torch.rand(number, 3, recipe.search, recipe.search) * 255,
        offset=torch.zeros(number, 2),
        partner=torch.arange(number).roll(1),
        foreign=torch.ones(number, dtype=torch.bool),
        rows=torch.zeros(2, number, dtype=torch.int64),
    )
    steps = []
    for ours in (True, False):
        network = siamfc.build_network(recipe.network)
        initialise(network, torch.Generator().manual_seed(0))
        if ours:
            network = network.to(memory_format=torch.channels_last)
        learner = siamfc.Learner(network, recipe.loss) if ours else Plain(network)
        optimiser = siamfc.optimiser(network, recipe.optim)
        steps.append(stepper(learner, optimiser, batch, mixed=ours))
    ratios = []
    for _ in range(given.rounds + 1):  # the first round warms up
        seconds = []
        for step in steps:
            start = time.perf_counter()
            for _ in range(3):
                step()
            seconds.append((time.perf_counter() - start) / 3)
        ratios.append(seconds[1] / seconds[0])
        print(
            f"ours {number / seconds[0]:6.1f} pairs/s  plain {number / seconds[1]:6.1f} pairs/s  "
            f"ratio {ratios[-1]:.2f}"
        )
    print(
        f"{given.recipe}, batch {number}, {given.threads} threads: median ratio "
        f"{statistics.median(ratios[1:]):.2f}"
    )
    # The product's correlation is part of the difference; both give the same maps.
    torch.testing.assert_close(
        correlate(torch.ones(1, 2, 6, 6), torch.ones(1, 2, 22, 22)), torch.full((1, 17, 17), 72.0)
    )
    if given.data:
        crops = store.open(given.data)
        recipe = recipe.model_copy(update={"batch": number})
        pool = CropPool(crops, torch.device("cpu"))
        examples = siamfc.training_examples(crops, recipe, pool, World())
        start = time.perf_counter()
        for step in range(10):
            examples.batch(step)
        print(f"loader alone: {10 * number / (time.perf_counter() - start):.0f} pairs/s")


if __name__ == "__main__":
    main()
