"""How boxes move from frame to frame: the motion model behind GOTURN's moved search crops.

A target's centre moves by its width and height times numbers drawn from a Laplace distribution
of scale 1/5, its width and height change by factors drawn from one of scale 1/15 about 1 (paper,
section 3.4.1). Two rules say which of these motions serve:

| rule | sizes change by | the centre moves by at most |
|---|---|---|
| `paper` | factors between 0.6 and 1.4, others drawn anew | the new width: a crop of twice the \
new box then keeps at least half of the target in each dimension |
| `program` | the same factors, others set to the nearest | the old width; a centre is set to \
where the new box lies in the frame; the tenth try is kept as it is |

Motions whose crop looks past what the store holds of the frame are drawn anew as well: about 1
draw in 500 by the Laplace law, 1 in 30 by the uniform one, on a store of 351-pixel crops.

With the law `uniform` (the paper's row without motion smoothness) all these motions are equally
likely.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pursuit import boxes as bx
from pursuit.learning.recipe import MotionRecipe

Array = NDArray[np.float64]

_TRIES = 10  # as the authors' program


def moved(
    boxes: Array, frames: Array, reach: Array, recipe: MotionRecipe, rng: np.random.Generator
) -> Array:
    """Return where boxes (N, 4) may have been a frame before: boxes (N, 4) around which to look.

    A box whose motions serve at no try stays where it is.

    Args:
        frames: (N, 4) x, y, w, h of the frame, in the pixels of the boxes.
        reach: (N, 4) left, top, right, bottom of what is known of the picture, infinite where
            all is known: crops of twice a moved box stay within. Motions beyond are drawn anew.
    """
    found = boxes.copy()
    left = np.arange(len(boxes))
    for attempt in range(_TRIES):
        drawn = _drawn(boxes[left], frames[left], recipe, rng)
        serves = within(drawn, reach[left])
        if recipe.rule == "paper" or attempt < _TRIES - 1:
            serves &= _allowed(drawn, boxes[left], recipe)
        found[left[serves]] = drawn[serves]
        left = left[~serves]
        if not len(left):
            break
    return found


def within(boxes: Array, reach: Array) -> NDArray[np.bool_]:
    """Return which crops of twice the boxes (N, 4) lie within `reach` (N, 4)."""
    centre, size = bx.centres(boxes), boxes[:, 2:]
    low, high = centre - size >= reach[:, :2], centre + size <= reach[:, 2:]
    return np.asarray((low & high).all(axis=1))


def _drawn(boxes: Array, frames: Array, recipe: MotionRecipe, rng: np.random.Generator) -> Array:
    centre, size = bx.centres(boxes), boxes[:, 2:]
    if recipe.law == "uniform":
        factor = 1 + rng.uniform(-recipe.limit, recipe.limit, size.shape)
        shift = rng.uniform(-1, 1, size.shape) * factor
    else:
        factor = 1 + rng.laplace(0, recipe.scale, size.shape)
        shift = rng.laplace(0, recipe.shift, size.shape)
    if recipe.rule == "paper":
        return bx.from_centres(centre + shift * size, size * factor)
    new = size * np.clip(factor, 1 - recipe.limit, 1 + recipe.limit)
    new = np.minimum(new, frames[:, 2:])
    low, high = frames[:, :2] + new / 2, frames[:, :2] + frames[:, 2:] - new / 2
    return bx.from_centres(np.clip(centre + shift * size, low, high), new)


def _allowed(drawn: Array, boxes: Array, recipe: MotionRecipe) -> NDArray[np.bool_]:
    shift = np.abs(bx.centres(drawn) - bx.centres(boxes))
    if recipe.rule == "program":
        return np.asarray((shift <= boxes[:, 2:]).all(axis=1))
    change = np.abs(drawn[:, 2:] / boxes[:, 2:] - 1)
    return np.asarray(((shift <= drawn[:, 2:]) & (change < recipe.limit)).all(axis=1))
