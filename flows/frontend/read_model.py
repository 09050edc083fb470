"""Walks a QONNX file from its input to its output and builds the typed graph, exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import onnx

from flows.errors import ConfigError, UnsupportedModel
from flows.frontend.builder import INPUT, OUTPUT
from flows.frontend.onnx_file import GraphView, describe
from flows.frontend.reader import Layer, Raw, Reader
from flows.frontend.rules import RULES
from flows.frontend.rules_select import scores, select
from flows.frontend.spec import HostStep, InputSpec, Layout, OutputSpec
from flows.frontend.stairs import Channel, Stairs
from flows.frontend.value import Value, in_order
from flows.graph import Graph, IntArray, Op, Tensor, by_name

QUANTIZERS = ("Quant", "BipolarQuant", "MultiThreshold")


@dataclass(frozen=True, eq=False)
class Network:
    """`layouts[k]`: of the k-th quantizer of activations in the file's order. `sums`: of the network's own result.

    `layers`: name of the operator, and what the file says of the layer, in the file's order. `steps`: per tensor that
    thresholds make, the value before and the quantizer, per channel.
    """

    graph: Graph
    input: InputSpec
    output: OutputSpec
    layouts: tuple[Layout | None, ...]
    sums: Layout | None
    layers: tuple[tuple[str, Layer], ...]
    steps: Mapping[str, tuple[Sequence[Channel], Sequence[Stairs]]]


def read_model(model: onnx.ModelProto, label_select: bool = False, name: str = "network") -> Network:
    """The network in a tidied QONNX model (`qonnx.util.cleanup`) as a Graph called `name`.

    label_select: the graph ends in the index of the largest score. Raises UnsupportedModel naming the node, its
    operator and the reason for everything whose integers are not known exactly, ConfigError where label_select would
    choose wrongly.
    """
    view = GraphView(model)
    if len(view.inputs) != 1 or len(view.outputs) != 1:
        raise UnsupportedModel(
            f"the network has {len(view.inputs)} inputs and {len(view.outputs)} outputs; supported: one of each"
        )
    if not any(node.op_type in QUANTIZERS for node in view.nodes):
        raise UnsupportedModel("the model has no Quant node: it is not quantized, or not exported as QONNX")
    shape = view.shape(view.inputs[0])
    if shape[0] != 1 or len(shape) not in (2, 3, 4):
        raise UnsupportedModel(f"input of shape {shape}; supported: one frame, (1, C, H, W) or (1, features)")
    reader = Reader(view, label_select, live=_live(view))
    reader.raw[view.inputs[0]] = Raw(shape, tuple(range(len(shape))))
    for node in view.nodes:
        if reader.live.intersection(node.output) and reader.dynamic(node):
            if node.op_type not in RULES:
                raise UnsupportedModel(f"{describe(node)} is not supported; supported: {', '.join(RULES)}")
            RULES[node.op_type](reader, node)
    return _finish(reader, view, name)


def _live(view: GraphView) -> set[str]:
    """Tensors that the network's output depends on."""
    found, waiting = set(view.outputs), list(view.outputs)
    while waiting:
        node = view.producer(waiting.pop())
        for tensor in () if node is None else node.input:
            if tensor and tensor not in found:
                found.add(tensor)
                waiting.append(tensor)
    return found


def _finish(reader: Reader, view: GraphView, name: str) -> Network:
    last = reader.values.get(view.outputs[0])
    if last is None or reader.input is None:
        raise UnsupportedModel(f"the network's output {view.outputs[0]!r} is not made from quantized values")
    if not last.linear:
        raise UnsupportedModel(f"{last.where} is the last node; it must be followed by a Quant node")
    if not reader.layers:
        raise UnsupportedModel("the network has no Conv, Gemm or MatMul")
    build = reader.build
    result, output = _ends(reader, build.moved(last), view.shape(view.outputs[0])[1:])
    if result.tensor == INPUT:
        raise UnsupportedModel("the network's output is its quantized input")
    old, result = result.tensor, replace(result, tensor=OUTPUT)
    build.rename(old, OUTPUT)
    ops = _needed(build.ops, OUTPUT)
    tensors: list[Tensor] = [build.tensors[INPUT], *(build.tensors[op.outputs[0]] for op in ops)]
    graph = Graph(name, (INPUT,), (result.tensor,), ops, by_name(tensors))
    graph.validate()
    chosen = reader.scores or result
    sums = _layout(chosen, chosen.order, graph)
    quantizers = [replace(v, tensor=OUTPUT) if v.tensor == old else v for v in reader.quantizers]
    layouts = tuple(_layout(value, build.orders.get(value.tensor, value.order), graph) for value in quantizers)
    kept = {op.name for op in ops}
    layers = tuple((op, layer) for op, layer in reader.layers if op in kept)
    return Network(graph, reader.input, output, layouts, sums, layers, build.steps)


def _ends(reader: Reader, last: Value, shape: tuple[int, ...]) -> tuple[Value, OutputSpec]:
    """The graph's output, and what the host makes of it."""
    if reader.label_select and reader.scores is not None and len(last.channels) == 1:
        return last, OutputSpec((1,), (), True)
    if reader.label_select:
        reader.scores, reason = scores(reader, last)
        if reason:
            raise ConfigError(
                f"label_select: {reason}; set label_select: false, or train the last layer without bias and with one "
                "weight scale"
            )
        if len(last.channels) < 2:
            raise ConfigError("label_select: the network has a single output; set label_select: false")
        return select(reader, reader.scores, 1), OutputSpec((1,), (), True)
    last = reader.build.ordered(last, in_order(len(last.order)))
    steps = [HostStep("Mul", _numbers([c.scale for c in last.channels]))]
    if any(c.offset for c in last.channels):
        steps.append(HostStep("Add", _numbers([c.offset for c in last.channels])))
    return last, OutputSpec(shape, tuple(steps))


def _numbers(values: Sequence[Fraction]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """One number where all channels agree."""
    rounded = [float(v) for v in values]
    return np.array(rounded[0] if len(set(rounded)) == 1 else rounded, dtype=np.float64)


def _needed(ops: Sequence[Op], output: str) -> tuple[Op, ...]:
    """Without operators that nothing reads."""
    wanted = {output}
    kept = []
    for op in reversed(ops):
        if wanted.intersection(op.outputs):
            wanted.update(op.inputs)
            kept.append(op)
    return tuple(reversed(kept))


def _layout(value: Value, order: IntArray, graph: Graph) -> Layout | None:
    """How the framework's integers lie in the graph's tensor; None where it has none, or the graph not the tensor."""
    if value.units is None or value.tensor not in graph.tensors:
        return None
    place = {int(k): g for g, k in enumerate(value.order)}
    rows = []
    for k in order:
        channel, (unit, base) = value.channels[place[int(k)]], value.units[place[int(k)]]
        if channel.scale == 0:
            return None
        factor, shift = unit / channel.scale, (base - channel.offset) / channel.scale
        divisor = math.lcm(factor.denominator, shift.denominator)
        rows.append((int(factor * divisor), int(shift * divisor), divisor))
    if any(abs(v) > 1 << 20 for row in rows for v in row):
        return None
    factors, shifts, divisors = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    return Layout(value.tensor, np.asarray(order, dtype=np.int64), factors, shifts, divisors)


def with_widths(network: Network, widths: Sequence[int | None]) -> Graph:
    """The graph, with the accumulator width that each of the network's layers was trained for."""
    named = {op: bits for (op, _), bits in zip(network.layers, widths, strict=True)}
    return replace(network.graph, trained_bits=named)
