"""`pursuit evaluate vot`: VOT's experiments."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from pursuit.cli import _evaluate_options as options


def vot(
    root: options.Root,
    tracker: options.Trackers,
    protocol: Annotated[
        Literal["supervised", "region-noise", "unsupervised"],
        typer.Option(help="Started again after failures; so, with starts a little off; or never."),
    ] = "supervised",
    start_box: Annotated[
        Literal["min-max", "equal-area"],
        typer.Option(help="The box that is made of a polygon to start with."),
    ] = "min-max",
    out: options.Out = options.RESULTS,
    json: options.Json = None,
    workers: options.Workers = 1,
    cluster: options.Cluster = None,
    sequences: options.Sequences = None,
    runtime: options.Runtime = "tuned",
) -> None:
    """Judge trackers with resets, as VOT does: accuracy, failures, EAO, GOTURN's errors.

    Whoever has lost the target is started again five frames later. Each runs 15 times, or 3 times
    where these are the same. Exit status 1 when a tracker failed to run on a sequence, 2 when one
    is not good and was left out; the same command runs again only what is missing.

    pursuit evaluate vot VOT2018 --tracker siamfc-slim --tracker opencv-csrt
    """
    from pursuit.cli._judged import Task
    from pursuit.cli._judging import evaluate
    from pursuit.cli._judging_vot import Unsupervised, WithResets

    task = Task(root, tracker, out, json, sequences, cluster or workers, runtime)
    form = Unsupervised if protocol == "unsupervised" else WithResets
    evaluate(form(task, protocol, start_box))
