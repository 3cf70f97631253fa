"""Writing networks as files of other engines: float32, any number of windows in a call.

The decoding, from score maps or corners to boxes, stays in `pursuit.trackers`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Sequence as Several
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pursuit.errors import MissingExtra, SettingsError, nearest
from pursuit.files import atomic_path, check_writable
from pursuit.networks.folding import folded
from pursuit.networks.goturn import CELLS, CROP, GOTURN
from pursuit.networks.siamfc import EXEMPLAR, SEARCH, SiamFC
from pursuit.runtimes import graph
from pursuit.runtimes.graph import Pen
from pursuit.runtimes.machine import imported, installed


@dataclass(frozen=True)
class Branch:
    """A part of a network that is a file of its own.

    Attributes:
        name: of the part.
        module: whose parameters it has.
        draw: draws it with a pen, and returns the output.
        output, sides: the output's name and its sides after N.
        inputs: sides after N, and types, of the inputs.
    """

    name: str
    module: nn.Module
    draw: Callable[[Any], Any]
    output: str
    sides: tuple[int, ...]
    inputs: tuple[tuple[tuple[int, ...], torch.dtype], ...]


def export(
    network: SiamFC | GOTURN, to: str, folder: Path, name: str, notes: Mapping[str, str]
) -> list[Path]:
    """Write a network for an engine; return the files, those of all branches or none.

    SiamFC has an exemplar branch, windows (N, 127, 127, 3) to features (N, C, 6, 6), and a
    search branch, these and windows (N, 255, 255, 3) to score maps (N, 17, 17). GOTURN has
    features, windows (N, 227, 227, 3) to (N, C, 6, 6), and corners: those of the target and of
    the search window to (N, 4). Windows are uint8, RGB; all else is float32.

    Args:
        network: with norms or without.
        to: one of `FORMATS`.
        folder: files NAME-BRANCH.SUFFIX go there, one a branch; OpenVINO has two.
        name: of the network.
        notes: texts for the files' metadata, by name.

    Raises:
        SettingsError: no such format.
        MissingExtra: what writes it is not installed.
        EngineError: that is installed, and cannot be imported.
        OutputError: a file cannot be written.
    """
    if to not in FORMATS:
        known = ", ".join(FORMATS)
        raise SettingsError(f"no format {to!r}{nearest(to, FORMATS)}; there are {known}")
    module, extra, suffixes, write = FORMATS[to]
    if not installed(module):
        raise MissingExtra(module, extra)
    imported(module)
    parts = branches(network)
    named = [[folder / f"{name}-{branch.name}{suffix}" for suffix in suffixes] for branch in parts]
    files = [path for paths in named for path in paths]
    for path in files:
        check_writable(path)
    with ExitStack() as stack:  # all are whole before the first takes its place
        for branch, paths in zip(parts, named, strict=True):
            write(branch, [stack.enter_context(atomic_path(path)) for path in paths], notes)
    return files


def branches(network: SiamFC | GOTURN) -> tuple[Branch, Branch]:
    """Return the parts of a network: what is done once for a target, and every frame."""
    if isinstance(network, SiamFC):
        return _siamfc(folded(network))
    return _goturn(folded(network))


def _siamfc(network: SiamFC) -> tuple[Branch, Branch]:
    def features(pen: Pen[Any]) -> Any:
        return graph.siamfc_features(pen, network, pen.windows("windows", EXEMPLAR))

    def maps(pen: Pen[Any]) -> Any:
        exemplar = pen.values("exemplar", *form)
        search = graph.siamfc_features(pen, network, pen.windows("windows", SEARCH))
        return graph.siamfc_maps(pen, network, exemplar, search)

    kernel = graph.cells(EXEMPLAR)
    form = (network.shape.channels[-1], kernel, kernel)
    side = graph.cells(SEARCH) - kernel + 1
    first, second = (_windows(side) for side in (EXEMPLAR, SEARCH))
    return (
        Branch("exemplar", network, features, "features", form, (first,)),
        Branch("search", network, maps, "maps", (side, side), ((form, torch.float32), second)),
    )


def _goturn(network: GOTURN) -> tuple[Branch, Branch]:
    def features(pen: Pen[Any]) -> Any:
        return graph.goturn_features(pen, network, pen.windows("windows", CROP))

    def corners(pen: Pen[Any]) -> Any:
        target, search = (pen.values(name, *form) for name in ("target", "search"))
        return graph.goturn_corners(pen, network, target, search)

    form = (network.shape.channels[-1], CELLS, CELLS)
    return (
        Branch("features", network.trunk, features, "features", form, (_windows(CROP),)),
        Branch("corners", network.head, corners, "corners", (4,), ((form, torch.float32),) * 2),
    )


def _windows(side: int) -> tuple[tuple[int, ...], torch.dtype]:
    return (side, side, 3), torch.uint8


def _write_onnx(branch: Branch, paths: Several[Path], notes: Mapping[str, str]) -> None:
    import onnx

    from pursuit.runtimes.onnx import OnnxPen

    pen = OnnxPen()
    model = pen.model(branch.draw(pen), branch.output, *branch.sides)
    onnx.helper.set_model_props(model, dict(notes))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, paths[0])


def _write_openvino(branch: Branch, paths: Several[Path], notes: Mapping[str, str]) -> None:
    import openvino

    from pursuit.runtimes.openvino import OpenVINOPen

    pen = OpenVINOPen()
    model = pen.model(branch.draw(pen), branch.output)
    for name, text in notes.items():
        model.set_rt_info(text, ["pursuit", name])
    openvino.serialize(model, *paths)


def _write_torch(branch: Branch, paths: Several[Path], notes: Mapping[str, str]) -> None:
    from pursuit.runtimes.torch_pen import Drawn

    number = torch.export.Dim("N", min=1)
    inputs = tuple(torch.zeros(2, *sides, dtype=kind) for sides, kind in branch.inputs)
    shapes = (tuple({0: number} for _ in inputs),)
    with torch.no_grad():
        program = torch.export.export(
            Drawn(branch.module, branch.draw), inputs, dynamic_shapes=shapes
        )
    torch.export.save(program, paths[0], extra_files=dict(notes))


# What writes it, its extra, the suffixes of a branch's files.
FORMATS = {
    "onnx": ("onnx", "onnx", (".onnx",), _write_onnx),
    "openvino": ("openvino", "openvino", (".xml", ".bin"), _write_openvino),
    "torch-export": ("torch", "", (".pt2",), _write_torch),
}
