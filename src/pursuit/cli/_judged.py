"""What a command of `pursuit evaluate` is to do, how it ended, and what was found."""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pursuit.cli._outputs import WRONG
from pursuit.datasets import Sequence
from pursuit.errors import DataError
from pursuit.protocols.entrants import Entrant
from pursuit.protocols.runner import Outcome, Workers

if TYPE_CHECKING:
    from rich.table import Table

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


@dataclass(frozen=True)
class Findings:
    """What was found, to be printed.

    Attributes:
        blocks: tables, and the lines below them.
        json: the scores.
        written: what is in the folder for results.
    """

    blocks: Several[tuple[Several[Table], Several[str]]]
    json: dict[str, Any]
    written: str = "results"
