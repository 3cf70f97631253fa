"""`pursuit quantise WEIGHTS STORE`: the 8-bit form of weights, for the runtime openvino-int8."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("quantise")(quantise)


def quantise(
    weights: Annotated[
        str, typer.Argument(metavar="WEIGHTS", help="A weights file, or a name of `pursuit list`.")
    ],
    store: Annotated[
        Path,
        typer.Argument(metavar="STORE", help="Crops as the network learnt from: of `curate`."),
    ],
) -> None:
    """Write weights in 8-bit integers too, for the runtime openvino-int8.

    NAME.int8.xml and NAME.int8.bin go beside the weights, where the runtime finds them. Some
    hundred crops are looked at. How far features are from float32's is told of other crops.

    pursuit quantise runs/mine/siamfc-finetune.safetensors crops
    """
    from pursuit import weights as shipped
    from pursuit.cli._progress import progress_bar
    from pursuit.learning.quantise import quantise as make

    path = shipped.find(weights)
    with progress_bar("quantising", "windows") as progress:
        made = make(path, store, progress)
    xml, binary = made.files
    typer.echo(f"wrote {xml} and {binary.name}: {made.size / 1e6:.2f} MB")
    typer.echo(
        f"features are {made.difference:.1%} off float32's, on {made.apart} windows besides the "
        f"{made.measured} measured"
    )
    typer.echo("(of the shipped networks 1 to 3%); the runtime openvino-int8 runs it")
