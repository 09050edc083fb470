"""FINN's hardware graph as the typed `Graph`, with exact thresholds and ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx

from flows.errors import UnsupportedModel
from flows.frontend import match
from flows.frontend.chain import Chain
from flows.frontend.exact import Affine, thresholds
from flows.frontend.finn_types import int_type
from flows.frontend.onnx_file import GraphView, attributes, describe
from flows.graph import (
    MVAU,
    ConvolutionInputGenerator,
    Flatten,
    FMPadding,
    Graph,
    IntType,
    LabelSelect,
    Op,
    Pool,
    Shape,
    Tensor,
    Thresholding,
    by_name,
    output_shape,
)
from flows.ranges import propagate

SUPPORTED = "FMPadding, ConvolutionInputGenerator, MVAU, Thresholding, Pool (maximum), LabelSelect"


@dataclass(frozen=True, eq=False)
class Hardware:
    """The graph; the network's output as a function of the graph's integers; which MVAU is which layer of the file."""

    graph: Graph
    output: tuple[Affine, ...]
    quant_tensors: Mapping[int, str]
    layers: tuple[str, ...]


@dataclass
class _Build:
    """The graph so far. `signs`: of the MVAU whose accumulators `tensor` carries, else None."""

    view: GraphView
    chain: Chain
    tensor: Tensor
    input_is_nchw_vector: bool
    ops: list[Op] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)
    layers: list[str] = field(default_factory=list)
    quant_tensors: dict[int, str] = field(default_factory=dict)
    signs: list[int] | None = None

    def add(self, op: Op, dtype: IntType | None = None) -> None:
        """Appends `op`, which reads the current tensor; `dtype` of its output, None where it is the input's."""
        t = self.tensor
        lo, hi = propagate(op, t)
        if isinstance(op, MVAU):
            dtype = IntType.for_range(lo, hi, signed=True)
        self.tensor = Tensor(op.outputs[0], output_shape(op, t.shape), dtype or t.dtype, lo, hi)
        self.ops.append(op)
        self.tensors.append(self.tensor)


def read_hardware(model: onnx.ModelProto, chain: Chain, name: str, flattened_input: bool) -> Hardware:
    """The hardware graph in `model` (FINN's, before SpecializeLayers) as a Graph called `name`.

    flattened_input: the host flattens the quantized frame, in NCHW order, before the graph takes it. Raises
    UnsupportedModel naming the node for operators, weights and thresholds that are not what the file asks for.
    """
    view = GraphView(model)
    quantizer = chain.activations[0].quantizer
    shape = _frame(view.shape(view.inputs[0]))
    first = Tensor(view.inputs[0], shape, IntType(quantizer.bits, quantizer.signed), quantizer.lo, quantizer.hi)
    build = _Build(view, chain, first, flattened_input, tensors=[first], quant_tensors={0: first.name})
    while build.tensor.name != view.outputs[0]:
        consumers = view.consumers(build.tensor.name)
        if len(consumers) != 1:
            raise UnsupportedModel(f"branches are not supported: tensor {build.tensor.name!r} of FINN's graph")
        _RULES.get(consumers[0].op_type, _refuse)(build, consumers[0], attributes(consumers[0]))
        _check_shape(build, consumers[0])
    if len(build.layers) != len(chain.layers) or len(build.quant_tensors) != len(chain.activations):
        raise UnsupportedModel(
            f"FINN's graph has {len(build.layers)} MVAU and {len(build.quant_tensors) - 1} Thresholding for "
            f"{len(chain.layers)} layers and {len(chain.activations) - 1} quantizers"
        )
    output = chain.output if build.signs is None else match.turn(chain.output, build.signs)
    graph = Graph(name, (first.name,), (build.tensor.name,), tuple(build.ops), by_name(build.tensors))
    graph.validate()
    return Hardware(graph, output, build.quant_tensors, tuple(build.layers))


def _frame(shape: tuple[int, ...]) -> Shape:
    """(1, H, W, C) or (1, C) to (H, W, C)."""
    padded = (1,) * (4 - len(shape)) + shape
    return padded[1], padded[2], padded[3]


def _check_shape(build: _Build, node: onnx.NodeProto) -> None:
    given = _frame(build.view.shape(node.output[0]))
    if given != build.tensor.shape:
        raise UnsupportedModel(f"{describe(node)}: FINN's graph has shape {given}, the operator {build.tensor.shape}")


def _ends(build: _Build, node: onnx.NodeProto) -> tuple[str, tuple[str], tuple[str]]:
    return node.name, (build.tensor.name,), (node.output[0],)


def _padding(build: _Build, node: onnx.NodeProto, options: Mapping[str, Any]) -> None:
    top, left, bottom, right = options["Padding"]
    build.add(FMPadding(*_ends(build, node), pad=(top, left, bottom, right)))


def _window(build: _Build, node: onnx.NodeProto, options: Mapping[str, Any]) -> None:
    kernel, stride, dilation = (tuple(options[k]) for k in ("ConvKernelDim", "Stride", "Dilation"))
    build.add(
        ConvolutionInputGenerator(
            *_ends(build, node), kernel=kernel, stride=stride, dilation=dilation, depthwise=bool(options["depthwise"])
        )
    )


