"""`pursuit evaluate`: trackers in, numbers and pictures out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pursuit.cli._outputs import show, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Sequence as Several

    from pursuit.datasets import Sequence
    from pursuit.learning.recipe import Recipe
    from pursuit.protocols.entrants import Entrant
    from pursuit.protocols.runner import Outcome
    from pursuit.store import Store

FAILED = 1  # exit status when a tracker failed on a sequence

_TRACKER_HELP = (
    "A tracker of `pursuit list`; several times for several. NAME:FILE judges other weights, a "
    "file or weights of `pursuit list` (called as their file), NAME+redetect looks for lost "
    "targets, opencv-nano:BACKBONE,HEAD names its networks, LABEL=NAME:FILE gives a label."
)
_WORKERS_HELP = (
    "Sequences at once, each in a process with its share of the threads. Faster, but then "
    "the times are not those of a tracker that has the machine to itself."
)

_ROOT_HELP = "Data set: OTB's layout, NAME.mp4 + NAME.csv, GOT-10k's or ALOV300++'s."
_JSON_HELP = "Write the scores to this file."
_SEQUENCES_HELP = "Only these, by name, with commas between."
_RUNTIME_HELP = "What runs the networks, as in `pursuit track`; boxes differ a little."


def register(app: typer.Typer) -> None:
    """Add the command."""
    evaluate = typer.Typer(help="Judge trackers on a benchmark.", rich_markup_mode=None)
    evaluate.callback(no_args_is_help=True)(_evaluate)
    evaluate.command("otb")(otb)
    evaluate.command("vot")(vot)
    evaluate.command("held-out")(held_out)
    app.add_typer(evaluate, name="evaluate")


def _evaluate() -> None:
    """Judge trackers on a benchmark."""


def otb(
    root: Annotated[Path, typer.Argument(help=_ROOT_HELP)],
    tracker: Annotated[list[str], typer.Option(help=_TRACKER_HELP, metavar="NAME[:FILE]")],
    out: Annotated[
        Path, typer.Option(help="Folder for results and plots; whole results in it are kept.")
    ] = Path("results"),
    json: Annotated[Path | None, typer.Option(help=_JSON_HELP)] = None,
    workers: Annotated[int, typer.Option(min=1, help=_WORKERS_HELP)] = 1,
    sequences: Annotated[str | None, typer.Option(help=_SEQUENCES_HELP, metavar="A,B")] = None,
    runtime: Annotated[str, typer.Option(help=_RUNTIME_HELP, metavar="NAME")] = "tuned",
) -> None:
    """Judge trackers by OTB's one-pass evaluation: AUC, precision at 20 px, speed.

    Each starts with the first box and is not helped again. Exit status 1 when a tracker
    failed on a sequence; the same command runs again only what is missing.

    pursuit evaluate otb OTB100 --tracker siamfc-slim --tracker opencv-csrt
    """
    from pursuit.protocols.otb import read_run, run
    from pursuit.reports import plots
    from pursuit.reports.drawing import check_matplotlib
    from pursuit.reports.scores import TrackerScore, as_json, pace, sequence_score
    from pursuit.reports.table import notes, table

    check_matplotlib()
    judged, chosen, ended = _judge(run, root, tracker, out, json, workers, sequences, runtime)
    scores = []
    for one in judged:
        ran, failed = _ran(one, chosen, ended)
        # From disk, also what was run just now: the same numbers now and when it is all kept.
        runs = [read_run(out / one.label, part) for part in ran]
        pairs = zip(ran, runs, strict=True)
        parts = tuple(sequence_score(part.name, found, part.boxes) for part, found in pairs)
        scores.append(TrackerScore(one.label, parts, failed, pace(runs)))
    show(table(scores), notes(scores, workers=workers))
    if json is not None:
        write_json(json, as_json(scores))
    plots.save_plots(scores, out)
    typer.echo(f"results and plots: {out}")
    if any(one.failed for one in scores):
        raise typer.Exit(FAILED)


def vot(
    root: Annotated[Path, typer.Argument(help=_ROOT_HELP)],
    tracker: Annotated[list[str], typer.Option(help=_TRACKER_HELP, metavar="NAME[:FILE]")],
    out: Annotated[
        Path, typer.Option(help="Folder for results; whole results in it are kept.")
    ] = Path("results"),
    json: Annotated[Path | None, typer.Option(help=_JSON_HELP)] = None,
    workers: Annotated[int, typer.Option(min=1, help="Sequences at once.")] = 1,
    sequences: Annotated[str | None, typer.Option(help=_SEQUENCES_HELP, metavar="A,B")] = None,
    runtime: Annotated[str, typer.Option(help=_RUNTIME_HELP, metavar="NAME")] = "tuned",
) -> None:
    """Judge trackers with resets, as VOT does: accuracy, failures, robustness, GOTURN's errors.

    Whoever has lost the target is started again five frames later. Exit status 1 when a tracker
    failed to run on a sequence; the same command runs again only what is missing.

    pursuit evaluate vot VIDEOS --tracker siamfc-slim --tracker opencv-csrt
    """
    from pursuit.protocols.vot import read_run, run
    from pursuit.reports.vot import TrackerScore, as_json, notes, sequence_score, table

    judged, chosen, ended = _judge(run, root, tracker, out, json, workers, sequences, runtime)
    scores = []
    for one in judged:
        ran, failed = _ran(one, chosen, ended)
        parts = tuple(
            sequence_score(part.name, read_run(out / one.label, part), part.boxes) for part in ran
        )
        scores.append(TrackerScore(one.label, parts, failed))
    show(table(scores), notes(scores))
    if json is not None:
        write_json(json, as_json(scores))
    typer.echo(f"results: {out}")
    if any(one.failed for one in scores):
        raise typer.Exit(FAILED)


def held_out(
    videos: Annotated[Path, typer.Argument(help="Data set that holds the held-out videos.")],
    weights: Annotated[str, typer.Argument(help="Weights of `pursuit list`, or a file.")],
    out: Annotated[
        Path, typer.Option(help="Folder for report.json and the reliability curve.")
    ] = Path("results"),
    crops: Annotated[
        Path | None,
        typer.Option(help="Store of crops that has the stills the recipe held out, if it did."),
    ] = None,
) -> None:
    """Judge weights on the videos that their recipe held out: tracking, and what `score` is worth.

    With `--crops`, also on held-out stills.

    The card of a weights file is given the figures and, unless it is in doubt, the score's
    fit; the cards of the weights that come with pursuit stay as they are.

    pursuit evaluate held-out VIDEOS runs/slim/siamfc-slim.safetensors
    """
    from pursuit import weights as store
    from pursuit.cli._held_out import REPORT, judge
    from pursuit.cli._outputs import check_outputs, weights_files
    from pursuit.files import check_writable
    from pursuit.protocols.held_out import recipe_of, targets
    from pursuit.reports.drawing import check_matplotlib

    check_matplotlib()
    path = store.find(weights)
    recipe = recipe_of(path)
    held = targets(recipe, videos)
    stills = _stills(recipe, path, crops) if crops is not None else None
    check_outputs([out / REPORT], weights_files([path]))
    check_writable(out / REPORT)
    judge(path, recipe, held, stills, out, to_card=weights not in store.shipped())
    if recipe.data.held_out_stills and stills is None:
        typer.echo("its held-out stills were not judged: add --crops STORE")


def _stills(recipe: Recipe, path: Path, crops: Path) -> Store:
    from pursuit import store
    from pursuit.errors import RecipeError
    from pursuit.learning.examples import held_out_stills

    if not recipe.data.held_out_stills:
        raise RecipeError(f"the recipe of {path} held no stills out: leave --crops out")
    found = store.open(crops)
    held_out_stills(found, recipe.data)  # raises where it has none
    return found


def _chosen(found: list[Sequence], names: str | None) -> list[Sequence]:
    from pursuit.errors import SettingsError, nearest

    if names is None:
        return found
    known = {one.name: one for one in found}
    wanted = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    for name in wanted:
        if name not in known:
            raise SettingsError(f"no sequence {name!r} in the data set{nearest(name, known)}")
    if not wanted:
        raise SettingsError("--sequences names none: write --sequences Couple,Jogging-1")
    return [known[name] for name in wanted]


def _judge(
    run: Callable[..., Iterator[Outcome]],
    root: Path,
    trackers: list[str],
    out: Path,
    json: Path | None,
    workers: int,
    sequences: str | None,
    runtime: str,
) -> tuple[list[Entrant], list[Sequence], list[Outcome]]:
    """Run trackers by a protocol's `run`; return who was judged, on what, and how it ended."""
    from pursuit.cli._outputs import check_outputs, weights_files
    from pursuit.datasets import open_videos
    from pursuit.files import check_writable
    from pursuit.protocols import entrants as parsing

    judged = parsing.entrants(trackers, runtime)
    chosen = _chosen(open_videos(root), sequences)
    check_outputs([out], [root])
    if json is not None:
        files = [file for one in judged for file in one.files]
        check_outputs([json], [root, *weights_files(files)])
        check_writable(json)
    outcomes = run(judged, chosen, out, workers=workers)
    with _Progress(sum(map(len, chosen)) * len(judged)) as progress:
        return judged, chosen, [progress.tell(outcome) for outcome in outcomes]


