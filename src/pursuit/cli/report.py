"""`pursuit report`: results in, a page to look at out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pursuit.cli._outputs import WRONG, check_outputs, while_read


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report)


def report(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS...",
            help="Folders that `pursuit evaluate` wrote, or results as `pursuit score` reads them.",
        ),
    ],
    videos: Annotated[
        Path | None,
        typer.Option(metavar="ROOT", help="The data set: labels, and frames for film strips."),
    ] = None,
    ground_truth: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Labels, as `pursuit score` takes them."),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="The page; beside it go .md, .tex and a folder of plots.")
    ] = Path("report.html"),
) -> None:
    """Make a page of results: tables, plots, worst moments; also as Markdown and LaTeX.

    What is missing, wrong or left out is named, on the page too, and the exit status is 2.

    pursuit report results --videos OTB100 --out report.html
    """
    from pursuit.errors import SettingsError
    from pursuit.files import check_writable
    from pursuit.reports.drawing import check_matplotlib
    from pursuit.reports.gathered import gather
    from pursuit.reports.page import build, save
    from pursuit.reports.rendering import check_jinja2

    if out.suffix.lower() not in (".html", ".htm"):
        raise SettingsError(f"--out {out}: a page is called NAME.html")
    check_jinja2()
    check_matplotlib()
    outputs = [out, out.with_suffix(".md"), out.with_suffix(".tex")]
    truths = [path for path in (videos, ground_truth) if path is not None]
    # A page may lie among the results that it shows, and be made anew there.
    check_outputs(outputs, [*truths, *(path for path in results if not path.is_dir())])
    for path in outputs:
        check_writable(path)
    found = build(gather(list(dict.fromkeys(results)), ground_truth, videos))
    save(found, out)
    wrong = [*found.left_out, *found.wrong]
    for line in (*(f"note: {one}" for one in found.notes), *(f"error: {x}" for x in wrong)):
        typer.echo(line, err=True)
    with while_read():
        typer.echo(f"report: {out}")
    if wrong:
        raise typer.Exit(WRONG)
