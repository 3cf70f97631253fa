"""`pursuit train`: from a store of crops to weights."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pursuit.datasets import Usable
    from pursuit.learning.loop import Report
    from pursuit.learning.recipe import Recipe


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train")(train)


def train(
    recipe: Annotated[str, typer.Argument(help="Name of a shipped recipe, or a YAML file.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            help="Fields of the recipe: data=STORE optim.lr=0.01 ...", metavar="KEY=VALUE"
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for weights, log and checkpoint [runs/RECIPE].")
    ] = None,
    device: Annotated[
        str, typer.Option(help="cpu, cuda, or auto: cuda where there is one.")
    ] = "auto",
    report: Annotated[
        Path | None,
        typer.Option(
            help="Then judge the weights on the recipe's held-out videos, in this data set, and "
            "its held-out stills.",
            metavar="VIDEOS",
        ),
    ] = None,
) -> None:
    """Train a network from a store of crops. The same command resumes a run that was stopped.

    pursuit train siamfc-slim data=crops --out runs/first --report VIDEOS
    """
    import logging

    from pursuit.learning import recipe as recipes
    from pursuit.learning import training, world
    from pursuit.learning.checkpoints import CHECKPOINT

    # Where Fabric says how it set itself up; what it warns of still shows.
    logging.getLogger("lightning_fabric.utilities.rank_zero").setLevel(logging.WARNING)
    chosen = recipes.read(recipe, overrides or ())
    # What the report lacks shows now, not after hours of training.
    held_out = _held_out(chosen, report) if report is not None else None
    name = Path(recipe).stem
    folder = out or Path("runs") / name
    progress = _Progress()
    try:
        trained = training.train(
            chosen, name, folder, device=device, tell=progress.tell, loading=progress.load
        )
    except KeyboardInterrupt:
        checkpoint = folder / CHECKPOINT
        # Of several processes torchrun stops the others when one has been refused.
        if world.joined().rank == 0 and checkpoint.exists():
            progress.say(f"stopped; the same command goes on from {checkpoint}")
        raise
    finally:
        progress.close()
    if trained is not None:
        typer.echo(f"weights: {trained.weights}")
        typer.echo(f"log: tensorboard --logdir {folder / 'log'}")
    if trained is not None and held_out is not None:
        from pursuit import store
        from pursuit.cli._held_out import judge
        from pursuit.cli._outputs import WRONG

        crops = store.open(Path(chosen.data.store)) if chosen.data.held_out_stills else None
        if not judge(trained.weights, chosen, held_out, crops, folder, to_card=True):
            raise typer.Exit(WRONG)


def _held_out(recipe: Recipe, videos: Path) -> Usable:
    """Return what will be judged; what cannot be is an error, while it costs no training."""
    from pursuit.datasets import Usable
    from pursuit.protocols.held_out import targets
    from pursuit.reports.drawing import check_matplotlib

    check_matplotlib()
    return Usable(targets(recipe, videos), {})


class _Progress:
    """A bar on a terminal; elsewhere a line every half minute. A line an epoch on both.

    Silent until there is something to show: of several processes only the first is told.
    """

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=12),
            TextColumn("{task.percentage:>3.0f}% left"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._loading = self._bar.add_task("reading crops", visible=False)
        self._training = self._bar.add_task("training", visible=False)
        self._said = 0.0

    def load(self, done: int, total: int) -> None:
        self._bar.start()
        self._bar.update(self._loading, completed=done, total=total, visible=done < total)

    def tell(self, report: Report) -> None:
        text = (
            f"loss {report.loss:.3f} error {report.error:4.1f} px "
            f"{report.pairs_per_second:.0f} pairs/s"
        )
        self._bar.start()
        self._bar.update(
            self._training,
            completed=report.step,
            total=report.steps,
            visible=True,
            description=text,
        )
        if report.epoch is not None:
            self.say(f"step {report.step}/{report.steps}: {text} {_epoch(report)}")
        elif not self._console.is_terminal and time.monotonic() - self._said > 30:
            self.say(f"step {report.step}/{report.steps}: {text}")

    def say(self, text: str) -> None:
        self._said = time.monotonic()
        self._console.print(text, highlight=False, soft_wrap=True)

    def close(self) -> None:
        self._bar.stop()


def _epoch(report: Report) -> str:
    """Return what is said at an epoch's end: who waits for whom, and the held-out figures."""
    text = (
        f"(loader {report.loader:.0f}, network {report.network:.0f}, waited for batches "
        f"{report.waited:.0%})"
    )
    for name, loss, error in (
        ("held out", report.held_out_loss, report.held_out_error),
        ("stills", report.held_out_stills_loss, report.held_out_stills_error),
    ):
        if loss is not None:
            text += f"; {name}: loss {loss:.3f} error {error:.1f} px"
    return text
