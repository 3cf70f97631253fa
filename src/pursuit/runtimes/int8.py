"""Networks in 8-bit integers.

A trunk's are made by NNCF from examples, and kept as OpenVINO's files: `NAME.int8.xml` and `.bin`
beside the weights that they were made of, whose hash they hold. The matrices of GOTURN's head need
no examples: each row has a step of its own (`rows`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pursuit.errors import EngineError, MissingExtra
from pursuit.files import atomic_path
from pursuit.networks.folding import folded
from pursuit.networks.goturn import GOTURN
from pursuit.networks.siamfc import SiamFC
from pursuit.runtimes import graph
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
            "the runtime openvino-int8 takes a SiamFC only as pursuit ships it in 8-bit integers: "
            "name another, such as openvino"
        )
    return file


def able(network: SiamFC | GOTURN) -> bool:
    """Return whether anything of a network can be in 8-bit integers: a GOTURN's head always."""
    return isinstance(network, GOTURN) or find(network) is not None


def rows(weight: Tensor) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return a matrix (O, C) as whole numbers of steps from -127 to 127, and the steps (O, 1)."""
    exact = weight.detach().cpu().float()
    steps = exact.abs().amax(1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny) / 127
    return (exact / steps).round_().to(torch.int8).numpy(), steps.numpy()


def quantise(
    network: SiamFC | GOTURN, windows: Sequence[Windows], path: Path, notes: Mapping[str, str]
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
    if not installed("nncf"):
        raise MissingExtra("nncf", "dev")
    from pursuit.runtimes.openvino import OpenVINOPen

    pen = OpenVINOPen()
    drawn = graph.features(pen, folded(network))
    _write(pen.model(drawn, "features"), windows, path, notes)


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
