"""A device that computes nothing stands in for a GPU: what would wait for one fails there."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# Shapes and types alone: values that are read back, to print or to decide by, are an error.
APART = torch.device("meta")


class Watch(TorchDispatchMode):
    """Notes what goes to the device, by whether somebody waits for it, and what mixes places."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[str] = []
        self.went = 0
        self.mixed: list[str] = []

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        out = function(*args, **(kwargs or {}))
        places = {one.device.type for one in tree_leaves((args, kwargs, out)) if _is(one)}
        if places == {"cpu", "meta"}:
            names = [argument.name for argument in function._schema.arguments]
            given = dict(zip(names, args, strict=False)) | (kwargs or {})
            if "non_blocking" not in names:
                self.mixed.append(str(function))
            elif given.get("non_blocking"):
                self.went += 1
            else:
                self.waited.append(str(function))
        return out


def _is(one: object) -> bool:
    return isinstance(one, Tensor)
