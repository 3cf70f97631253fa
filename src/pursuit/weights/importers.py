"""Other people's SiamFC networks, read as ours: norms folded, float32.

| file | from | score |
|---|---|---|
| `.mat`, `.net` | the authors (MatConvNet DagNN, MATLAB 5 format) | their adjust layer |
| `.pth`, `.pt` | huanglianghua/siamfc-pytorch and its kin, of any width | 0.001 x correlation |
| `.npz` | the authors' network as 8-bit integers | 0.001 x correlation - 2.148 |

All eat RGB, 0 to 255. Strides are Table 1's; a file does not say them.
Their cards keep the default confidence, which nobody has calibrated.
"""

from __future__ import annotations

import io
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pursuit.errors import MissingExtra, WeightsError
from pursuit.networks.siamfc import SiamFC, SiamFCShape
from pursuit.weights.card import SiamFCCard, card_for
from pursuit.weights.files import network_of

_GAIN = 1e-3  # of the authors' adjust layer, never learnt; ports kept it
_INT8_BIAS = -2.148  # learnt bias of the authors' colour network; its npz holds the trunk only
_HUA_EPS = 1e-6  # epsilon of that port's batch norms

Arrays = Mapping[str, Tensor]


def read_state_dict(path: Path, data: bytes) -> tuple[SiamFC, SiamFCCard]:
    """Return the network of a PyTorch state dict with keys backbone.convN.0 and .1.

    Raises:
        WeightsError: not loadable without running code from it, or other keys.
    """
    try:
        with warnings.catch_warnings():
            # Of pickles torch did not write: what we say of them ourselves is to the point.
            warnings.simplefilter("ignore")
            loaded = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise WeightsError(
            f"{path} is a pickle that holds more than tensors: reading it could run any code; "
            "save its state_dict() with torch.save and read that"
        ) from None
    except (RuntimeError, ValueError, EOFError, KeyError, OSError, zipfile.BadZipFile):
        raise WeightsError(
            f"{path} is not a whole PyTorch file: truncated or damaged (fetch it again), "
            "or not a weights file"
        ) from None
    state = _state(path, loaded)
    tensors: dict[str, Tensor] = {"bias": torch.zeros(1)}
    for i in range(1, 6):
        weight = _get(path, state, f"backbone.conv{i}.0.weight").double()
        bias = state.get(f"backbone.conv{i}.0.bias", torch.zeros(len(weight))).double()
        norm = f"backbone.conv{i}.1."
        if f"{norm}running_var" in state:
            mean, var = state[f"{norm}running_mean"], state[f"{norm}running_var"]
            sigma = (var.double() + _HUA_EPS).sqrt()
            gain, shift = state[f"{norm}weight"].double(), state[f"{norm}bias"].double()
            weight, bias = _folded(weight, bias, gain, shift, mean.double(), sigma)
        tensors |= {f"conv{i}.weight": weight, f"conv{i}.bias": bias}
    return _built(path, tensors, _GAIN, "huanglianghua-style state dict")


