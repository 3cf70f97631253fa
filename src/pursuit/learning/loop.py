"""The training loop: steps, schedule, checkpoints, held-out error, log. One for all trackers.

What a tracker's learning has of its own comes in a `Task`; the loop knows batches only as
something the learner takes.
"""

from __future__ import annotations

import inspect
import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, distributed, nn

from pursuit.errors import MissingExtra, OutputError, PursuitError, RecipeError
from pursuit.files import atomic_path
from pursuit.learning.interrupts import interrupts_wait
from pursuit.learning.recipe import Recipe
from pursuit.learning.world import World, gathered

CHECKPOINT = "checkpoint.pt"
_DECIDES_NOTHING = ("about", "tracker", "data.store", "network.start")
_LOG_STEPS = 50
_SAVE_SECONDS = float(os.environ.get("PURSUIT_CHECKPOINT_SECONDS", "300"))
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
        fabric_class, writer_class = _extras()
        self._fabric = _fabric(fabric_class, device, world, recipe.precision)
        self._learner, self._optimiser = self._fabric.setup(task.learner, task.optimiser)
        self._task, self._recipe, self._world, self._tell = task, recipe, world, tell
        self._steps = recipe.steps
        self._file = out / CHECKPOINT
        self.step = 0
        self._history: list[dict[str, Any]] = []
        self._saved = time.monotonic()
        self._values: list[Tensor] = []  # loss and error of each step since the last report
        self._waiting: bytes | None = None  # a checkpoint whose weights have yet to give a loss
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
        with _ahead(self._task.training, self.step, end) as batches:
            clock = _Clock()
            for batch, seconds in self._awaited(batches):
                clock.got(seconds)
                try:
                    # A step that is half done can neither be kept nor be done again.
                    with interrupts_wait():
                        self._values.append(self._one(batch))
                except KeyboardInterrupt:
                    self._save()
                    raise
                self._write_waiting()
                last = self.step == end or self.step % self._recipe.steps_per_epoch == 0
                if last or self.step % _LOG_STEPS == 0:
                    loss, error = self._means()
                    speeds = clock.speeds(self._recipe.batch)
                    ended, rest = divmod(self.step, self._recipe.steps_per_epoch)
                    epoch = None if rest else ended
                    yield Report(self.step, self._steps, loss, error, *speeds, epoch)
                    clock = _Clock()
                if time.monotonic() - self._saved > _SAVE_SECONDS:
                    self._waiting, self._saved = self._checkpoint(), time.monotonic()
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
            f"the last good checkpoint is {self._file}"
            if self._file.exists()
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

    def _write_waiting(self) -> None:
        """Write the checkpoint made before this step, unless its weights gave no finite loss."""
        if self._waiting is not None and bool(self._values[-1].isfinite().all()):
            self._write(self._waiting)
        self._waiting = None

    def _save(self) -> None:
        """Write a checkpoint of now; keep the one before where there are no good weights."""
        content = self._checkpoint()
        if content is not None:
            self._write(content)

    def _write(self, content: bytes) -> None:
        with atomic_path(self._file) as part:
            part.write_bytes(content)

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
            "world": self._world.size,
            "recipe": self._recipe.fingerprint,
            "values": self._recipe.model_dump(mode="json"),
            "network": self._recipe.network.model_dump(mode="json"),
            "card": self._task.card,
            "history": self._history,
        }
        content = BytesIO()
        torch.save(state, content)
        return content.getvalue()

    def _resume(self) -> None:
        """Go on from the checkpoint, where there is one. The first process reads it for all."""
        first = self._world.rank == 0
        state = checkpoint(self._file, self._recipe, self._world) if first else None
        state = self._fabric.broadcast(state)
        if state is None:
            return
        self._learner.load_state_dict(state["learner"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.step, self._history = state["step"], state["history"]


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


def _processes(number: int) -> str:
    return "1 process" if number == 1 else f"{number} processes"


class _Clock:
    """Where the time of a span of steps goes: waiting for batches, or learning from them."""

    def __init__(self) -> None:
        self._start = self._since = time.monotonic()
        self._count = 0
        self._waited = self._loading = 0.0

    def waits(self) -> None:
        """Note that the next batch is asked for."""
        self._since = time.monotonic()

    def got(self, seconds: float) -> None:
        """Note that a batch came, which took these seconds to make."""
        self._waited += time.monotonic() - self._since
        self._loading += seconds
        self._count += 1

    def speeds(self, batch: int) -> tuple[float, float, float, float]:
        """Return pairs a second: in all, of the loader, of the network; share waited."""
        seconds = max(time.monotonic() - self._start, 1e-9)
        pairs = self._count * batch
        learning = max(seconds - self._waited, 1e-9)
        loading = max(self._loading, 1e-9)
        return pairs / seconds, pairs / loading, pairs / learning, self._waited / seconds


@contextmanager
def _ahead(batches: Batches, start: int, end: int) -> Iterator[Iterator[tuple[Any, float]]]:
    """Give an iterator over the batches of steps start..end - 1, made a little ahead.

    With each come the seconds that it took to make.
    """

    def made(step: int) -> tuple[Any, float]:
        begin = time.monotonic()
        return batches.batch(step), time.monotonic() - begin

    with ThreadPoolExecutor(1) as thread:
        waiting: list[Future[tuple[Any, float]]] = []

        def each() -> Iterator[tuple[Any, float]]:
            for step in range(start, end):
                while len(waiting) < 3 and step + len(waiting) < end:
                    waiting.append(thread.submit(made, step + len(waiting)))
                yield waiting.pop(0).result()

        try:
            yield each()
        finally:
            for future in waiting:
                future.cancel()


def _fabric(fabric_class: Any, device: str, world: World, precision: str) -> Any:
    """Return what takes the steps on a device, in step with all processes of the world."""
    accelerator = "cuda" if device.startswith("cuda") else "cpu"
    if world.size == 1:
        return fabric_class(accelerator=accelerator, devices=1, precision=precision)
    from lightning_fabric.strategies.ddp import DDPStrategy

    fabric = fabric_class(
        accelerator=accelerator,
        devices=world.local_size,
        num_nodes=world.size // world.local_size,
        strategy=DDPStrategy(**_no_buffers()),
        precision=precision,
    )
    fabric.launch()
    return fabric


def _no_buffers() -> dict[str, Any]:
    """Return the option by which only gradients are sent, under the name this torch has for it.

    All processes keep the same running moments by themselves, and the first judges alone.
    """
    options = inspect.signature(nn.parallel.DistributedDataParallel).parameters
    newer = "forward_sync_buffers" in options  # torch 2.13 warns of the older name
    return {"forward_sync_buffers" if newer else "broadcast_buffers": False}


def _extras() -> tuple[Any, Any]:
    try:
        from lightning_fabric import Fabric
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtra(error.name or "lightning-fabric", "train") from None
    return Fabric, SummaryWriter
