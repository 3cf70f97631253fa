"""`pursuit evaluate otb`: OTB's protocols."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from pursuit.cli import _evaluate_options as options


def otb(
    root: options.Root,
    tracker: options.Trackers,
    protocol: Annotated[
        Literal["ope", "tre", "sre"],
        typer.Option(help="One pass, 20 starts in time, or 12 first boxes that are a little off."),
    ] = "ope",
    list_: Annotated[
        Literal["otb2013", "otb50", "otb100"] | None,
        typer.Option("--list", help="Only the sequences of this list."),
    ] = None,
    out: options.Out = options.RESULTS,
    json: options.Json = None,
    workers: options.Workers = 1,
    cluster: options.Cluster = None,
    sequences: options.Sequences = None,
    runtime: options.Runtime = "tuned",
) -> None:
    """Judge trackers as OTB does: AUC, precision at 20 px, speed.

    Each starts with a box and is not helped again. Exit status 1 when a tracker failed on a
    sequence, 2 when one is not good and was left out; the same command runs again only what is
    missing.

    pursuit evaluate otb OTB100 --tracker siamfc-slim --tracker opencv-csrt --list otb2013
    """
    from pursuit.cli._judged import Task
    from pursuit.cli._judging import evaluate
    from pursuit.cli._judging_otb import Otb
    from pursuit.reports.drawing import check_matplotlib

    check_matplotlib()
    task = Task(root, tracker, out, json, sequences, cluster or workers, runtime)
    evaluate(Otb(task, protocol, list_))
