"""The loader against the network that it feeds, each measured alone.

    python benchmarks/loader.py STORE [RECIPE] [--steps N] [--threads N] [--device cpu|cuda]

Prints pairs a second of both and the ratio; of GOTURN a pair is a target crop and a search
crop. The crops of the store are in memory, as in training where they fit.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch

from pursuit import store
from pursuit.learning import recipe as recipes
from pursuit.learning.methods import method_of
from pursuit.learning.pool import CropPool
from pursuit.learning.world import World


def pairs_a_second(work: Callable[[int], object], pairs: int, steps: int, device: str) -> float:
    """Return the pairs a second of `steps` calls of `pairs` pairs; one more goes before."""
    work(0)
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for step in range(1, steps + 1):
        work(step)
    if device == "cuda":
        torch.cuda.synchronize()
    return steps * pairs / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("store")
    parser.add_argument("recipe", nargs="?", default="goturn-compact")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    recipe = recipes.read(given.recipe, [f"data={given.store}", "data.held_out=[]"])
    crops = store.open(given.store)
    pool = CropPool(crops, torch.device(given.device))
    method = method_of(recipe)
    network = method.network(recipe).to(given.device, memory_format=torch.channels_last)
    task = method.task(recipe, network, crops, pool, World(), {})
    batch = task.training.batch(0)
    mixed = recipe.precision == "bf16-mixed"

    def learn(_: int) -> None:
        with torch.autocast(given.device, torch.bfloat16, enabled=mixed):
            loss, _output = task.learner(batch)
        task.optimiser.zero_grad()
        loss.backward()
        task.optimiser.step()

    task.learner.train()
    loader = pairs_a_second(task.training.batch, recipe.batch, given.steps, given.device)
    consumed = pairs_a_second(learn, recipe.batch, given.steps, given.device)
    print(
        f"{given.recipe}, batch {recipe.batch}, {given.device}, {given.threads} threads: loader "
        f"{loader:.0f} pairs/s, network {consumed:.0f} pairs/s, ratio {loader / consumed:.1f}"
    )


if __name__ == "__main__":
    main()
