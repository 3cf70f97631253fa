"""`pursuit score otb`: OTB's measures of stored results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pursuit.cli._outputs import WRONG, check_outputs, show_scores, write_json


def otb(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS...",
            help="Folders or archives with SEQUENCE_TRACKER.mat of OTB's toolbox (OPE, "
            "TRE, SRE), TRACKER/SEQUENCE.json of its Python form, SEQUENCE_TRACKER.txt, "
            "TRACKER/SEQUENCE.txt of got10k, pysot or pursuit.",
        ),
    ],
    ground_truth: Annotated[
        Path,
        typer.Option(
            metavar="PATH",
            help="Folder or archive with SEQUENCE/groundtruth_rect.txt or SEQUENCE.txt, "
            "counted from 1; or a folder of SEQUENCE.mp4 + SEQUENCE.csv.",
        ),
    ],
    list_: Annotated[
        Literal["otb2013", "otb50", "otb100"] | None,
        typer.Option("--list", help="Only the sequences of this list."),
    ] = None,
    rules: Annotated[
        Literal["matlab", "got10k", "pysot"],
        typer.Option(help="Whose definitions: OTB's MATLAB toolbox, or got10k, or pysot."),
    ] = "matlab",
    json: Annotated[Path | None, typer.Option(help="Write the scores to this file.")] = None,
) -> None:
    """Score stored results on OTB: AUC, precision, TRE, SRE, intervals.

    Each tracker should have a result on every sequence. What is missing or wrong is named, the
    tracker's means are marked, and the exit status is 2. `p`: how often luck alone makes a
    tracker's AUC differ so much from the best one's.

    pursuit score otb OTB_RESULTS.tar.xz --ground-truth OTB100 --list otb2013
    """
    from pursuit.datasets.otb_list import listed
    from pursuit.errors import DataError
    from pursuit.files import check_writable
    from pursuit.measures.otb import RULES
    from pursuit.reports.stored_otb import as_json, judge, table
    from pursuit.results.otb_found import Unused, find, read_truth

    if json is not None:
        check_outputs([json], [*results, ground_truth])
        check_writable(json)
    unused = Unused()
    known = read_truth(ground_truth, unused)
    wanted = listed(known, list_, "the ground truth")
    scores, notes = judge(find(results, known, wanted, unused), wanted, RULES[rules])
    if not scores:
        where = ", ".join(map(str, results))
        raise DataError(f"{where}: no results of the {len(wanted)} sequences with labels")
    wrong = [line for one in scores for line in one.wrong]
    if json is not None:
        write_json(json, as_json(scores, wanted))
    show_scores([table(scores)], [], [*notes, *unused.lines()], wrong)
    if wrong:
        raise typer.Exit(WRONG)
