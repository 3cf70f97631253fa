"""What commands make sure of before they write: no input is overwritten. And writing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

WRONG = 2  # exit status when a result is missing or wrong

_LACKING = "* mean of the sequences with a result: not to be compared with the others"


def check_outputs(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Refuse outputs that would replace what a command reads, or each other.

    Args:
        outputs: files to write, or folders to write into.
        inputs: files and folders that are read; every file in such a folder counts as read.

    Raises:
        SettingsError: an output is an input, is a file in an input, or is named twice.
    """
    from pursuit.errors import SettingsError

    places = [path.resolve() for path in outputs]
    for path, place in zip(outputs, places, strict=True):
        if places.count(place) > 1:
            raise SettingsError(f"{path} is named twice: give each output a name of its own")
        # os.path says no of what it may not look at; writing there then tells why.
        if not os.path.exists(path):  # noqa: PTH110
            continue
        for read in inputs:
            if os.path.exists(read) and path.samefile(read):  # noqa: PTH110
                raise SettingsError(f"{path} is read by this command: write to another file")
            if path.is_file() and read.is_dir() and read.resolve() in place.parents:
                raise SettingsError(
                    f"{path} is there already, inside {read} that is read: write to another file"
                )


def weights_files(paths: Sequence[Path]) -> list[Path]:
    """Return the files that are read of weights: themselves, and the cards of ours."""
    from pursuit.weights import card_path
    from pursuit.weights.files import SUFFIX

    return [*paths, *(card_path(path) for path in paths if path.suffix == SUFFIX)]


@contextmanager
def while_read() -> Iterator[None]:
    """Leave off printing, without a word, where nobody reads it any more (`| head`).

    What is left of the block is passed over; the command goes on, so its files come first.
    """
    from pursuit.cli import silence_output

    try:
        yield
    except BrokenPipeError:
        silence_output()


def show(tables: Sequence[Table], lines: Sequence[str]) -> None:
    """Print tables, a blank line between, and lines below them.

    On a narrower terminal their lines are broken by it, for rich would leave out columns.

    Raises:
        BrokenPipeError: nobody reads it any more; see `while_read`.
    """
    from rich.console import Console

    from pursuit.reports.grid import WIDTH

    class Raising(Console):
        def on_broken_pipe(self) -> None:  # rich would end the program, with status 1
            raise BrokenPipeError

    console = Raising(highlight=False)
    console.width = max(console.width, WIDTH)
    for at, one in enumerate(tables):
        if at:
            console.print()
        console.print(one)
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def tell_left_out(name: str, why: str) -> None:
    """Say on stderr that a sequence or a video costs no other."""
    typer.echo(f"left out: {name}: {why}", err=True)


def show_scores(
    tables: Sequence[Table], captions: Sequence[str], notes: Sequence[str], wrong: Sequence[str]
) -> None:
    """Print tables of stored results' scores; notes and what is wrong go to stderr."""
    with while_read():
        show(tables, [*captions, *([_LACKING] if wrong else [])])
    for line in (*(f"note: {note}" for note in notes), *(f"error: {one}" for one in wrong)):
        typer.echo(line, err=True)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write what JSON can hold; no NaN.

    Raises:
        OutputError: it cannot be written.
    """
    from json import dumps

    from pursuit.files import atomic_path

    with atomic_path(path) as part:
        text = dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        part.write_text(text + "\n", encoding="utf-8", newline="\n")
