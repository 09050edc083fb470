"""Constants behind a node's input: plain initializers, and initializers that pass through a Quant node."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import onnx

from flows.errors import UnsupportedModel
from flows.frontend.exact import Quantizer
from flows.frontend.onnx_file import Array, GraphView, attributes, describe, float_array
from flows.graph import IntArray

HALF_EVEN = ("ROUND", "HALF_EVEN")
"""QONNX's names of rounding half to even."""


@dataclass(frozen=True)
class QuantizedConstant:
    """`integers` (int64) * `scale` (float64 holding float32 values, same rank, broadcastable), of `bits` bits."""

    integers: IntArray
    scale: Array
    bits: int
    signed: bool
    bipolar: bool = False


def quantizer_of(graph: GraphView, node: onnx.NodeProto) -> tuple[Quantizer | None, Array, int, bool, bool]:
    """(per-tensor quantizer or None, scale, bits, signed, narrow) of a Quant node.

    Raises UnsupportedModel naming the node for parameters that are computed, a zero point, odd widths or roundings.
    """
    values = [graph.constants.get(name) for name in node.input[1:4]]
    scale, zero, width = values if len(values) == 3 else (None, None, None)
    if scale is None or zero is None or width is None:
        raise UnsupportedModel(f"{describe(node)}: scale, zero point and bit width must be constants")
    options = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND", **attributes(node)}
    if np.any(zero != 0):
        raise UnsupportedModel(f"{describe(node)}: zero point {zero.ravel()[0]:g}; supported: symmetric quantizers (0)")
    if options["rounding_mode"].upper() not in HALF_EVEN:
        mode = options["rounding_mode"]
        raise UnsupportedModel(f"{describe(node)}: rounding {mode}; supported: ROUND (half to even)")
    bits = float(width.ravel()[0])
    if np.any(width != bits) or bits != int(bits) or not 1 <= bits <= 32:
        raise UnsupportedModel(f"{describe(node)}: bit width {bits:g}; supported: one whole number from 1 to 32")
    if not np.all(np.isfinite(scale) & (scale > 0)):
        raise UnsupportedModel(f"{describe(node)}: scales must be positive and finite")
    exact, signed, narrow = float_array(scale), bool(options["signed"]), bool(options["narrow"])
    single = Quantizer(Fraction(float(exact.ravel()[0])), int(bits), signed, narrow) if scale.size == 1 else None
    return single, exact, int(bits), signed, narrow


def quantized(graph: GraphView, tensor: str) -> QuantizedConstant | None:
    """The integers of a constant that passes through Quant (and Transpose), or None where it does not.

    integer = clip(round half to even(value / scale)), in float64: exact, since both are float32 values.
    """
    node = graph.producer(tensor)
    if node is None:
        return None
    if node.op_type == "Transpose":
        inner = quantized(graph, node.input[0])
        if inner is None:
            return None
        order = attributes(node).get("perm", list(range(inner.integers.ndim))[::-1])
        integers, scale = inner.integers.transpose(order), inner.scale.transpose(order)
        return QuantizedConstant(integers, scale, inner.bits, inner.signed, inner.bipolar)
    if node.op_type == "BipolarQuant" and node.input[0] in graph.constants:
        return _bipolar(graph, node)
    if node.op_type != "Quant" or node.input[0] not in graph.constants:
        return None
    value = float_array(graph.constants[node.input[0]])
    _, scale, bits, signed, narrow = quantizer_of(graph, node)
    limits = Quantizer(Fraction(1), bits, signed, narrow)
    scale = scale.reshape((1,) * (value.ndim - scale.ndim) + scale.shape)
    if not np.all(np.isfinite(value)) or scale.ndim != value.ndim:
        raise UnsupportedModel(f"{describe(node)}: its constant is not finite, or its scale has too many dimensions")
    integers = np.clip(np.rint(value / scale), limits.lo, limits.hi).astype(np.int64)
    return QuantizedConstant(integers, scale, bits, signed)


def bipolar_scale(graph: GraphView, node: onnx.NodeProto) -> Array:
    """The scale of a BipolarQuant node, float64. Raises UnsupportedModel where it is computed or not positive."""
    scale = graph.constants.get(node.input[1])
    if scale is None or not np.all(np.isfinite(scale) & (scale > 0)):
        raise UnsupportedModel(f"{describe(node)}: its scale must be constant, positive and finite")
    return float_array(scale)


def _bipolar(graph: GraphView, node: onnx.NodeProto) -> QuantizedConstant:
    """1 from 0 on, else -1."""
    value, scale = float_array(graph.constants[node.input[0]]), bipolar_scale(graph, node)
    if not np.all(np.isfinite(value)):
        raise UnsupportedModel(f"{describe(node)}: its constant is not finite")
    scale = scale.reshape((1,) * (value.ndim - scale.ndim) + scale.shape)
    return QuantizedConstant(np.where(value >= 0, 1, -1).astype(np.int64), scale, 1, True, bipolar=True)


def exact_values(graph: GraphView, tensor: str) -> list[Fraction] | None:
    """The values of a constant, flattened and exact, through a Quant node too; None where it is not constant.

    Raises UnsupportedModel naming a constant that holds NaN or infinite values.
    """
    if tensor in graph.constants:
        values = float_array(graph.constants[tensor]).ravel()
        if not np.isfinite(values).all():
            raise UnsupportedModel(f"the constant {tensor!r} holds NaN or infinite values")
        return [Fraction(float(v)) for v in values]
    constant = quantized(graph, tensor)
    if constant is None:
        return None
    scale = np.broadcast_to(constant.scale, constant.integers.shape)
    return [Fraction(float(s)) * int(q) for s, q in zip(scale.ravel(), constant.integers.ravel(), strict=True)]
