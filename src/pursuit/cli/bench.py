"""`pursuit bench`: how fast trackers are on this machine, and what takes the time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pursuit.cli._outputs import check_outputs, show, weights_files, while_read, write_json
from pursuit.cli._progress import progress_bar


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("bench")(bench)


def bench(
    clip: Annotated[
        str | None,
        typer.Argument(
            metavar="[CLIP]",
            help="Video file, folder or glob of pictures; by default the clip of `pursuit demo`.",
            show_default=False,
        ),
    ] = None,
    box: Annotated[
        str | None,
        typer.Option(metavar="X,Y,W,H", help="Target in the first frame of CLIP, in pixels."),
    ] = None,
    tracker: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:FILE]",
            help="As in `pursuit track`; several times for several. By default siamfc-slim, "
            "siamfc-3s and goturn-compact.",
        ),
    ] = None,
    peers: Annotated[
        bool, typer.Option("--peers", help="OpenCV's CSRT, KCF, MIL and MOSSE too.")
    ] = False,
    runtime: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="What runs the networks; several times for several. By default all there are.",
        ),
    ] = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="cpu or cuda.")] = "cpu",
    rounds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Turns that each has, one after the other.")
    ] = 3,
    json: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Write all numbers to this file.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Write speed against targets, .png or .svg."),
    ] = None,
) -> None:
    """Measure the speed of trackers, frame in memory to boxes, with 1, 8 and 32 targets.

    They have turns on the same frames. The median update is split into cutting windows, the
    network, decoding what it says, and the rest. Set OMP_NUM_THREADS for fewer threads.

    pursuit bench --peers --json speed.json
    """
    from pursuit.bench import contenders, peaks, speed, speed_report
    from pursuit.cli.track import parse_boxes
    from pursuit.files import check_writable
    from pursuit.trackers.registry import with_files
    from pursuit.video.reading import files_of

    if plot is not None:
        speed_report.check_plot(plot)
    names = [*(tracker or contenders.OURS), *(contenders.PEERS if peers else ())]
    networks = weights_files([file for name in names for file in with_files(name)[1]])
    outputs = [path for path in (json, plot) if path is not None]
    check_outputs(outputs, [*(files_of(clip) if clip else []), *networks])
    for path in outputs:
        check_writable(path)
    where = parse_boxes([box] if box else [], clip or "the clip") if clip or box else None
    film = speed.read_clip(clip, where)
    entered, left_out = contenders.load(names, runtime or (), device)
    busy = peaks.business()
    machine = peaks.machine()
    most = peaks.peaks(device)
    with progress_bar("measuring", "turns") as tell:
        timings = speed.measure(entered, film, rounds=rounds, tell=tell)
    below = speed_report.notes(timings)
    warnings = [*left_out, *([busy] if busy else []), *below]
    if json is not None:
        write_json(json, speed_report.as_json(film, timings, machine, most, warnings))
    if plot is not None:
        speed_report.save_plot(timings, plot)
    with while_read():
        for line in speed_report.about(film, machine, most):
            typer.echo(line)
        show([speed_report.table(timings)], below)
    for line in (*left_out, *([busy] if busy else [])):
        typer.echo(f"note: {line}", err=True)
