"""The report of results: what stands on the page, and its files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from pursuit.datasets.reading import plural
from pursuit.files import atomic_path, check_writable
from pursuit.measures.vot_ranking import Ranks
from pursuit.reports import otb_tables, paper_tables, plots, quality_plots, tables, vot_tables
from pursuit.reports.drawing import check_matplotlib, save_figure
from pursuit.reports.gathered import Gathered
from pursuit.reports.moments import Moment, failures, lost_in_pass, worst
from pursuit.reports.rendering import Plot, Report, Section, check_jinja2, html, markdown, tex
from pursuit.reports.scores import TrackerScore
from pursuit.reports.strips import strips
from pursuit.reports.surroundings import Identity, followers, identities
from pursuit.reports.tables import Table

_STRIPS = 16  # on a page, so that it stays below some 3 MB
_EACH = 4  # at most, of a tracker in one protocol


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
    return [Section("otb", "OTB", (otb_tables.summary(gathered.otb),), tuple(found))]


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
    if gathered.vot.ranks is not None:
        found += _rank_plots(gathered, [one.label for one in able], gathered.vot.ranks)
    summary = (
        vot_tables.summary(gathered.vot),
        *_some(vot_tables.noise(gathered.vot)),
        *_some(vot_tables.ranks(gathered.vot)),
    )
    return [Section("vot", "VOT", summary, tuple(found))]


def _rank_plots(gathered: Gathered, labels: Sequence[str], ranks: Ranks) -> list[Plot]:
    """Return plots of ranks; `labels` keep for each tracker the look of the other plots."""
    averages = {one: ranks.average(one) for one in labels}
    overall = {one: ranks.overall(one) for one in labels}
    found = []
    if any(map(math.isfinite, overall.values())):
        points = [(one, robustness, accuracy) for one, (accuracy, robustness) in averages.items()]
        figure = quality_plots.ar_rank_figure(points, len(ranks.trackers))
        found.append(Plot("ar-rank", "Ranks by accuracy and robustness, as in VOT2014", figure))
    # The paper's axis is EFO; frames a second where that of a tracker with times is not known.
    timed = gathered.fps.keys() & {one for one in labels if math.isfinite(overall[one])}
    known = timed <= gathered.efo.keys()
    speeds, unit = (gathered.efo, "EFO") if known else (gathered.fps, "frames a second")
    if timed:
        points = [(one, speeds.get(one, math.nan), rank) for one, rank in overall.items()]
        figure = quality_plots.rank_figure(points, unit)
        found.append(Plot("rank", f"Rank over speed ({unit}), as in GOTURN's Figure 6", figure))
    return found


def _papers(gathered: Gathered, known: Mapping[str, Identity]) -> tuple[Table, ...]:
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
        *(_some(otb_tables.attributes(otb)) if otb else ()),
        *(_some(vot_tables.attributes(vot)) if vot else ()),
    ]
    sequences = [
        *([otb_tables.sequences(otb)] if otb else ()),
        *([vot_tables.sequences(vot)] if vot else ()),
    ]
    beside = [
        *(otb_tables.side_by_side(otb) if otb else ()),
        *(vot_tables.side_by_side(vot) if vot else ()),
    ]
    parts = (
        Section("side-by-side", "Side by side", tuple(beside)),
        Section("attributes", "Attributes", tuple(attributes)),
        Section("sequences", "Sequences", tuple(sequences)),
    )
    return [section for section in parts if any(table.rows for table in section.tables)]


def _moments(gathered: Gathered) -> list[Moment]:
    passes: list[Moment] = []
    resets: list[Moment] = []
    if gathered.otb:
        labels = {truth.name: truth.boxes for truth in gathered.otb.truths.values()}
        for (tracker, name), boxes in gathered.otb.boxes.items():
            moment = lost_in_pass(tracker, name, boxes, labels[name])
            passes += [moment] if moment else []
    if gathered.vot:
        for (tracker, name), (run, truth) in gathered.vot.runs.items():
            resets += failures(tracker, name, run.codes, run.boxes, truth)
    kinds = [kind for kind in (passes, resets) if kind]
    trackers = max(1, len(gathered.labels) * len(kinds))
    each = min(_EACH, max(1, _STRIPS // trackers))
    place = {label: at for at, label in enumerate(gathered.labels)}
    found: list[Moment] = []
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


def _told(title: str, scores: Sequence[TrackerScore], measure: str) -> str:
    return f"{title} plot of {plural(len(scores), 'tracker')}; the {measure} is in the table above"


def _some(table: Table | None) -> tuple[Table, ...]:
    return () if table is None else (table,)
