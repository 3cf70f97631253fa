"""The runtimes of OpenVINO: float32, or bfloat16 where the hardware has it."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import openvino.opset13 as ops
import torch
from numpy.typing import NDArray
from openvino import opset1
from torch import Tensor

from pursuit.networks import goturn
from pursuit.networks.folding import folded
from pursuit.networks.goturn import GOTURN
from pursuit.networks.siamfc import SiamFC
from pursuit.runtimes import graph, int8
from pursuit.runtimes.engine import EngineGOTURN, EngineSiamFC, Run
from pursuit.runtimes.kernels import Kernels
from pursuit.runtimes.machine import has_fast_bf16, has_vnni


class OpenVINOPen:
    """Draws a model of OpenVINO's.

    Args:
        pairs: whether images are to have their pixels in pairs; windows then are odd pixels wide.
        eight_bit: whether matrices are to be 8-bit integers.
    """

    multiple = 16  # values in a register: with others a convolution in groups takes twice as long

    def __init__(self, *, pairs: bool = False, eight_bit: bool = False) -> None:
        self.pairs, self._eight_bit = pairs, eight_bit
        self._inputs: list[Any] = []

    def model(self, output: Any, name: str) -> openvino.Model:
        """Return the model that ends in a node, which is given a name."""
        output.output(0).get_tensor().set_names({name})
        return openvino.Model([output], self._inputs, "pursuit")

    def windows(self, name: str, side: int | None) -> Any:
        """Return images, float32, of an input: windows (N, S, S, 3), uint8.

        (N, 3, S, S), or (N, 6, S, (S + 1) / 2) in pairs.
        """
        sides = [-1 if side is None else side] * 2
        x = self._input(name, [-1, *sides, 3], np.uint8)
        if self.pairs:
            x = ops.pad(x, np.zeros(4, int), np.array([0, 0, 1, 0]), "constant")
            x = ops.reshape(x, np.array([0, 0, -1, 6]), True)
        return ops.transpose(ops.convert(x, "f32"), np.array([0, 3, 1, 2]))

    def values(self, name: str, *sides: int) -> Any:
        """Return an input (N, *sides), float32."""
        return self._input(name, [-1, *sides], np.float32)

    def convolve(self, x: Any, by: Kernels) -> Any:
        """Return a convolution."""
        form = [[*by.stride], [by.padding] * 2, [by.padding] * 2, [1, 1]]
        if by.groups == 1:
            sums = ops.convolution(x, _constant(by.weight), *form)
        else:
            weight = by.weight.reshape(by.groups, -1, *by.weight.shape[1:])
            sums = ops.group_convolution(x, _constant(weight), *form)
        return self.add(sums, by.bias.reshape(1, -1, 1, 1))

    def linear(self, x: Any, weight: Tensor, bias: Tensor) -> Any:
        """Return x (N, C) by a matrix (O, C)."""
        matrix = _eight_bit(weight) if self._eight_bit else _constant(weight)
        return self.add(ops.matmul(x, matrix, False, True), bias[None])

    def add(self, x: Any, values: Tensor) -> Any:
        """Return x + values."""
        return ops.add(x, _constant(values))

    def scale(self, x: Any, gain: float) -> Any:
        """Return gain * x."""
        return ops.multiply(x, ops.constant(np.float32(gain)))

    def relu(self, x: Any) -> Any:
        """Return max(x, 0)."""
        return ops.relu(x)

    def pool(self, x: Any) -> Any:
        """Return the maximum of each 3 x 3 cells, every second one."""
        # Of later sets of operations it has a second output, the places.
        return opset1.max_pool(x, [2, 2], [0, 0], [0, 0], [3, 3])

    def lrn(self, x: Any, size: int, alpha: float, beta: float, start: float) -> Any:
        """Return the local response norm across channels, as PyTorch defines it."""
        return ops.lrn(x, np.array([1]), alpha, beta, start, size)

    def product(self, left: Any, right: Any) -> Any:
        """Return the products (N, A, B) of matrices (N, C, A) and (N, C, B)."""
        return ops.matmul(left, right, True, False)

    def join(self, left: Any, right: Any) -> Any:
        """Return both, one after the other along the second axis."""
        return ops.concat([left, right], 1)

    def reshape(self, x: Any, *sides: int) -> Any:
        """Return x as (N, *sides)."""
        return ops.reshape(x, np.array([-1, *sides]), False)

    def sum(self, x: Any, axis: int) -> Any:
        """Return the sum along an axis, which goes."""
        return ops.reduce_sum(x, np.array([axis]))

    def lengthen(self, x: Any, by: int) -> Any:
        """Return x with so many zeros at the end of its last axis."""
        before = [0] * len(x.get_output_partial_shape(0))
        return ops.pad(x, np.array(before), np.array([*before[1:], by]), "constant")

    def shorten(self, x: Any, to: int) -> Any:
        """Return the beginning of the last axis."""
        return ops.slice(x, np.array([0]), np.array([to]), np.array([1]), np.array([-1]))

    def _input(self, name: str, sides: list[int], kind: type) -> Any:
        made = ops.parameter(sides, kind, name)
        made.output(0).get_tensor().set_names({name})
        self._inputs.append(made)
        return made


def _constant(values: Tensor) -> Any:
    return ops.constant(values.detach().cpu().float().numpy())


def _eight_bit(weight: Tensor) -> Any:
    """Return a matrix as OpenVINO knows one that stays in 8-bit integers."""
    whole, steps = int8.rows(weight)
    return ops.multiply(ops.convert(ops.constant(whole), "f32"), ops.constant(steps))


@lru_cache
def _core() -> openvino.Core:
    """Return OpenVINO's core, one for the whole process.

    A core that is given up takes the stack with it on which the process handles signals (seen in
    2026.4): Ctrl-C would then be a crash.
    """
    return openvino.Core()


def compile_siamfc(network: SiamFC, name: str, file: Path | None = None) -> EngineSiamFC:
    """Return a SiamFC that OpenVINO runs.

    Args:
        network: with norms or without.
        name: of the runtime.
        file: its trunk in 8-bit integers, if it is to be so.
    """
    return EngineSiamFC(network, name, _trunk(folded(network), name, file))


def compile_goturn(network: GOTURN, name: str, file: Path | None = None) -> EngineGOTURN:
    """Return a GOTURN that OpenVINO runs; arguments as those of `compile_siamfc`.

    In the runtime of 8-bit integers its head is so with such a trunk and without.
    """
    eight_bit, plain = name == int8.RUNTIME, folded(network)
    trunk = _trunk(plain, name, file)
    pen = OpenVINOPen(eight_bit=eight_bit)
    pairs = pen.values("pairs", 2 * plain.shape.channels[-1], goturn.CELLS, goturn.CELLS)
    head = pen.model(graph.goturn_hidden(pen, plain, pairs), "hidden")
    # Told bfloat16, OpenVINO would make the weights that, which takes twice as long.
    return EngineGOTURN(plain, name, trunk, _ready(head, bf16=_is_bf16(name) and not eight_bit))


def _trunk(plain: SiamFC | GOTURN, name: str, file: Path | None) -> Run:
    """Return the trunk of a network without norms, or in 8-bit integers from a file."""
    if file is not None:
        return _by_shape(_core().read_model(file), bf16=_is_bf16(name))
    pen = OpenVINOPen(pairs=_is_bf16(name) and plain.shape.groups[0] == 1)
    drawn = graph.features(pen, plain)
    return _by_shape(pen.model(drawn, "features"), bf16=_is_bf16(name))


def _is_bf16(name: str) -> bool:
    return name != "openvino-f32" and has_fast_bf16()


def _by_shape(model: openvino.Model, *, bf16: bool) -> Run:
    """Return a trunk for windows (N, S, S, 3), compiled for each form of them that comes.

    Where it knows the form, OpenVINO leaves the windows as they lie in memory, and does not turn
    them and turn them back. There are few: `pieces.PIECE` numbers of a network's sides.
    """

    @cache
    def ready(shape: tuple[int, ...]) -> Run:
        fixed = model.clone()
        fixed.reshape(list(shape))
        return _ready(fixed, bf16=bf16)

    def run(windows: NDArray[Any]) -> NDArray[np.float32]:
        return ready(windows.shape)(windows)

    return run


def _ready(model: openvino.Model, *, bf16: bool) -> Run:
    """Return a model compiled for this machine, with as many threads as PyTorch has."""
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
        # Pinned to a core, the threads of a second process would have the same one.
        "ENABLE_CPU_PINNING": False,
        # What 8-bit weights multiply is put in 8 bits too, a step for so many values, OpenVINO's
        # own number; on a processor without VNNI its calls (of 2026.4) would fail.
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": 32 if has_vnni() else 0,
    }
    request = _core().compile_model(model, "CPU", options).create_infer_request()

    def run(values: NDArray[Any]) -> NDArray[np.float32]:
        found = request.infer([values], share_inputs=True, share_outputs=True)
        return np.asarray(found[0], dtype=np.float32)

    return run
