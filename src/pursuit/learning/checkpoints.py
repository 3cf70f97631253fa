"""The checkpoint of a run: what is in it, when it is written, and reading it to go on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from pursuit.errors import RecipeError
from pursuit.files import atomic_path
from pursuit.learning.recipe import Recipe
from pursuit.learning.world import World

CHECKPOINT = "checkpoint.pt"
_DECIDES_NOTHING = ("about", "tracker", "data.store", "network.start")
_SECONDS = 300  # between two


class Checkpoints:
    """Makes and writes the checkpoint of one run.

    Attributes:
        file: where it lies.
        waiting: one whose weights have yet to give a loss; None for none.
    """

    def __init__(self, file: Path, recipe: Recipe, world: World) -> None:
        self.file = file
        self.waiting: bytes | None = None
        self._recipe, self._world = recipe, world
        self._made = time.monotonic()

    def read(self) -> dict[str, Any] | None:
        """Return what the run goes on from; None in all processes but the first.

        Raises:
            RecipeError: as `checkpoint` does.
        """
        first = self._world.rank == 0
        return checkpoint(self.file, self._recipe, self._world) if first else None

    def content(self, state: Mapping[str, Any]) -> bytes:
        """Return the file of a state, which is told beside what it is a state of."""
        told = {
            **state,
            "world": self._world.size,
            "recipe": self._recipe.fingerprint,
            "values": self._recipe.model_dump(mode="json"),
            "network": self._recipe.network.model_dump(mode="json"),
        }
        file = BytesIO()
        torch.save(told, file)
        return file.getvalue()

    @property
    def due(self) -> bool:
        """Whether the last one is so old that another is to be made."""
        return time.monotonic() - self._made > _SECONDS

    def hold(self, content: bytes | None) -> None:
        """Keep one until the next step has shown whether its weights are good; None for none."""
        self.waiting, self._made = content, time.monotonic()

    def settle(self, *, good: bool) -> None:
        """Write the one that waits, if its weights are good."""
        if good and self.waiting is not None:
            self.write(self.waiting)
        self.waiting = None

    def write(self, content: bytes) -> None:
        """Write one, whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        with atomic_path(self.file) as part:
            part.write_bytes(content)


def checkpoint(file: Path, recipe: Recipe, world: World) -> dict[str, Any] | None:
    """Return the checkpoint that a run of this recipe goes on from; None where there is none.

    Raises:
        RecipeError: it is damaged, another recipe's, or of another number of processes.
    """
    if not file.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        fingerprint, size = state["recipe"], state.get("world", 1)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise RecipeError(f"checkpoint {file} cannot be read: remove it to start anew") from error
    if fingerprint != recipe.fingerprint:
        raise RecipeError(
            f"checkpoint {file} is of another recipe{_difference(state, recipe)}; give the recipe "
            "and overrides it was made with, or another --out (to go on from what it learnt, with "
            f"network.start={file})"
        )
    if size != world.size:
        # The sums would round otherwise: not the run that it was, bit for bit.
        raise RecipeError(
            f"checkpoint {file} is of a run of {_processes(size)}, this is one of "
            f"{_processes(world.size)}; give another --out, or go on with {size}"
        )
    return state


def _difference(state: dict[str, Any], recipe: Recipe) -> str:
    """Say the first field in which a checkpoint's recipe differs; older ones hold no values."""
    there, here = _flat(state.get("values", {})), _flat(recipe.model_dump(mode="json"))
    for name in [name for name in here if name in there and name not in _DECIDES_NOTHING]:
        if there[name] != here[name]:
            return f" ({name}: {there[name]} there, {here[name]} here)"
    return ""


def _flat(values: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Return a table of tables as one table, with names such as optim.lr."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        inner = isinstance(value, dict)
        found.update(_flat(value, f"{above}{key}.") if inner else {above + key: value})
    return found


def _processes(number: int) -> str:
    return "1 process" if number == 1 else f"{number} processes"
