"""Sums in the types of what is summed, whatever else a program has switched on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from pursuit.networks.siamfc import in_full


@contextmanager
def as_given(device: torch.device) -> Iterator[None]:
    """Let PyTorch compute on a device in the types that it is given.

    A program's autocast does not reach in. Nor does TF32, which keeps 10 of the 23 bits of what
    is multiplied: on CUDA PyTorch's convolutions use it unless they are told not to. Its switches
    are the whole process's; they are put back at the end.
    """
    with in_full(device.type):
        if device.type != "cuda":
            yield
            return
        switches, name, on, off = _tf32()
        turned = [switch for switch in switches if getattr(switch, name) == on]
        for switch in turned:
            setattr(switch, name, off)
        try:
            yield
        finally:
            for switch in turned:
                setattr(switch, name, on)


def _tf32() -> tuple[tuple[Any, Any], str, object, object]:
    """Return what has switches of TF32, their name, what they are when on and when off."""
    convolutions, products = torch.backends.cudnn, torch.backends.cuda.matmul
    # Since torch 2.9 the older names fail where a program uses the newer ones.
    if hasattr(convolutions, "conv"):
        return (convolutions.conv, products), "fp32_precision", "tf32", "ieee"
    return (convolutions, products), "allow_tf32", True, False
