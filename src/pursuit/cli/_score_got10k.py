"""`pursuit score got10k`: GOT-10k's measures of stored results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pursuit.cli._outputs import WRONG, check_outputs, show_scores, write_json


def got10k(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS...",
            help="Folders or archives with TRACKER/SEQUENCE/SEQUENCE_001.txt (and _time.txt) of "
            "the got10k toolkit, or TRACKER/SEQUENCE.txt.",
        ),
    ],
    ground_truth: Annotated[
        Path,
        typer.Option(
            metavar="PATH",
            help="Folder or archive with SEQUENCE/groundtruth.txt, meta_info.ini and "
            "cover.label; or a folder of SEQUENCE.mp4 + SEQUENCE.csv.",
        ),
    ],
    json: Annotated[Path | None, typer.Option(help="Write the scores to this file.")] = None,
) -> None:
    """Score stored results on GOT-10k: average overlap, success rates, intervals.

    Each tracker should have a result on every sequence. What is missing or wrong is named, the
    tracker's means are marked, and the exit status is 2. `p`: how often luck alone makes a
    tracker's AO differ so much from the best one's.

    pursuit score got10k results/GOT-10k --ground-truth GOT-10k/val --json scores.json
    """
    from pursuit.errors import DataError
    from pursuit.files import check_writable
    from pursuit.reports.stored_got10k import as_json, judge, table
    from pursuit.results.got10k_found import find, read_truth
    from pursuit.results.otb_found import Unused

    if json is not None:
        check_outputs([json], [*results, ground_truth])
        check_writable(json)
    known = read_truth(ground_truth)
    unused = Unused()
    scores, notes = judge(find(results, known, unused), known)
    if not scores:
        where = ", ".join(map(str, results))
        raise DataError(f"{where}: no results of the {len(known)} sequences with labels")
    wrong = [line for one in scores for line in one.wrong]
    if json is not None:
        write_json(json, as_json(scores))
    show_scores([table(scores)], [], [*notes, *unused.lines()], wrong)
    if wrong:
        raise typer.Exit(WRONG)
