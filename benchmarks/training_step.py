"""A training step against the same network in plain float32, contiguous, eager: A B A B.

    python benchmarks/training_step.py [RECIPE] [--batch N ...] [--threads N] [--rounds N]
    python benchmarks/training_step.py siamfc-paper --device cuda --batch 8 64
    python benchmarks/training_step.py goturn-paper --device cuda --batch 50

Prints pairs a second of both and the ratio, round by round, on random windows: the
network, its loss and the optimiser, without the loader, which is measured beside it when
`--data STORE` names a store. Ours has the recipe's precision.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from pursuit import store
from pursuit.learning import goturn, siamfc
from pursuit.learning import recipe as recipes
from pursuit.learning.pool import CropPool
from pursuit.learning.recipe import GOTURNRecipe, SiamFCRecipe
from pursuit.learning.world import World
from pursuit.networks.goturn import CROP
from pursuit.networks.siamfc import EXEMPLAR, correlate

_STEPS = 3  # between two looks at the clock
_STEPS_ON_GPU = 50  # which is waited for then: as many as training takes between two reports
_SECONDS = 1.0  # of a turn on a GPU, whose steps are short


class PlainSiamFC(nn.Module):
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


class PlainGOTURN(nn.Module):
    """The same of GOTURN: a target crop for each search crop, each through the trunk."""

    def __init__(self, network: nn.Module, recipe: GOTURNRecipe) -> None:
        super().__init__()
        self.network, self._recipe = network, recipe

    def forward(self, batch: goturn.Batch) -> torch.Tensor:
        """Return the loss of a batch."""
        found = self.network(*batch.windows)
        return goturn.corner_loss(found, batch.corners, self._recipe.loss).mean()


def siamfc_batch(recipe: SiamFCRecipe, device: torch.device) -> siamfc.Batch:
    number = recipe.batch
    return siamfc.Batch(
        exemplar=torch.rand(number, 3, EXEMPLAR, EXEMPLAR, device=device) * 255,
        search=torch.rand(number, 3, recipe.search, recipe.search, device=device) * 255,
        offset=torch.zeros(number, 2, device=device),
        partner=torch.arange(number, device=device).roll(1),
        foreign=torch.ones(number, dtype=torch.bool, device=device),
        rows=torch.zeros(2, number, dtype=torch.int64),
    )


def goturn_batch(recipe: GOTURNRecipe, device: torch.device) -> goturn.Batch:
    number = recipe.batch
    of = torch.arange(number, device=device) // (1 + recipe.motion.moved)
    return goturn.Batch(
        target=torch.rand(int(of[-1]) + 1, 3, CROP, CROP, device=device) * 255,
        search=torch.rand(number, 3, CROP, CROP, device=device) * 255,
        of=of,
        corners=torch.tensor([[2.5, 2.5, 7.5, 7.5]], device=device).repeat(number, 1),
    )


def stepper(
    learner: nn.Module, optimiser: torch.optim.Optimizer, batch: Any, *, mixed: bool
) -> Callable[[], None]:
    """Return a function that takes one training step."""
    device = batch.search.device.type

    def step() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=mixed):
            out = learner(batch)
        loss = out[0] if isinstance(out, tuple) else out
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def steppers(recipe: Any, device: torch.device) -> list[Callable[[], None]]:
    """Return ours and the plain one, on one batch."""
    is_siamfc = isinstance(recipe, SiamFCRecipe)
    method: Any = siamfc if is_siamfc else goturn
    batch = (siamfc_batch if is_siamfc else goturn_batch)(recipe, device)
    steps = []
    for ours in (True, False):
        network = method.random_network(recipe).to(device)
        if ours:
            network = network.to(memory_format=torch.channels_last)
        optimiser = method.optimiser(network, recipe.optim if is_siamfc else recipe)
        if ours:
            learner = method.Learner(network, recipe.loss if is_siamfc else recipe)
        else:
            learner = PlainSiamFC(network) if is_siamfc else PlainGOTURN(network, recipe)
        learner.to(device).train()
        mixed = ours and recipe.precision == "bf16-mixed"
        steps.append(stepper(learner, optimiser, batch, mixed=mixed))
    return steps


def seconds_of(
    step: Callable[[], None], settle: Callable[[], None], steps: int, least: float
) -> float:
    """Return the seconds of a step, of as many as take at least so long."""
    settle()
    start, done = time.perf_counter(), 0
    while not done or time.perf_counter() - start < least:
        for _ in range(steps):
            step()
        settle()
        done += steps
    return (time.perf_counter() - start) / done


def measure(recipe: Any, device: torch.device, rounds: int, where: str) -> None:
    """Print what a recipe's steps take."""
    gpu = device.type == "cuda"
    settle = partial(torch.cuda.synchronize, device) if gpu else lambda: None
    steps = steppers(recipe, device)
    turn = (_STEPS_ON_GPU, _SECONDS) if gpu else (_STEPS, 0.0)
    ratios, speeds = [], []
    for _ in range(rounds + 1):  # the first round warms up
        seconds = [seconds_of(step, settle, *turn) for step in steps]
        ratios.append(seconds[1] / seconds[0])
        speeds.append(recipe.batch / seconds[0])
        print(
            f"ours {speeds[-1]:6.1f} pairs/s  plain {recipe.batch / seconds[1]:6.1f} pairs/s  "
            f"ratio {ratios[-1]:.2f}"
        )
    print(
        f"{recipe.tracker}, {recipe.precision}, batch {recipe.batch}, {where}: median "
        f"{statistics.median(speeds[1:]):.0f} pairs/s, ratio {statistics.median(ratios[1:]):.2f}"
    )


def measure_loader(recipe: Any, data: str, device: torch.device) -> None:
    """Print how fast batches are made, without a network beside."""
    crops = store.open(data)
    pool = CropPool(crops, device)
    method: Any = siamfc if isinstance(recipe, SiamFCRecipe) else goturn
    examples = method.training_examples(crops, recipe, pool, World())
    examples.batch(0)
    start = time.perf_counter()
    for step in range(1, 11):
        examples.batch(step).search.sum().item()  # until it is there
    speed = 10 * recipe.batch / (time.perf_counter() - start)
    print(f"loader alone, batch {recipe.batch}: {speed:.0f} pairs/s")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("recipe", nargs="?", default="siamfc-slim")
    parser.add_argument("--batch", type=int, nargs="+")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    device = torch.device(given.device)
    where = f"{given.threads} threads"
    if device.type == "cuda":
        if not torch.cuda.is_available():
            parser.error("PyTorch finds no CUDA GPU on this machine: name the device cpu")
        where = torch.cuda.get_device_name(device)
    recipe = recipes.read(given.recipe)
    for number in given.batch or [recipe.batch]:
        one = recipe.model_copy(update={"batch": number})
        measure(one, device, given.rounds, where)
        if given.data:
            measure_loader(one, given.data, device)
    # The product's correlation is part of the difference; both give the same maps.
    torch.testing.assert_close(
        correlate(torch.ones(1, 2, 6, 6), torch.ones(1, 2, 22, 22)), torch.full((1, 17, 17), 72.0)
    )


if __name__ == "__main__":
    main()
