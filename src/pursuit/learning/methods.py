"""The methods that networks learn by: what the one road of training asks of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pursuit.learning import goturn, goturn_batches, siamfc
from pursuit.learning.loop import Task
from pursuit.learning.pool import CropPool
from pursuit.learning.recipe import Recipe
from pursuit.learning.world import World
from pursuit.networks.goturn import GOTURN
from pursuit.networks.siamfc import SiamFC
from pursuit.store import Store


@dataclass(frozen=True)
class Method:
    """What is a network's own in learning; recipes and networks are those of the method.

    Attributes:
        network: returns the recipe's network with the random first weights of its seed.
        examples: returns the batches that a recipe trains on.
        task: returns what the loop needs to train a network by a recipe.
    """

    network: Callable[[Any], SiamFC | GOTURN]
    examples: Callable[[Store, Any, CropPool, World], siamfc.Examples | goturn_batches.Examples]
    task: Callable[[Any, Any, Store, CropPool, World, dict[str, Any]], Task]


_METHODS = {
    "siamfc": Method(siamfc.random_network, siamfc.training_examples, siamfc.task),
    "goturn": Method(goturn.random_network, goturn_batches.training_examples, goturn.task),
}


def method_of(recipe: Recipe) -> Method:
    """Return what is the own of the network that a recipe trains."""
    return _METHODS[recipe.method]