def read_int8(path: Path, data: bytes) -> tuple[SiamFC, SiamFCCard]:
    """Return the network of an npz with convN.weight.int8, convN.weight.scale, convN.bias."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays = {key: torch.from_numpy(stored[key]) for key in stored.files}
    except (ValueError, OSError, EOFError, KeyError, TypeError, zipfile.BadZipFile):
        raise WeightsError(
            f"{path} is not a whole npz file of arrays: truncated or damaged (fetch it again), "
            "or not a weights file"
        ) from None
    tensors: dict[str, Tensor] = {"bias": torch.full((1,), _INT8_BIAS)}
    for i in range(1, 6):
        steps = _get(path, arrays, f"conv{i}.weight.int8").double()
        scale = _get(path, arrays, f"conv{i}.weight.scale").double()
        tensors[f"conv{i}.weight"] = steps * scale[:, None, None, None]
        tensors[f"conv{i}.bias"] = _get(path, arrays, f"conv{i}.bias").double()
    return _built(path, tensors, _GAIN, "8-bit network of the authors")


def read_matconvnet(path: Path, data: bytes) -> tuple[SiamFC, SiamFCCard]:
    """Return the network of a MatConvNet DagNN: `net.params` with names and values.

    Kernels are height x width x in x out. Norms hold a gain, a bias and moments (C, 2): mean
    and sigma = sqrt(var + eps), so epsilon is not added again.

    Raises:
        MissingExtra: scipy is not installed.
        WeightsError: not such a file.
    """
    params = _matlab_params(path, data)
    tensors: dict[str, Tensor] = {}
    for i in range(1, 6):
        kernel = _find(path, params, rf"conv{i}f")
        kernel = kernel.reshape(*kernel.shape, *[1] * (4 - kernel.ndim))
        weight = torch.from_numpy(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)))
        bias = torch.from_numpy(_find(path, params, rf"conv{i}b").reshape(-1))
        norms = {key: value for key, value in params.items() if re.search(rf"bn{i}[a-z]$", key)}
        if norms:
            weight, bias = _folded(weight, bias, *_matlab_norm(path, i, norms))
        tensors |= {f"conv{i}.weight": weight, f"conv{i}.bias": bias}
    gain = float(_find(path, params, r"adjust_?f").reshape(-1)[0])
    tensors["bias"] = torch.from_numpy(_find(path, params, r"adjust_?b").reshape(-1)[:1])
    return _built(path, tensors, gain, "MatConvNet network")


def _state(path: Path, loaded: Any) -> Arrays:
    """Return the tensors of a state dict, or of one kept under a usual key."""
    for key in ("state_dict", "model", "model_state_dict"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict):
        raise WeightsError(f"{path} holds no state dict but {type(loaded).__name__}")
    tensors = {str(k): v for k, v in loaded.items() if isinstance(v, Tensor)}
    return {key.removeprefix("module."): value for key, value in tensors.items()}


def _get(path: Path, tensors: Arrays, name: str) -> Tensor:
    if name not in tensors:
        raise WeightsError(f"{path} holds no {name}: the weights of another network")
    return tensors[name]


def _folded(
    weight: Tensor, bias: Tensor, gain: Tensor, shift: Tensor, mean: Tensor, sigma: Tensor
) -> tuple[Tensor, Tensor]:
    """Return kernel and bias of a convolution followed by gain * (x - mean) / sigma + shift."""
    scale = gain / sigma
    return weight * scale[:, None, None, None], (bias - mean) * scale + shift


def _matlab_params(path: Path, data: bytes) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    try:
        from scipy.io import loadmat
    except ImportError:
        raise MissingExtra("scipy", "evaluate") from None
    try:
        net = loadmat(io.BytesIO(data), struct_as_record=False, squeeze_me=True)["net"]
        params = np.atleast_1d(net.params)
        return {str(p.name): np.asarray(p.value, dtype=np.float64) for p in params}
    except NotImplementedError:
        raise WeightsError(
            f"{path} is a MATLAB 7.3 file: load it in MATLAB and save it again with '-v7'"
        ) from None
    except (KeyError, AttributeError):
        raise WeightsError(f"{path} holds no MatConvNet network (net.params)") from None
    except Exception as error:  # scipy raises many kinds on damaged files
        raise WeightsError(f"{path} is not a whole MATLAB file: {error}") from None


def _find(
    path: Path, params: Mapping[str, np.ndarray[Any, np.dtype[np.float64]]], pattern: str
) -> np.ndarray[Any, np.dtype[np.float64]]:
    # A stream's parameters may carry a prefix.
    found = [value for name, value in params.items() if re.search(rf"{pattern}$", name)]
    if len(found) != 1:
        raise WeightsError(f"{path} holds {len(found)} parameters {pattern}, not one")
    return found[0]


def _matlab_norm(
    path: Path, layer: int, norms: Mapping[str, np.ndarray[Any, np.dtype[np.float64]]]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return gain, shift, mean, sigma: moments by their shape, the bias by its name."""
    moments = [value for value in norms.values() if value.ndim == 2 and value.shape[1] == 2]
    plain = {key: value for key, value in norms.items() if value.ndim == 1 or 1 in value.shape}
    shift = [value for key, value in plain.items() if key.endswith("b")]
    gain = [value for key, value in plain.items() if not key.endswith("b")]
    if not len(moments) == len(shift) == len(gain) == 1:
        raise WeightsError(f"{path} holds a batch norm {layer} of an unknown form")
    parts = gain[0].reshape(-1), shift[0].reshape(-1), moments[0][:, 0], moments[0][:, 1]
    first, second, third, fourth = (torch.from_numpy(np.ascontiguousarray(p)) for p in parts)
    return first, second, third, fourth


def _built(path: Path, tensors: Arrays, gain: float, origin: str) -> tuple[SiamFC, SiamFCCard]:
    """Return the network of these tensors, widths and groups read from their shapes."""
    kernels = [tensors[f"conv{i}.weight"] for i in range(1, 6)]
    channels = [len(kernel) for kernel in kernels]
    groups = []
    for i, (before, kernel) in enumerate(zip([3, *channels[:-1]], kernels, strict=True), start=1):
        if kernel.ndim != 4 or kernel.shape[1] == 0 or before % kernel.shape[1]:
            raise WeightsError(
                f"{path} holds conv{i}.weight of shape {tuple(kernel.shape)} after {before} "
                "channels: not a SiamFC network"
            )
        groups.append(before // kernel.shape[1])
    shape = SiamFCShape(
        channels=tuple(channels),  # type: ignore[arg-type]
        groups=tuple(groups),  # type: ignore[arg-type]
        norm=False,
        gain=gain,
    )
    licence = "unknown: ask where the file came from"
    card = card_for(shape, name=path.stem, origin=f"{origin}, {path.name}", licence=licence)
    return network_of(path, shape, tensors), card
