"""`pursuit vot`: VOT's own toolkit runs our trackers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pursuit.protocols.entrants import Entrant

_TRACKER_HELP = (
    "A tracker of `pursuit list`; several times for several. Written as for `pursuit evaluate`: "
    "NAME:FILE takes other weights, NAME+redetect looks for lost targets, LABEL=NAME:FILE "
    "gives a label."
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    vot = typer.Typer(help="Let VOT's Python toolkit run trackers.", rich_markup_mode=None)
    vot.callback(no_args_is_help=True)(_vot)
    vot.command("add")(add)
    vot.command("serve")(serve)
    app.add_typer(vot, name="vot")


def _vot() -> None:
    """Let VOT's Python toolkit run trackers."""


def add(
    workspace: Annotated[Path, typer.Argument(help="Folder that `vot initialize` made.")],
    tracker: Annotated[list[str], typer.Option(help=_TRACKER_HELP, metavar="NAME[:FILE]")],
) -> None:
    """Add trackers to the file trackers.ini of a workspace of VOT's Python toolkit.

    The toolkit then starts them by itself, with this Python, wherever it is installed.

    pursuit vot add WORKSPACE --tracker siamfc-slim; vot evaluate --workspace WORKSPACE siamfc-slim
    """
    from pursuit.protocols.entrants import entrants
    from pursuit.results import vot_trackers

    added = entrants(tracker)
    vot_trackers.check_workspace(workspace)
    for one in added:
        one.load()  # what is wrong with a file is said here, and not in a log of the toolkit's
    _check_trax()
    path = workspace / vot_trackers.FILE
    names = vot_trackers.add(path, {one.label: _command(one) for one in added})
    typer.echo(f"{path}: {', '.join(names)}")
    typer.echo(f"next: vot evaluate --workspace {workspace} {' '.join(names)}")


def serve(
    tracker: Annotated[str, typer.Argument(help=_TRACKER_HELP, metavar="NAME[:FILE]")],
) -> None:
    """Follow what a toolkit shows on standard input, by VOT's protocol TraX.

    Toolkits start this by themselves; by hand it only waits.
    """
    from pursuit.protocols.entrants import entrant
    from pursuit.trackers import trax

    trax.serve(entrant(tracker).load())


def _command(one: Entrant) -> list[str]:
    """Return the words that serve a tracker from any folder."""
    files = ",".join(str(file.resolve()) for file in one.files)
    text = one.name + ("+redetect" if one.redetect else "") + (f":{files}" if files else "")
    return [sys.executable, "-m", "pursuit", "vot", "serve", text]


def _check_trax() -> None:
    import importlib.util

    from pursuit.errors import MissingExtra

    if importlib.util.find_spec("trax") is None:
        raise MissingExtra("vot-trax", "vot")
