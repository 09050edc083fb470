"""Quantizers of activations: Quant, BipolarQuant, Trunc, and FINN's MultiThreshold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import onnx

from flows.errors import UnsupportedModel
from flows.frontend.constants import bipolar_scale, quantizer_of
from flows.frontend.exact import Affine, Quantizer
from flows.frontend.onnx_file import attributes, describe, float_array
from flows.frontend.reader import Reader
from flows.frontend.stairs import Channel, Stairs, bipolar_stairs, rounding_stairs, step_rows
from flows.frontend.value import Value
from flows.graph import IntType, Thresholding

MAX_BITS = 8
"""A thresholding has 2**bits - 1 thresholds a channel."""
_PASS = ("MaxPool", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Concat", "Split", "Slice", "Identity", "Dropout",
         "Resize", "Upsample", "DepthToSpace")  # fmt: skip
_WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def quant(reader: Reader, node: onnx.NodeProto) -> None:
    single, scale, bits, signed, narrow = quantizer_of(reader.view, node)
    if node.input[0] in reader.raw and reader.input_type is None:
        if single is None or bits > MAX_BITS:
            kind = f"{bits}-bit activations" if single is not None else "a scale per channel"
            raise UnsupportedModel(f"{describe(node)}: {kind} at the network's input; supported: one scale, 8 bits")
        _input(reader, node, single)
        return
    scales = [Fraction(float(s)) for s in scale.ravel()]
    apply(reader, node, [rounding_stairs(Quantizer(s, bits, signed, narrow)) for s in _same_axis(reader, node, scales)])


def _input(reader: Reader, node: onnx.NodeProto, quantizer: Quantizer) -> None:
    """The network's input; where only vectors are made of it, the host flattens the frame."""
    tensor, out = node.input[0], node.output[0]
    raw, readers = reader.raw[tensor], reader.consumers(out)
    flattened = all(n.op_type in ("Flatten", "Reshape") and len(reader.view.shape(n.output[0])) == 2 for n in readers)
    if readers and flattened and raw.shape[0] == 1:
        raw = reader.raw[tensor] = replace(raw, shape=(1, math.prod(raw.shape)))
    value = reader.start(describe(node), tensor, quantizer)
    reader.quantizers.append(value)
    reader.values[out] = value
    if len(readers) > 1:
        reader.build.shared.add(value.tensor)


def _same_axis(reader: Reader, node: onnx.NodeProto, scales: list[Fraction]) -> list[Fraction]:
    """Checks that several scales lie along the channels."""
    if len(scales) == 1:
        return scales
    return reader.constant(node, node.input[1], reader.value(node, node.input[0]))


def bipolar(reader: Reader, node: onnx.NodeProto) -> None:
    if node.input[0] in reader.raw and reader.input_type is None:
        raise UnsupportedModel(f"{describe(node)} at the network's input; supported: a Quant node there")
    if bipolar_scale(reader.view, node).size == 1:
        scales = [Fraction(float(bipolar_scale(reader.view, node).item()))]
    else:
        scales = reader.constant(node, node.input[1], reader.value(node, node.input[0]))
    with_zero = _needs_zero(reader, node.output[0])
    codes = IntType(1, True)
    apply(reader, node, [bipolar_stairs(scale, with_zero) for scale in scales], codes)


def _needs_zero(reader: Reader, tensor: str) -> bool:
    """Whether a reader pads with the value 0, adds, or compares scores whose constants the bit would change."""
    for node in reader.consumers(tensor):
        if node.op_type in _PASS:
            if any(_needs_zero(reader, name) for name in node.output):
                return True
        elif node.op_type in _WEIGHTED:
            last = reader.label_select and not _quantized_later(reader, node.output[0])
            if last or any(attributes(node).get("pads", [])) or node.op_type == "ConvTranspose":
                return True
            if attributes(node).get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
                return True
        elif node.op_type in ("AveragePool", "Pad"):
            return True
    return False


def _quantized_later(reader: Reader, tensor: str) -> bool:
    return any(
        n.op_type in ("Quant", "BipolarQuant", "MultiThreshold", "Trunc") or _quantized_later(reader, n.output[0])
        for n in reader.consumers(tensor)
    )


def trunc(reader: Reader, node: onnx.NodeProto) -> None:
    """QONNX Trunc: round(value / scale) to an integer, then drop its low bits (rounding_mode, FLOOR by default).

    Version 1 (5 inputs) keeps the scale of the input, version 2 (6 inputs) has one of the output.
    """
    given = [reader.view.constants.get(name) for name in node.input[1:]]
    if len(given) not in (4, 5) or any(v is None or v.size != 1 for v in given):
        raise UnsupportedModel(f"{describe(node)}: its scales, zero point and bit widths must be constants, one each")
    scale, zero, bits_in, *rest = [Fraction(float(v.item())) for v in given if v is not None]
    options = attributes(node)
    mode = str(options.get("rounding_mode", "FLOOR")).upper()
    if zero or scale <= 0 or mode not in ("FLOOR", "ROUND", "HALF_EVEN"):
        raise UnsupportedModel(f"{describe(node)}: rounding {mode}, zero point {zero}; supported: FLOOR, ROUND and 0")
    bits = int(rest[-1])
    shift = int(bits_in) - bits if len(rest) == 1 else round(math.log2(rest[0] / scale))
    if shift < 0 or not 1 <= bits <= MAX_BITS:
        raise UnsupportedModel(f"{describe(node)}: {bits} bits, shifted by {shift}; supported: up to {MAX_BITS} bits")
    unit = scale if len(rest) == 1 else rest[0]
    value = reader.value(node, node.input[0])
    signed = bool(options.get("signed", 1)) if len(rest) == 2 else _below_zero(reader, value)
    limits = Quantizer(unit, bits, signed, bool(options.get("narrow", 0)))
    boundaries = []
    for code in range(limits.lo + 1, limits.hi + 1):
        first = code << shift
        if mode != "FLOOR":  # half way down to the code below; a tie belongs to the even one
            half = 1 << shift >> 1
            first = first - half + (1 if shift and code % 2 else 0)
        boundaries.append(((first - Fraction(1, 2)) * scale, first % 2 == 0))
    apply(reader, node, [Stairs(tuple(boundaries), limits.lo, IntType(bits, signed), unit)])


