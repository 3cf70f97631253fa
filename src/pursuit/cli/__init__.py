"""The command line: `pursuit COMMAND`. One file a command; each parses, calls and prints.

Every file has `register(app)`, which adds its command. These files are imported on every
call, `pursuit --help` too, so they import torch, OpenCV and the like inside functions.
"""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from pursuit import __version__
from pursuit.errors import PursuitError

# In the order of the help page: try it, track, learn, judge, the rest.
_COMMANDS = ("demo", "track", "frame", "data", "curate", "train", "evaluate", "list", "doctor")

_HELP = "Follow any object through video, from one box in the first frame."

_EXAMPLES = """Examples:

\b
  pursuit demo
  pursuit frame clip.mp4 --at 0
  pursuit track clip.mp4 --box 120,80,60,40 --out followed.mp4
  pursuit list
  pursuit doctor

`pursuit COMMAND --help` tells more of a command."""

# typer carries its own copy of click, and older ones use the package: found by its name.
_UsageError: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)


def build() -> typer.Typer:
    """Return the application with all its commands."""
    app = typer.Typer(
        name="pursuit",
        help=_HELP,
        epilog=_EXAMPLES,
        invoke_without_command=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in _COMMANDS:
        importlib.import_module(f"pursuit.cli.{name}").register(app)
    return app


def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    if version:
        typer.echo(f"pursuit {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0 is success, 2 an error of the user's (one line on stderr), 130 an interrupt. A command
    may end with another status by raising `typer.Exit`.
    """
    _forgive_narrow_terminals()
    words = None if arguments is None else [*arguments]  # `list` is a module here
    try:
        status = build()(words, prog_name="pursuit", standalone_mode=False)
    except PursuitError as error:
        return _fail(str(error))
    except _UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help page
            typer.echo(error.format_message())  # type: ignore[attr-defined]
            return 2
        return _fail(error.format_message())  # type: ignore[attr-defined]
    except (KeyboardInterrupt, typer.Abort):
        return 130
    return status if isinstance(status, int) else 0


def _forgive_narrow_terminals() -> None:
    """Print "?" for what a terminal's encoding lacks (Windows, LANG=C), never raise."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _fail(message: str) -> int:
    print("error:", " ".join(message.split()), file=sys.stderr)
    return 2
