"""`pursuit evaluate got10k`: GOT-10k's protocol."""

from __future__ import annotations

from pursuit.cli import _evaluate_options as options


def got10k(
    root: options.Root,
    tracker: options.Trackers,
    out: options.Out = options.RESULTS,
    json: options.Json = None,
    workers: options.Workers = 1,
    cluster: options.Cluster = None,
    sequences: options.Sequences = None,
    runtime: options.Runtime = "tuned",
) -> None:
    """Judge trackers as GOT-10k does: average overlap, success rates at 0.5 and 0.75, speed.

    Each starts with the first box and is not helped again; three times, or once where it is known
    to do the same each time. Exit status 1 when a tracker failed on a sequence, 2 when one is not
    good and was left out; the same command runs again only what is missing.

    pursuit evaluate got10k GOT-10k/val --tracker siamfc-slim --tracker opencv-csrt
    """
    from pursuit.cli._judged import Task
    from pursuit.cli._judging import evaluate
    from pursuit.cli._judging_got10k import Got10k

    evaluate(Got10k(Task(root, tracker, out, json, sequences, cluster or workers, runtime)))