def _ran(
    one: Entrant, sequences: Several[Sequence], outcomes: Several[Outcome]
) -> tuple[list[Sequence], dict[str, str]]:
    """Return the sequences that a tracker has a result on, and of the others why not."""
    mine = [outcome for outcome in outcomes if outcome.label == one.label]
    failed = {outcome.sequence: outcome.error for outcome in mine if outcome.status == "failed"}
    return [part for part in sequences if part.name not in failed], failed


class _Progress:
    """A bar on a terminal; elsewhere a line for each run, with the time left. On stderr."""

    def __init__(self, frames: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.percentage:>3.0f}%  left"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("judging", total=frames)
        self._frames, self._done, self._kept = frames, 0, 0
        self._began = time.monotonic()

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        if self._kept:
            self._say(f"{self._kept} whole results were there and are kept")

    def tell(self, outcome: Outcome) -> Outcome:
        """Show an outcome; return it."""
        what = f"{outcome.label} on {outcome.sequence}"
        if outcome.status == "kept":
            # Not work: it must not make what is left look shorter.
            self._kept += 1
            self._frames -= outcome.frames
            self._bar.update(self._task, total=self._frames)
            return outcome
        self._done += outcome.frames
        self._bar.update(self._task, completed=self._done, description=what)
        if outcome.status == "failed":
            self._say(f"failed: {what}: {outcome.error}")
        elif not self._console.is_terminal:
            self._say(f"{what}: {self._done}/{self._frames} frames, {self._left()} left")
        return outcome

    def _left(self) -> str:
        taken = time.monotonic() - self._began
        seconds = round(taken / self._done * (self._frames - self._done))
        return f"{seconds // 60}:{seconds % 60:02d}"

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)
