"""What the commands of `pursuit evaluate` share: who is judged on what, and the progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pursuit.datasets import Sequence
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
    """Who was judged on what, and how it ended."""

    entrants: Several[Entrant]
    sequences: Several[Sequence]
    outcomes: list[Outcome]

    def failed(self, one: Entrant) -> dict[str, str]:
        """Return sequence -> why a tracker has not all its runs on it."""
        failed: dict[str, str] = {}
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
        if any(outcome.status == "failed" for outcome in self.outcomes):
            raise typer.Exit(FAILED)


def judge(
    task: Task,
    run: Callable[[Several[Entrant], Several[Sequence]], Iterator[Outcome]],
    frames: Callable[[Entrant, Sequence], int],
    prepared: Callable[[Several[Sequence]], Several[Sequence]] = list,
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
        prepared: returns the sequences of a data set as the protocol wants them.
        runs: on a sequence, those included that others stand for.
        told: returns a line on a tracker that has all its runs, where others have not.
        efo: whether the speed will be told in VOT's unit, which takes a second to measure.
    """
    from pursuit.cli._outputs import check_outputs, weights_files
    from pursuit.datasets import open_videos
    from pursuit.files import check_writable
    from pursuit.protocols import entrants as parsing

    judged = parsing.entrants(task.trackers, task.runtime)
    # The workers of a cluster start elsewhere.
    root = task.root.absolute() if isinstance(task.workers, str) else task.root
    chosen = _chosen(prepared(open_videos(root)), task.sequences)
    check_outputs([task.out], [task.root])
    if task.json is not None:
        files = [file for one in judged for file in one.files]
        check_outputs([task.json], [task.root, *weights_files(files)])
        check_writable(task.json)
    outcomes = run(judged, chosen)
    with Progress(sum(frames(one, part) for one in judged for part in chosen)) as progress:
        found = Judged(judged, chosen, [])
        left = {one.label: runs * len(chosen) for one in judged}
        for outcome in outcomes:
            found.outcomes.append(progress.tell(outcome))
            left[outcome.label] -= 1
            if not left[outcome.label] and any(left.values()) and outcome.status != "kept":
                one = next(one for one in judged if one.label == outcome.label)
                progress.say(f"{one.label} is done: {told(found, one)}")
    if not isinstance(task.workers, str):  # of a cluster's machines nothing is known
        _note_machine(found, task.out, efo=efo and task.workers == 1)
    return found


def _note_machine(judged: Judged, out: Path, *, efo: bool) -> None:
    """Write beside the results that were made just now what they were made with."""
    new = {one.label for one in judged.outcomes if one.status == "done"}
    if not new:
        return
    from pursuit.bench.efo import filter_ms
    from pursuit.reports.surroundings import versions
    from pursuit.results import made_with

    made = made_with.Made(versions(), filter_ms() if efo else None)
    for label in sorted(new):
        made_with.add(out / label, made)


def _chosen(found: Several[Sequence], names: str | None) -> Several[Sequence]:
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

    def tell(self, outcome: Outcome) -> Outcome:
        """Show an outcome; return it."""
        what = f"{outcome.label} on {outcome.sequence}"
        if outcome.run:
            what += f", {outcome.run}"
        if outcome.status in ("kept", "spared"):
            # Not work: it must not make what is left look shorter.
            self._kept += outcome.status == "kept"
            self._frames -= outcome.frames
            self._bar.update(self._task, total=self._frames)
            return outcome
        self._done += outcome.frames
        self._frames = max(self._frames, self._done)
        self._bar.update(self._task, total=self._frames, completed=self._done, description=what)
        if outcome.status == "failed":
            self.say(f"failed: {what}: {outcome.error}")
        elif not self._console.is_terminal:
            self.say(f"{what}: {self._done}/{self._frames} frames, {self._left()} left")
        return outcome

    def _left(self) -> str:
        taken = time.monotonic() - self._began
        seconds = round(taken / self._done * (self._frames - self._done))
        return f"{seconds // 60}:{seconds % 60:02d}"

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)
