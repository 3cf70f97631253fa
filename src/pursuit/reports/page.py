"""The report of results: a page of HTML that stands alone, Markdown and LaTeX, plots."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pursuit.datasets.reading import plural
from pursuit.errors import MissingExtra
from pursuit.files import atomic_path, check_writable
from pursuit.reports import paper_tables, plots, quality_plots, tables
from pursuit.reports.drawing import check_matplotlib, inline_svg, save_figure
from pursuit.reports.gathered import Gathered
from pursuit.reports.moments import Moment, failures, lost_in_pass, worst
from pursuit.reports.strips import HEIGHT, WIDTH, Still, Strip, strips
from pursuit.reports.surroundings import followers, identities, versions
from pursuit.reports.tables import Cell, Table, word

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TEMPLATES = Path(__file__).with_name("templates")
_STRIPS = 16  # on a page, so that it stays below some 3 MB
_EACH = 4  # at most, of a tracker in one protocol

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
    """

    sections: tuple[Section, ...]
    strips: tuple[Strip, ...]
    wrong: tuple[str, ...]
    notes: tuple[str, ...]
    lead: str
    made_of: Table | None

    @property
    def plots(self) -> list[Plot]:
        """All plots."""
        return [plot for section in self.sections for plot in section.plots]

    def with_versions(self) -> Report:
        """Return the report with versions and trackers as its last section."""
        rows = tuple((word(name), word(value)) for name, value in versions().items())
        note = "Scores move with versions, times with the machine. What made this report."
        made = Table("versions", "Versions and machine", note, ("what", "version"), rows, 2)
        last = Section("made-with", "Made with", (made, *_some(self.made_of)))
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


def build(gathered: Gathered) -> Report:
    """Return the report of what was gathered.

    Raises:
        WeightsError: shipped weights, to be run again for score maps, are not good.
    """
    known = identities(gathered.labels, gathered.folders)
    moments = _moments(gathered)
    shown, notes = strips(moments, gathered.videos, followers(known) if gathered.videos else {})
    sections = [*_otb_sections(gathered), *_vot_sections(gathered)]
    papers = _papers(gathered, known)
    if papers:
        sections.append(Section("papers", "The papers' tables", papers))
    return Report(
        tuple(sections + _details(gathered)),
        tuple(shown),
        tuple(gathered.wrong),
        (*gathered.notes, *notes),
        _lead(gathered),
        tables.made_of(known),
    )


def save(report: Report, out: Path) -> list[Path]:
    """Write a report: `out`, the same with .md and .tex, and a folder of plots; return the paths.

    All is made before the first file is written; the page is written last.

    Raises:
        OutputError: a file cannot be written.
        MissingExtra: jinja2 or matplotlib is not installed.
    """
    check_jinja2()
    check_matplotlib()
    folder = plots_folder(out)
    pages = [
        (out.with_suffix(".tex"), tex(report)),
        (out.with_suffix(".md"), markdown(report, folder.name)),
        (out, html(report)),
    ]
    for path, _ in pages:
        check_writable(path)
    written = [
        save_figure(plot.figure, folder / f"{plot.name}.{suffix}")
        for plot in report.plots
        for suffix in ("svg", "png")
    ]
    for path, text in pages:
        with atomic_path(path) as part:
            part.write_text(text, encoding="utf-8", newline="\n")
        written.append(path)
    return written


def plots_folder(out: Path) -> Path:
    """Return the folder of the plots beside a page."""
    return out.with_name(f"{out.stem}-plots")


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


def _otb_sections(gathered: Gathered) -> list[Section]:
    if gathered.otb is None:
        return []
    scores = gathered.otb.trackers
    drawn = [one.ope for one in scores if one.ope.sequences]
    fps = gathered.fps
    points = [(one.label, fps[one.label], one.auc) for one in drawn if one.label in fps]
    found = []
    if drawn:
        found += [
            Plot("success", _told("Success", drawn, "AUC"), plots.success_figure(drawn)),
            Plot("precision", _told("Precision", drawn, "P20"), plots.precision_figure(drawn)),
        ]
    if points:
        figure = quality_plots.speed_figure(points, "AUC", "frames a second")
        found.append(Plot("speed", "AUC over frames a second", figure))
    return [Section("otb", "OTB", (tables.otb_summary(gathered.otb),), tuple(found))]


