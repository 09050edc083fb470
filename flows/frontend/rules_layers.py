"""Operators with weights: Conv (dense and depthwise, 1-D and 2-D), ConvTranspose, Gemm, MatMul."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import onnx

from flows.errors import UnsupportedModel
from flows.frontend.constants import QuantizedConstant, exact_values
from flows.frontend.exact import Affine
from flows.frontend.onnx_file import attributes, describe
from flows.frontend.reader import Layer, Reader, factors_of, map_shape, permuted
from flows.frontend.rules_arithmetic import MAX_FACTOR
from flows.frontend.stairs import Channel
from flows.frontend.value import Value, in_order
from flows.frontend.weights import layer_weights
from flows.frontend.windows import Window, window_of
from flows.graph import (
    MVAU,
    VVAU,
    ConvolutionInputGenerator,
    FMPadding,
    FMPaddingPixel,
    IntArray,
    IntType,
)


@dataclass(frozen=True, eq=False)
class _Weights:
    """Of one layer: as the file has them, what follows from that per output, and the bias."""

    node: onnx.NodeProto
    constant: QuantizedConstant
    steps: list[Fraction]
    bias: list[Fraction]

    @property
    def kind(self) -> IntType:
        q = self.constant.integers
        declared = IntType(self.constant.bits, self.constant.signed)
        lo, hi = int(q.min()), int(q.max())
        return declared if declared.holds(lo, hi) else IntType.for_range(lo, hi, signed=True)


def conv(reader: Reader, node: onnx.NodeProto) -> None:
    value, channels, constant, window = _operands(reader, node)
    group = attributes(node).get("group", 1)
    layer = _weights(reader, node, constant, constant.integers.shape[0])
    if group != 1:
        _check_group(node, group, channels, constant.integers.shape[0])
    source = _windows(reader, padded(reader, node, value, window.pad), window, group != 1)
    make = _dense if group == 1 else _depthwise
    reader.put(node, make(reader, layer, value, source, constant.integers))


def conv_transpose(reader: Reader, node: onnx.NodeProto) -> None:
    """Zeros between the pixels, padding, then a convolution with the kernel turned by 180 degrees."""
    value, channels, constant, window = _operands(reader, node)
    group = attributes(node).get("group", 1)
    if group != 1:
        _check_group(node, group, channels, constant.integers.shape[1] * group)
    turned = constant.integers[:, :, ::-1, ::-1]
    if group == 1:
        turned, scale = turned.transpose(1, 0, 2, 3), constant.scale.transpose(1, 0, 2, 3)
        constant = replace(constant, integers=constant.integers.transpose(1, 0, 2, 3), scale=scale)
    layer = _weights(reader, node, constant, turned.shape[0])
    (kh, kw), (dh, dw), (top, left, bottom, right) = window.kernel, window.dilation, window.pad
    extra = window.output_padding
    reach = dh * (kh - 1), dw * (kw - 1)
    pad = reach[0] - top, reach[1] - left, reach[0] - bottom + extra[0], reach[1] - right + extra[1]
    if min(pad) < 0:
        raise UnsupportedModel(f"{describe(node)}: pads {window.pad} cut into the kernel; supported: less")
    build, tensor = reader.build, value.tensor
    if any(pad) or window.stride != (1, 1):
        _no_offsets(node, value)
    if window.stride != (1, 1):
        tensor = build.emit(FMPaddingPixel, tensor, stride=window.stride)
    if any(pad):
        tensor = build.emit(FMPadding, tensor, pad=pad)
    inner = replace(window, stride=(1, 1), pad=(0, 0, 0, 0))
    tensor = _windows(reader, tensor, inner, group != 1)
    make = _dense if group == 1 else _depthwise
    reader.put(node, make(reader, layer, value, tensor, turned))


def dense(reader: Reader, node: onnx.NodeProto) -> None:
    """Gemm, MatMul: y = x W (+ bias) on vectors (1, features)."""
    if node.input[0] not in reader.values and node.input[0] not in reader.raw:
        raise UnsupportedModel(f"{describe(node)}: the constant must be the right operand")
    if node.input[1] in reader.values or node.input[1] in reader.raw:
        raise UnsupportedModel(f"{describe(node)} of two branches; supported: constant weights")
    value = reader.build.vector(reader.linear(node, node.input[0]))
    constant, options = layer_weights(reader.view, node), attributes(node)
    if len(value.shape) != 2 or constant.integers.ndim != 2:
        raise UnsupportedModel(f"{describe(node)} on shape {value.shape}; supported: vectors (1, features)")
    plain = {"alpha": 1.0, "beta": 1.0, "transA": 0}
    if any(options.get(key, v) != v for key, v in plain.items()):
        raise UnsupportedModel(f"{describe(node)}: supported: alpha = beta = 1, transA = 0")
    if not options.get("transB", 0):
        constant = replace(constant, integers=constant.integers.T, scale=constant.scale.T)
    layer = _weights(reader, node, constant, constant.integers.shape[0])
    reader.put(node, _dense(reader, layer, value, value.tensor, constant.integers))


def _operands(reader: Reader, node: onnx.NodeProto) -> tuple[Value, int, QuantizedConstant, Window]:
    """The map that a convolution reads, its channels, the kernel with four dimensions, and the window."""
    value = reader.moved(node, node.input[0])
    channels, _, _ = map_shape(reader, node, value)
    constant = layer_weights(reader.view, node)
    if constant.integers.ndim == 3:
        constant = _with_rows(constant)
    return value, channels, constant, window_of(reader.view, node, value.shape)


def _with_rows(constant: QuantizedConstant) -> QuantizedConstant:
    """A 1-D kernel (O, I, K) as (O, I, 1, K)."""
    return replace(constant, integers=constant.integers[:, :, None], scale=constant.scale[:, :, None])


def _check_group(node: onnx.NodeProto, group: int, channels: int, outputs: int) -> None:
    if group != channels or outputs != channels:
        raise UnsupportedModel(
            f"{describe(node)}: group = {group} for {channels} channels and {outputs} outputs; supported: 1, or "
            "depthwise (as many groups and outputs as channels)"
        )


def _weights(reader: Reader, node: onnx.NodeProto, constant: QuantizedConstant, outputs: int) -> _Weights:
    scale = constant.scale
    if scale.size not in (1, outputs) or scale.shape[0] != scale.size:
        shape = scale.shape
        raise UnsupportedModel(f"{describe(node)}: weight scales of shape {shape}; supported: one per output channel")
    bias = [Fraction(0)]
    if len(node.input) > 2 and node.input[2]:
        bias = exact_values(reader.view, node.input[2]) or []
        if len(bias) not in (1, outputs):
            raise UnsupportedModel(f"{describe(node)}: its bias must be a constant, one value per output channel")
    steps = [Fraction(float(s)) for s in np.broadcast_to(scale.ravel(), outputs)]
    return _Weights(node, constant, steps, bias * (outputs // len(bias)))


def _no_offsets(node: onnx.NodeProto, value: Value) -> None:
    if any(c.offset for c in value.channels):
        raise UnsupportedModel(
            f"{describe(node)}: pads with 0 values whose integers are offset ({value.where}); put a Quant node before"
        )


def padded(reader: Reader, node: onnx.NodeProto, value: Value, pad: tuple[int, int, int, int]) -> str:
    if not any(pad):
        return value.tensor
    _no_offsets(node, value)
    return reader.build.emit(FMPadding, value.tensor, pad=pad)


def _windows(reader: Reader, tensor: str, window: Window, depthwise: bool) -> str:
    """A sliding window, unless every pixel is its own."""
    if window.kernel == (1, 1) and window.stride == (1, 1):
        return tensor
    return reader.build.emit(
        ConvolutionInputGenerator, tensor, kernel=window.kernel, stride=window.stride, dilation=window.dilation,
        depthwise=depthwise,
    )  # fmt: skip


def _dense(reader: Reader, layer: _Weights, value: Value, tensor: str, weights: IntArray) -> Value:
    """`weights` (outputs, inputs[, KH, KW]) as an MVAU on `tensor`, the windows of `value`."""
    node = layer.node
    ordered = permuted(weights, value.order)
    found = factors_of([c.scale for c in value.channels], MAX_FACTOR)
    if found is None:
        raise UnsupportedModel(
            f"{describe(node)}: its input channels ({value.where}) have different scales, which have no ratios of "
            f"integers up to {MAX_FACTOR}; quantize them with one scale"
        )
    scale, factors = found
    lifted = ordered * np.array(factors, dtype=np.int64).reshape(1, -1, *(1,) * (weights.ndim - 2))
    matrix = lifted.transpose(0, 2, 3, 1) if weights.ndim == 4 else lifted
    matrix = np.ascontiguousarray(matrix.reshape(matrix.shape[0], -1).T)
    kind = layer.kind
    if not kind.holds(int(matrix.min()), int(matrix.max())):
        kind = IntType.for_range(int(matrix.min()), int(matrix.max()), signed=True)
    out = reader.build.emit(MVAU, tensor, weights=matrix, weight_type=kind)
    sums = ordered.reshape(*ordered.shape[:2], math.prod(ordered.shape[2:])).sum(axis=2)
    offsets = [c.offset for c in value.channels]
    constants = [sum((int(q) * o for q, o in zip(row, offsets, strict=True)), Fraction(0)) for row in sums]
    return _result(reader, layer, value, out, [scale] * len(sums), constants, in_order(len(sums)))


def _depthwise(reader: Reader, layer: _Weights, value: Value, tensor: str, weights: IntArray) -> Value:
    """`weights` (channels, 1, KH, KW) as a VVAU on `tensor`, the depthwise windows of `value`."""
    kernels = weights[value.order, 0].reshape(len(value.order), -1)
    matrix = np.ascontiguousarray(kernels.T)
    out = reader.build.emit(VVAU, tensor, weights=matrix, weight_type=layer.kind)
    sums = [int(row.sum()) for row in kernels]
    constants = [q * c.offset for q, c in zip(sums, value.channels, strict=True)]
    return _result(reader, layer, value, out, [c.scale for c in value.channels], constants, value.order)


def _result(
    reader: Reader, layer: _Weights, value: Value, tensor: str, scales: Sequence[Fraction],
    constants: Sequence[Fraction], order: IntArray,
) -> Value:  # fmt: skip
    """The accumulators: weight step * (scale * integer + constant) + bias, per graph channel."""
    node, constant = layer.node, layer.constant
    steps, bias = ([own[int(k)] for k in order] for own in (layer.steps, layer.bias))
    channels = tuple(
        Channel(Affine(step * scale, step * c + b))
        for step, scale, c, b in zip(steps, scales, constants, bias, strict=True)
    )
    units = None
    if value.units is not None and len(set(value.units)) == 1:
        unit = value.units[0][0]
        units = tuple((step * unit, b) for step, b in zip(steps, bias, strict=True))
    kind = value.codes or reader.build.tensors[value.tensor].dtype
    index = reader.build.producer(tensor)
    assert index is not None  # just emitted
    entry = Layer(node.name, node.op_type, constant.integers, constant.bits, constant.signed, kind)
    reader.layers.append((reader.build.ops[index].name, entry))
    return Value(tensor, value.shape, channels, order, describe(node), units=units)
