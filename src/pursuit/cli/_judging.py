"""What the commands of `pursuit evaluate` share: the steps from their options to the last line."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from collections.abc import Sequence as Several
from functools import cache, cached_property
from pathlib import Path

import typer

from pursuit.cli._judged import Findings, Judged, Task
from pursuit.cli._judging_progress import JudgingProgress
from pursuit.cli._outputs import (
    check_outputs,
    show,
    tell_left_out,
    weights_files,
    while_read,
    write_json,
)
from pursuit.datasets import Sequence, Usable, open_usable
from pursuit.datasets.reading import plural
from pursuit.datasets.usable import with_a_start
from pursuit.errors import SettingsError, nearest
from pursuit.files import check_writable
from pursuit.protocols import entrants as parsing
from pursuit.protocols.entrants import Entrant
from pursuit.protocols.plan import Plan
from pursuit.protocols.runner import Making, Outcome
from pursuit.results import labels, made_with


class Judging(ABC):
    """How trackers are run and judged by one command.

    Attributes:
        task: what it is to do.
        plan: what is run.
        efo: whether the speed will be told in VOT's unit, which takes a second to measure.
    """

    efo = False

    def __init__(self, task: Task, plan: Plan) -> None:
        self.task = task
        self.plan = plan

    @cached_property
    def making(self) -> Making | None:
        """Tells where and with what results are made; None on a cluster, whose machines differ."""
        if isinstance(self.task.workers, str):
            return None
        return _making(efo=self.efo and self.task.workers == 1)

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
    def findings(self, judged: Judged) -> Findings:
        """Return what was found; files that go beside the results are written."""


def evaluate(how: Judging) -> None:
    """Run trackers on sequences and print their scores; exit as `Judged.stop` does.

    What is printed comes after all files: nobody may read it to its end.

    Raises:
        DataError: no sequence is good; what is wrong with each was printed.
        PursuitError: as the steps raise them.
    """
    task = how.task
    entrants = parsing.entrants(task.trackers, task.runtime)
    usable = _chosen(how.prepared(open_usable(_root(task))), task.sequences)
    _check_labels(entrants, usable)
    _check_outputs(task, entrants)
    judged = _to_judge(entrants, usable, task.root)
    try:
        _run(how, judged)
    except KeyboardInterrupt:
        _say_what_is_kept(judged, task.out)
        raise
    judged.check_sequences(task.root)
    if not isinstance(task.workers, str):  # of a cluster's machines nothing is known
        _note_left_out(judged, task.out)
    found = how.findings(judged)
    if task.json is not None:
        write_json(task.json, found.json)
    with while_read():
        _print(found, task.out)
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


def _check_labels(entrants: Several[Entrant], usable: Usable) -> None:
    for name in (*(part.name for part in usable.sequences), *usable.faults):
        for one in entrants:
            if not labels.is_readable(one.label, name):
                raise SettingsError(
                    f"{one.label!r} is a sequence of the data set, and a folder called so is taken "
                    "for its: write LABEL=NAME with another label"
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
        tell_left_out(name, why)
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


def _making(*, efo: bool) -> Making:
    """Return what tells once where results are made, with the filter's time if `efo`."""

    @cache
    def made() -> made_with.Made:
        # Both take torch, which not all trackers need.
        from pursuit.bench.efo import filter_ms
        from pursuit.reports.surroundings import versions

        return made_with.Made(versions(), filter_ms() if efo else None)

    return made


def _say_what_is_kept(judged: Judged, out: Path) -> None:
    """Say what an interrupt leaves."""
    whole = sum(outcome.status in ("done", "kept") for outcome in judged.outcomes)
    what = f"{plural(whole, 'whole result')} in {out}" if whole else "no whole result yet"
    typer.echo(f"stopped: {what}; the same command goes on from there", err=True)


def _note_left_out(judged: Judged, out: Path) -> None:
    """Write beside the results which sequences were left out."""
    good = {part.name for part in judged.sequences}
    for one in judged.entrants:
        made_with.leave_out(out / one.label, judged.left_out, good)


def _print(found: Findings, out: Path) -> None:
    for at, (tables, lines) in enumerate(found.blocks):
        if at:
            typer.echo()
        show(tables, lines)
    typer.echo(f"{found.written}: {out}")
