"""`pursuit evaluate got10k`: GOT-10k's protocol."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pursuit.cli._judging import (
    CLUSTER_HELP,
    JSON_HELP,
    OUT_HELP,
    ROOT_HELP,
    RUNTIME_HELP,
    SEQUENCES_HELP,
    TRACKER_HELP,
    WORKERS_HELP,
    Judged,
    Task,
    judge,
)
from pursuit.cli._outputs import show, write_json

if TYPE_CHECKING:
    from pursuit.protocols.entrants import Entrant


def got10k(
    root: Annotated[Path, typer.Argument(help=ROOT_HELP)],
    tracker: Annotated[list[str], typer.Option(help=TRACKER_HELP, metavar="NAME[:FILE]")],
    out: Annotated[Path, typer.Option(help=OUT_HELP)] = Path("results"),
    json: Annotated[Path | None, typer.Option(help=JSON_HELP)] = None,
    workers: Annotated[int, typer.Option(min=1, help=WORKERS_HELP)] = 1,
    cluster: Annotated[str | None, typer.Option(help=CLUSTER_HELP)] = None,
    sequences: Annotated[str | None, typer.Option(help=SEQUENCES_HELP, metavar="A,B")] = None,
    runtime: Annotated[str, typer.Option(help=RUNTIME_HELP, metavar="NAME")] = "tuned",
) -> None:
    """Judge trackers as GOT-10k does: average overlap, success rates at 0.5 and 0.75, speed.

    Each starts with the first box and is not helped again; three times, or once where it is known
    to do the same each time. Exit status 1 when a tracker failed on a sequence; the same command
    runs again only what is missing.

    pursuit evaluate got10k GOT-10k/val --tracker siamfc-slim --tracker opencv-csrt
    """
    from pursuit.protocols.got10k import PLAN, read_runs, run
    from pursuit.protocols.repeat import expected_runs
    from pursuit.reports.comparison import with_interval
    from pursuit.reports.got10k import TrackerScore, as_json, table, tracker_score
    from pursuit.reports.vot import failures_to_run
    from pursuit.results.got10k import write_times

    task = Task(root, tracker, out, json, sequences, cluster or workers, runtime)
    follow = partial(run, out=out, workers=task.workers)

    def score(judged: Judged, one: Entrant) -> TrackerScore:
        folder = out / one.label
        found = [(part, read_runs(folder, one, part)) for part in judged.ran(one)]
        for part, runs in found:
            write_times(folder, part.name, runs)
        return tracker_score(one.label, found, judged.failed(one))

    def told(judged: Judged, one: Entrant) -> str:
        mine = score(judged, one)
        return with_interval("AO", mine.score.figures.ao, mine.score.intervals["ao"])

    judged = judge(
        task,
        follow,
        lambda one, part: expected_runs(PLAN, one) * len(part),
        runs=PLAN.runs,
        told=told,
    )
    scores = [score(judged, one) for one in judged.entrants]
    show([table(scores)], failures_to_run(scores))
    if json is not None:
        write_json(json, as_json(scores))
    typer.echo(f"results: {out}")
    judged.stop()
