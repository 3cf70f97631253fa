"""`pursuit evaluate otb`: OTB's protocols."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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


def otb(
    root: Annotated[Path, typer.Argument(help=ROOT_HELP)],
    tracker: Annotated[list[str], typer.Option(help=TRACKER_HELP, metavar="NAME[:FILE]")],
    protocol: Annotated[
        Literal["ope", "tre", "sre"],
        typer.Option(help="One pass, 20 starts in time, or 12 first boxes that are a little off."),
    ] = "ope",
    list_: Annotated[
        Literal["otb2013", "otb50", "otb100"] | None,
        typer.Option("--list", help="Only the sequences of this list."),
    ] = None,
    out: Annotated[Path, typer.Option(help=OUT_HELP)] = Path("results"),
    json: Annotated[Path | None, typer.Option(help=JSON_HELP)] = None,
    workers: Annotated[int, typer.Option(min=1, help=WORKERS_HELP)] = 1,
    cluster: Annotated[str | None, typer.Option(help=CLUSTER_HELP)] = None,
    sequences: Annotated[str | None, typer.Option(help=SEQUENCES_HELP, metavar="A,B")] = None,
    runtime: Annotated[str, typer.Option(help=RUNTIME_HELP, metavar="NAME")] = "tuned",
) -> None:
    """Judge trackers as OTB does: AUC, precision at 20 px, speed.

    Each starts with a box and is not helped again. Exit status 1 when a tracker failed on a
    sequence, 2 when one is not good and was left out; the same command runs again only what is
    missing.

    pursuit evaluate otb OTB100 --tracker siamfc-slim --tracker opencv-csrt --list otb2013
    """
    from pursuit.protocols.otb import frames, prepared, read_runs, run
    from pursuit.protocols.plan import plan
    from pursuit.reports import plots
    from pursuit.reports.comparison import with_interval
    from pursuit.reports.drawing import check_matplotlib
    from pursuit.reports.scores import TrackerScore, as_json, pace, sequence_score
    from pursuit.reports.table import attribute_tables, notes, table

    check_matplotlib()
    task = Task(root, tracker, out, json, sequences, cluster or workers, runtime)
    follow = partial(run, out=out, protocol=protocol, workers=task.workers)
    of_list = partial(prepared, list_=list_)

    def score(judged: Judged, one: Entrant) -> TrackerScore:
        ran = judged.ran(one)
        # From disk, also what was run just now: the same numbers now and when it is all kept.
        found = [read_runs(out / one.label, part, protocol) for part in ran]
        parts = tuple(sequence_score(part.name, x) for part, x in zip(ran, found, strict=True))
        speed = pace([each for several in found for each, _ in several])
        return TrackerScore(one.label, parts, judged.failed(one), speed)

    def told(judged: Judged, one: Entrant) -> str:
        mine = score(judged, one)
        return with_interval("AUC", mine.auc, mine.interval)

    judged = judge(
        task,
        follow,
        lambda _, part: frames(protocol, part),
        of_list,
        runs=plan(f"otb-{protocol}").runs,
        told=told,
    )
    scores = [score(judged, one) for one in judged.entrants]
    show([table(scores)], notes(scores, judged.left_out, workers=task.workers))
    by_attribute = attribute_tables(scores)
    if by_attribute:
        typer.echo()
        show(by_attribute, ["AUC of the sequences with an attribute"])
    if json is not None:
        write_json(json, as_json(scores))
    plots.save_plots(scores, out, protocol)
    typer.echo(f"results and plots: {out}")
    judged.stop()
