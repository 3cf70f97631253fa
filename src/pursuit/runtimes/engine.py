"""What runs a network whose layers are in an engine that is not PyTorch.

SiamFC's correlation and GOTURN's last layer, which sum many terms or give the answer, are
PyTorch's in float32, as they are in the tuned runtime, but not in threads of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pursuit.networks import goturn
from pursuit.networks.goturn import GOTURN
from pursuit.networks.siamfc import SiamFC, correlate
from pursuit.runtimes.cutting import Windows
from pursuit.runtimes.failures import of_engine
from pursuit.runtimes.pieces import each_alone, in_pieces, one_thread

# A graph ready to run: an input to the output, float32, whose memory may be the next call's too.
Run = Callable[[NDArray[Any]], NDArray[np.float32]]


class Correlation:
    """SiamFC's score of features, in float32."""

    def __init__(self, network: SiamFC) -> None:
        self._gain, self._bias = network.shape.gain, network.bias.item()

    @torch.inference_mode()
    def score(self, exemplar: Tensor, search: Tensor) -> Tensor:
        """Return score maps (N, S, s, s), float32, of features (N, C, k, k), (N * S, C, n, n)."""
        maps = correlate(exemplar, search).mul_(self._gain).add_(self._bias)
        return maps.reshape(len(exemplar), -1, *maps.shape[1:])


class EngineSiamFC(Correlation):
    """SiamFC with its trunk in an engine, on the CPU.

    Args:
        network: what the engine runs.
        name: of the runtime.
        features: windows (M, S, S, 3), uint8, to features (M, C, s, s).
    """

    def __init__(self, network: SiamFC, name: str, features: Run) -> None:
        super().__init__(network)
        self.name, self.device = name, torch.device("cpu")
        self._features = _told(name, features)

    def embed(self, windows: Windows) -> Tensor:
        """Return features (M, C, s, s) of windows (M, S, S, 3), RGB."""
        return torch.from_numpy(in_pieces(self._features, np.asarray(windows)))

    def score(self, exemplar: Tensor, search: Tensor) -> Tensor:
        """Return score maps (N, S, s, s), float32, of features (N, C, k, k), (N * S, C, n, n)."""
        number = len(exemplar)
        by_target = search.reshape(number, -1, *search.shape[1:])
        cells = search.shape[-1] - exemplar.shape[-1] + 1
        maps = np.empty((number, by_target.shape[1], cells, cells), np.float32)
        score = super().score

        def some(rows: slice) -> None:
            maps[rows] = score(exemplar[rows], by_target[rows].flatten(0, 1)).numpy()

        each_alone(number, some)
        return torch.from_numpy(maps)


class EngineGOTURN:
    """GOTURN with its trunk and its head in an engine, on the CPU.

    Args:
        network: what the engine runs.
        name: of the runtime.
        features: windows (M, 227, 227, 3), uint8, to features (M, C, 6, 6).
        hidden: pairs of features (M, 2 C, 6, 6) to what the last layer takes, (M, H).
    """

    def __init__(self, network: GOTURN, name: str, features: Run, hidden: Run) -> None:
        self.name, self.device = name, torch.device("cpu")
        self._features, self._hidden = _told(name, features), _told(name, hidden)
        self._last = copy.deepcopy(goturn.linears(network)[-1]).float()

    def embed(self, windows: Windows) -> Tensor:
        """Return features (M, C, 6, 6) of windows (M, 227, 227, 3), RGB."""
        return torch.from_numpy(in_pieces(self._features, np.asarray(windows)))

    @torch.inference_mode()
    def regress(self, target: Tensor, search: Tensor) -> Tensor:
        """Return corners (N, S, 4), float32, of features (N, C, 6, 6) and (N * S, C, 6, 6)."""
        repeated = np.repeat(target.numpy(), len(search) // len(target), axis=0)
        hidden = self._hidden(np.concatenate([repeated, search.numpy()], axis=1))
        with one_thread():
            corners: Tensor = self._last(torch.from_numpy(hidden))
        return corners.reshape(len(target), -1, 4)


def _told(name: str, run: Run) -> Run:
    """Return a graph whose failures are said in a line: one form may fail where others did not."""

    def call(values: NDArray[Any]) -> NDArray[np.float32]:
        with of_engine(name):
            return run(values)

    return call