def _pool(build: _Build, node: onnx.NodeProto, options: Mapping[str, Any]) -> None:
    if options["Function"] != "MaxPool":
        raise UnsupportedModel(f"{describe(node)}: {options['Function']}; supported: MaxPool")
    source = build.ops[-1] if build.ops else None
    if not (isinstance(source, ConvolutionInputGenerator) and source.depthwise):
        raise UnsupportedModel(f"{describe(node)} does not follow a depthwise ConvolutionInputGenerator")
    kh, kw = options["KernelSize"]
    build.add(Pool(*_ends(build, node), window=kh * kw))


def _mvau(build: _Build, node: onnx.NodeProto, options: Mapping[str, Any]) -> None:
    if not options["noActivation"] or options.get("binaryXnorMode", 0):
        raise UnsupportedModel(f"{describe(node)}: with thresholds or XNOR inside; supported: plain integers")
    if len(build.layers) >= len(build.chain.layers):
        raise UnsupportedModel(f"{describe(node)}: FINN's graph has more MVAU than the file has layers")
    index = len(build.layers)
    layer = build.chain.layers[index]
    _flatten_for(build, int(options["MW"]), options["numInputVectors"])
    found = build.view.constants.get(node.input[1])
    if found is None:
        raise UnsupportedModel(f"{describe(node)}: its weights are not constant")
    channels_last = not (index == 0 and build.input_is_nchw_vector)
    expected = match.matrix(layer, channels_last)
    channels = _channels_after(build.chain, index)
    build.signs = match.signs_of(node.name, layer, expected, found, channels)
    weights = np.rint(found).astype(np.int64)
    declared = IntType(layer.weight_bits, layer.weight_signed)
    lo, hi = int(weights.min()), int(weights.max())
    kind = declared if declared.holds(lo, hi) else IntType.for_range(lo, hi, signed=True)
    build.layers.append(node.name)
    build.add(MVAU(*_ends(build, node), weights=weights, weight_type=kind))


def _channels_after(chain: Chain, index: int) -> tuple[Affine, ...]:
    """The value of layer `index`' channels as the next quantizer, or the output, sees them."""
    following = [a for a in chain.activations if a.layer == index]
    return following[0].channels if following else chain.output


def _flatten_for(build: _Build, mw: int, vectors: list[int]) -> None:
    """FINN lets an MVAU read a map as one vector; the Graph says so."""
    t = build.tensor
    if t.shape[2] == mw or t.elements != mw or np.prod(vectors) != 1:
        return
    count = sum(isinstance(op, Flatten) for op in build.ops)
    name = f"Flatten_{count}"
    build.add(Flatten(name, (t.name,), (f"{name}_out0",)))


def _thresholding(build: _Build, node: onnx.NodeProto, options: Mapping[str, Any]) -> None:
    k = len(build.quant_tensors)
    if k >= len(build.chain.activations):
        raise UnsupportedModel(f"{describe(node)}: FINN's graph has more Thresholding than the file has quantizers")
    activation = build.chain.activations[k]
    quantizer, channels = activation.quantizer, activation.channels
    if build.signs is not None:
        channels = match.turn(channels, build.signs)
    source, found = int_type(options["inputDataType"]), build.view.constants.get(node.input[1])
    if source is None or found is None or not np.array_equal(found, np.rint(found)):
        raise UnsupportedModel(f"{describe(node)}: FINN left it without constant integer thresholds")
    if int(options["ActVal"]) != quantizer.lo:
        raise UnsupportedModel(f"{describe(node)}: starts at {options['ActVal']}, {activation.node} at {quantizer.lo}")
    match.check_thresholds(node.name, activation.node, found, source, channels, quantizer)
    exact = thresholds(channels, quantizer, build.tensor.lo, build.tensor.hi)
    build.add(
        Thresholding(*_ends(build, node), thresholds=exact, out_bias=quantizer.lo),
        IntType(quantizer.bits, quantizer.signed),
    )
    build.quant_tensors[k] = build.tensor.name
    build.signs = None


def _label_select(build: _Build, node: onnx.NodeProto, options: Mapping[str, Any]) -> None:
    if int(options["K"]) != 1 or (build.signs is not None and -1 in build.signs):
        raise UnsupportedModel(f"{describe(node)}: supported: the largest one of scores that rise with the integers")
    build.add(LabelSelect(*_ends(build, node)), IntType.for_range(0, build.tensor.shape[2] - 1))


def _refuse(build: _Build, node: onnx.NodeProto, options: Mapping[str, Any]) -> None:
    raise UnsupportedModel(f"{describe(node)} in FINN's graph has no hardware here; supported: {SUPPORTED}")


_RULES: dict[str, Callable[[_Build, onnx.NodeProto, Mapping[str, Any]], None]] = {
    "FMPadding": _padding,
    "ConvolutionInputGenerator": _window,
    "Pool": _pool,
    "MVAU": _mvau,
    "Thresholding": _thresholding,
    "LabelSelect": _label_select,
}
