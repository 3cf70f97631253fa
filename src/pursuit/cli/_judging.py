"""What the commands of `pursuit evaluate` share: the steps from their options to the last line."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from pursuit.cli._judging_progress import JudgingProgress
from pursuit.cli._outputs import WRONG, check_outputs, weights_files, write_json
from pursuit.datasets import Sequence, Usable, open_usable
from pursuit.datasets.usable import with_a_start
from pursuit.errors import DataError, SettingsError, nearest
from pursuit.files import check_writable
from pursuit.protocols import entrants as parsing
from pursuit.protocols.entrants import Entrant
from pursuit.protocols.plan import Plan
from pursuit.protocols.runner import Outcome, Workers
from pursuit.results import made_with

FAILED = 1  # exit status when a tracker failed on a sequence


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

    @property
    def failures(self) -> dict[str, dict[str, str]]:
        """Tracker -> what `failed` returns of it."""
        return {one.label: self.failed(one) for one in self.entrants}

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

    def check_sequences(self, root: Path) -> None:
        """Make sure that there is a good sequence.

        Raises:
            DataError: there is none.
        """
        if not self.sequences:
            raise DataError(f"{root}: no tracker can be judged on it, no sequence is good")

    def stop(self) -> None:
        """End the command with a status that tells whether something failed."""
        if self.left_out:
            raise typer.Exit(WRONG)
        if any(outcome.status == "failed" for outcome in self.outcomes):
            raise typer.Exit(FAILED)


class Judging(ABC):
    """How trackers are run and judged by one command.

    Attributes:
        task: what it is to do.
        plan: what is run.
        written: what goes into the folder for results.
        efo: whether the speed will be told in VOT's unit, which takes a second to measure.
    """

    written = "results"
    efo = False

    def __init__(self, task: Task, plan: Plan) -> None:
        self.task = task
        self.plan = plan

    def prepared(self, found: Usable) -> Usable:
        """Return what can be used of a data set as the protocol wants it."""
        return found

    @abstractmethod
    def frames(self, one: Entrant, part: Sequence) -> int:
        """Return how many frames a tracker will see of a sequence, in all runs."""

    @abstractmethod
    def run(self, entrants: Several[Entrant], sequences: Several[Sequence]) -> Iterator[Outcome]:
        """Yield the outcomes of all runs."""

    @abstractmethod
    def told(self, judged: Judged, one: Entrant) -> str:
        """Return a line on a tracker that has all its runs, where others have not."""

    @abstractmethod
    def show(self, judged: Judged) -> dict[str, Any]:
        """Print what was found; return it for JSON."""


def evaluate(how: Judging) -> None:
    """Run trackers on sequences and print their scores; exit as `Judged.stop` does.

    Raises:
        DataError: no sequence is good; what is wrong with each was printed.
        PursuitError: as the steps raise them.
    """
    task = how.task
    entrants = parsing.entrants(task.trackers, task.runtime)
    usable = _chosen(how.prepared(open_usable(_root(task))), task.sequences)
    _check_outputs(task, entrants)
    judged = _to_judge(entrants, usable, task.root)
    _run(how, judged)
    judged.check_sequences(task.root)
    if not isinstance(task.workers, str):  # of a cluster's machines nothing is known
        _note_machine(judged, task.out, efo=how.efo and task.workers == 1)
    content = how.show(judged)
    if task.json is not None:
        write_json(task.json, content)
    typer.echo(f"{how.written}: {task.out}")
    judged.stop()


def _root(task: Task) -> Path:
    # The workers of a cluster start elsewhere.
    return task.root.absolute() if isinstance(task.workers, str) else task.root


def _chosen(found: Usable, names: str | None) -> Usable:
    """Return what is there of the sequences of these names, with commas between; all of None."""
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


def _check_outputs(task: Task, entrants: Several[Entrant]) -> None:
    check_outputs([task.out], [task.root])
    if task.json is not None:
        files = [file for one in entrants for file in one.files]
        check_outputs([task.json], [task.root, *weights_files(files)])
        check_writable(task.json)


def _to_judge(entrants: Several[Entrant], usable: Usable, root: Path) -> Judged:
    """Return who is to be judged on what; sequences that are not good are printed."""
    usable = with_a_start(usable)
    judged = Judged(entrants, usable.sequences, dict(usable.faults), [])
    for name, why in judged.left_out.items():
        typer.echo(f"left out: {name}: {why}", err=True)
    judged.check_sequences(root)
    return judged


def _run(how: Judging, judged: Judged) -> None:
    """Run all that is missing, with a bar, and a line on each tracker that is through."""
    entrants, chosen = judged.entrants, judged.chosen
    outcomes = how.run(entrants, chosen)
    left = {one.label: how.plan.runs * len(chosen) for one in entrants}
    frames = sum(how.frames(one, part) for one in entrants for part in chosen)
    with JudgingProgress(frames) as progress:
        for outcome in outcomes:
            progress.tell(outcome, known=outcome.sequence in judged.left_out)
            judged.take(outcome)
            left[outcome.label] -= 1
            through = not left[outcome.label] and any(left.values()) and judged.sequences
            if through and outcome.status != "kept":
                one = next(one for one in entrants if one.label == outcome.label)
                progress.say(f"{one.label} is done: {how.told(judged, one)}")


def _note_machine(judged: Judged, out: Path, *, efo: bool) -> None:
    """Write beside the results that were made just now what they were made with."""
    new = {one.label for one in judged.outcomes if one.status == "done"}
    if new:
        # Both take torch, which not all trackers need.
        from pursuit.bench.efo import filter_ms
        from pursuit.reports.surroundings import versions

        made = made_with.Made(versions(), filter_ms() if efo else None)
        for label in sorted(new):
            made_with.add(out / label, made)
    good = {part.name for part in judged.sequences}
    for one in judged.entrants:
        made_with.leave_out(out / one.label, judged.left_out, good)
