"""Put the trunk of shipped weights into the package in 8-bit integers too, for openvino-int8.

    python tools/quantise.py NAME STORE [figure=value ...]

NNCF measures the network's activations on crops that it learnt from, none of them held out.
Figures, such as "held-out auc int8=0.52", go into the file's metadata beside the card.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pursuit import store, weights
from pursuit.learning.examples import PairSampler
from pursuit.learning.goturn_batches import training_examples
from pursuit.learning.pool import CropPool
from pursuit.learning.recipe import GOTURNAugmentRecipe, GOTURNRecipe, Recipe
from pursuit.learning.world import World
from pursuit.networks.siamfc import SEARCH, SiamFC
from pursuit.protocols.held_out import recipe_of
from pursuit.runtimes import int8
from pursuit.store import Store

CROPS = 100  # search windows of SiamFC
PAIRS = 100  # target and search crops of GOTURN

Windows = NDArray[np.uint8]


def search_windows(crops: Store, recipe: Recipe) -> list[Windows]:
    """Return SiamFC's windows (1, 255, 255, 3), from the middle of stored crops."""
    rows = PairSampler(crops, recipe.data, seed=0).draw(0, CROPS).search
    edge = (crops.size - SEARCH) // 2
    inside = slice(edge, edge + SEARCH)
    return [np.ascontiguousarray(crops.crop(int(row))[None, inside, inside]) for row in rows]


def both_windows(crops: Store, recipe: GOTURNRecipe) -> list[Windows]:
    """Return GOTURN's windows (1, 227, 227, 3) of targets and of searches, as in the videos."""
    plain = recipe.model_copy(update={"batch": PAIRS, "augment": GOTURNAugmentRecipe()})
    pool = CropPool(crops, torch.device("cpu"), whole=False)
    batch = training_examples(crops, plain, pool, World()).batch(0)
    sides = torch.stack(batch.windows, 1).flatten(0, 1).round().clamp(0, 255).byte()
    return list(sides.permute(0, 2, 3, 1).contiguous().numpy()[:, None])


def main() -> None:
    """Write NAME.int8.xml and .bin beside the weights."""
    name, root, *figures = sys.argv[1:]
    path = weights.shipped()[name]
    network, card = weights.read(path)
    crops, recipe = store.open(Path(root)), recipe_of(path)
    notes = {
        "card": card.model_dump_json(),
        "licence": card.licence,
        "int8": json.dumps(
            {
                "made by": "NNCF post-training quantisation",
                "crops": CROPS if isinstance(network, SiamFC) else 2 * PAIRS,
                "of": card.sha256,
                "figures": dict(figure.rpartition("=")[::2] for figure in figures),
            }
        ),
    }
    file = path.with_name(name + int8.SUFFIX)
    if isinstance(recipe, GOTURNRecipe):
        windows = both_windows(crops, recipe)
    else:
        windows = search_windows(crops, recipe)
    int8.quantise(network, windows, file, notes)
    print(f"{file}: {file.with_suffix('.bin').stat().st_size / 1e6:.2f} MB of weights")


if __name__ == "__main__":
    main()
