"""GOT-10k's protocol: from the first box to the end, three times, never helped again."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pursuit.datasets import Sequence
from pursuit.errors import DataError
from pursuit.protocols import repeat
from pursuit.protocols.entrants import Entrant
from pursuit.protocols.otb import first_label, follow
from pursuit.protocols.plan import plan
from pursuit.protocols.runner import Experiment, Making, Outcome, Workers
from pursuit.results import got10k as results
from pursuit.results.otb import Run

PLAN = plan("got10k")

_ROUNDING = 1e-3  # pixels; the boxes on disk are rounded


def run(
    entrants: Several[Entrant],
    sequences: Several[Sequence],
    out: Path,
    *,
    workers: Workers = 0,
    making: Making | None = None,
) -> Iterator[Outcome]:
    """Yield the outcome of each entrant's runs on each sequence.

    Results go to `out/LABEL/SEQUENCE/SEQUENCE_001.txt` and on. Arguments and errors are those of
    `runner.run`.
    """
    found = [one.experiment() for one in _runs()]
    return repeat.run(PLAN, found, entrants, sequences, out, workers=workers, making=making)


def read_runs(folder: Path, one: Entrant, sequence: Sequence) -> list[Run]:
    """Return the runs on a sequence: all, or the one of a tracker that always does the same.

    Raises:
        DataError: one is missing, of another length, or of another target.
    """
    once = PLAN.once_if_deterministic and repeat.is_deterministic(one)
    return [each.read(folder, sequence) for each in _runs()[: 1 if once else None]]


@dataclass(frozen=True)
class _Run:
    """One of the runs on a sequence, by its number from 0."""

    number: int

    def experiment(self) -> Experiment[Run]:
        name = f"run {self.number + 1} of {PLAN.runs}"
        return Experiment(follow, self.write, self.read, name, PLAN.seed)

    def write(self, folder: Path, sequence: Sequence, found: Run) -> None:
        results.write(folder, sequence.name, found, self.number + 1)

    def read(self, folder: Path, sequence: Sequence) -> Run:
        found = results.read(folder, sequence.name, self.number + 1)
        path = results.run_path(folder, sequence.name, self.number + 1)
        if len(found.boxes) != len(sequence):
            raise DataError(
                f"{path}: {len(found.boxes)} rows for {len(sequence)} frames; remove it"
            )
        start = first_label(sequence)
        if not np.allclose(found.boxes[start], sequence.boxes[start], rtol=0, atol=_ROUNDING):
            raise DataError(f"{path}: starts with another box than {sequence.name}; remove it")
        return found


def _runs() -> list[_Run]:
    return [_Run(number) for number in range(PLAN.runs)]
