"""`pursuit export NAME --to FORMAT --out FOLDER`: a network as files of another engine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export)


def export(
    weights: Annotated[
        str,
        typer.Argument(metavar="WEIGHTS", help="Tracker or weights of `pursuit list`, or a file."),
    ],
    to: Annotated[str, typer.Option(metavar="FORMAT", help="onnx, openvino or torch-export.")],
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("exported"),
) -> None:
    """Write a network for another engine: a file for what is done once, one for each frame.

    SiamFC's are NAME-exemplar and NAME-search, with the correlation inside; GOTURN's are
    NAME-features and NAME-corners. They take any number of windows in a call. The card and
    the licence are in the files' metadata.

    pursuit export siamfc-slim --to onnx
    """
    from pursuit import __version__
    from pursuit import weights as store
    from pursuit.errors import WeightsError
    from pursuit.runtimes.export import export as write
    from pursuit.trackers.registry import weights_file
    from pursuit.trackers.settings import PRESETS, WEIGHTS_OF

    is_tracker = weights in WEIGHTS_OF
    if weights in PRESETS and not is_tracker:
        raise WeightsError(
            f"the weights of {weights} are too large to ship: name the file of yours in its place, "
            f"as in `pursuit export tracker.caffemodel --to {to}`"
        )
    path = weights_file(weights) if is_tracker else store.find(weights)
    name = weights if is_tracker else path.stem
    network, card = store.read(path)
    notes = {"card": card.model_dump_json(), "licence": card.licence, "pursuit": __version__}
    for file in write(network, to, out, name, notes):
        typer.echo(f"wrote {file}")
