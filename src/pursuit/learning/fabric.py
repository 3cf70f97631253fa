"""What takes the steps on a device, in step with the other processes: Lightning's Fabric."""

from __future__ import annotations

import inspect
from typing import Any

from torch import nn

from pursuit.errors import MissingExtra
from pursuit.learning.world import World


def fabric_of(fabric_class: Any, device: str, world: World, precision: str) -> Any:
    """Return what takes the steps on a device, in step with all processes of the world."""
    accelerator = "cuda" if device.startswith("cuda") else "cpu"
    if world.size == 1:
        return fabric_class(accelerator=accelerator, devices=1, precision=precision)
    from lightning_fabric.strategies.ddp import DDPStrategy

    fabric = fabric_class(
        accelerator=accelerator,
        devices=world.local_size,
        num_nodes=world.size // world.local_size,
        strategy=DDPStrategy(**_no_buffers()),
        precision=precision,
    )
    fabric.launch()
    return fabric


def _no_buffers() -> dict[str, Any]:
    """Return the option by which only gradients are sent, under the name this torch has for it.

    All processes keep the same running moments by themselves, and the first judges alone.
    """
    options = inspect.signature(nn.parallel.DistributedDataParallel).parameters
    newer = "forward_sync_buffers" in options  # torch 2.13 warns of the older name
    return {"forward_sync_buffers" if newer else "broadcast_buffers": False}


def extras() -> tuple[Any, Any]:
    """Return the classes of the fabric and of what writes a log.

    Raises:
        MissingExtra: they are not installed.
    """
    try:
        from lightning_fabric import Fabric
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtra(error.name or "lightning-fabric", "train") from None
    return Fabric, SummaryWriter
