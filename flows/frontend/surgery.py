"""Cuts on a FINN graph that FINN has no pass for: what the host does before and after the accelerator comes off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.general import RemoveUnusedTensors

from flows.frontend.constants import quantized
from flows.frontend.onnx_file import Array, GraphView, attributes

HOST_SHAPES = ("Transpose", "Reshape", "Flatten")
"""Operators that only rearrange a frame: the host does them at both ends of the accelerator."""


def bake_constants(model: Any) -> Any:
    """Weights become scale * integer, and quantized biases plain constants; the model is one `read_model` accepts.

    FINN's float32 rounding of value / scale then cannot end at another integer.
    """
    view = GraphView(model.model)
    for node in model.graph.node:
        if node.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
            continue
        for index, name in enumerate(node.input[1:], start=1):
            constant = quantized(view, name)
            if constant is not None:
                values = (constant.integers * constant.scale).astype(np.float32)
                if index == 1:
                    lowest = constant.signed and constant.integers.min() == -(1 << (constant.bits - 1))
                    _bake_weights(model, view, name, values, constant.bits + lowest)
                else:
                    _bake_bias(model, node, values)
    for node in [n for n in model.graph.node if n.op_type == "Quant" and not _read(model, n.output[0])]:
        model.graph.node.remove(node)
    return model.transform(RemoveUnusedTensors())


def _bake_weights(model: Any, view: GraphView, tensor: str, values: Array, bits: int) -> None:
    """The Quant node stays: FINN takes the data type from it. A Transpose after it stays as well.

    `bits`: one more where a weight is the type's lowest, because FINN turns no channel whose weights then overflow.
    """
    node, order = view.producer(tensor), tuple(range(values.ndim))
    while node is not None and node.op_type == "Transpose":
        perm = attributes(node).get("perm", order[::-1])
        values = values.transpose(np.argsort(perm))
        node = view.producer(node.input[0])
    assert node is not None  # `quantized` found the Quant node
    model.set_initializer(node.input[0], np.ascontiguousarray(values))
    if node.op_type == "Quant":
        model.set_initializer(node.input[3], np.array(bits, dtype=np.float32))


def _bake_bias(model: Any, node: onnx.NodeProto, values: Array) -> None:
    name = f"{node.name}_bias"
    model.set_initializer(name, values)
    node.input[2] = name


def _read(model: Any, tensor: str) -> bool:
    return any(tensor in n.input for n in model.graph.node) or any(o.name == tensor for o in model.graph.output)


@dataclass(frozen=True, eq=False)
class Cut:
    """A node that was taken off the end: `op` with its constant, its permutation or the shape it made."""

    op: str
    value: Any

    def apply(self, x: Array) -> Array:
        """What the node did, batch first."""
        if self.op == "Transpose":
            return x.transpose(self.value)
        if self.op in HOST_SHAPES:
            return x.reshape(self.value)
        if self.op == "DepthToSpace":
            return _shuffled(x, *self.value)
        y: Array = x * self.value if self.op == "Mul" else x + self.value
        return y


def _shuffled(x: Array, block: int, mode: str) -> Array:
    n, c, h, w = x.shape
    count = c // block**2
    if mode == "CRD":
        pixels = x.reshape(n, count, block, block, h, w).transpose(0, 1, 4, 2, 5, 3)
    else:
        pixels = x.reshape(n, block, block, count, h, w).transpose(0, 3, 4, 1, 5, 2)
    return pixels.reshape(n, count, h * block, w * block)


def cut_tail(model: Any) -> tuple[Any, list[Cut]]:
    """Takes the last scale, bias and rearrangements off; they are known exactly from the QONNX file.

    Returns the model and what was taken off, in the order in which it was done.
    """
    tail: list[Cut] = []
    while True:
        node = model.find_producer(model.graph.output[0].name)
        if node is None or not (node.op_type in (*HOST_SHAPES, "DepthToSpace") or _by_constant(model, node)):
            return model.transform(RemoveUnusedTensors()), tail
        source = next(name for name in node.input if model.get_initializer(name) is None)
        if len(model.find_consumers(source) or []) > 1:
            return model.transform(RemoveUnusedTensors()), tail
        tail.insert(0, _cut(model, node))
        model.graph.node.remove(node)
        _move_end(model, model.graph.output, source)


def _cut(model: Any, node: onnx.NodeProto) -> Cut:
    options = attributes(node)
    if node.op_type == "Transpose":
        return Cut(node.op_type, tuple(options["perm"]))
    if node.op_type in HOST_SHAPES:
        return Cut(node.op_type, tuple(model.get_tensor_shape(node.output[0])))
    if node.op_type == "DepthToSpace":
        return Cut(node.op_type, (int(options["blocksize"]), options.get("mode", "DCR")))
    constants = [model.get_initializer(name) for name in node.input]
    return Cut(node.op_type, next(c for c in constants if c is not None).astype(np.float64))


def _by_constant(model: Any, node: onnx.NodeProto) -> bool:
    constants = sum(model.get_initializer(name) is not None for name in node.input)
    return node.op_type in ("Mul", "Add") and constants == 1


def cut_head(model: Any) -> tuple[Any, list[dict[str, Any]]]:
    """Takes the input quantizer and the rearrangements around it off.

    Returns the model, and what the host has to do with the quantized frame, in order: [{"op": "Transpose", "perm":
    [...]} or {"op": "Reshape", "shape": [...]}].
    """
    host: list[dict[str, Any]] = []
    while True:
        consumers = [n for n in model.graph.node if model.graph.input[0].name in n.input]
        node = consumers[0] if len(consumers) == 1 else None
        if node is None or not (node.op_type in HOST_SHAPES or _is_input_quantizer(model, node)):
            return model.transform(RemoveUnusedTensors()), host
        if node.op_type == "Transpose":
            host.append({"op": "Transpose", "perm": list(node.attribute[0].ints)})
        elif node.op_type in HOST_SHAPES:
            host.append({"op": "Reshape", "shape": list(model.get_tensor_shape(node.output[0]))})
        model.graph.node.remove(node)
        _move_end(model, model.graph.input, node.output[0])


def _is_input_quantizer(model: Any, node: onnx.NodeProto) -> bool:
    return node.op_type == "MultiThreshold" and str(model.get_tensor_datatype(node.input[0])) == "FLOAT32"


def mean_to_pool(model: Any) -> Any:
    """ReduceMean over all pixels becomes GlobalAveragePool, which FINN knows."""
    for node in list(model.graph.node):
        shapes = [model.get_tensor_shape(name) for name in (node.input[0], node.output[0])]
        if node.op_type == "ReduceMean" and len(shapes[0]) == 4 and shapes[1] == [*shapes[0][:2], 1, 1]:
            new = onnx.helper.make_node("GlobalAveragePool", [node.input[0]], list(node.output), name=node.name)
            index = list(model.graph.node).index(node)
            model.graph.node.remove(node)
            model.graph.node.insert(index, new)
    return model.transform(RemoveUnusedTensors())


def _move_end(model: Any, end: Any, tensor: str) -> None:
    """Makes `tensor` the graph's only input or output; its old value_info would make the file invalid."""
    shape, kind = model.get_tensor_shape(tensor), model.get_tensor_datatype(tensor)
    for info in [v for v in model.graph.value_info if v.name == tensor]:
        model.graph.value_info.remove(info)
    del end[:]
    end.append(onnx.helper.make_tensor_value_info(tensor, onnx.TensorProto.FLOAT, shape))
    model.set_tensor_datatype(tensor, kind)


def wrap(proto: onnx.ModelProto) -> Any:
    """qonnx' wrapper around `proto`, itself and not a copy."""
    return ModelWrapper(proto)
