"""`pursuit curate OUT`: cut labelled objects out of data sets into a store of crops."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("curate")(curate)


def curate(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the store to make.")],
    videos: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of a data set of videos; give it again for more."),
    ] = None,
    stills: Annotated[
        list[Path] | None,
        typer.Option(help="COCO data set or folder of pictures; give it again for more."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes; one for each core when not given.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(help="Address of a dask.distributed scheduler, as tcp://HOST:8786."),
    ] = None,
    room: Annotated[int, typer.Option(help="Pixels around SiamFC's 255, on each side.")] = 48,
    quality: Annotated[int, typer.Option(help="Of the JPEGs, 1 to 100.")] = 90,
) -> None:
    """Cut each labelled object out of its frames once, ready to learn from.

    A run that was stopped goes on where it was when it is started again. Videos that cannot be
    used are named and left out, and the exit status is 2; the same command adds those that are
    mended.
    """
    from pursuit.cli._outputs import WRONG, tell_left_out
    from pursuit.cli._progress import progress_bar
    from pursuit.datasets.reading import plural
    from pursuit.store import curate as curate_store

    try:
        with progress_bar("curating", "frames") as progress:
            made = curate_store(
                out,
                videos or (),
                stills or (),
                workers=workers,
                cluster=cluster,
                room=room,
                quality=quality,
                progress=progress,
                leave_out=tell_left_out,
            )
    except KeyboardInterrupt:
        typer.echo("stopped; the same command goes on", err=True)
        raise
    size = f"{made.bytes / 1e6:,.0f} MB in {plural(made.shards, 'shard')}"
    typer.echo(f"{out}: {made.crops:,} crops of {made.objects:,} objects, {size}")
    for reason, count in made.left_out.items():
        typer.echo(f"  left out: {plural(count, 'box')}, {reason}")
    if made.videos_left_out:
        videos_ = plural(len(made.videos_left_out), "video")
        typer.echo(f"  left out: {videos_}; mend what was named, and the same command adds it")
        raise typer.Exit(WRONG)
