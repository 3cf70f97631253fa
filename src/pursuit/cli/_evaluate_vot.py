"""`pursuit evaluate vot`: VOT's experiments."""

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
    from collections.abc import Sequence as Several

    from pursuit.protocols.entrants import Entrant
    from pursuit.results.vot import Run


def vot(
    root: Annotated[Path, typer.Argument(help=ROOT_HELP)],
    tracker: Annotated[list[str], typer.Option(help=TRACKER_HELP, metavar="NAME[:FILE]")],
    protocol: Annotated[
        Literal["supervised", "region-noise", "unsupervised"],
        typer.Option(help="Started again after failures; so, with starts a little off; or never."),
    ] = "supervised",
    start_box: Annotated[
        Literal["min-max", "equal-area"],
        typer.Option(help="The box that is made of a polygon to start with."),
    ] = "min-max",
    out: Annotated[Path, typer.Option(help=OUT_HELP)] = Path("results"),
    json: Annotated[Path | None, typer.Option(help=JSON_HELP)] = None,
    workers: Annotated[int, typer.Option(min=1, help=WORKERS_HELP)] = 1,
    cluster: Annotated[str | None, typer.Option(help=CLUSTER_HELP)] = None,
    sequences: Annotated[str | None, typer.Option(help=SEQUENCES_HELP, metavar="A,B")] = None,
    runtime: Annotated[str, typer.Option(help=RUNTIME_HELP, metavar="NAME")] = "tuned",
) -> None:
    """Judge trackers with resets, as VOT does: accuracy, failures, EAO, GOTURN's errors.

    Whoever has lost the target is started again five frames later. Each runs 15 times, or 3 times
    where these are the same. Exit status 1 when a tracker failed to run on a sequence, 2 when one
    is not good and was left out; the same command runs again only what is missing.

    pursuit evaluate vot VOT2018 --tracker siamfc-slim --tracker opencv-csrt
    """
    from pursuit.datasets.vot import year_of
    from pursuit.protocols.plan import plan
    from pursuit.protocols.repeat import expected_runs
    from pursuit.protocols.vot import read_runs, run
    from pursuit.reports import vot as reports
    from pursuit.reports import vot_overlap
    from pursuit.results.vot import write_times

    task = Task(root, tracker, out, json, sequences, cluster or workers, runtime)
    what = plan(f"vot-{protocol}")
    follow = partial(run, out=out, protocol=protocol, start_box=start_box, workers=task.workers)

    def stored(judged: Judged, one: Entrant) -> dict[str, Several[Run]]:
        return {part.name: read_runs(out / one.label, part, protocol) for part in judged.ran(one)}

    def told(judged: Judged, one: Entrant) -> str:
        runs, failed = {one.label: stored(judged, one)}, {one.label: judged.failed(one)}
        if protocol == "unsupervised":
            return vot_overlap.summary(
                vot_overlap.scores(runs, failed, reports.benchmark(judged.sequences, year_of(root)))
            )
        return reports.summary(reports.scores(runs, failed, judged.sequences, year_of(root)))

    judged = judge(
        task,
        follow,
        lambda one, part: expected_runs(what, one) * len(part),
        runs=what.runs,
        told=told,
        efo=protocol == "supervised",
    )
    runs = {}
    for one in judged.entrants:
        found = stored(judged, one)
        for name, several in found.items():
            write_times(out / one.label / what.folder, name, several, what.runs)
        runs[one.label] = found
    failed = {one.label: judged.failed(one) for one in judged.entrants}
    if protocol == "unsupervised":
        truth = reports.benchmark(judged.sequences, year_of(root))
        overlaps = vot_overlap.scores(runs, failed, truth)
        show([vot_overlap.table(overlaps)], reports.failures_to_run(overlaps, judged.left_out))
        content = vot_overlap.as_json(overlaps)
    else:
        scores = reports.scores(runs, failed, judged.sequences, year_of(root))
        show([reports.table(scores)], reports.notes(scores, judged.left_out))
        content = reports.as_json(scores)
    if json is not None:
        write_json(json, content)
    typer.echo(f"results: {out}")
    judged.stop()
