"""The runtime of ONNX Runtime, in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from torch import Tensor

from pursuit.networks import goturn
from pursuit.networks.folding import folded
from pursuit.networks.goturn import GOTURN
from pursuit.networks.siamfc import SiamFC
from pursuit.runtimes import graph
from pursuit.runtimes.engine import EngineGOTURN, EngineSiamFC, Run
from pursuit.runtimes.kernels import Kernels
from pursuit.runtimes.machine import imported

_OPSET, _IR = 18, 8  # of 2022: engines of today read them


class OnnxPen:
    """Draws a graph of ONNX's; a node goes by the name of its output."""

    multiple, pairs = 1, False

    def __init__(self) -> None:
        self._inputs: list[ValueInfoProto] = []
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def model(self, output: str, name: str, *sides: int | str) -> ModelProto:
        """Return the model that ends in a node (N, *sides), which is given a name."""
        self._nodes.append(helper.make_node("Identity", [output], [name]))
        shape = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *sides])
        drawn = helper.make_graph(self._nodes, "pursuit", self._inputs, [shape], self._constants)
        versions = [helper.make_opsetid("", _OPSET)]
        return helper.make_model(drawn, opset_imports=versions, ir_version=_IR)

    def windows(self, name: str, side: int | None) -> str:
        """Return images (N, 3, S, S), float32, of an input: windows (N, S, S, 3), uint8."""
        sides = ["S" if side is None else side] * 2
        self._input(name, TensorProto.UINT8, [*sides, 3])
        return self._add(
            "Transpose", self._add("Cast", name, to=TensorProto.FLOAT), perm=[0, 3, 1, 2]
        )

    def values(self, name: str, *sides: int) -> str:
        """Return an input (N, *sides), float32."""
        self._input(name, TensorProto.FLOAT, list(sides))
        return name

    def convolve(self, x: str, by: Kernels) -> str:
        """Return a convolution."""
        inputs = [x, self._constant(by.weight), self._constant(by.bias)]
        pads, strides = [by.padding] * 4, [*by.stride]
        return self._add("Conv", *inputs, strides=strides, pads=pads, group=by.groups)

    def linear(self, x: str, weight: Tensor, bias: Tensor) -> str:
        """Return x (N, C) by a matrix (O, C)."""
        return self._add("Gemm", x, self._constant(weight), self._constant(bias), transB=1)

    def add(self, x: str, values: Tensor) -> str:
        """Return x + values."""
        return self._add("Add", x, self._constant(values))

    def scale(self, x: str, gain: float) -> str:
        """Return gain * x."""
        return self._add("Mul", x, self._constant(torch.tensor(gain)))

    def relu(self, x: str) -> str:
        """Return max(x, 0)."""
        return self._add("Relu", x)

    def pool(self, x: str) -> str:
        """Return the maximum of each 3 x 3 cells, every second one."""
        return self._add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2])

    def lrn(self, x: str, size: int, alpha: float, beta: float, start: float) -> str:
        """Return the local response norm across channels, as PyTorch defines it."""
        return self._add("LRN", x, size=size, alpha=alpha, beta=beta, bias=start)

    def product(self, left: str, right: str) -> str:
        """Return the products (N, A, B) of matrices (N, C, A) and (N, C, B)."""
        return self._add("MatMul", self._add("Transpose", left, perm=[0, 2, 1]), right)

    def join(self, left: str, right: str) -> str:
        """Return both, one after the other along the second axis."""
        return self._add("Concat", left, right, axis=1)

    def reshape(self, x: str, *sides: int) -> str:
        """Return x as (N, *sides)."""
        return self._add("Reshape", x, self._whole(-1, *sides))

    def sum(self, x: str, axis: int) -> str:
        """Return the sum along an axis, which goes."""
        return self._add("ReduceSum", x, self._whole(axis), keepdims=0)

    def lengthen(self, x: str, by: int) -> str:
        """Return x with so many zeros at the end of its last axis."""
        return self._add("Pad", x, self._whole(0, by), "", self._whole(-1))

    def shorten(self, x: str, to: int) -> str:
        """Return the beginning of the last axis."""
        return self._add("Slice", x, self._whole(0), self._whole(to), self._whole(-1))

    def _input(self, name: str, kind: int, sides: list[Any]) -> None:
        self._inputs.append(helper.make_tensor_value_info(name, kind, ["N", *sides]))

    def _add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        output = f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def _constant(self, values: Tensor) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(values.detach().cpu().numpy(), name))
        return name

    def _whole(self, *numbers: int) -> str:
        return self._constant(torch.tensor(numbers))


def compile_siamfc(network: SiamFC, name: str) -> EngineSiamFC:
    """Return a SiamFC that ONNX Runtime runs."""
    pen = OnnxPen()
    drawn = graph.features(pen, folded(network))
    model = pen.model(drawn, "features", network.shape.channels[-1], "s", "s")
    return EngineSiamFC(network, name, _ready(model))


def compile_goturn(network: GOTURN, name: str) -> EngineGOTURN:
    """Return a GOTURN that ONNX Runtime runs."""
    plain, trunk, head = folded(network), OnnxPen(), OnnxPen()
    channels, cells = plain.shape.channels[-1], goturn.CELLS
    drawn = graph.features(trunk, plain)
    features = _ready(trunk.model(drawn, "features", channels, cells, cells))
    pairs = head.values("pairs", 2 * channels, cells, cells)
    hidden = graph.goturn_hidden(head, plain, pairs)
    return EngineGOTURN(
        plain, name, features, _ready(head.model(hidden, "hidden", plain.shape.hidden[-1]))
    )


def _ready(model: ModelProto) -> Run:
    """Return a model loaded with as many threads as PyTorch has."""
    onnxruntime = imported("onnxruntime")  # here: files are written without it
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # Threads that wait by turning in circles take the cores from the rest of a frame's work.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    (given,) = (one.name for one in session.get_inputs())

    def run(values: NDArray[Any]) -> NDArray[np.float32]:
        (found,) = session.run(None, {given: values})
        return np.asarray(found)

    return run
