"""Tables for the terminal: names on the left, numbers beside them, in 80 columns."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.table import Table

WIDTH = 80  # columns that every table fits into, its names folded where they must be

_NAME = 8  # columns that a name keeps, however many numbers stand beside it
_MANY = 6  # columns of numbers, from which on they stand closer


def grid(first: str, titles: Iterable[str], *, name_width: int = 24) -> Table:
    """Return a table without rows: a column of names, and one of numbers for each title.

    Args:
        first: title of the names.
        titles: of the numbers; a line end in one makes its column narrower.
        name_width: columns that names are folded at.
    """
    titles = list(titles)
    found = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1),
        show_edge=False,
        collapse_padding=len(titles) > _MANY,
    )
    # Without a least width rich leaves the names out altogether where the numbers fill the line.
    found.add_column(first, overflow="fold", min_width=_NAME, max_width=name_width)
    for title in titles:
        found.add_column(title, justify="right", no_wrap=True)
    return found
