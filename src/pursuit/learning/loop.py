"""The training loop: steps, schedule, held-out error, log. One for all trackers.

What a tracker's learning has of its own comes in a `Task`; the loop knows batches only as
something the learner takes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, distributed, nn

from pursuit.errors import OutputError, PursuitError
from pursuit.learning.ahead import Clock, ahead
from pursuit.learning.checkpoints import CHECKPOINT, Checkpoints
from pursuit.learning.fabric import extras, fabric_of
from pursuit.learning.interrupts import interrupts_wait
from pursuit.learning.recipe import Recipe
from pursuit.learning.world import World, gathered

_LOG_STEPS = 50
_HELD_OUT_BATCHES = 24
_NAMED = 8  # objects named of a batch that went wrong


class Batches(Protocol):
    """Gives the batch of a step, a function of the step alone."""

    def batch(self, step: int) -> Any:
        """Return the batch of a step, this process's rows of it."""
        ...

    def names(self, step: int) -> list[str]:
        """Return the names of what the whole batch of a step shows."""
        ...


@dataclass(frozen=True)
class Task:
    """What differs from tracker to tracker.

    Attributes:
        learner: module that gives (loss, output) of a batch.
        optimiser: its groups hold a `multiplier` of the schedule's rate.
        training, held_out: batches; held_out, of videos, may be None.
        error: mean error in pixels of an output and its batch.
        pictures: sample windows and outputs (N, 3, H, W), 0 to 1, for the log.
        card: what its checkpoints say of the run, plain values.
        held_out_stills: batches, or None.
    """

    learner: nn.Module
    optimiser: torch.optim.Optimizer
    training: Batches
    held_out: Batches | None
    error: Callable[[Tensor, Any], Tensor]
    pictures: Callable[[Tensor, Any], Tensor]
    card: dict[str, Any] = field(default_factory=dict)
    held_out_stills: Batches | None = None


@dataclass(frozen=True)
class Report:
    """What the loop tells while it runs: of the last steps, at an epoch's end of what is held out.

    Attributes:
        step, steps: done, and of the whole run.
        loss: mean of the last steps.
        error: mean of the last steps, pixels.
        pairs_per_second: of all processes.
        loader: pairs a second made while the loader works; it works beside the network. On a
            GPU this counts the time of its host alone.
        network: pairs a second learnt from while batches are there.
        waited: share of the time that was spent waiting for batches.
        epoch: number of the epoch that ended with this step, from 1, else None.
        held_out_error: pixels, of videos.
        held_out_stills_error: pixels, of stills.
    """

    step: int
    steps: int
    loss: float
    error: float
    pairs_per_second: float
    loader: float = 0.0
    network: float = 0.0
    waited: float = 0.0
    epoch: int | None = None
    held_out_error: float | None = None
    held_out_loss: float | None = None
    held_out_stills_error: float | None = None
    held_out_stills_loss: float | None = None


def train(
    task: Task,
    recipe: Recipe,
    out: Path,
    device: str,
    world: World,
    tell: Callable[[Report], None],
    stop_after: int | None = None,
) -> list[Report]:
    """Train to the recipe's end; resume from `out/checkpoint.pt` where there is one.

    Args:
        device: cpu, or this process's GPU, as cuda:0.
        world: this process among those that train together; the first alone writes and tells.
        stop_after: stop, with a checkpoint, at this step (used by tests and short leases).

    Returns:
        The reports that hold held-out figures, one an epoch.

    Raises:
        RecipeError: the checkpoint is another recipe's, or of another number of processes.
        PursuitError: the loss is not a number any more.
    """
    return _Loop(task, recipe, out, device, world, tell).run(stop_after)


