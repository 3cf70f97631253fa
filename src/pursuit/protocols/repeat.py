"""Running a protocol whole: all runs of each sequence, or fewer where more would be the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Sequence as Several
from functools import partial
from pathlib import Path
from typing import Any

from pursuit.datasets import Sequence
from pursuit.protocols import runner
from pursuit.protocols.entrants import Entrant
from pursuit.protocols.plan import Plan
from pursuit.protocols.runner import Experiment, Making, Outcome, Workers
from pursuit.trackers.opencv import OPENCV_NAMES, draws_at_random
from pursuit.trackers.settings import PRESETS

# Whether the runs of a sequence in a tracker's folder are the same.
Equal = Callable[[Path, Sequence, Several[Experiment[Any]]], bool]


def is_deterministic(one: Entrant) -> bool:
    """Return whether a tracker is known to do the same each time; of some nobody knows."""
    return one.name in (*PRESETS, *OPENCV_NAMES) and not draws_at_random(one.name)


def expected_runs(plan: Plan, one: Entrant) -> int:
    """Return how many runs of a tracker on a sequence there will be, by what is known of it."""
    if not is_deterministic(one):
        return plan.runs
    return 1 if plan.once_if_deterministic else plan.enough or plan.runs


def run(
    plan: Plan,
    experiments: Several[Experiment[Any]],
    entrants: Several[Entrant],
    sequences: Several[Sequence],
    out: Path,
    *,
    equal: Equal | None = None,
    workers: Workers = 0,
    making: Making | None = None,
) -> Iterator[Outcome]:
    """Yield the outcome of all runs of each entrant on each sequence; see `runner.run`.

    Runs that others stand for are "spared": they need not be there.

    Args:
        plan: says how many runs are enough.
        experiments: all the runs on a sequence.
        entrants: as in `runner.run`.
        sequences: as in `runner.run`.
        out: as in `runner.run`.
        equal: whether runs on disk are the same; asked where the plan says how many are enough.
        workers, making: as in `runner.run`; `making` may be asked several times.
    """
    once = [one for one in entrants if plan.once_if_deterministic and is_deterministic(one)]
    others = [one for one in entrants if one not in once]
    run_some = partial(runner.run, workers=workers, making=making)
    first = run_some(experiments[: plan.enough], others, sequences, out)
    single = run_some(experiments[:1], once, sequences, out)

    def outcomes() -> Iterator[Outcome]:
        failed = set()
        for outcome in first:
            if outcome.status in ("failed", "unreadable"):
                failed.add((outcome.label, outcome.sequence))
            yield outcome
        yield from single
        for one in once:
            yield from _spared(one, sequences, experiments[1:])
        if plan.enough is None or equal is None:
            return
        judged, left = experiments[: plan.enough], experiments[plan.enough :]
        for one in entrants:
            more = []
            for part in sequences:
                # Who cannot run is not tried a dozen times more.
                if (one.label, part.name) in failed or equal(out / one.label, part, judged):
                    yield from _spared(one, [part], left)
                else:
                    more.append(part)
            yield from run_some(left, [one], more, out)

    return outcomes()


def _spared(
    one: Entrant, sequences: Several[Sequence], experiments: Several[Experiment[Any]]
) -> Iterator[Outcome]:
    for part in sequences:
        for each in experiments:
            # Without frames where nobody expected them.
            frames = 0 if is_deterministic(one) else each.frames(part)
            yield Outcome(one.label, part.name, frames, "spared", run=each.name)
