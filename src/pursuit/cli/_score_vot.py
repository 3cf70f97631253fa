"""`pursuit score vot`: VOT's measures of stored results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pursuit.cli._outputs import WRONG, check_outputs, show_scores, write_json


def vot(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS...",
            help="Folders or archives with TRACKER/EXPERIMENT/SEQUENCE/SEQUENCE_001.txt.",
        ),
    ],
    ground_truth: Annotated[
        Path,
        typer.Option(
            metavar="PATH",
            help="Folder or archive with SEQUENCE/groundtruth.txt, or pysot's JSON file; or a "
            "folder of SEQUENCE.mp4 + SEQUENCE.csv. VOT and a year in its name tell the rules of "
            "that year.",
        ),
    ],
    experiment: Annotated[
        Literal["baseline", "region_noise"],
        typer.Option(help="Whose results, by the name of their folder."),
    ] = "baseline",
    rules: Annotated[
        Literal["matlab", "toolkit", "pysot"],
        typer.Option(help="Whose definitions: VOT's MATLAB or Python toolkit, or pysot."),
    ] = "matlab",
    json: Annotated[Path | None, typer.Option(help="Write the scores to this file.")] = None,
) -> None:
    """Score stored results of VOT with restarts: accuracy, robustness, failures, EAO.

    Where results of the unsupervised experiment lie beside them, their EAO too, and the mean of
    both (VOT2016). `p`: how often luck alone makes a tracker's EAO differ so much from the best's.

    Two trackers and more are ranked as in VOT2014, by the MATLAB toolkit's definitions; where
    results of region_noise lie beside the baseline, by both.

    Each tracker should have a result on every sequence. What is missing or wrong is named, the
    tracker's means are marked, and the exit status is 2. A tracker with results on other
    sequences too ran on another year's: it is named and not scored.

    pursuit score vot results --ground-truth VOT2018.json --rules pysot --json scores.json
    """
    from pursuit.files import check_writable
    from pursuit.measures.vot_rules import Rules
    from pursuit.reports import stored_vot_ranks
    from pursuit.reports.stored_vot import scores
    from pursuit.reports.stored_vot_shown import as_json, tables
    from pursuit.reports.vot import truth_of
    from pursuit.results.vot import read_stored

    if json is not None:
        check_outputs([json], [*results, ground_truth])
        check_writable(json)
    found = scores(Rules(rules), read_stored(results, experiment), truth_of(ground_truth))
    ranks = stored_vot_ranks.ranks(found)
    if json is not None:
        content = as_json(found)
        for label, one in content.items():
            one["ranks"] = stored_vot_ranks.as_json(ranks, label)
        write_json(json, content)
    show_scores(
        [*tables(found), *([stored_vot_ranks.table(ranks)] if ranks else [])],
        [found.caption, *([stored_vot_ranks.caption(ranks)] if ranks else [])],
        found.notes,
        found.wrong,
    )
    if found.wrong:
        raise typer.Exit(WRONG)
