"""Networks in 8-bit integers.

A trunk's are made by NNCF from examples, and kept as OpenVINO's files: `NAME.int8.xml` and `.bin`
beside the weights that they were made of, whose hash they hold. The matrices of GOTURN's head need
no examples: each row has a step of its own (`rows`).
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pursuit.errors import EngineError, MissingExtra
from pursuit.files import atomic_path, check_writable
from pursuit.networks.folding import folded
from pursuit.networks.goturn import GOTURN
from pursuit.networks.siamfc import SiamFC
from pursuit.runtimes import graph
from pursuit.runtimes.machine import imported, installed
from pursuit.weights import card_path, read_card, shipped
from pursuit.weights.card import form
from pursuit.weights.files import digest

RUNTIME = "openvino-int8"
SUFFIX = ".int8.xml"

Windows = NDArray[np.uint8]


def beside(weights: Path) -> Path:
    """Return where the 8-bit form of a weights file lies; a .bin of the same name is part of it."""
    return weights.with_name(weights.stem + SUFFIX)


def find(network: SiamFC | GOTURN, weights: Path | None) -> Path | None:
    """Return the file of a network's trunk in 8-bit integers, or None where there is none.

    Args:
        network: with norms or without.
        weights: the file that it was read from, if any; the other is looked for beside it. A
            network that comes with pursuit has its own wherever it was read from.

    Raises:
        EngineError: it is there, and damaged or made of other weights.
    """
    if weights is None or not beside(weights).is_file():
        weights = _shipped(network)
    if weights is None:
        return None
    file = beside(weights)
    again = f"delete it, or make it again:  pursuit quantise {weights} STORE"
    try:
        made = _made_of(file)
        of, is_whole = made["of"], made["bin"] == _sha256(file.with_suffix(".bin"))
    except (OSError, ElementTree.ParseError, ValueError, TypeError, LookupError):
        of, is_whole = "", False
    if not is_whole:
        raise EngineError(f"{file} or its .bin is damaged, or the two are not of one pair: {again}")
    # The hash of a large network takes a moment: the files are looked at first.
    if of != digest(network):
        raise EngineError(f"{file} was made of other weights than {weights} holds now: {again}")
    return file


def _shipped(network: SiamFC | GOTURN) -> Path | None:
    """Return which weights that come with pursuit, in 8-bit integers too, a network has."""
    for weights in shipped().values():
        if beside(weights).is_file():
            card = read_card(card_path(weights))
            # The hash of a large network takes a moment: the form is looked at first.
            if form(card.shape()) == form(network.shape) and card.sha256 == digest(network):
                return weights
    return None


def trunk(network: SiamFC | GOTURN, weights: Path | None) -> Path | None:
    """Return what `find` does, to whoever names the runtime.

    Raises:
        EngineError: as `find`, and where nothing of the network would be in 8-bit integers.
    """
    file = find(network, weights)
    if file is None and isinstance(network, SiamFC):
        raise EngineError(
            f"the runtime {RUNTIME} takes a SiamFC whose 8-bit form lies beside its weights: name "
            "another, such as openvino, or make it:  pursuit quantise "
            f"{weights or 'WEIGHTS'} STORE"
        )
    return file


def _made_of(file: Path) -> dict[str, Any]:
    """Return what the metadata of a file say of how it was made."""
    noted = ElementTree.parse(file).find("rt_info/pursuit/int8")
    return dict(json.loads("{}" if noted is None else noted.get("value", "{}")))


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def rows(weight: Tensor) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return a matrix (O, C) as whole numbers of steps from -127 to 127, and the steps (O, 1)."""
    exact = weight.detach().cpu().float()
    steps = exact.abs().amax(1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny) / 127
    return (exact / steps).round_().to(torch.int8).numpy(), steps.numpy()


def check_ready(path: Path) -> None:
    """Make sure that `quantise` can begin.

    Raises:
        MissingExtra: NNCF or OpenVINO is not installed.
        EngineError: one cannot be imported.
        OutputError: files cannot be written at `path`.
    """
    for module in ("nncf", "openvino"):
        if not installed(module):
            raise MissingExtra(module, "quantise")
    for module in ("nncf", "openvino"):
        imported(module)
    for suffix in (".xml", ".bin"):
        check_writable(path.with_suffix(suffix))


def quantise(
    network: SiamFC | GOTURN,
    windows: Sequence[Windows],
    path: Path,
    notes: Mapping[str, str],
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Write a network's trunk in 8-bit integers to a file NAME.int8.xml and .bin, both or none.

    Args:
        network: with norms or without.
        windows: (1, S, S, 3) each, such as it will see; its activations on them are measured.
        path: the file.
        notes: texts for its metadata, by name, besides what it was made of.
        progress: told how many windows were taken to be measured.

    Raises:
        MissingExtra, EngineError, OutputError: as `check_ready`.
    """
    check_ready(path)
    from pursuit.runtimes.openvino import OpenVINOPen

    drawn = graph.features(pen := OpenVINOPen(), folded(network))
    model = _in_8_bit(pen.model(drawn, "features"), _Told(windows, progress))
    made = {
        "made by": "NNCF post-training quantisation",
        "crops": len(windows),
        "of": digest(network),
    }
    with tempfile.TemporaryDirectory() as folder:
        plain = _saved(model, Path(folder, "plain.xml"), {})
        made["bin"] = _sha256(plain.with_suffix(".bin"))
        whole = _saved(model, Path(folder, "whole.xml"), {**notes, "int8": json.dumps(made)})
        with ExitStack() as stack:  # both are whole before the first takes its place
            for suffix in (".xml", ".bin"):
                part = stack.enter_context(atomic_path(path.with_suffix(suffix)))
                part.write_bytes(whole.with_suffix(suffix).read_bytes())


class _Told:
    """Windows that tell how many of them were taken."""

    def __init__(self, windows: Sequence[Windows], progress: Callable[[int], None]) -> None:
        self._windows, self._progress = windows, progress

    def __len__(self) -> int:
        return len(self._windows)

    def __iter__(self) -> Iterator[Windows]:
        for number, one in enumerate(self._windows, start=1):
            self._progress(number)
            yield one


def _in_8_bit(model: Any, examples: _Told) -> Any:
    """Return a model of OpenVINO's in 8-bit integers, by what it does with examples."""
    import nncf
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    nncf.set_log_level(logging.ERROR)
    # NNCF takes by itself the mean of each example's largest values, and what is cut off costs
    # more than coarser steps; its quick correction of biases makes SiamFC's features worse.
    with redirect_stdout(io.StringIO()):  # its bars of progress
        return nncf.quantize(
            model,
            nncf.Dataset(examples),
            subset_size=len(examples),
            fast_bias_correction=False,
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
            ),
        )


def _saved(model: Any, path: Path, notes: Mapping[str, str]) -> Path:
    """Write a model to a file and its .bin; return the file."""
    import openvino

    for name, text in notes.items():
        model.set_rt_info(text, ["pursuit", name])
    # What is not 8-bit is stored in half precision, as weights are.
    openvino.save_model(model, path, compress_to_fp16=True)
    return path
