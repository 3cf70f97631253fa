"""Networks in 8-bit integers: made by NNCF from example windows, kept as OpenVINO's files.

`NAME.int8.xml` and `.bin` lie beside the weights that they were made of, whose hash they hold.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pursuit.errors import EngineError, MissingExtra
from pursuit.files import atomic_path
from pursuit.networks import siamfc
from pursuit.networks.siamfc import SiamFC
from pursuit.runtimes import graph
from pursuit.runtimes.machine import installed
from pursuit.weights import card_path, read_card, shipped
from pursuit.weights.card import form
from pursuit.weights.files import digest

SUFFIX = ".int8.xml"


def find(network: object) -> Path | None:
    """Return the file of a network that comes with pursuit in 8-bit integers, or None."""
    if not isinstance(network, SiamFC):
        return None
    for weights in shipped().values():
        file = weights.with_name(weights.stem + SUFFIX)
        if file.is_file():
            card = read_card(card_path(weights))
            alike = form(card.shape()) == form(network.shape)
            # The hash of a large network takes a moment: the form is looked at first.
            if alike and card.sha256 == digest(network):
                return file
    return None


def features(network: SiamFC) -> Path:
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


def quantise(
    network: SiamFC, windows: Sequence[NDArray[np.uint8]], path: Path, notes: Mapping[str, str]
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
    import nncf
    import openvino
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    from pursuit.runtimes.openvino import OpenVINOPen

    pen = OpenVINOPen()
    folded = siamfc.fold_norms(network)
    images = pen.windows("windows", None)
    model = pen.model(graph.siamfc_features(pen, folded, images), "features")
    # NNCF takes by itself the mean of each example's largest values, and what is cut off costs
    # more than coarser steps; its quick correction of biases makes conv3's features worse.
    exact = nncf.quantize(
        model,
        nncf.Dataset(list(windows)),
        subset_size=len(windows),
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
