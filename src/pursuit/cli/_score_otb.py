"""`pursuit score otb`: OTB's measures of stored results."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pursuit.cli._outputs import check_outputs, show, write_json

WRONG = 2  # exit status when a result is missing or wrong

_LACKING = "* mean of the sequences with a result: not to be compared with the others"


class OtbList(StrEnum):
    """Lists of OTB's sequences."""

    otb2013 = "otb2013"
    otb50 = "otb50"
    otb100 = "otb100"


class OtbRules(StrEnum):
    """Whose choices OTB's measures follow."""

    matlab = "matlab"
    got10k = "got10k"
    pysot = "pysot"


def otb(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS...",
            help="Folders or tar archives of results: SEQUENCE_TRACKER.mat of OTB's toolbox (OPE, "
            "TRE, SRE), SEQUENCE_TRACKER.txt, TRACKER/SEQUENCE.txt of got10k, pysot or pursuit.",
        ),
    ],
    ground_truth: Annotated[
        Path,
        typer.Option(
            metavar="PATH",
            help="Folder or archive of labels: NAME/groundtruth_rect.txt or NAME.txt, counted "
            "from 1; or a folder of NAME.mp4 + NAME.csv.",
        ),
    ],
    list_: Annotated[
        OtbList | None, typer.Option("--list", help="Only the sequences of this list.")
    ] = None,
    rules: Annotated[
        OtbRules, typer.Option(help="The toolkit whose choices are followed.")
    ] = OtbRules.matlab,
    json: Annotated[Path | None, typer.Option(help="Write the scores to this file.")] = None,
) -> None:
    """Score stored results on OTB: AUC, precision, TRE, SRE, intervals.

    Each tracker should have a result on every sequence. What is missing or wrong is named, the
    tracker's means are marked, and the exit status is 2. `p`: how often luck alone makes a
    tracker's AUC differ so much from the best one's.

    pursuit score otb OTB_RESULTS.tar.xz --ground-truth OTB100 --list otb2013
    """
    from pursuit.errors import DataError
    from pursuit.files import check_writable
    from pursuit.measures.otb import RULES
    from pursuit.reports.stored import as_json, judge, of_list, table
    from pursuit.results.otb_found import Unused, find, read_truth

    if json is not None:
        check_outputs([json], [*results, ground_truth])
        check_writable(json)
    known = read_truth(ground_truth)
    wanted = of_list(known, list_ and list_.value)
    unused = Unused()
    scores, notes = judge(find(results, known, wanted, unused), wanted, RULES[rules.value])
    if not scores:
        where = ", ".join(map(str, results))
        raise DataError(f"{where}: no results of the {len(wanted)} sequences with labels")
    wrong = [f"error: {line}" for one in scores for line in one.wrong]
    show(table(scores), [_LACKING] if wrong else [])
    for line in (*(f"note: {note}" for note in (*notes, *unused.lines())), *wrong):
        typer.echo(line, err=True)
    if json is not None:
        write_json(json, as_json(scores, wanted))
    if wrong:
        raise typer.Exit(WRONG)
