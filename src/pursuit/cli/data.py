"""`pursuit data check ROOT`: what is wrong with a data set, and what of it can be used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pursuit.datasets.check import Report

SHOWN = 40  # problems; --json lists all


def register(app: typer.Typer) -> None:
    """Add the command."""
    data = typer.Typer(help="Look at data sets.", rich_markup_mode=None)
    data.callback(no_args_is_help=True)(_data)
    data.command("check")(check)
    app.add_typer(data, name="data")


def _data() -> None:
    """Look at data sets."""


def check(
    root: Annotated[
        Path, typer.Argument(metavar="ROOT", help="Folder of the data set, or COCO's .json.")
    ],
    layout: Annotated[
        str | None,
        typer.Option(
            help="got10k, otb, imagenet_vid, alov, video_with_boxes, coco, imagenet_det or "
            "pictures; found by looking when not given."
        ),
    ] = None,
    decode: Annotated[
        bool, typer.Option("--decode", help="Read every frame, not just the first of a video.")
    ] = False,
    json: Annotated[Path | None, typer.Option(help="Write all of it to this file.")] = None,
) -> None:
    """List what is wrong with a data set and what of it can be used."""
    from pursuit.cli._outputs import check_outputs
    from pursuit.cli._progress import progress_bar
    from pursuit.datasets.check import check as check_data
    from pursuit.errors import DataError
    from pursuit.files import check_writable

    if json is not None:
        check_outputs([json], [root])
        check_writable(json)
    with progress_bar("checking", "items") as progress:
        report = check_data(root, layout, decode=decode, progress=progress)
    if json is not None:
        _write_json(json, report.as_dict())
    _print(report)
    if not report.frames:
        raise DataError(f"nothing in {root} can be used")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    from json import dumps

    from pursuit.files import atomic_path

    with atomic_path(path) as temporary:
        text = dumps(content, indent=1, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8", newline="\n")


def _print(report: Report) -> None:
    videos = report.kind == "videos"
    rows = [
        ("layout", report.layout),
        ("videos" if videos else "pictures", f"{report.videos:,}"),
        ("objects", f"{report.objects:,}" if videos else ""),
        ("  labelled once", f"{report.labelled_once:,}" if report.labelled_once else ""),
        ("frames", f"{report.frames:,}" if videos else ""),
        ("frame sizes", _common(report.frame_sizes)),
        ("boxes", f"{report.boxes:,}"),
        *((f"  {fault}", f"{count:,}") for fault, count in report.faults.most_common()),
        ("  usable", f"{report.usable:,}"),
        ("  over 66 % of picture", f"{report.filling:,}" if report.filling else ""),
        ("  side in px", _sides(report.sides)),
    ]
    for name, value in rows:
        if value:
            typer.echo(f"{name:<24}{value}")
    if not report.problems:
        typer.echo("nothing is wrong")
        return
    typer.echo(f"wrong: {len(report.problems)}")
    for line in report.problems[:SHOWN]:
        typer.echo(f"  {line}")
    if len(report.problems) > SHOWN:
        typer.echo(f"  ... and {len(report.problems) - SHOWN} more; --json FILE lists all")


def _common(sizes: dict[str, int]) -> str:
    ordered = sorted(sizes.items(), key=lambda item: -item[1])
    more = f", {len(ordered) - 4} more" if len(ordered) > 4 else ""
    return ", ".join(f"{size} ({count})" for size, count in ordered[:4]) + more


def _sides(sides: list[float]) -> str:
    if not sides:
        return ""
    least, low, median, high, most = sides
    return f"{least:g} to {most:g}, median {median:g}, 80 % within {low:g} to {high:g}"
