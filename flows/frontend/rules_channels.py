"""Operators that take channels apart and put them together: Concat, Split, Slice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from flows.errors import UnsupportedModel
from flows.frontend.onnx_file import attributes, describe
from flows.frontend.reader import Reader, constant_ints
from flows.frontend.value import Value, in_order
from flows.graph import ChannelSlice, Concat


def concat(reader: Reader, node: onnx.NodeProto) -> None:
    """The channels keep their own scales; the tensor's type holds all of them."""
    first = reader.value(node, node.input[0])
    axis = int(attributes(node).get("axis", 1))
    if axis % len(first.shape) != 1:
        raise UnsupportedModel(f"{describe(node)} along axis {axis}; supported: 1, the channels")
    joined = _single(reader, reader.value(node, node.input[0]))
    for name in node.input[1:]:
        joined = _pair(reader, joined, _single(reader, reader.value(node, name)))
    reader.put(node, replace(joined, where=describe(node)))


def _single(reader: Reader, value: Value) -> Value:
    """Moves made, and vectors as vectors."""
    return reader.build.vector(value)


def _pair(reader: Reader, a: Value, b: Value) -> Value:
    tensor = reader.build.emit(Concat, a.tensor, b.tensor)
    units = None if a.units is None or b.units is None else a.units + b.units
    order = np.concatenate([a.order, b.order + len(a.order)])
    codes = a.codes if a.codes == b.codes else None
    return replace(a, tensor=tensor, channels=a.channels + b.channels, order=order, units=units, codes=codes)


def split(reader: Reader, node: onnx.NodeProto) -> None:
    value = reader.value(node, node.input[0])
    axis = int(attributes(node).get("axis", 0))
    if axis % len(value.shape) != 1:
        raise UnsupportedModel(f"{describe(node)} along axis {axis}; supported: 1, the channels")
    sizes = [reader.view.shape(name)[1] for name in node.output]
    whole = _in_file_order(reader, value)
    for index, name in enumerate(node.output):
        if name in reader.live:
            start = sum(sizes[:index])
            reader.values[name] = _part(reader, node, whole, start, start + sizes[index], reader.view.shape(name))


def slice_(reader: Reader, node: onnx.NodeProto) -> None:
    value = reader.value(node, node.input[0])
    starts, ends = constant_ints(reader, node, 1, "starts"), constant_ints(reader, node, 2, "ends")
    if starts is None or ends is None:
        raise UnsupportedModel(f"{describe(node)}: its limits must be constants")
    axes = constant_ints(reader, node, 3, "axes") or list(range(len(starts)))
    steps = constant_ints(reader, node, 4, "steps") or [1] * len(starts)
    first, last = 0, value.shape[1]
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size = value.shape[axis % len(value.shape)]
        lo, hi, _ = slice(start, end).indices(size)
        if axis % len(value.shape) == 1 and step == 1 and lo < hi:
            first, last = lo, hi
        elif (lo, hi, step) != (0, size, 1):
            raise UnsupportedModel(f"{describe(node)} of axis {axis}, step {step}; supported: of channels, step 1")
    whole = _in_file_order(reader, value)
    reader.values[node.output[0]] = _part(reader, node, whole, first, last, reader.view.shape(node.output[0]))


def _in_file_order(reader: Reader, value: Value) -> Value:
    value = _single(reader, value)
    return reader.build.ordered(value, in_order(len(value.order)))


def _part(
    reader: Reader, node: onnx.NodeProto, value: Value, start: int, stop: int, shape: tuple[int, ...]
) -> Value:  # fmt: skip
    if (start, stop) == (0, len(value.channels)):
        return replace(value, shape=shape)
    tensor = reader.build.emit(ChannelSlice, value.tensor, start=start, stop=stop)
    units = None if value.units is None else value.units[start:stop]
    return replace(
        value, tensor=tensor, shape=shape, channels=value.channels[start:stop], order=in_order(stop - start),
        units=units, where=describe(node),
    )  # fmt: skip
