"""The options that the commands of `pursuit evaluate` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Root = Annotated[
    Path,
    typer.Argument(
        help="Data set: OTB's layout, VOT's, GOT-10k's, ALOV300++'s or NAME.mp4 + NAME.csv."
    ),
]
Trackers = Annotated[
    list[str],
    typer.Option(
        metavar="NAME[:FILE]",
        help="A tracker of `pursuit list`; several times for several. NAME:FILE judges other "
        "weights, a file or weights of `pursuit list` (called as their file), NAME+redetect looks "
        "for lost targets, opencv-nano:BACKBONE,HEAD names its networks, LABEL=NAME:FILE gives a "
        "label, LABEL=external:COMMAND is a program of yours.",
    ),
]
Out = Annotated[Path, typer.Option(help="Folder for results; whole results in it are kept.")]
Json = Annotated[Path | None, typer.Option(help="Write the scores to this file.")]
Workers = Annotated[
    int,
    typer.Option(
        min=1,
        help="Runs at once, each in a process with its share of the threads. Faster, but then "
        "the times are not those of a tracker that has the machine to itself.",
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        help="Run on the workers of a dask.distributed scheduler, as tcp://HOST:8786, instead."
    ),
]
Sequences = Annotated[
    str | None, typer.Option(metavar="A,B", help="Only these, by name, with commas between.")
]
Runtime = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="What runs the networks, as in `pursuit track`; boxes differ a little.",
    ),
]

RESULTS = Path("results")
