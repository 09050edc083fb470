"""The state of a walk over a QONNX graph, and what all its rules need."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
import onnx

from flows.errors import UnsupportedModel
from flows.frontend.builder import INPUT, Builder
from flows.frontend.constants import exact_values
from flows.frontend.exact import Affine, Quantizer
from flows.frontend.finn_types import int_type
from flows.frontend.onnx_file import GraphView, attributes, describe
from flows.frontend.spec import InputSpec
from flows.frontend.stairs import Channel
from flows.frontend.value import Value, in_order
from flows.graph import IntArray, IntType, Shape, Tensor


@dataclass(frozen=True)
class Raw:
    """The network's input, rearranged by the host before it is quantized: `shape` now, `perm` of all its axes."""

    shape: tuple[int, ...]
    perm: tuple[int, ...]
    reshaped: bool = False


@dataclass(frozen=True, eq=False)
class Layer:
    """One Conv, ConvTranspose, Gemm or MatMul: `weights` int64 (outputs, inputs[, KH, KW]), and its types."""

    node: str
    op: str
    weights: IntArray
    weight_bits: int
    weight_signed: bool
    input: IntType


@dataclass
class Reader:
    """`values`: what is known of every tensor read so far. `raw`: tensors that are still the unquantized input.

    `quantizers[k]`: the value after the k-th quantizer of activations. `layers`: name of the operator, and the layer.
    `input`: set by the quantizer of the network's input. `live`: names of the tensors that lead to the output.
    `scores`: what a TopK or ArgMax node of the file chooses from.
    """

    view: GraphView
    label_select: bool
    build: Builder = field(default_factory=Builder)
    values: dict[str, Value] = field(default_factory=dict)
    raw: dict[str, Raw] = field(default_factory=dict)
    quantizers: list[Value] = field(default_factory=list)
    layers: list[tuple[str, Layer]] = field(default_factory=list)
    input: InputSpec | None = None
    live: set[str] = field(default_factory=set)
    scores: Value | None = None

    def consumers(self, tensor: str) -> list[onnx.NodeProto]:
        """Nodes that read `tensor` and lead to the output; one that reads it twice counts twice."""
        return [n for n in self.view.consumers(tensor) if self.live.intersection(n.output)]

    def dynamic(self, node: onnx.NodeProto) -> bool:
        return any(name in self.values or name in self.raw for name in node.input)

    def value(self, node: onnx.NodeProto, tensor: str) -> Value:
        """What is known of an input of `node`. Raises UnsupportedModel where it is not quantized yet, or a constant."""
        if tensor in self.raw and self.input_type is not None:
            whole = Quantizer(Fraction(1), self.input_type.bits, self.input_type.signed, False)
            self.values[tensor] = self.start(describe(node), tensor, whole)
            del self.raw[tensor]
        if tensor in self.raw:
            raise UnsupportedModel(
                f"{describe(node)}: its input must come from a Quant node; quantize the network's input first"
            )
        if tensor not in self.values:
            raise UnsupportedModel(f"{describe(node)}: its input {tensor!r} is a constant")
        value = self.values[tensor]
        if len(self.consumers(tensor)) + (tensor in self.view.outputs) > 1:
            self.build.shared.add(value.tensor)
        return value

    @property
    def input_type(self) -> IntType | None:
        """The network's input where the file says that it is integers already (FINN's older exports)."""
        return int_type(self.view.datatypes.get(self.view.inputs[0], ""))

    def moved(self, node: onnx.NodeProto, tensor: str) -> Value:
        """`linear`, with its moves made, once for all that read it."""
        value = self.linear(node, tensor)
        if not value.moves:
            return value
        self.values[tensor] = value = self.build.moved(value)
        if len(self.consumers(tensor)) + (tensor in self.view.outputs) > 1:
            self.build.shared.add(value.tensor)
        return value

    def linear(self, node: onnx.NodeProto, tensor: str) -> Value:
        """`value`, which must not be clipped: sums of clipped values are no function of sums of integers."""
        value = self.value(node, tensor)
        if not value.linear:
            raise UnsupportedModel(
                f"{describe(node)}: its input must come from a Quant node, not from {value.where}, which clips it"
            )
        return value

    def put(self, node: onnx.NodeProto, value: Value) -> None:
        """Notes the output of `node`, whose shape the file gives."""
        shape = self.view.shape(node.output[0])
        if not value.moves and not value.flat and not _same_map(shape, self.build.tensors[value.tensor].shape):
            raise UnsupportedModel(
                f"{describe(node)}: the file gives its output the shape {shape}, it has (H, W, C) = "
                f"{self.build.tensors[value.tensor].shape}"
            )
        self.values[node.output[0]] = replace(value, shape=shape)

    def constant(self, node: onnx.NodeProto, tensor: str, value: Value) -> list[Fraction]:
        """A constant operand, as one number or one per channel of the file (axis 1). Raises UnsupportedModel."""
        exact = exact_values(self.view, tensor)
        if exact is None:
            raise UnsupportedModel(f"{describe(node)}: its operand {tensor!r} is not a constant")
        if len(set(exact)) == 1:
            return exact[:1]
        shape = self.view.shape(tensor)
        aligned = (1,) * (len(value.shape) - len(shape)) + shape
        if len(exact) != value.shape[1] or aligned[1] != len(exact):
            raise UnsupportedModel(f"{describe(node)}: a constant of shape {shape}; supported: one value per channel")
        return exact

    def spread(self, value: Value, constants: list[Fraction]) -> tuple[Value, list[Fraction]]:
        """The value, flattened if it must be, and the constants per graph channel."""
        if len(constants) > 1 and value.flat:
            value = self.build.vector(value)
        return value, value.spread(constants)

    def start(self, node: str, tensor: str, quantizer: Quantizer) -> Value:
        """The quantized input of the network as a value. Raises UnsupportedModel for a second, different one."""
        raw = self.raw[tensor]
        shape = self.view.shape(self.view.inputs[0])[1:]
        perm, frame = _arrangement(node, raw, shape)
        spec = InputSpec(
            shape, float(quantizer.scale), 0, quantizer.bits, quantizer.signed, quantizer.narrow, perm, frame
        )
        if self.input is not None and self.input != spec:
            raise UnsupportedModel(f"{node}: a second quantizer of the network's input; supported: one")
        self.input = spec
        dtype = IntType(quantizer.bits, quantizer.signed)
        self.build.tensors[INPUT] = Tensor(INPUT, frame, dtype, quantizer.lo, quantizer.hi)
        if len(self.consumers(tensor)) > 1:
            self.build.shared.add(INPUT)
        c = frame[2]
        channels = (Channel(Affine(quantizer.scale)),) * c
        return Value(INPUT, raw.shape, channels, in_order(c), node, units=((quantizer.scale, Fraction(0)),) * c,
                     codes=dtype)  # fmt: skip


