"""The end of a classifier: which scores are the largest."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import onnx

from flows.errors import UnsupportedModel
from flows.frontend.exact import Affine
from flows.frontend.onnx_file import attributes, describe
from flows.frontend.reader import Reader, constant_ints
from flows.frontend.stairs import Channel
from flows.frontend.value import Value, in_order
from flows.graph import LabelSelect


def top_k(reader: Reader, node: onnx.NodeProto) -> None:
    """TopK whose values are not used, ArgMax: indices, the largest score first, of equal ones the lowest index."""
    value, options = reader.linear(node, node.input[0]), attributes(node)
    indices, k = node.output[0], 1
    if node.op_type == "TopK":
        found = constant_ints(reader, node, 1, "k")
        if found is None or node.output[0] in reader.live or not options.get("largest", 1):
            raise UnsupportedModel(f"{describe(node)}: supported: the indices of the largest, a constant k")
        indices, k = node.output[1], found[0]
    elif options.get("select_last_index", 0):
        raise UnsupportedModel(f"{describe(node)}: select_last_index = 1; supported: 0")
    axis = int(options.get("axis", -1 if node.op_type == "TopK" else 0))
    if axis % len(value.shape) != 1:
        raise UnsupportedModel(f"{describe(node)} along axis {axis}; supported: 1, the channels")
    if reader.view.consumers(indices) or indices not in reader.view.outputs:
        raise UnsupportedModel(f"{describe(node)}: must be the last node")
    reader.scores, reason = scores(reader, value)
    if reason:
        raise UnsupportedModel(f"{describe(node)}: {reason}")
    shape = reader.view.shape(indices)
    reader.values[indices] = replace(select(reader, reader.scores, k), shape=shape, where=describe(node))


def scores(reader: Reader, value: Value) -> tuple[Value, str]:
    """The value as a vector of integers in the file's order, and why the largest need not be the largest score."""
    if len(value.shape) > 2 and value.shape[2:] != (1,) * (len(value.shape) - 2):
        return value, f"the network's output is a map {value.shape[1:]}, not a vector of scores"
    value = reader.build.vector(value)
    value = reader.build.ordered(value, in_order(len(value.order)))
    first = value.channels[0]
    if any(c.scale != first.scale for c in value.channels):
        return value, "the scores have one scale per channel"
    if any(c.offset != first.offset for c in value.channels):
        return value, "the scores have one bias per channel"
    if first.scale <= 0:
        return value, "the scores' scale is not positive"
    return value, ""


def select(reader: Reader, value: Value, k: int) -> Value:
    tensor = reader.build.emit(LabelSelect, value.tensor, k=k)
    return Value(tensor, (1, k), (Channel(Affine(Fraction(1))),) * k, in_order(k), value.where)
