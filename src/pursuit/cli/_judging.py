"""What the commands of `pursuit evaluate` share: who is judged on what, and the progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pursuit.cli._outputs import WRONG

if TYPE_CHECKING:
    from pursuit.datasets import Sequence, Usable
    from pursuit.protocols.entrants import Entrant
    from pursuit.protocols.runner import Outcome, Workers

FAILED = 1  # exit status when a tracker failed on a sequence

TRACKER_HELP = (
    "A tracker of `pursuit list`; several times for several. NAME:FILE judges other weights, a "
    "file or weights of `pursuit list` (called as their file), NAME+redetect looks for lost "
    "targets, opencv-nano:BACKBONE,HEAD names its networks, LABEL=NAME:FILE gives a label, "
    "LABEL=external:COMMAND is a program of yours."
)
WORKERS_HELP = (
    "Runs at once, each in a process with its share of the threads. Faster, but then the times "
    "are not those of a tracker that has the machine to itself."
)
CLUSTER_HELP = "Run on the workers of a dask.distributed scheduler, as tcp://HOST:8786, instead."
ROOT_HELP = "Data set: OTB's layout, VOT's, GOT-10k's, ALOV300++'s or NAME.mp4 + NAME.csv."
RUNTIME_HELP = "What runs the networks, as in `pursuit track`; boxes differ a little."
OUT_HELP = "Folder for results; whole results in it are kept."
JSON_HELP = "Write the scores to this file."
SEQUENCES_HELP = "Only these, by name, with commas between."


@dataclass(frozen=True)
class Task:
    """What a command is to do.

    Attributes:
        root: the data set.
        trackers: who is judged, as written.
        out: folder for results.
        json: file for scores, if any.
        sequences: names, with commas between; None for all.
        workers: see `protocols.runner`.
        runtime: of the trackers' networks.
    """

    root: Path
    trackers: Several[str]
    out: Path
    json: Path | None
    sequences: str | None
    workers: Workers
    runtime: str


@dataclass(frozen=True)
class Judged:
    """Who was judged on what, and how it ended.

    Attributes:
        entrants: the trackers.
        chosen: the sequences that they were to run on.
        left_out: those that none can be run on, and others that are not good -> why.
        outcomes: of the runs until now.
    """

    entrants: Several[Entrant]
    chosen: Several[Sequence]
    left_out: dict[str, str]
    outcomes: list[Outcome]

    def take(self, outcome: Outcome) -> None:
        """Take an outcome down."""
        self.outcomes.append(outcome)
        if outcome.status == "unreadable":
            self.left_out.setdefault(outcome.sequence, outcome.error)

    @property
    def sequences(self) -> list[Sequence]:
        """Those that are good."""
        return [part for part in self.chosen if part.name not in self.left_out]

    def failed(self, one: Entrant) -> dict[str, str]:
        """Return sequence -> why a tracker has not all its runs on it."""
        failed = dict(self.left_out)
        for outcome in self.outcomes:
            if outcome.label == one.label and outcome.status == "failed":
                run = f"{outcome.run}: " if outcome.run else ""
                failed.setdefault(outcome.sequence, run + outcome.error)
        return failed

    def ran(self, one: Entrant) -> list[Sequence]:
        """Return the sequences that a tracker has all its runs on."""
        failed = self.failed(one)
        return [part for part in self.sequences if part.name not in failed]

    def stop(self) -> None:
        """End the command with a status that tells whether something failed."""
        if self.left_out:
            raise typer.Exit(WRONG)
        if any(outcome.status == "failed" for outcome in self.outcomes):
            raise typer.Exit(FAILED)


def judge(
    task: Task,
    run: Callable[[Several[Entrant], Several[Sequence]], Iterator[Outcome]],
    frames: Callable[[Entrant, Sequence], int],
    prepared: Callable[[Usable], Usable] = lambda found: found,
    *,
    runs: int,
    told: Callable[[Judged, Entrant], str],
    efo: bool = False,
) -> Judged:
    """Run trackers on sequences, with a bar; before that, look at all that is to be written.

    Args:
        task: what to do.
        run: the protocol.
        frames: returns how many frames a tracker will see of a sequence, in all runs.
        prepared: returns what can be used of a data set as the protocol wants it.
        runs: on a sequence, those included that others stand for.
        told: returns a line on a tracker that has all its runs, where others have not.
        efo: whether the speed will be told in VOT's unit, which takes a second to measure.

    Raises:
        DataError: no sequence is good; what is wrong with each was printed.
    """
    from pursuit.cli._outputs import check_outputs, weights_files
    from pursuit.datasets import open_usable
    from pursuit.datasets.usable import with_a_start
    from pursuit.files import check_writable
    from pursuit.protocols import entrants as parsing

    judged = parsing.entrants(task.trackers, task.runtime)
    # The workers of a cluster start elsewhere.
    root = task.root.absolute() if isinstance(task.workers, str) else task.root
    usable = _chosen(prepared(open_usable(root)), task.sequences)
    check_outputs([task.out], [task.root])
    if task.json is not None:
        files = [file for one in judged for file in one.files]
        check_outputs([task.json], [task.root, *weights_files(files)])
        check_writable(task.json)
    usable = with_a_start(usable)
    chosen = usable.sequences
    found = Judged(judged, chosen, dict(usable.faults), [])
    for name, why in found.left_out.items():
        typer.echo(f"left out: {name}: {why}", err=True)
    _some_good(found, task.root)
    outcomes = run(judged, chosen)
    with Progress(sum(frames(one, part) for one in judged for part in chosen)) as progress:
        left = {one.label: runs * len(chosen) for one in judged}
        for outcome in outcomes:
            progress.tell(outcome, known=outcome.sequence in found.left_out)
            found.take(outcome)
            left[outcome.label] -= 1
            if not left[outcome.label] and any(left.values()) and outcome.status != "kept":
                one = next(one for one in judged if one.label == outcome.label)
                if found.sequences:
                    progress.say(f"{one.label} is done: {told(found, one)}")
    _some_good(found, task.root)
    if not isinstance(task.workers, str):  # of a cluster's machines nothing is known
        _note_machine(found, task.out, efo=efo and task.workers == 1)
    return found


def _some_good(judged: Judged, root: Path) -> None:
    from pursuit.errors import DataError

    if not judged.sequences:
        raise DataError(f"{root}: no tracker can be judged on it, no sequence is good")


def _note_machine(judged: Judged, out: Path, *, efo: bool) -> None:
    """Write beside the results that were made just now what they were made with."""
    from pursuit.bench.efo import filter_ms
    from pursuit.reports.surroundings import versions
    from pursuit.results import made_with

    new = {one.label for one in judged.outcomes if one.status == "done"}
    if new:
        made = made_with.Made(versions(), filter_ms() if efo else None)
        for label in sorted(new):
            made_with.add(out / label, made)
    good = {part.name for part in judged.sequences}
    for one in judged.entrants:
        made_with.leave_out(out / one.label, judged.left_out, good)


def _chosen(found: Usable, names: str | None) -> Usable:
    from pursuit.datasets import Usable
    from pursuit.errors import SettingsError, nearest

    if names is None:
        return found
    known = {one.name: one for one in found.sequences}
    wanted = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    for name in wanted:
        if name not in known and name not in found.faults:
            every = [*known, *found.faults]
            raise SettingsError(f"no sequence {name!r} in the data set{nearest(name, every)}")
    if not wanted:
        raise SettingsError("--sequences names none: write --sequences Couple,Jogging-1")
    return Usable(
        [known[name] for name in wanted if name in known],
        {name: found.faults[name] for name in wanted if name not in known},
    )


class Progress:
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

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        if self._kept:
            self.say(f"{self._kept} whole results were there and are kept")

    def tell(self, outcome: Outcome, *, known: bool) -> None:
        """Show an outcome; of a sequence that is known not to be good no more than that."""
        what = f"{outcome.label} on {outcome.sequence}"
        if outcome.run:
            what += f", {outcome.run}"
        if outcome.status in ("kept", "spared"):
            # Not work: it must not make what is left look shorter.
            self._kept += outcome.status == "kept"
            self._frames -= outcome.frames
            self._bar.update(self._task, total=self._frames)
            return
        self._done += outcome.frames
        self._frames = max(self._frames, self._done)
        self._bar.update(self._task, total=self._frames, completed=self._done, description=what)
        if outcome.status == "failed":
            self.say(f"failed: {what}: {outcome.error}")
        elif outcome.status == "unreadable":
            if not known:
                self.say(f"left out: {outcome.sequence}: {outcome.error}")
        elif not self._console.is_terminal:
            self.say(f"{what}: {self._done}/{self._frames} frames, {self._left()} left")

    def _left(self) -> str:
        taken = time.monotonic() - self._began
        seconds = round(taken / self._done * (self._frames - self._done))
        return f"{seconds // 60}:{seconds % 60:02d}"

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)