def _same_map(shape: tuple[int, ...], own: Shape) -> bool:
    """Whether the file's (1, C[, H[, W]]) is the graph's (H, W, C)."""
    h, w, c = own
    pixels = {2: (1, 1), 3: (1, *shape[2:]), 4: shape[2:]}.get(len(shape))
    return shape[:2] == (1, c) and pixels == (h, w)


def _arrangement(node: str, raw: Raw, shape: tuple[int, ...]) -> tuple[tuple[int, ...] | None, Shape]:
    """(perm, graph_shape) of the input: its axes are permuted, then it is read as (H, W, C)."""
    dims = raw.shape
    if len(dims) == 2:
        perm: tuple[int, ...] | None = None if raw.perm == tuple(range(len(raw.perm))) else raw.perm
        return perm, (1, 1, dims[1])
    channels_last = (0, *range(2, len(dims)), 1)
    h, w = (1, dims[2]) if len(dims) == 3 else dims[2:]
    if raw.reshaped:
        if dims[1] != 1 or raw.perm != tuple(range(len(raw.perm))):
            raise UnsupportedModel(f"{node}: the network's input of shape {shape} is reshaped to {dims[1:]}")
        return None, (h, w, 1)
    order = tuple(raw.perm[axis] for axis in channels_last)
    return (None if order == tuple(range(len(order))) else order), (h, w, dims[1])


def factors_of(scales: list[Fraction], limit: int) -> tuple[Fraction, list[int]] | None:
    """(g, m) with scales = g * m, m integers of magnitude up to `limit`; None where there are none."""
    moving = [s for s in scales if s]
    if not moving:
        return Fraction(1), [0] * len(scales)
    g = Fraction(math.gcd(*(s.numerator for s in moving)), math.lcm(*(s.denominator for s in moving)))
    factors = [int(s / g) for s in scales]
    return (g, factors) if max(abs(m) for m in factors) <= limit else None


def constant_ints(reader: Reader, node: onnx.NodeProto, index: int, attribute: str) -> list[int] | None:
    """Integers that older operator sets keep in an attribute and newer ones in an input; None where there are none."""
    if len(node.input) > index and node.input[index]:
        found = reader.view.constants.get(node.input[index])
        if found is None:
            raise UnsupportedModel(f"{describe(node)}: its input {node.input[index]!r} must be a constant")
        return [int(v) for v in np.ravel(found)]
    options: dict[str, Any] = attributes(node)
    return None if attribute not in options else [int(v) for v in np.ravel(options[attribute])]


def map_shape(reader: Reader, node: onnx.NodeProto, value: Value) -> tuple[int, int, int]:
    """(C, H, W) of a map as the file has it, (1, C, H, W) or (1, C, W). Raises UnsupportedModel for anything else."""
    if len(value.shape) not in (3, 4) or value.flat:
        raise UnsupportedModel(f"{describe(node)} on shape {value.shape}; supported: maps (1, C, H, W) or (1, C, W)")
    spatial = (1, value.shape[2]) if len(value.shape) == 3 else value.shape[2:]
    return value.shape[1], spatial[0], spatial[1]


def permuted(weights: IntArray, order: IntArray) -> IntArray:
    """Weights (outputs, inputs, …) with the inputs as the graph has them."""
    return np.ascontiguousarray(weights[:, order])