class _Loop:
    """The state of one run."""

    def __init__(
        self,
        task: Task,
        recipe: Recipe,
        out: Path,
        device: str,
        world: World,
        tell: Callable[[Report], None],
    ) -> None:
        fabric_class, writer_class = extras()
        self._fabric = fabric_of(fabric_class, device, world, recipe.precision)
        self._learner, self._optimiser = self._fabric.setup(task.learner, task.optimiser)
        self._task, self._recipe, self._world, self._tell = task, recipe, world, tell
        self._steps = recipe.steps
        self._checkpoints = Checkpoints(out / CHECKPOINT, recipe, world)
        self.step = 0
        self._history: list[dict[str, Any]] = []
        self._values: list[Tensor] = []  # loss and error of each step since the last report
        self._resume()
        if world.rank > 0:
            return
        try:
            self._log = writer_class(str(out / "log"), purge_step=self.step)
        except OSError as error:
            raise OutputError(f"cannot write the log in {out}: {error.strerror}") from error

    def run(self, stop_after: int | None) -> list[Report]:
        end = self._steps if stop_after is None else min(stop_after, self._steps)
        try:
            for report in self._spans(end):
                if self._world.rank == 0:
                    self._note(report)
        finally:
            if self._world.rank == 0:
                self._log.close()
        self._save()
        if self._world.size > 1:
            distributed.destroy_process_group()
        return [Report(**entry) for entry in self._history]

    def _spans(self, end: int) -> Iterator[Report]:
        """Train; give a report after each span of steps.

        A span ends with an epoch. Keyboard interrupts leave a checkpoint.
        """
        with ahead(self._task.training.batch, self.step, end) as batches:
            clock = Clock()
            for batch, seconds in self._awaited(batches):
                clock.got(seconds)
                try:
                    # A step that is half done can neither be kept nor be done again.
                    with interrupts_wait():
                        self._values.append(self._one(batch))
                except KeyboardInterrupt:
                    self._save()
                    raise
                if self._checkpoints.waiting is not None:
                    self._checkpoints.settle(good=bool(self._values[-1].isfinite().all()))
                last = self.step == end or self.step % self._recipe.steps_per_epoch == 0
                if last or self.step % _LOG_STEPS == 0:
                    loss, error = self._means()
                    speeds = clock.speeds(self._recipe.batch)
                    ended, rest = divmod(self.step, self._recipe.steps_per_epoch)
                    epoch = None if rest else ended
                    yield Report(self.step, self._steps, loss, error, *speeds, epoch)
                    clock = Clock()
                if self._checkpoints.due:
                    self._checkpoints.hold(self._checkpoint())
                clock.waits()

    def _awaited(self, batches: Iterator[tuple[Any, float]]) -> Iterator[tuple[Any, float]]:
        """Give the batches; a keyboard interrupt while one is waited for leaves a checkpoint."""
        try:
            yield from batches
        except KeyboardInterrupt:
            if self.step:
                self._save()
            raise

    def _one(self, batch: Any) -> Tensor:
        """Take one step; return loss and error (2,) without waiting for the device."""
        recipe = self._recipe.optim
        if recipe.reset_momentum and self.step % self._recipe.steps_per_epoch == 0:
            for state in self._optimiser.state.values():
                state["momentum_buffer"].zero_()
        rate = self._recipe.learning_rate(self.step)
        for group in self._optimiser.param_groups:
            group["lr"] = rate * group["multiplier"]
        # What dropout draws is of the step too: a run that resumes draws what it would have.
        key = np.random.SeedSequence([self._recipe.seed, self.step, self._world.rank])
        torch.manual_seed(int(key.generate_state(1)[0]))
        self._learner.train()
        loss, output = self._learner(batch)
        self._optimiser.zero_grad()
        self._fabric.backward(loss)
        if recipe.clip > 0:
            self._fabric.clip_gradients(
                self._learner,
                self._optimiser,
                max_norm=recipe.clip,
                error_if_nonfinite=False,  # seen by _means, which can name the step and pairs
            )
        self._optimiser.step()
        self.step += 1
        with torch.no_grad():
            return torch.stack([loss.detach().float(), self._task.error(output, batch).mean()])

    def _means(self) -> tuple[float, float]:
        """Return mean loss and error since the last report, of all processes; begin anew.

        Raises:
            PursuitError: a loss or the weights are not numbers any more.
        """
        values = gathered(torch.stack(self._values)[None]).mean(0)
        for step, loss in enumerate(values[:, 0].tolist(), self.step - len(values) + 1):
            if not math.isfinite(loss):
                raise self._broken("the loss is", step)
        if not self._finite():
            raise self._broken("the weights are", self.step)
        self._values = []
        loss, error = values.mean(0).tolist()
        return loss, error

    def _broken(self, what: str, step: int) -> PursuitError:
        """Return the error that names a step and its pairs; a batch can be drawn again."""
        names = self._task.training.names(step - 1)
        shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
        kept = (
            f"the last good checkpoint is {self._checkpoints.file}"
            if self._checkpoints.file.exists()
            else "no checkpoint was made yet"
        )
        return PursuitError(
            f"{what} not a number any more at step {step}, whose pairs are of {shown}; {kept}; "
            "lower optim.lr or set optim.clip, or look at these objects' labels"
        )

    def _finite(self) -> bool:
        """Return whether what a checkpoint would hold, and led to it, are numbers."""
        held = [*self._learner.state_dict().values(), *self._values]
        # One answer from the device, which is waited for once.
        return bool(torch.stack([value.isfinite().all() for value in held]).all())

    def _note(self, report: Report) -> None:
        """Write a report to the log and tell it, at an epoch's end with held-out figures."""
        for name, value in (
            ("loss", report.loss),
            ("centre error, pixels", report.error),
            ("pairs a second", report.pairs_per_second),
            ("pairs a second, loader", report.loader),
            ("pairs a second, network", report.network),
            ("share of time waiting for batches", report.waited),
            ("learning rate", self._recipe.learning_rate(self.step)),
        ):
            self._log.add_scalar(f"train/{name}", value, self.step)
        if report.epoch is not None:
            report = self._judged(report)
        self._tell(report)

    def _judged(self, report: Report) -> Report:
        """Return the report with the held-out figures, where anything is held out."""
        videos, stills = self._task.held_out, self._task.held_out_stills
        if videos is not None:
            loss, error = self._figures(videos, "held-out")
            report = replace(report, held_out_loss=loss, held_out_error=error)
        if stills is not None:
            loss, error = self._figures(stills, "held-out stills")
            report = replace(report, held_out_stills_loss=loss, held_out_stills_error=error)
        if videos is not None or stills is not None:
            self._history.append(vars(report).copy())
        return report

    def _figures(self, held: Batches, name: str) -> tuple[float, float]:
        """Return mean loss and error of held-out batches; show some of their pairs in the log.

        Raises:
            PursuitError: a loss is not a number: the last step spoilt the weights.
        """
        self._learner.eval()
        losses, errors = [], []
        with torch.no_grad():
            for number in range(_HELD_OUT_BATCHES):
                batch = held.batch(number)
                value, output = self._learner(batch)
                losses.append(float(value))
                errors.append(float(self._task.error(output, batch).mean()))
        mean_loss, mean_error = sum(losses) / len(losses), sum(errors) / len(errors)
        if not math.isfinite(mean_loss):
            raise self._broken(f"the {name} loss is", self.step)
        self._log.add_scalar(f"{name}/loss", mean_loss, self.step)
        self._log.add_scalar(f"{name}/centre error, pixels", mean_error, self.step)
        self._log.add_images(f"{name}/pairs", self._task.pictures(output, batch), self.step)
        return mean_loss, mean_error

    def _save(self) -> None:
        """Write a checkpoint of now; keep the one before where there are no good weights."""
        content = self._checkpoint()
        if content is not None:
            self._checkpoints.write(content)

    def _checkpoint(self) -> bytes | None:
        """Return the checkpoint's file; None where it is another's to write or not of numbers.

        The report at the end of these steps then says what went wrong.
        """
        if self._world.rank > 0 or not self._finite():
            return None
        state = {
            "learner": self._learner.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "step": self.step,
            "card": self._task.card,
            "history": self._history,
        }
        return self._checkpoints.content(state)

    def _resume(self) -> None:
        """Go on from the checkpoint, where there is one. The first process reads it for all."""
        state = self._fabric.broadcast(self._checkpoints.read())
        if state is None:
            return
        self._learner.load_state_dict(state["learner"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.step, self._history = state["step"], state["history"]
