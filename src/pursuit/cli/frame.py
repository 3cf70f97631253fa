"""`pursuit frame VIDEO --at T`: a frame with a pixel ruler, to read off a box."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("frame")(frame)


def frame(
    video: Annotated[
        str,
        typer.Argument(
            metavar="VIDEO",
            help="Video file, folder or glob of pictures, number of a camera, URL of a stream.",
            show_default=False,
        ),
    ],
    at: Annotated[
        str,
        typer.Option(metavar="FRAME|SECONDS", help="Which: 120 is a frame, 4.8 or 4.8s a time."),
    ] = "0",
    out: Annotated[
        Path, typer.Option(metavar="PATH", help="Picture to write: .png, .jpg or .webp.")
    ] = Path("frame.png"),
) -> None:
    """Write a frame with a pixel ruler around it, to read off a box for `pursuit track`."""
    from pursuit.cli._outputs import check_outputs
    from pursuit.video import read, save_picture, with_ruler
    from pursuit.video.reading import files_of

    check_outputs([out], files_of(video))
    with read(video, start=at, max_frames=1) as reader:
        number, picture = next(reader)
    save_picture(out, with_ruler(picture))
    there = f" --start {number}" if number else ""
    typer.echo(
        f"wrote {out}: frame {number} of {video}, {reader.width} x {reader.height} pixels\n"
        f"next: pursuit track {video}{there} --box X,Y,W,H"
    )
