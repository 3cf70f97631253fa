"""A report as HTML that stands alone, as Markdown and as LaTeX: the same tables in three forms."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pursuit.errors import MissingExtra
from pursuit.reports.drawing import inline_svg
from pursuit.reports.strips import HEIGHT, WIDTH, Still, Strip
from pursuit.reports.surroundings import versions
from pursuit.reports.tables import Cell, Table, word

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TEMPLATES = Path(__file__).with_name("templates")
_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--",
    "×": r"$\times$", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
}  # fmt: skip
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|#~])")


@dataclass(frozen=True)
class Plot:
    """A figure of the page: its file's name, and what it shows in words."""

    name: str
    title: str
    figure: Figure


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    name: str
    title: str
    tables: tuple[Table, ...]
    plots: tuple[Plot, ...] = ()


@dataclass(frozen=True)
class Report:
    """What a report holds.

    Attributes:
        sections: tables and plots.
        strips: worst moments.
        wrong: what is missing or wrong, a line each.
        notes: what must be said beside, a line each.
        lead: what was judged, in a line.
        made_of: what decided the trackers' boxes, as their results say.
        left_out: sequences that no tracker was judged on, a line each.
    """

    sections: tuple[Section, ...]
    strips: tuple[Strip, ...]
    wrong: tuple[str, ...]
    notes: tuple[str, ...]
    lead: str
    made_of: Table | None
    left_out: tuple[str, ...] = ()

    @property
    def plots(self) -> list[Plot]:
        """All plots."""
        return [plot for section in self.sections for plot in section.plots]

    def with_versions(self) -> Report:
        """Return the report with versions and trackers as its last section."""
        rows = tuple((word(name), word(value)) for name, value in versions().items())
        note = "Scores move with versions, times with the machine. What made this report."
        made = Table("versions", "Versions and machine", note, ("what", "version"), rows, 2)
        last = Section("made-with", "Made with", (made, *([self.made_of] if self.made_of else [])))
        return replace(self, sections=(*self.sections, last))


def check_jinja2() -> None:
    """Make sure that pages can be made.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    try:
        import jinja2  # noqa: F401
    except ImportError:
        raise MissingExtra("jinja2", "evaluate") from None


def html(report: Report) -> str:
    """Return the report as a page that needs nothing else."""
    from jinja2 import Environment, FileSystemLoader
    from markupsafe import Markup

    world = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    world.filters.update(sort_key=_sort_key, overlap=_overlap)
    inline = {plot.name: Markup(inline_svg(plot.figure, plot.name)) for plot in report.plots}
    return world.get_template("page.html").render(
        **_common(report, lambda plot: {"title": plot.title, "svg": inline[plot.name]}),
        strips=report.strips,
        maps=any(strip.has_maps for strip in report.strips),
        made_of=report.made_of,
        width=WIDTH,
        height=HEIGHT,
    )


def markdown(report: Report, folder: str) -> str:
    """Return the report's tables in Markdown; plots are named as in a folder beside it."""
    from jinja2 import Environment, FileSystemLoader

    world = Environment(
        loader=FileSystemLoader(_TEMPLATES), trim_blocks=True, finalize=_escaped_markdown,
        keep_trailing_newline=True,
    )  # fmt: skip
    where = folder.replace(" ", "%20")
    return world.get_template("page.md").render(
        **_common(
            report.with_versions(),
            lambda plot: {"title": plot.title, "path": _Ready(f"{where}/{plot.name}.svg")},
        )
    )


def tex(report: Report) -> str:
    """Return the report's tables in LaTeX."""
    from jinja2 import Environment, FileSystemLoader

    world = Environment(
        loader=FileSystemLoader(_TEMPLATES), trim_blocks=True, lstrip_blocks=True,
        finalize=_escaped_tex, block_start_string="<%", block_end_string="%>",
        variable_start_string="<<", variable_end_string=">>", comment_start_string="<#",
        comment_end_string="#>",
    )  # fmt: skip
    return world.get_template("page.tex").render(**_common(report.with_versions(), lambda plot: {}))


class _Ready(str):
    """Text that needs no escaping."""


def _common(report: Report, drawn: Callable[[Plot], dict[str, Any]]) -> dict[str, Any]:
    return {
        "title": "Trackers judged",
        "lead": report.lead,
        "versions": versions(),
        "wrong": report.wrong,
        "left_out": report.left_out,
        "notes": report.notes,
        "sections": [
            {
                "name": section.name,
                "title": section.title,
                "tables": section.tables,
                "plots": [drawn(plot) for plot in section.plots],
            }
            for section in report.sections
        ],
    }


def _sort_key(cell: Cell) -> str:
    if isinstance(cell.sort, str):
        return cell.sort
    return "" if math.isnan(cell.sort) else repr(float(cell.sort))


def _overlap(still: Still) -> str:
    return "no box" if math.isnan(still.overlap) else f"overlap {still.overlap:.2f}"


def _escaped_markdown(value: object) -> object:
    if isinstance(value, _Ready) or not isinstance(value, str):
        return value
    return _MARKDOWN.sub(r"\\\1", " ".join(value.split()))


def _escaped_tex(value: object) -> object:
    if not isinstance(value, str):
        return value
    return "".join(_TEX.get(letter, letter) for letter in " ".join(value.split()))
