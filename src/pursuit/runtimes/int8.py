"""Networks in 8-bit integers: made by NNCF from examples, kept as OpenVINO's files.

`NAME.int8.xml` and `.bin` are the trunk, `NAME.head.int8.xml` and `.bin` GOTURN's head up to its
last layer. They lie beside the weights that they were made of, whose hash they hold.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pursuit.errors import EngineError, MissingExtra
from pursuit.files import atomic_path
from pursuit.networks import goturn, siamfc
from pursuit.networks.goturn import GOTURN
from pursuit.networks.siamfc import SiamFC
from pursuit.runtimes import graph
from pursuit.runtimes.eager import EagerGOTURN
from pursuit.runtimes.machine import installed
from pursuit.weights import card_path, read_card, shipped
from pursuit.weights.card import form
from pursuit.weights.files import digest

SUFFIX = ".int8.xml"

Windows = NDArray[np.uint8]


def find(network: object) -> Path | None:
    """Return the trunk's file of a network that comes with pursuit in 8-bit integers, or None."""
    if not isinstance(network, SiamFC | GOTURN):
        return None
    for weights in shipped().values():
        file = weights.with_name(weights.stem + SUFFIX)
        if file.is_file():
            card = read_card(card_path(weights))
            # The hash of a large network takes a moment: the form is looked at first.
            if form(card.shape()) == form(network.shape) and card.sha256 == digest(network):
                return file
    return None


def trunk(network: SiamFC | GOTURN) -> Path:
    """Return the file of a network's trunk in 8-bit integers.

    Raises:
        EngineError: none comes with pursuit.
    """
    file = find(network)
    if file is None:
        raise EngineError(
            "the runtime openvino-int8 takes only networks that pursuit ships in 8-bit integers: "
            "name another, such as openvino"
        )
    return file


def head(file: Path) -> Path:
    """Return the file of the head that goes with a GOTURN's trunk's file."""
    return file.with_name(file.name.removesuffix(SUFFIX) + ".head" + SUFFIX)


def quantise_siamfc(
    network: SiamFC, windows: Sequence[Windows], path: Path, notes: Mapping[str, str]
) -> None:
    """Write a network's trunk in 8-bit integers to a file NAME.int8.xml, and .bin.

    Args:
        network: with norms or without.
        windows: (1, S, S, 3) each, such as it will see; its activations on them are measured.
        path: the file.
        notes: texts for its metadata, by name.

    Raises:
        MissingExtra: NNCF is not installed.
        OutputError: the file cannot be written.
    """
    _check_nncf()
    from pursuit.runtimes.openvino import OpenVINOPen

    pen = OpenVINOPen()
    images = pen.windows("windows", None)
    features = graph.siamfc_features(pen, siamfc.fold_norms(network), images)
    _write(pen.model(features, "features"), windows, path, notes)


def quantise_goturn(
    network: GOTURN, pairs: Sequence[tuple[Windows, Windows]], path: Path, notes: Mapping[str, str]
) -> None:
    """Write a network in 8-bit integers: its trunk to a file NAME.int8.xml, its head beside it.

    The last layer, which gives the corners, stays in the network.

    Args:
        network: with norms or without.
        pairs: target and search window, (1, 227, 227, 3) each, such as it will see.
        path: the trunk's file.
        notes: texts for the metadata of both, by name.

    Raises:
        MissingExtra: NNCF is not installed.
        OutputError: a file cannot be written.
    """
    _check_nncf()
    from pursuit.runtimes.openvino import OpenVINOPen

    folded, exact = goturn.fold_norms(network), EagerGOTURN(network)
    first, second = OpenVINOPen(), OpenVINOPen()
    drawn = graph.goturn_features(first, folded, first.windows("windows", goturn.CROP))
    windows = [window for pair in pairs for window in pair]
    _write(first.model(drawn, "features"), windows, path, notes)
    form = (2 * folded.shape.channels[-1], goturn.CELLS, goturn.CELLS)
    drawn = graph.goturn_hidden(second, folded, second.values("pairs", *form))
    features = [torch.cat([exact.embed(window) for window in pair], 1).numpy() for pair in pairs]
    _write(second.model(drawn, "hidden"), features, head(path), notes)


def _check_nncf() -> None:
    if not installed("nncf"):
        raise MissingExtra("nncf", "dev")


def _write(
    model: Any, examples: Sequence[NDArray[Any]], path: Path, notes: Mapping[str, str]
) -> None:
    """Write a model of OpenVINO's in 8-bit integers, by what it does with examples."""
    import nncf
    import openvino
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    # NNCF takes by itself the mean of each example's largest values, and what is cut off costs
    # more than coarser steps; its quick correction of biases makes SiamFC's features worse.
    exact = nncf.quantize(
        model,
        nncf.Dataset(list(examples)),
        subset_size=len(examples),
        fast_bias_correction=False,
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
        ),
    )
    for name, text in notes.items():
        exact.set_rt_info(text, ["pursuit", name])
    with tempfile.TemporaryDirectory() as folder:
        # What is not 8-bit is stored in half precision, as weights are.
        made = Path(folder, "network.xml")
        openvino.save_model(exact, made, compress_to_fp16=True)
        for suffix in (".bin", ".xml"):
            with atomic_path(path.with_suffix(suffix)) as part:
                part.write_bytes(made.with_suffix(suffix).read_bytes())
