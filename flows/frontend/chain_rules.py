"""What each QONNX operator does to the exact knowledge of a tensor, and what of it is not supported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import onnx

from flows.errors import UnsupportedModel
from flows.frontend.chain import Activation, Layer
from flows.frontend.constants import exact_values, quantized, quantizer_of
from flows.frontend.exact import Affine, Quantizer, sqrt
from flows.frontend.onnx_file import GraphView, attributes, describe

SUPPORTED = (
    "Quant, Conv (group 1), Gemm, MatMul, BatchNormalization, Mul, Div, Add, Sub, Relu before a Quant, "
    "MaxPool after a Quant, Flatten, Reshape to a vector"
)
MAX_ACTIVATION_BITS = 8
"""A thresholding has 2**bits - 1 thresholds a channel, and FINN converts no wider quantizers."""


@dataclass
class Walk:
    """Where the walk is: the tensor's shape, and its value per channel as a function of the source's integers.

    `quantizer`: of the tensor, None where it is not directly quantized. `relu`: a Relu that waits for its quantizer.
    `flattened`: (C, H, W) of the map that the tensor is the flattening of. `closed`: a node nothing may follow.
    """

    graph: GraphView
    shape: tuple[int, ...]
    channels: tuple[Affine, ...] = ()
    quantizer: Quantizer | None = None
    relu: str | None = None
    flattened: tuple[int, int, int] | None = None
    closed: str | None = None
    layers: list[Layer] = field(default_factory=list)
    activations: list[Activation] = field(default_factory=list)
    last_is_layer: bool = False


def _quant(walk: Walk, node: onnx.NodeProto, tensor: str) -> None:
    quantizer, _, bits, signed, _ = quantizer_of(walk.graph, node)
    if quantizer is None:
        raise UnsupportedModel(f"{describe(node)}: a scale per channel on activations; supported: one per tensor")
    if bits > MAX_ACTIVATION_BITS:
        raise UnsupportedModel(f"{describe(node)}: {bits}-bit activations; supported: up to {MAX_ACTIVATION_BITS} bits")
    if walk.relu is not None and signed:
        raise UnsupportedModel(f"{describe(node)}: signed after {walk.relu}; use an unsigned quantizer")
    if walk.flattened is not None and walk.flattened[0] > 1 and walk.flattened[1:] != (1, 1):
        raise UnsupportedModel(f"{describe(node)} after a Flatten; move it before the Flatten")
    layer = len(walk.layers) - 1 if walk.last_is_layer else None
    walk.activations.append(Activation(node.name, quantizer, walk.channels, layer))
    walk.channels = (Affine(quantizer.scale),) * walk.shape[1]
    walk.quantizer, walk.relu, walk.last_is_layer = quantizer, None, False


def _weighted(walk: Walk, node: onnx.NodeProto, tensor: str) -> None:
    source = walk.quantizer
    if source is None:
        before = walk.graph.producer(tensor)
        raise UnsupportedModel(
            f"{describe(node)}: its input must come from a Quant node"
            + (f", not from {describe(before)}" if before is not None else "; quantize the network's input")
        )
    if node.input[0] != tensor:
        raise UnsupportedModel(f"{describe(node)}: the constant must be the right operand")
    constant = quantized(walk.graph, node.input[1])
    if constant is None:
        raise UnsupportedModel(f"{describe(node)}: its weights must be constants that pass through a Quant node")
    if constant.bipolar:
        raise UnsupportedModel(f"{describe(node)}: bipolar weights")
    options, weights, scale = attributes(node), constant.integers, constant.scale
    if node.op_type == "Conv":
        _check_conv(node, options, walk.shape)
    else:
        if len(walk.shape) != 2 or weights.ndim != 2:
            raise UnsupportedModel(f"{describe(node)} on shape {walk.shape}; supported: vectors (1, features)")
        plain = {"alpha": 1.0, "beta": 1.0, "transA": 0}
        if any(options.get(key, value) != value for key, value in plain.items()):
            raise UnsupportedModel(f"{describe(node)}: supported: alpha = beta = 1, transA = 0")
        if not options.get("transB", 0):
            weights, scale = weights.T, scale.T
    outputs = weights.shape[0]
    if scale.size not in (1, outputs) or scale.shape[0] != scale.size:
        shape = scale.shape
        raise UnsupportedModel(f"{describe(node)}: weight scales of shape {shape}; supported: one per output channel")
    steps = np.broadcast_to(scale.ravel(), outputs)
    layer = Layer(node.name, node.op_type, weights, constant.bits, constant.signed, source, walk.flattened)
    walk.layers.append(layer)
    bias = _bias(walk, node, outputs)
    walk.channels = tuple(Affine(source.scale * Fraction(float(s))).plus(b) for s, b in zip(steps, bias, strict=True))
    walk.quantizer, walk.flattened, walk.last_is_layer = None, None, True


def _check_conv(node: onnx.NodeProto, options: dict[str, object], shape: tuple[int, ...]) -> None:
    if len(shape) != 4:
        raise UnsupportedModel(f"{describe(node)} on shape {shape}; supported: 2-D maps (1, C, H, W)")
    if options.get("group", 1) != 1:
        raise UnsupportedModel(f"{describe(node)}: group = {options['group']} (depthwise or grouped); supported: 1")
    if options.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise UnsupportedModel(f"{describe(node)}: auto_pad = {options['auto_pad']}; supported: explicit pads")


def _bias(walk: Walk, node: onnx.NodeProto, outputs: int) -> list[Fraction]:
    if len(node.input) < 3 or not node.input[2]:
        return [Fraction(0)] * outputs
    values = exact_values(walk.graph, node.input[2])
    if values is None or len(values) not in (1, outputs):
        raise UnsupportedModel(f"{describe(node)}: its bias must be a constant, one value per output channel")
    return values if len(values) == outputs else values * outputs


def _batch_norm(walk: Walk, node: onnx.NodeProto, tensor: str) -> None:
    _open(walk, node)
    options = attributes(node)
    if options.get("training_mode", 0):
        raise UnsupportedModel(f"{describe(node)} is in training mode; export the network in evaluation mode")
    parameters = [exact_values(walk.graph, name) for name in node.input[1:5]]
    if any(p is None or len(p) != len(walk.channels) for p in parameters):
        raise UnsupportedModel(f"{describe(node)}: its four parameters must be constants, one value per channel")
    epsilon = Fraction(float(options.get("epsilon", np.float32(1e-5))))
    gamma, beta, mean, variance = (p for p in parameters if p is not None)
    if any(v + epsilon <= 0 for v in variance):
        raise UnsupportedModel(f"{describe(node)}: a variance is not positive")
    walk.channels = tuple(
        a.normalized(g, b, m, sqrt(v + epsilon))
        for a, g, b, m, v in zip(walk.channels, gamma, beta, mean, variance, strict=True)
    )


def _arithmetic(walk: Walk, node: onnx.NodeProto, tensor: str) -> None:
    _open(walk, node)
    index = 1 if node.input[0] == tensor else 0
    values = _per_channel(walk, node, node.input[index])
    op = node.op_type
    if op == "Div" and (index == 0 or 0 in values):
        raise UnsupportedModel(f"{describe(node)}: supported: division by constants other than 0")
    pairs = zip(walk.channels, values, strict=True)
    if op in ("Mul", "Div"):
        walk.channels = tuple(a.times(v if op == "Mul" else 1 / v) for a, v in pairs)
    else:
        turned = op == "Sub" and index == 0  # constant - value
        sign = -1 if op == "Sub" and index == 1 else 1
        walk.channels = tuple((a.times(Fraction(-1)) if turned else a).plus(sign * v) for a, v in pairs)


def _per_channel(walk: Walk, node: onnx.NodeProto, tensor: str) -> list[Fraction]:
    """The constant operand of an elementwise node, one value per channel (axis 1)."""
    values = walk.graph.constants.get(tensor)
    if values is None:
        raise UnsupportedModel(f"{describe(node)} joins two branches; supported: one operand that is a constant")
    channels = len(walk.channels)
    padded = (1,) * (len(walk.shape) - values.ndim) + values.shape
    if values.size not in (1, channels) or (values.size > 1 and padded[1:2] != (channels,)):
        shape = values.shape
        raise UnsupportedModel(f"{describe(node)}: a constant of shape {shape}; supported: one value per channel")
    exact = exact_values(walk.graph, tensor) or []
    return exact if len(exact) == channels else exact * channels


def _open(walk: Walk, node: onnx.NodeProto) -> None:
    """Arithmetic needs channels to work on, and must not come between a Relu and its quantizer."""
    if not walk.channels:
        raise UnsupportedModel(f"{describe(node)}: the network's input must go into a Quant node first")
    if walk.flattened is not None and not _uniform(walk.channels):
        raise UnsupportedModel(f"{describe(node)} after a Flatten; move it before the Flatten")
    if walk.relu is not None:
        raise UnsupportedModel(f"{describe(node)} follows {walk.relu}; a Relu must be followed by a Quant node")
    walk.quantizer = None


def _uniform(channels: tuple[Affine, ...]) -> bool:
    return all(a == channels[0] for a in channels)


def _relu(walk: Walk, node: onnx.NodeProto, tensor: str) -> None:
    _open(walk, node)
    walk.relu = describe(node)


def _max_pool(walk: Walk, node: onnx.NodeProto, tensor: str) -> None:
    if walk.quantizer is None:
        raise UnsupportedModel(f"{describe(node)}: put it after the Quant node that follows; the result is the same")
    if len(walk.shape) != 4:
        raise UnsupportedModel(f"{describe(node)} on shape {walk.shape}; supported: 2-D maps (1, C, H, W)")
    options = attributes(node)
    if any(d != 1 for d in options.get("dilations", [])):
        raise UnsupportedModel(f"{describe(node)}: dilations {options['dilations']}; supported: 1")
    if any(options.get("pads", [])) or options.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise UnsupportedModel(f"{describe(node)}: padding; supported: none")
    if options.get("ceil_mode", 0):
        raise UnsupportedModel(f"{describe(node)}: ceil_mode = 1; supported: 0")


def _reshape(walk: Walk, node: onnx.NodeProto, tensor: str) -> None:
    target = walk.graph.shape(node.output[0])
    if target == walk.shape:
        return
    if len(target) != 2 or target[0] != 1 or len(walk.shape) != 4:
        raise UnsupportedModel(f"{describe(node)}: {walk.shape} to {target}; supported: a map to a vector (1, C*H*W)")
    if not walk.activations:
        return  # the host flattens the frame before it quantizes it
    _, c, h, w = walk.shape
    if walk.quantizer is None:
        walk.closed = describe(node)  # pending arithmetic per channel: right only where the host does the rest
        return
    walk.flattened = (c, h, w)
    walk.channels = walk.channels[:1] * target[1]


RULES: dict[str, Callable[[Walk, onnx.NodeProto, str], None]] = {
    "Quant": _quant,
    "Conv": _weighted,
    "Gemm": _weighted,
    "MatMul": _weighted,
    "BatchNormalization": _batch_norm,
    "Mul": _arithmetic,
    "Div": _arithmetic,
    "Add": _arithmetic,
    "Sub": _arithmetic,
    "Relu": _relu,
    "MaxPool": _max_pool,
    "Flatten": _reshape,
    "Reshape": _reshape,
}
