"""Networks drawn operation by operation, for engines that have a graph of their own.

What is drawn stands here once; each engine has a pen that draws it, from the network's own
tensors. Only operations that any
engine has are used: no strides into memory, no groups whose number is known only when it runs.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from torch import Tensor, nn

from pursuit.networks import goturn, siamfc
from pursuit.networks.goturn import GOTURN
from pursuit.networks.siamfc import EXEMPLAR, SEARCH, SiamFC
from pursuit.runtimes.kernels import Kernels, kernels

Node = TypeVar("Node")


class Pen(Protocol[Node]):
    """What draws in an engine's graph. N, the first axis of all nodes, is known when it runs.

    Attributes:
        multiple: of which the engine wants the channels of a group.
        pairs: whether images have their pixels in pairs along a row.
    """

    multiple: int
    pairs: bool

    def windows(self, name: str, side: int | None) -> Node:
        """Return images, float32, of an input: windows (N, S, S, 3), uint8.

        (N, 3, S, S), or (N, 6, S, (S + 1) / 2) in pairs.
        """
        ...

    def values(self, name: str, *sides: int) -> Node:
        """Return an input (N, *sides), float32."""
        ...

    def convolve(self, x: Node, by: Kernels) -> Node:
        """Return a convolution."""
        ...

    def linear(self, x: Node, weight: Tensor, bias: Tensor) -> Node:
        """Return x (N, C) by a matrix (O, C)."""
        ...

    def add(self, x: Node, values: Tensor) -> Node:
        """Return x + values."""
        ...

    def scale(self, x: Node, gain: float) -> Node:
        """Return gain * x."""
        ...

    def relu(self, x: Node) -> Node:
        """Return max(x, 0)."""
        ...

    def pool(self, x: Node) -> Node:
        """Return the maximum of each 3 x 3 cells, every second one."""
        ...

    def lrn(self, x: Node, size: int, alpha: float, beta: float, start: float) -> Node:
        """Return the local response norm across channels, as PyTorch defines it."""
        ...

    def product(self, left: Node, right: Node) -> Node:
        """Return the products (N, A, B) of matrices (N, C, A) and (N, C, B)."""
        ...

    def join(self, left: Node, right: Node) -> Node:
        """Return both, one after the other along the second axis."""
        ...

    def reshape(self, x: Node, *sides: int) -> Node:
        """Return x as (N, *sides)."""
        ...

    def sum(self, x: Node, axis: int) -> Node:
        """Return the sum along an axis, which goes."""
        ...

    def lengthen(self, x: Node, by: int) -> Node:
        """Return x with so many zeros at the end of its last axis."""
        ...

    def shorten(self, x: Node, to: int) -> Node:
        """Return the beginning of the last axis."""
        ...


def features(pen: Pen[Node], network: SiamFC | GOTURN) -> Node:
    """Draw the trunk of a network without batch norms, from an input of windows to features."""
    if isinstance(network, SiamFC):
        return siamfc_features(pen, network, pen.windows("windows", None))
    return goturn_features(pen, network, pen.windows("windows", goturn.CROP))


def siamfc_features(pen: Pen[Node], network: SiamFC, images: Node) -> Node:
    """Draw the trunk of a network without norms: images (N, 3, S, S) to features."""
    blocks = siamfc.blocks(network)
    convolutions = [one for block in blocks for one in block if isinstance(one, nn.Conv2d)]
    form = kernels(convolutions, multiple=pen.multiple, pairs=pen.pairs)
    x, last = images, len(blocks) - 1
    for i, block in enumerate(blocks):
        x = pen.convolve(x, form[i])
        x = pen.relu(x) if i < last else x
        x = pen.pool(x) if any(isinstance(one, nn.MaxPool2d) for one in block) else x
    return x


def siamfc_maps(pen: Pen[Node], network: SiamFC, exemplar: Node, search: Node) -> Node:
    """Draw the score maps (N, 17, 17) of features (N, C, 6, 6) and (N, C, 22, 22).

    One matrix product gives each exemplar cell (i, j) against each search cell; a score is the
    sum of the rows (i, j) of that table, each moved to the left by j and by i lines of the map.
    Where rows are read as if they were one value longer, each begins one further to the left
    than the one before it: that moves them with zeros at the end and another shape.
    """
    channels, kernel, size = network.shape.channels[-1], cells(EXEMPLAR), cells(SEARCH)
    side, window = size - kernel + 1, size * size
    left = pen.reshape(exemplar, channels, kernel * kernel)
    x = pen.product(left, pen.reshape(search, channels, window))
    x = pen.lengthen(pen.reshape(x, kernel, kernel * window), kernel)
    x = pen.sum(pen.reshape(x, kernel, kernel, window + 1), 2)
    x = pen.lengthen(pen.reshape(x, kernel * (window + 1)), kernel * size)
    x = pen.sum(pen.reshape(x, kernel, window + 1 + size), 1)
    maps = pen.shorten(pen.reshape(pen.shorten(x, side * size), side, size), side)
    return pen.add(pen.scale(maps, network.shape.gain), network.bias)


def cells(side: int) -> int:
    """Return the side of SiamFC's features of windows of a side: 6 of 127, 22 of 255."""
    return (side - 79) // siamfc.STRIDE


def goturn_features(pen: Pen[Node], network: GOTURN, images: Node) -> Node:
    """Draw the trunk of a network without batch norms: images (N, 3, 227, 227) to features."""
    form = kernels(
        goturn.convolutions(network),
        mean=network.mean,
        # Response norms would see the zeros between channels.
        multiple=1 if network.shape.norm == "lrn" else pen.multiple,
        pairs=pen.pairs,
    )
    x = images
    for i, block in enumerate(network.trunk):
        assert isinstance(block, nn.Sequential)
        x = pen.convolve(x, form[i])
        for layer in block:
            if isinstance(layer, nn.ReLU):
                x = pen.relu(x)
            elif isinstance(layer, nn.MaxPool2d):
                x = pen.pool(x)
            elif isinstance(layer, nn.LocalResponseNorm):
                x = pen.lrn(x, layer.size, layer.alpha, layer.beta, layer.k)
    return x


def goturn_hidden(pen: Pen[Node], network: GOTURN, pairs: Node) -> Node:
    """Draw the head up to its last layer: features (N, 2 C, 6, 6) of target and search window."""
    *hidden, last = goturn.linears(network)
    x = pen.reshape(pairs, hidden[0].in_features if hidden else last.in_features)
    for layer in hidden:
        x = pen.relu(pen.linear(x, layer.weight, layer.bias))
    return x


def goturn_corners(pen: Pen[Node], network: GOTURN, target: Node, search: Node) -> Node:
    """Draw the head: corners (N, 4) of features, each (N, C, 6, 6)."""
    last = goturn.linears(network)[-1]
    x = goturn_hidden(pen, network, pen.join(target, search))
    return pen.linear(x, last.weight, last.bias)
