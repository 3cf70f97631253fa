"""The command line: `pursuit COMMAND`. One file a command; each parses, calls and prints.

Every file has `register(app)`, which adds its command. These files are imported on every
call, `pursuit --help` too, so they import torch, OpenCV and the like inside functions.
"""

from __future__ import annotations

import importlib
import io
import os
import re
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from collections.abc import Sequence as Several
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from pursuit import __version__
from pursuit.errors import PursuitError

# In the order of the help page: try it, track, learn, judge, the rest.
_COMMANDS = (
    "demo",
    "track",
    "frame",
    "data",
    "curate",
    "train",
    "quantise",
    "export",
    "evaluate",
    "score",
    "report",
    "vot",
    "bench",
    "list",
    "doctor",
)

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


def main(arguments: Several[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0 is success, 2 an error of the user's (one line on stderr), 130 an interrupt, 143 a
    SIGTERM, which is taken as an interrupt: what was done is kept, temporary files go. A
    command may end with another status by raising `typer.Exit`.
    """
    _forgive_narrow_terminals()
    _shorten_waits()
    words = sys.argv[1:] if arguments is None else [*arguments]  # `list` is a module here
    with _sigterm_as_interrupt() as terminated:
        try:
            status = _run(words)
        except OSError as error:
            # An error of a file names it; one of standard output comes again.
            if error.filename is not None or _broken_output("\n") is None:
                raise
            return _fail(_no_output(error))
        broken = _broken_output("")
    if broken is not None and not isinstance(broken, BrokenPipeError) and status == 0:
        return _fail(_no_output(broken))
    return 143 if terminated and status == 130 else status


def _run(words: Several[str]) -> int:
    try:
        with _plain_warnings():
            status = build()(words, prog_name="pursuit", standalone_mode=False)
    except PursuitError as error:
        return _fail(str(error))
    except _UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help page
            typer.echo(error.format_message())  # type: ignore[attr-defined]
            return 2
        return _fail(error.format_message() + _hint(words))  # type: ignore[attr-defined]
    except (KeyboardInterrupt, typer.Abort):
        return 130
    return status if isinstance(status, int) else 0


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Print pursuit's own warnings as one line, each once, and those of others as Python does.

    PyTorch's of a GPU, of several lines, are as ours: it is tried without being asked for.
    """
    before, said = warnings.showwarning, set[str]()

    def show(
        message: Warning | str, category: type[Warning], filename: str, *where: Any, **more: Any
    ) -> None:
        of_gpu = Path(filename).parts[-3:-1] == ("torch", "cuda")
        if not of_gpu and category.__module__.partition(".")[0] != "pursuit":
            before(message, category, filename, *where, **more)
            return
        text = ("PyTorch: " if of_gpu else "") + " ".join(str(message).split())
        if text not in said:
            print("warning:", text, file=sys.stderr)
        said.add(text)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before


def _hint(words: Several[str]) -> str:
    """Return what more to say of a command that was misunderstood: a box with spaces in it."""
    after = [words[at + 1 : at + 5] for at, word in enumerate(words) if word == "--box"]
    for four in after:
        if len(four) == 4 and all(re.fullmatch(r"-?[\d.]+,?", number) for number in four):
            return f"; a box is written with commas: --box {','.join(n.strip(',') for n in four)}"
    return ""


@contextmanager
def _sigterm_as_interrupt() -> Iterator[list[int]]:
    """Raise KeyboardInterrupt at a SIGTERM; the list tells. As it was, off the main thread."""
    seen: list[int] = []

    def interrupt(number: int, _: object) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    mine = threading.current_thread() is threading.main_thread()
    if not mine or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield seen
        return
    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _broken_output(text: str) -> OSError | None:
    """Return why standard output does not take a text and what waits before it, or None.

    What it did not take stays in its buffer. Python would try again at its end, and complain,
    so it is led nowhere.
    """
    if sys.stdout is None:  # closed before the program began
        return None
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        silence_output()
        return error
    return None


def silence_output() -> None:
    """Let standard output lead nowhere from now on."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _no_output(error: OSError) -> str:
    from pursuit.files import cannot_write

    return str(cannot_write("standard output", error))


def _shorten_waits() -> None:
    """Let PyTorch's threads fall asleep soon where they wait for one another.

    As GNU's OpenMP has it they turn in circles for milliseconds. Where other programs want the
    cores too, each then waits for one that cannot run because of it, and an update can take ten
    times as long. OpenMP looks here once, when PyTorch is imported. What the user has set stands.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # some microseconds


def _forgive_narrow_terminals() -> None:
    """Print "?" for what a terminal's encoding lacks (Windows, LANG=C), never raise."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _fail(message: str) -> int:
    print("error:", " ".join(message.split()), file=sys.stderr)
    return 2
