"""The report of results: what stands on the page, and its files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pursuit.datasets.reading import plural
from pursuit.files import atomic_path, check_writable
from pursuit.measures.vot_ranking import Ranks
from pursuit.reports import (
    got10k_tables,
    lacking,
    otb_tables,
    paper_tables,
    plots,
    quality_plots,
    tables,
    vot_tables,
)
from pursuit.reports.drawing import check_matplotlib, save_figure
from pursuit.reports.gathered import Gathered
from pursuit.reports.moments import Moment, failures, lost_in_pass, worst
from pursuit.reports.rendering import Plot, Report, Section, check_jinja2, html, markdown, tex
from pursuit.reports.scores import TrackerScore
from pursuit.reports.stored_got10k import Score
from pursuit.reports.stored_otb import OPE, SRE, TRE
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
    sections = [
        *_otb_sections(gathered),
        *_vot_sections(gathered),
        *_got10k_sections(gathered),
    ]
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
        tuple(lacking.failures([], gathered.left_out)),
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
    tables: list[Table] = []
    found: list[Plot] = []
    speeds: list[Plot] = []
    for kind in (OPE, TRE, SRE):
        scores = [one.kinds[kind] for one in gathered.otb.trackers if kind in one.kinds]
        drawn = [one for one in scores if one.sequences]
        if kind != OPE:
            tables += _some(otb_tables.started(gathered.otb, kind))
        elif scores:
            tables.append(otb_tables.summary(gathered.otb))
        if drawn:
            found += _curves(drawn, gathered.labels, kind)
        # Of the first that has times: the others' say the same.
        speeds = speeds or _speed("speed", _of("AUC", kind), gathered.labels, _paces(drawn))
    return [Section("otb", "OTB", tuple(tables), (*found, *speeds))]


def _curves(drawn: Sequence[TrackerScore], order: Sequence[str], kind: str) -> list[Plot]:
    """Return the plots of OPE, TRE or SRE."""
    end = "" if kind == OPE else f"-{kind}"
    success = plots.success_figure(drawn, order, kind)
    precision = plots.precision_figure(drawn, order, kind)
    return [
        Plot(f"success{end}", _told(_of("Success", kind), drawn, "AUC"), success),
        Plot(f"precision{end}", _told(_of("Precision", kind), drawn, "P20"), precision),
    ]


def _of(what: str, kind: str) -> str:
    return what if kind == OPE else f"{what} by {kind.upper()}"


def _paces(drawn: Sequence[TrackerScore]) -> list[tuple[str, float, float]]:
    return [(one.label, one.speed.fps, one.auc) for one in drawn if one.speed]


def _speed(
    name: str, measure: str, order: Sequence[str], points: Sequence[tuple[str, float, float]]
) -> list[Plot]:
    """Return the plot of a measure over speed, of points (tracker, fps, value); none of none."""
    known = [one for one in points if np.isfinite(one[1:]).all()]
    if not known:
        return []
    figure = quality_plots.speed_figure(known, order, measure, "frames a second")
    return [Plot(name, f"{measure} over frames a second", figure)]


def _vot_sections(gathered: Gathered) -> list[Section]:
    if gathered.vot is None:
        return []
    able = [one for one in gathered.vot.trackers if one.score.sequences]
    order, fps = gathered.labels, gathered.fps
    found = []
    if able:
        ar = quality_plots.ar_figure(able, order)
        eao = quality_plots.eao_figure(gathered.vot, order)
        found.append(Plot("ar", "Accuracy over robustness", ar))
        found.append(Plot("eao", "Expected average overlap", eao))
    eaos = [(one.label, fps[one.label], one.score.eao) for one in able if one.label in fps]
    found += _speed("speed-vot", "EAO", order, eaos)
    if gathered.vot.ranks is not None:
        found += _rank_plots(gathered, [one.label for one in able], gathered.vot.ranks)
    summary = (
        vot_tables.summary(gathered.vot),
        *_some(vot_tables.noise(gathered.vot)),
        *_some(vot_tables.ranks(gathered.vot)),
    )
    return [Section("vot", "VOT", summary, tuple(found))]


def _rank_plots(gathered: Gathered, labels: Sequence[str], ranks: Ranks) -> list[Plot]:
    """Return plots of the ranks of some trackers."""
    averages = {one: ranks.average(one) for one in labels}
    overall = {one: ranks.overall(one) for one in labels}
    order = gathered.labels
    found = []
    if any(map(math.isfinite, overall.values())):
        points = [(one, robustness, accuracy) for one, (accuracy, robustness) in averages.items()]
        figure = quality_plots.ar_rank_figure(points, order, len(ranks.trackers))
        found.append(Plot("ar-rank", "Ranks by accuracy and robustness, as in VOT2014", figure))
    # The paper's axis is EFO; frames a second where that of a tracker with times is not known.
    timed = gathered.fps.keys() & {one for one in labels if math.isfinite(overall[one])}
    known = timed <= gathered.efo.keys()
    speeds, unit = (gathered.efo, "EFO") if known else (gathered.fps, "frames a second")
    if timed:
        points = [(one, speeds[one], rank) for one, rank in overall.items() if one in timed]
        figure = quality_plots.rank_figure(points, order, unit)
        found.append(Plot("rank", f"Rank over speed ({unit}), as in GOTURN's Figure 6", figure))
    return found


def _got10k_sections(gathered: Gathered) -> list[Section]:
    if gathered.got10k is None:
        return []
    order = gathered.labels
    drawn = [one for one in gathered.got10k.trackers if not np.isnan(one.figures.ao)]
    points = [(one.label, one.fps, one.figures.ao) for one in drawn]
    found = []
    if drawn:
        title = _told("Success", drawn, "AO")
        found.append(Plot("success-got10k", title, plots.got10k_figure(drawn, order)))
    found += _speed("speed-got10k", "AO", order, points)
    return [Section("got10k", "GOT-10k", (got10k_tables.summary(gathered.got10k),), tuple(found))]


def _papers(gathered: Gathered, known: Mapping[str, Identity]) -> tuple[Table, ...]:
    if gathered.vot is None:
        return ()
    return (
        paper_tables.goturn_table1(gathered.vot),
        paper_tables.siamfc_table2(gathered.vot, gathered.fps),
        *_some(paper_tables.siamfc_table3(gathered.vot, known)),
    )


def _details(gathered: Gathered) -> list[Section]:
    otb, vot, got10k = gathered.otb, gathered.vot, gathered.got10k
    attributes = [
        *(_some(otb_tables.attributes(otb)) if otb else ()),
        *(_some(vot_tables.attributes(vot)) if vot else ()),
        *(_some(got10k_tables.classes(got10k)) if got10k else ()),
    ]
    sequences = [
        *([otb_tables.sequences(otb)] if otb else ()),
        *([vot_tables.sequences(vot)] if vot else ()),
        *([got10k_tables.sequences(got10k)] if got10k else ()),
    ]
    beside = [
        *(otb_tables.side_by_side(otb) if otb else ()),
        *(vot_tables.side_by_side(vot) if vot else ()),
        *(got10k_tables.side_by_side(got10k) if got10k else ()),
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
    repeats: list[Moment] = []
    if gathered.otb:
        labels = {truth.name: truth.boxes for truth in gathered.otb.truths.values()}
        for (tracker, name), boxes in gathered.otb.boxes.items():
            passes += lost_in_pass("OTB", tracker, name, boxes, labels[name])
    if gathered.vot:
        for (tracker, name), (run, truth) in gathered.vot.runs.items():
            resets += failures(tracker, name, run.codes, run.boxes, truth)
    if gathered.got10k:
        for (tracker, name), (boxes, truth) in gathered.got10k.runs.items():
            repeats += lost_in_pass("GOT-10k", tracker, name, boxes, truth)
    kinds = [kind for kind in (passes, resets, repeats) if kind]
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
        parts.append(f"{plural(len(gathered.otb.sequences), 'sequence')} in one pass, as OTB does")
    if gathered.vot:
        parts.append(f"{plural(len(gathered.vot.sequences), 'sequence')} with resets, as VOT does")
    if gathered.got10k:
        parts.append(f"{plural(len(gathered.got10k.sequences), 'sequence')} as GOT-10k does")
    return "; ".join(parts) + "."


def _told(title: str, scores: Sequence[TrackerScore | Score], measure: str) -> str:
    return f"{title} plot of {plural(len(scores), 'tracker')}; the {measure} is in the table above"


def _some(table: Table | None) -> tuple[Table, ...]:
    return () if table is None else (table,)
