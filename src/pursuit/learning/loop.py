"""The training loop: steps, schedule, checkpoints, held-out error, log. One for all trackers.

What a tracker's learning has of its own comes in a `Task`; the loop knows batches only as
something the learner takes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from pursuit.errors import MissingExtra, OutputError, PursuitError, RecipeError
from pursuit.files import atomic_path
from pursuit.learning.recipe import Recipe

CHECKPOINT = "checkpoint.pt"
_LOG_STEPS = 50
_SAVE_SECONDS = float(os.environ.get("PURSUIT_CHECKPOINT_SECONDS", "300"))
_HELD_OUT_BATCHES = 24


class Batches(Protocol):
    """Gives the batch of a step, a function of the step alone."""

    def batch(self, step: int) -> Any:
        """Return the batch of a step."""
        ...


@dataclass(frozen=True)
class Task:
    """What differs from tracker to tracker.

    Attributes:
        learner: module that gives (loss, output) of a batch.
        optimiser: its groups hold a `multiplier` of the schedule's rate.
        training, held_out: batches; held_out may be None.
        error: mean error in pixels of an output and its batch.
        pictures: sample windows and outputs (N, 3, H, W), 0 to 1, for the log.
    """

    learner: nn.Module
    optimiser: torch.optim.Optimizer
    training: Batches
    held_out: Batches | None
    error: Callable[[Tensor, Any], Tensor]
    pictures: Callable[[Tensor, Any], Tensor]


@dataclass(frozen=True)
class Report:
    """What the loop tells while it runs: of the last steps, or of the held-out videos."""

    step: int
    steps: int
    loss: float
    error: float  # pixels
    pairs_per_second: float
    held_out_error: float | None = None
    held_out_loss: float | None = None


def train(
    task: Task,
    recipe: Recipe,
    out: Path,
    device: str,
    tell: Callable[[Report], None],
    stop_after: int | None = None,
) -> list[Report]:
    """Train to the recipe's end; resume from `out/checkpoint.pt` where there is one.

    Args:
        stop_after: stop, with a checkpoint, at this step (used by tests and short leases).

    Returns:
        The reports that hold held-out figures, one an epoch.

    Raises:
        RecipeError: the checkpoint is another recipe's.
        PursuitError: the loss is not a number any more.
    """
    return _Loop(task, recipe, out, device, tell).run(stop_after)


class _Loop:
    """The state of one run."""

    def __init__(
        self,
        task: Task,
        recipe: Recipe,
        out: Path,
        device: str,
        tell: Callable[[Report], None],
    ) -> None:
        fabric_class, writer_class = _extras()
        accelerator = "cuda" if device.startswith("cuda") else "cpu"
        self._fabric = fabric_class(accelerator=accelerator, devices=1, precision=recipe.precision)
        self._learner, self._optimiser = self._fabric.setup(task.learner, task.optimiser)
        self._task, self._recipe, self._tell = task, recipe, tell
        self._steps = recipe.epochs * recipe.steps_per_epoch
        self._file = out / CHECKPOINT
        self.step = 0
        self._history: list[dict[str, float]] = []
        self._saved = time.monotonic()
        self._resume()
        try:
            self._log = writer_class(str(out / "log"), purge_step=self.step)
        except OSError as error:
            raise OutputError(f"cannot write the log in {out}: {error.strerror}") from error

    def run(self, stop_after: int | None) -> list[Report]:
        end = self._steps if stop_after is None else min(stop_after, self._steps)
        try:
            for losses, errors, speed in self._spans(end):
                self._note(losses, errors, speed)
                if self.step % self._recipe.steps_per_epoch == 0:
                    self._judge(losses, errors, speed)
        finally:
            self._log.close()
        self._save()
        return [Report(**entry) for entry in self._history]  # type: ignore[arg-type]

    def _spans(self, end: int) -> Iterator[tuple[float, float, float]]:
        """Train; after each span of steps give mean loss, mean error, pairs a second.

        A span ends with an epoch. Keyboard interrupts leave a checkpoint.
        """
        with _ahead(self._task.training, self.step, end) as batches:
            sums, count, start = None, 0, time.monotonic()
            for batch in batches:
                try:
                    values = self._one(batch)
                except KeyboardInterrupt:
                    self._save()
                    raise
                sums = values if sums is None else sums + values
                count += 1
                last = self.step == end or self.step % self._recipe.steps_per_epoch == 0
                if last or self.step % _LOG_STEPS == 0:
                    loss, error = (sums / count).tolist()
                    self._check(loss)
                    seconds = time.monotonic() - start
                    yield loss, error, count * self._recipe.batch / max(seconds, 1e-9)
                    sums, count, start = None, 0, time.monotonic()
                if time.monotonic() - self._saved > _SAVE_SECONDS:
                    self._save()

    def _one(self, batch: Any) -> Tensor:
        """Take one step; return loss and error (2,) without waiting for the device."""
        recipe = self._recipe.optim
        if recipe.reset_momentum and self.step % self._recipe.steps_per_epoch == 0:
            for state in self._optimiser.state.values():
                state["momentum_buffer"].zero_()
        rate = self._recipe.learning_rate(self.step)
        for group in self._optimiser.param_groups:
            group["lr"] = rate * group["multiplier"]
        self._learner.train()
        loss, output = self._learner(batch)
        self._optimiser.zero_grad()
        self._fabric.backward(loss)
        if recipe.clip > 0:
            self._fabric.clip_gradients(self._learner, self._optimiser, max_norm=recipe.clip)
        self._optimiser.step()
        self.step += 1
        with torch.no_grad():
            return torch.stack([loss.detach().float(), self._task.error(output, batch).mean()])

    def _check(self, loss: float) -> None:
        if not loss < float("inf"):
            raise PursuitError(
                f"the loss is not a number any more at step {self.step}; the last good "
                f"checkpoint is {self._file}; lower optim.lr or set optim.clip"
            )

    def _note(self, loss: float, error: float, speed: float) -> None:
        self._log.add_scalar("train/loss", loss, self.step)
        self._log.add_scalar("train/centre error, pixels", error, self.step)
        self._log.add_scalar("train/pairs a second", speed, self.step)
        self._log.add_scalar(
            "train/learning rate", self._recipe.learning_rate(self.step), self.step
        )
        self._tell(Report(self.step, self._steps, loss, error, speed))

    def _judge(self, loss: float, error: float, speed: float) -> None:
        """Report the held-out error of an epoch and show some of its pairs."""
        held = self._task.held_out
        if held is None:
            return
        self._learner.eval()
        losses, errors = [], []
        with torch.no_grad():
            for number in range(_HELD_OUT_BATCHES):
                batch = held.batch(number)
                value, output = self._learner(batch)
                losses.append(float(value))
                errors.append(float(self._task.error(output, batch).mean()))
        mean_loss, mean_error = sum(losses) / len(losses), sum(errors) / len(errors)
        self._log.add_scalar("held-out/loss", mean_loss, self.step)
        self._log.add_scalar("held-out/centre error, pixels", mean_error, self.step)
        self._log.add_images("held-out/pairs", self._task.pictures(output, batch), self.step)
        report = Report(self.step, self._steps, loss, error, speed, mean_error, mean_loss)
        self._history.append(vars(report).copy())
        self._tell(report)

    def _save(self) -> None:
        state = {
            "learner": self._learner.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "step": self.step,
            "recipe": self._recipe.fingerprint,
            "network": self._recipe.network.model_dump(mode="json"),
            "history": self._history,
        }
        with atomic_path(self._file) as part:
            torch.save(state, part)
        self._saved = time.monotonic()

    def _resume(self) -> None:
        if not self._file.exists():
            return
        try:
            state = torch.load(self._file, map_location="cpu", weights_only=True)
            recipe = state["recipe"]
        except Exception as error:  # torch raises many kinds for a damaged file
            raise RecipeError(
                f"checkpoint {self._file} cannot be read: remove it to start anew"
            ) from error
        if recipe != self._recipe.fingerprint:
            raise RecipeError(
                f"checkpoint {self._file} is of another recipe; give another --out, or the "
                "recipe and overrides it was made with"
            )
        self._learner.load_state_dict(state["learner"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.step, self._history = state["step"], state["history"]


@contextmanager
def _ahead(batches: Batches, start: int, end: int) -> Iterator[Iterator[Any]]:
    """Give an iterator over the batches of steps start..end - 1, made a little ahead."""
    with ThreadPoolExecutor(1) as thread:
        waiting: list[Future[Any]] = []

        def each() -> Iterator[Any]:
            for step in range(start, end):
                while len(waiting) < 3 and step + len(waiting) < end:
                    waiting.append(thread.submit(batches.batch, step + len(waiting)))
                yield waiting.pop(0).result()

        try:
            yield each()
        finally:
            for future in waiting:
                future.cancel()


def _extras() -> tuple[Any, Any]:
    try:
        from lightning_fabric import Fabric
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtra(error.name or "lightning-fabric", "train") from None
    return Fabric, SummaryWriter
