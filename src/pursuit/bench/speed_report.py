"""Timings as a table of 80 columns, as JSON and as a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

from pursuit.bench.contenders import MAIN_PEER, OPENCV
from pursuit.bench.peaks import Peaks
from pursuit.bench.speed import Clip, Timing, times
from pursuit.reports.drawing import COLOURS, DASHES, INK, check_matplotlib, save_figure, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RESTLESS = 0.2  # rounds that differ by more are marked
LOST = 0.2  # of a peer's answers; more are said

_NONE = "-"
_MARKERS = "osD^v"
_VERSIONS = ("pursuit", "torch", "opencv", "openvino", "onnxruntime")


def table(timings: Sequence[Timing]) -> Table:
    """Return a row a timing, one block for each number of targets; * marks unsteady ones.

    Where CSRT is among them, the last column has the time in terms of its time.
    """
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0, show_edge=False)
    grid.add_column("tracker", overflow="fold", max_width=18)
    grid.add_column("runtime", no_wrap=True)
    against = {one.targets: one for one in timings if one.tracker == MAIN_PEER}
    titles = ["fps", "median\nms", "p95\nms", "cut\nms", "network\nms", "decode\nms", "rest\nms"]
    titles += ["x\nCSRT"] if against else []
    for title in titles:
        grid.add_column(title, justify="right", no_wrap=True)
    for number in dict.fromkeys(one.targets for one in timings):
        grid.add_section()
        grid.add_row(f"{number} target{'s' if number != 1 else ''}", style="bold")
        for one in timings:
            if one.targets == number:
                ratio = [_ratio(times(one, against[number]))] if against else []
                grid.add_row(*_cells(one), *ratio)
    return grid


def notes(timings: Sequence[Timing]) -> list[str]:
    """Return what must be said below the table, a line each."""
    found = []
    restless = [one.unrest for one in timings if one.unrest > RESTLESS]
    if restless:
        found.append(
            f"* rounds differ by more than {RESTLESS:.0%}, by {max(restless):.0%} at most: "
            "measure again when the machine is quiet"
        )
    for one in timings:
        if one.runtime == OPENCV and one.lost > LOST:
            found.append(
                f"{one.tracker} says LOST of {one.lost:.0%} of {_count(one.targets, 'target')}, "
                "which may cost it less than following them"
            )
    return found


def about(clip: Clip, machine: Mapping[str, Mapping[str, Any]], found: Peaks) -> list[str]:
    """Return the lines above the table: the machine, its peaks, the clip."""
    here, versions = machine["machine"], machine["versions"]
    threads = here["torch threads"]
    products = ", ".join(f"{value:.3g} {name}" for name, value in found.products.items())
    height, width = clip.frames[0].shape[:2]
    return [
        f"{here['cpu']}, {_count(here['cores'], 'core')}, {_count(threads, 'thread')}, "
        f"{here['cpu can']}; GPU: {here['gpu']}",
        ", ".join(f"{name} {versions[name]}" for name in _VERSIONS if name in versions),
        f"largest matrix product, TFLOP/s: {products}; copy: {found.copy:.3g} GB/s",
        f"{clip.name}: {len(clip.frames)} frames of {width} x {height}, in memory; "
        f"decoding one takes {_ms(clip.decode_ms)} ms",
    ]


def as_json(
    clip: Clip,
    timings: Sequence[Timing],
    machine: Mapping[str, Mapping[str, Any]],
    found: Peaks,
    warnings: Sequence[str],
) -> dict[str, Any]:
    """Return all of it as what JSON can hold; times are milliseconds, medians of updates."""
    height, width = clip.frames[0].shape[:2]
    return {
        **machine,
        "peaks": {"tflops": dict(found.products), "copy_gb_s": found.copy},
        "clip": {
            "name": clip.name,
            "frames": len(clip.frames),
            "width": width,
            "height": height,
            "box": clip.box.tolist(),
            "decode_ms": clip.decode_ms,
        },
        "warnings": list(warnings),
        "timings": [_timing_json(one) for one in timings],
    }


def check_plot(path: Path) -> None:
    """Make sure that a plot can be written to a file of this name, before the work.

    Raises:
        OutputError: its suffix is neither .png nor .svg.
        MissingExtra: matplotlib is not installed.
    """
    from pursuit.errors import OutputError

    if path.suffix not in (".png", ".svg"):
        raise OutputError(f"cannot write {path}: name a plot .png or .svg")
    check_matplotlib()


def figure(timings: Sequence[Timing]) -> Figure:
    """Return the plot of frames a second against the number of targets."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(8.6, 4.8), layout="constrained")
    axes = drawn.add_subplot()
    axes.set_title("Speed", loc="left", color=INK, fontsize=12, pad=10)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    style(axes)
    lines: dict[str, list[Timing]] = {}
    for one in timings:
        lines.setdefault(_named(one), []).append(one)
    trackers = list(dict.fromkeys(one.tracker for one in timings))
    for name, several in lines.items():
        # A tracker has one colour; its runtimes differ in their dashes.
        first = several[0]
        runtimes = list(
            dict.fromkeys(one.runtime for one in timings if one.tracker == first.tracker)
        )
        colour, dash = trackers.index(first.tracker), runtimes.index(first.runtime)
        marker = dash + colour // len(COLOURS)  # where colours or dashes come again
        axes.plot(
            [one.targets for one in several], [one.pace.fps for one in several], label=name,
            color=COLOURS[colour % len(COLOURS)], linestyle=DASHES[dash % len(DASHES)],
            linewidth=1.9, marker=_MARKERS[marker % len(_MARKERS)], markersize=4,
        )  # fmt: skip
    ticks = sorted({one.targets for one in timings})
    axes.set_xticks(ticks, labels=[str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set(xlabel="targets followed at once", ylabel="frames a second")
    axes.legend(
        loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=9, handlelength=2.8,
        edgecolor="none", labelcolor=INK,
    )  # fmt: skip
    return drawn


def save_plot(timings: Sequence[Timing], path: Path) -> None:
    """Write the plot.

    Raises:
        OutputError: the file cannot be written.
    """
    save_figure(figure(timings), path)


def _cells(one: Timing) -> list[str]:
    stages = one.stage_ms
    parts = [_NONE] * 4
    if stages:
        network = stages["trunk"] + stages["head"]
        parts = [_ms(ms) for ms in (stages["cut"], network, stages["decode"], stages["rest"])]
    mark = "*" if one.unrest > RESTLESS else ""
    fps = one.pace.fps
    return [
        one.tracker,
        one.runtime,
        f"{fps:,.{0 if fps >= 100 else 1 if fps >= 1 else 2}f}",
        _ms(one.median_ms) + mark,
        _ms(one.pace.p95_ms),
        *parts,
    ]


def _timing_json(one: Timing) -> dict[str, Any]:
    return {
        "tracker": one.tracker,
        "runtime": one.runtime,
        "targets": one.targets,
        "updates": len(one.milliseconds),
        "lost": one.lost,
        "fps": one.pace.fps,
        "median_ms": one.median_ms,
        "p95_ms": one.pace.p95_ms,
        "stages_ms": one.stage_ms or None,
        "rounds_ms": list(one.rounds),
    }


def _named(one: Timing) -> str:
    return one.tracker if one.runtime == OPENCV else f"{one.tracker}, {one.runtime}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"


def _ratio(value: float) -> str:
    return f"{value:.{3 if value < 0.1 else 2}f}"  # MOSSE's is a few thousandths


def _ms(value: float) -> str:
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"
