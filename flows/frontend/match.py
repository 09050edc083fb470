"""FINN's hardware graph against ours: the same operators on the same tensors, weights and thresholds included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import onnx

from flows.errors import UnsupportedModel, VerificationFailed
from flows.frontend.onnx_file import Array, GraphView, attributes, describe
from flows.frontend.read_model import Network
from flows.frontend.stairs import Channel, Stairs
from flows.graph import (
    MVAU,
    VVAU,
    Add,
    Concat,
    ConvolutionInputGenerator,
    DepthToSpace,
    Flatten,
    FMPadding,
    Graph,
    IntArray,
    LabelSelect,
    Op,
    Pool,
    Thresholding,
    UpsampleNearest,
)

FLOAT32_ERROR = Fraction(1, 1 << 18)
"""What FINN's float32 arithmetic may be off by, relative to every term: some ten roundings of 2**-24, and room."""
KINDS = {"ElementwiseAdd": "Add", "StreamingConcat": "Concat", "UpsampleNearestNeighbour": "UpsampleNearest"}
"""Where FINN's name of an operator is not ours."""


@dataclass(frozen=True)
class Pairing:
    """`names`: FINN's node to our operator. `order`: of the last channels, where our end shuffles pixels and FINN's
    does not (the host does): our channel g is FINN's channel order[g].
    """

    names: Mapping[str, str]
    order: IntArray | None


@dataclass
class _Search:
    view: GraphView
    network: Network
    order: IntArray | None
    nodes: list[onnx.NodeProto]
    furthest: int = 0
    reason: str = ""
    tensors: dict[str, str] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)

    @property
    def graph(self) -> Graph:
        return self.network.graph


def pair(model: onnx.ModelProto, network: Network) -> Pairing:
    """FINN's nodes and our operators, one to one (DuplicateStreams and our Flatten aside).

    Raises UnsupportedModel naming FINN's node where its graph has another structure, VerificationFailed where a node
    that fits no operator of ours in its place has other weights or thresholds.
    """
    view = GraphView(model)
    search = _Search(view, network, _shuffled_order(network.graph), list(view.nodes))
    search.tensors[view.inputs[0]] = network.graph.inputs[0]
    if not _extend(search, 0):
        node = search.nodes[search.furthest]
        if search.reason:
            raise VerificationFailed(f"front end: FINN's graph is not the network: {describe(node)}: {search.reason}")
        raise UnsupportedModel(f"{describe(node)} of FINN's graph has no counterpart")
    missing = [op for op in network.graph.ops if op.name not in search.used.values() and not _unmatched(op)]
    if missing:
        raise UnsupportedModel(f"FINN's graph has nothing for {missing[0].name}")
    return Pairing(dict(search.used), search.order)


def _unmatched(op: Op) -> bool:
    return isinstance(op, Flatten | DepthToSpace)