def _below_zero(reader: Reader, value: Value) -> bool:
    """Whether the value can be negative at all."""
    t = reader.build.tensors[value.tensor]
    ends = (c.scale * v + c.offset for c in value.channels for v in (t.lo, t.hi))
    return min(ends) < 0 and any(c.low is None or c.low < 0 for c in value.channels)


def multithreshold(reader: Reader, node: onnx.NodeProto) -> None:
    """FINN's own node: out_scale * (number of thresholds not above the value) + out_bias."""
    options, steps = attributes(node), reader.view.constants.get(node.input[1])
    value = reader.value(node, node.input[0])
    scale, bias = (Fraction(float(options.get(key, default))) for key, default in (("out_scale", 1), ("out_bias", 0)))
    if steps is None or steps.ndim != 2 or not np.isfinite(steps).all() or scale <= 0:
        raise UnsupportedModel(f"{describe(node)}: its thresholds must be constants, and out_scale positive")
    if options.get("data_layout", "") not in ("", "NCHW", "NC", "NCW"):
        raise UnsupportedModel(f"{describe(node)}: data_layout {options['data_layout']}; supported: NCHW, NC")
    if steps.shape[0] not in (1, value.shape[1]) or steps.shape[1] >= 1 << MAX_BITS:
        raise UnsupportedModel(f"{describe(node)}: thresholds of shape {steps.shape} for {value.shape[1]} channels")
    first = bias / scale
    lo = int(first) if first.denominator == 1 else 0
    offset = Fraction(0) if first.denominator == 1 else bias
    dtype = IntType.for_range(lo, lo + steps.shape[1])
    rows = [tuple((Fraction(float(t)), True) for t in sorted(row)) for row in float_array(steps)]
    if steps.shape[1] == 1 and offset and offset == -scale / 2 and _needs_zero(reader, node.output[0]):
        apply(reader, node, [Stairs(row * 2, -1, IntType(2, True), scale / 2, unit=scale / 2) for row in rows])
        return
    apply(reader, node, [Stairs(row, lo, dtype, scale, offset) for row in rows])


def apply(reader: Reader, node: onnx.NodeProto, stairs: Sequence[Stairs], codes: IntType | None = None) -> None:
    """A Thresholding before the value's moves, or none where the value already is the codes."""
    first = stairs[0]
    if first.dtype.bits > MAX_BITS and not _is_code(reader, reader.value(node, node.input[0]), stairs):
        raise UnsupportedModel(
            f"{describe(node)}: {first.dtype.bits}-bit activations; supported: up to {MAX_BITS} bits"
        )
    build, value = reader.build, reader.value(node, node.input[0])
    if len(stairs) > 1 and value.flat:
        value = build.vector(value)
    if not _is_code(reader, value, stairs):
        value = build.rising(value)
        own = value.spread(stairs)
        source = build.tensors[value.tensor]
        rows = np.array(step_rows(value.channels, own, source.lo, source.hi), dtype=np.int64)
        rows = rows.reshape(len(own), len(first.boundaries))
        tensor = build.emit(Thresholding, value.tensor, dtype=first.dtype, thresholds=rows, out_bias=first.lo)
        build.steps[tensor] = list(value.channels), list(own)
        value = replace(value, tensor=tensor, channels=tuple(code_channel(s) for s in own))
    else:
        build.shared.add(value.tensor)  # what is recorded as these codes must stay them
    own = value.spread(stairs)
    units = tuple((s.scale if s.unit is None else s.unit, Fraction(0)) for s in own)
    value = build.moved(replace(value, units=units, codes=codes or first.dtype, where=describe(node)))
    build.orders[value.tensor] = value.order
    reader.quantizers.append(value)
    reader.put(node, value)


def code_channel(stairs: Stairs) -> Channel:
    """The value of a code."""
    return Channel(Affine(stairs.scale, stairs.offset))


def _is_code(reader: Reader, value: Value, stairs: Sequence[Stairs]) -> bool:
    """Whether the quantizer gives every integer of the tensor back as it is."""
    t = reader.build.tensors[value.tensor]
    return all(
        channel.linear and (channel.scale, channel.offset) == (own.scale, own.offset)
        and own.lo <= t.lo and t.hi <= own.hi and own.unit is None and _rounds(own)
        for channel, own in zip(value.channels, value.spread(stairs), strict=True)
    )  # fmt: skip


def _rounds(stairs: Stairs) -> bool:
    """Whether every code's value is quantized to that code."""
    below = (stairs.scale * code + stairs.offset for code in range(stairs.lo, stairs.hi))
    return all(value < place for value, (place, _) in zip(below, stairs.boundaries, strict=True)) and all(
        stairs.scale * code + stairs.offset >= place
        for code, (place, _) in enumerate(stairs.boundaries, start=stairs.lo + 1)
    )