def _vot_sections(gathered: Gathered) -> list[Section]:
    if gathered.vot is None:
        return []
    able = [one for one in gathered.vot.trackers if one.score.sequences]
    found = []
    if able:
        found.append(Plot("ar", "Accuracy over robustness", quality_plots.ar_figure(able)))
        found.append(
            Plot("eao", "Expected average overlap", quality_plots.eao_figure(gathered.vot))
        )
    ranks = quality_plots.mean_ranks(able)
    # The paper's axis is EFO; frames a second where nobody measured it.
    speeds, unit = (gathered.efo, "EFO") if gathered.efo else (gathered.fps, "frames a second")
    points = [(label, speeds[label], rank) for label, rank in ranks.items() if label in speeds]
    if points:
        figure = quality_plots.rank_figure(points, unit)
        found.append(Plot("rank", "Rank over speed, as in GOTURN's Figure 6", figure))
    return [Section("vot", "VOT", (tables.vot_summary(gathered.vot),), tuple(found))]


def _papers(gathered: Gathered, known: Any) -> tuple[Table, ...]:
    if gathered.vot is None:
        return ()
    return (
        paper_tables.goturn_table1(gathered.vot),
        paper_tables.siamfc_table2(gathered.vot, gathered.fps),
        *_some(paper_tables.siamfc_table3(gathered.vot, known)),
    )


def _details(gathered: Gathered) -> list[Section]:
    otb, vot = gathered.otb, gathered.vot
    attributes = [
        *(_some(tables.otb_attributes(otb)) if otb else ()),
        *(_some(tables.vot_attributes(vot)) if vot else ()),
    ]
    sequences = [
        *([tables.otb_sequences(otb)] if otb else ()),
        *([tables.vot_sequences(vot)] if vot else ()),
    ]
    beside = [
        *(tables.otb_side_by_side(otb) if otb else ()),
        *(tables.vot_side_by_side(vot) if vot else ()),
    ]
    parts = (
        Section("side-by-side", "Side by side", tuple(beside)),
        Section("attributes", "Attributes", tuple(attributes)),
        Section("sequences", "Sequences", tuple(sequences)),
    )
    return [section for section in parts if any(table.rows for table in section.tables)]


def _moments(gathered: Gathered) -> list[Moment]:
    passes, resets = [], []
    if gathered.otb:
        labels = {truth.name: truth.boxes for truth in gathered.otb.truths.values()}
        for (tracker, name), boxes in gathered.otb.boxes.items():
            found = lost_in_pass(tracker, name, boxes, labels[name])
            passes += [found] if found else []
    if gathered.vot:
        for (tracker, name), (run, truth) in gathered.vot.runs.items():
            resets += failures(tracker, name, run.codes, run.boxes, truth)
    kinds = [kind for kind in (passes, resets) if kind]
    trackers = max(1, len(gathered.labels) * len(kinds))
    each = min(_EACH, max(1, _STRIPS // trackers))
    place = {label: at for at, label in enumerate(gathered.labels)}
    found = []
    for kind in kinds:
        mine = sorted(worst(kind, each), key=lambda one: place[one.tracker])
        found += mine[: _STRIPS // len(kinds)]
    return found


def _lead(gathered: Gathered) -> str:
    parts = [plural(len(gathered.labels), "tracker")]
    if gathered.otb:
        parts.append(f"{plural(len(gathered.otb.truths), 'sequence')} in one pass, as OTB does")
    if gathered.vot:
        count = max((one.total for one in gathered.vot.trackers), default=0)
        parts.append(f"{plural(count, 'sequence')} with resets, as VOT does")
    return "; ".join(parts) + "."


def _told(title: str, scores: Sequence[Any], measure: str) -> str:
    return f"{title} plot of {plural(len(scores), 'tracker')}; the {measure} is in the table above"


def _some(table: Table | None) -> tuple[Table, ...]:
    return () if table is None else (table,)


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
