"""Either network without its batch norms."""

from __future__ import annotations

from typing import TypeVar

from pursuit.networks import goturn, siamfc
from pursuit.networks.goturn import GOTURN
from pursuit.networks.siamfc import SiamFC

Network = TypeVar("Network", SiamFC, GOTURN, SiamFC | GOTURN)


def folded(network: Network) -> Network:
    """Return the same function of images without batch norms, in float32.

    A copy is as large as the network: of a GOTURN that has nothing to fold none is made.
    """
    if isinstance(network, SiamFC):
        return siamfc.fold_norms(network)
    return goturn.fold_norms(network) if network.shape.norm == "batch" else network
