"""Pooling: the largest or the mean of windows, and the mean of whole maps."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import onnx

from flows.errors import UnsupportedModel
from flows.frontend.exact import Affine
from flows.frontend.onnx_file import attributes, describe
from flows.frontend.reader import Reader, constant_ints, map_shape
from flows.frontend.rules_layers import padded
from flows.frontend.stairs import Channel
from flows.frontend.value import Move, Value
from flows.frontend.windows import Window, window_of
from flows.graph import GlobalAccPool


def max_pool(reader: Reader, node: onnx.NodeProto) -> None:
    """Moved behind the next quantizer, whose codes are narrower than the sums before it; the result is the same."""
    if len(node.output) > 1 and any(reader.live.intersection(node.output[1:])):
        raise UnsupportedModel(f"{describe(node)}: its indices are used; supported: the values only")
    value = reader.value(node, node.input[0])
    map_shape(reader, node, value)
    move = _move(node, value, window_of(reader.view, node, value.shape))
    reader.put(node, replace(value, moves=(*value.moves, move)))


def _move(node: onnx.NodeProto, value: Value, window: Window) -> Move:
    return Move(
        describe(node), "max", value.order, kernel=window.kernel, stride=window.stride, dilation=window.dilation,
        pad=window.pad,
    )  # fmt: skip


def average_pool(reader: Reader, node: onnx.NodeProto) -> None:
    """The sum of a window; the division by its size goes into the scale."""
    value = reader.moved(node, node.input[0])
    _, h, w = map_shape(reader, node, value)
    options, window = attributes(node), window_of(reader.view, node, value.shape)
    count = math.prod(window.kernel)
    if any(window.pad):
        given = {"pads": options.get("pads"), "count_include_pad": options.get("count_include_pad", 0)}
        if not given["count_include_pad"] or options.get("ceil_mode", 0):
            raise UnsupportedModel(
                f"{describe(node)}: padded windows that divide by fewer values at the border; supported: "
                "count_include_pad = 1 and ceil_mode = 0, or no padding"
            )
    if window.kernel == (h, w) and not any(window.pad):
        tensor = reader.build.emit(GlobalAccPool, value.tensor)
    else:
        source = padded(reader, node, value, window.pad)
        tensor = reader.build.pool(source, _move(node, value, window), "sum")
    reader.put(node, _divided(node, value, tensor, count))


def global_average(reader: Reader, node: onnx.NodeProto) -> None:
    """GlobalAveragePool, and ReduceMean over all pixels (nn.AdaptiveAvgPool2d(1))."""
    value = reader.moved(node, node.input[0])
    _, h, w = map_shape(reader, node, value)
    if node.op_type == "ReduceMean":
        rank = len(value.shape)
        axes = constant_ints(reader, node, 1, "axes") or []
        if sorted(a % rank for a in axes) != list(range(2, rank)):
            raise UnsupportedModel(f"{describe(node)} over the axes {axes}; supported: over all pixels of a map")
    reader.put(node, _divided(node, value, reader.build.emit(GlobalAccPool, value.tensor), h * w))


def _divided(node: onnx.NodeProto, value: Value, tensor: str, count: int) -> Value:
    """Sums of `count` integers as a mean: each carries the offset once."""
    channels = [Channel(Affine(c.scale / Fraction(count), c.offset)) for c in value.channels]
    return replace(value.mapped(channels, describe(node)), tensor=tensor)
