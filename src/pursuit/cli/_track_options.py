"""The options of `pursuit track`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Video = Annotated[
    str,
    typer.Argument(
        metavar="VIDEO",
        help="Video file, folder or glob of pictures, number of a camera, URL of a stream; "
        "or a list of videos, a .csv with the columns video,x,y,w,h.",
        show_default=False,
    ),
]
Box = Annotated[
    list[str] | None,
    typer.Option(
        metavar="X,Y,W,H",
        help="Target in the first frame: left, top, width, height in pixels. "
        "What lies outside the frame is cut off. Repeat it for more targets.",
    ),
]
TrackerName = Annotated[
    str,
    typer.Option(
        metavar="NAME[:FILE]",
        help="One of `pursuit list`; NAME:FILE takes other weights, "
        "opencv-nano:BACKBONE,HEAD names its networks.",
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="Weights file, or weights of `pursuit list`: as NAME:FILE."),
]
Device = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="cpu, cuda, or auto: a GPU where there is one that can do it and no --runtime is "
        "named.",
    ),
]
Runtime = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="What runs the network: eager, tuned, openvino, openvino-f32, "
        "openvino-int8, onnx, or auto, the fastest of those installed.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="Write the video with boxes drawn: .mp4, .m4v, .mov or .mkv (H.264). "
        "For a list a folder.",
    ),
]
Save = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="PATH",
        help="Write the boxes: .csv, .json, .txt, .mot.txt (MOTChallenge) or .coco.json. "
        "Repeat it for more files. For a list a folder.",
    ),
]
Redetect = Annotated[
    bool, typer.Option(help="Look for a lost target in the whole frame, if the tracker can.")
]
Start = Annotated[
    str,
    typer.Option(
        metavar="FRAME|SECONDS", help="Where to start: 120 is a frame, 4.8 or 4.8s a time."
    ),
]
MaxFrames = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Stop after so many frames.", show_default=False),
]
BudgetFps = Annotated[
    float | None,
    typer.Option(
        metavar="F",
        help="Take a tracker that follows so many frames a second here: the one named, or "
        "a faster one, and say what it gives up.",
        show_default=False,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Of a list: videos at once; one a core if not given.",
        show_default=False,
    ),
]