def _shuffled_order(graph: Graph) -> IntArray | None:
    """FINN's (the file's) channel of each of our channels before a last DepthToSpace."""
    last = graph.ops[-1]
    if not isinstance(last, DepthToSpace):
        return None
    blocks, channels = last.block**2, graph[last.inputs[0]].shape[2]
    return np.arange(channels, dtype=np.int64).reshape(channels // blocks, blocks).T.ravel()


def _extend(search: _Search, index: int) -> bool:
    """Pairs the nodes from `index` on, trying every operator that fits."""
    search.furthest = max(search.furthest, index)
    if index == len(search.nodes):
        return True
    node = search.nodes[index]
    inputs = [search.tensors[name] for name in node.input if name in search.tensors]
    if node.op_type == "DuplicateStreams":
        search.tensors.update(dict.fromkeys(node.output, inputs[0]))
        return _extend(search, index + 1)
    for op in _candidates(search, node, inputs):
        search.used[node.name] = op.name
        search.tensors[node.output[0]] = op.outputs[0]
        if _extend(search, index + 1):
            return True
        del search.used[node.name], search.tensors[node.output[0]]
    return False


def _candidates(search: _Search, node: onnx.NodeProto, inputs: Sequence[str]) -> Iterator[Op]:
    kind = KINDS.get(node.op_type, node.op_type)
    options = attributes(node)
    for op in search.graph.ops:
        if op.kind != kind or op.name in search.used.values():
            continue
        sources = [_before_flatten(search.graph, name) for name in op.inputs]
        if sources != [_before_flatten(search.graph, name) for name in inputs]:
            continue
        if not _same_options(op, options) or not _same_shape(search, node, op):
            continue
        reason = _difference(search, node, op)
        if reason:
            search.reason = reason
        else:
            yield op


def _before_flatten(graph: Graph, tensor: str) -> str:
    producer = graph.producer(tensor)
    return producer.inputs[0] if isinstance(producer, Flatten) else tensor


def _same_shape(search: _Search, node: onnx.NodeProto, op: Op) -> bool:
    shape = search.view.shape(node.output[0])
    padded = (1,) * (4 - len(shape)) + shape
    return padded[1:] == search.graph[op.outputs[0]].shape


def _same_options(op: Op, options: Mapping[str, Any]) -> bool:
    match op:
        case FMPadding():
            return tuple(options["Padding"]) == op.pad
        case ConvolutionInputGenerator():
            given = tuple(tuple(options[key]) for key in ("ConvKernelDim", "Stride", "Dilation"))
            return given == (op.kernel, op.stride, op.dilation) and bool(options["depthwise"]) == op.depthwise
        case Pool():
            function = {"max": "MaxPool", "sum": "AccPool"}[op.function]
            return bool(options["Function"] == function and np.prod(options["KernelSize"]) == op.window)
        case MVAU() | VVAU():
            return bool(options["noActivation"]) and not options.get("binaryXnorMode", 0)
        case Add():
            return op.factors == (1, 1)
        case LabelSelect():
            return int(options["K"]) == op.k
        case Concat() | UpsampleNearest() | Thresholding():
            return True
    return True


def _difference(search: _Search, node: onnx.NodeProto, op: Op) -> str:
    """What is wrong with the node's constants, or nothing."""
    if isinstance(op, MVAU | VVAU):
        found = search.view.constants.get(node.input[1])
        return "its weights are not constant" if found is None else weights_differ(found, _as_finn(search, op))
    if isinstance(op, Thresholding):
        found = search.view.constants.get(node.input[1])
        if found is None:
            return "its thresholds are not constant"
        channels, stairs = search.network.steps[op.outputs[0]]
        if search.order is not None and before_shuffle(search.graph, op.outputs[0]):
            back = np.argsort(search.order)
            channels, stairs = [channels[g] for g in back], [stairs[g] for g in back]
        source = search.graph[op.inputs[0]]
        return thresholds_differ(found, channels, stairs, source.lo, source.hi)
    return ""


def before_shuffle(graph: Graph, tensor: str) -> bool:
    """Whether the channels of `tensor` are those that a DepthToSpace at the end takes, a quantizer between or not."""
    following = graph.consumers(tensor)
    if len(following) != 1:
        return False
    op = following[0]
    if isinstance(op, DepthToSpace):
        return op is graph.ops[-1]
    return isinstance(op, Thresholding) and before_shuffle(graph, op.outputs[0])


def _as_finn(search: _Search, op: MVAU | VVAU) -> IntArray:
    """Our weights in FINN's order of output channels, and in its layout."""
    weights = op.weights
    if search.order is not None and before_shuffle(search.graph, op.outputs[0]):
        weights = weights[:, np.argsort(search.order)]
    if isinstance(op, VVAU):
        return weights.T
    return weights


def weights_differ(found: Array, expected: IntArray) -> str:
    """Names the first channel (last axis; for FINN's depthwise weights (C, 1, KH, KW) the first) that is not ours."""
    if found.ndim == 4:
        found, axis = found.reshape(found.shape[0], -1), 1
    else:
        axis = 0
    if found.shape != expected.shape:
        return f"weights of shape {found.shape}, the file has {expected.shape}"
    wrong = (found != expected).any(axis=axis) & found.any(axis=axis)
    wrong |= (found != expected).any(axis=axis) & ~expected.any(axis=axis)
    return f"the weights of output channel {int(np.argmax(wrong))} are not the file's" if wrong.any() else ""


def thresholds_differ(
    found: Array, channels: Sequence[Channel], stairs: Sequence[Stairs], lo: int, hi: int
) -> str:  # fmt: skip
    """Names the first of FINN's thresholds (C or 1, N) that is not ours up to what float32 explains.

    [lo, hi]: of the integers that are compared. Constant channels are skipped: FINN replaces them.
    """
    steps = len(stairs[0].boundaries)
    if found.ndim != 2 or found.shape[0] not in (1, len(channels)) or found.shape[1] != steps:
        return f"thresholds of shape {found.shape}, the file asks for {(len(channels), steps)}"
    for c, (channel, own) in enumerate(zip(channels, stairs, strict=True)):
        if channel.scale == 0:
            continue
        row = found[c if found.shape[0] > 1 else 0]
        for i, (place, _) in enumerate(own.boundaries):
            if channel.low is not None and place <= channel.low:
                continue
            at = (place - channel.offset) / channel.scale
            slack = (abs(place) + abs(channel.offset) + channel.affine.terms) / channel.scale * FLOAT32_ERROR
            below, above = -(-(at - slack) // 1), (at + slack) // 1 + 1
            low, high = (min(max(v, lo), hi + 1) for v in (below, above))
            if not low <= min(max(row[i], lo), hi + 1) <= high:
                return f"threshold {i} of channel {c} is {row[i]:g}; the file's scales put it in [{low}, {high}]"
    return ""
