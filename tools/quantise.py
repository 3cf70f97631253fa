"""Put shipped weights into the package in 8-bit integers too, for the runtime openvino-int8.

    python tools/quantise.py NAME STORE [figure=value ...]

NNCF measures the network's activations on crops that it learnt from, none of them held out.
Figures, such as "held-out auc int8=0.52", go into the file's metadata beside the card.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from pursuit import store, weights
from pursuit.learning.examples import PairSampler
from pursuit.networks.siamfc import SEARCH
from pursuit.protocols.held_out import recipe_of
from pursuit.runtimes.int8 import SUFFIX, quantise

CROPS = 100


def main() -> None:
    """Write NAME.int8.xml and .bin beside the weights."""
    name, root, *figures = sys.argv[1:]
    path = weights.shipped()[name]
    network, card = weights.read_siamfc(path)
    crops = store.open(Path(root))
    rows = PairSampler(crops, recipe_of(path).data, seed=0).draw(0, CROPS).search
    edge = (crops.size - SEARCH) // 2
    inside = slice(edge, edge + SEARCH)
    windows = [np.ascontiguousarray(crops.crop(int(row))[None, inside, inside]) for row in rows]
    notes = {
        "card": card.model_dump_json(),
        "licence": card.licence,
        "int8": json.dumps(
            {
                "made by": "NNCF post-training quantisation",
                "crops": CROPS,
                "of": card.sha256,
                "figures": dict(figure.rpartition("=")[::2] for figure in figures),
            }
        ),
    }
    target = path.with_name(name + SUFFIX)
    quantise(network, windows, target, notes)
    size = target.with_suffix(".bin").stat().st_size / 1e6
    print(f"{target}: {size:.2f} MB of weights")


if __name__ == "__main__":
    main()
