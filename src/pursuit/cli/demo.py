"""`pursuit demo`: follow the target of the clip that comes with pursuit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pursuit.cli._progress import progress_bar


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    out: Annotated[Path, typer.Option(help="The video to write.")] = Path("pursuit-demo.mp4"),
) -> None:
    """Follow the striped red car of the clip inside and write the video with its box."""
    from pursuit.bench.demo import follow

    with progress_bar("following", "frames") as tell:
        outcome = follow(out, tell=tell)
    typer.echo(f"followed the car through {outcome.frames} frames, {outcome.fps:.0f} a second")
    typer.echo(f"mean overlap with its true boxes: {outcome.overlap:.2f}")
    typer.echo(f"watch it: {out.resolve()}")
