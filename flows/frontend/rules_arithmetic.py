"""Elementwise operators: affine ones with constants, clips, and the sum of two branches."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import onnx

from flows.errors import UnsupportedModel
from flows.frontend.constants import exact_values
from flows.frontend.exact import Affine, sqrt
from flows.frontend.onnx_file import attributes, describe
from flows.frontend.reader import Reader, factors_of
from flows.frontend.stairs import Channel
from flows.frontend.value import Value, in_order
from flows.graph import MVAU, VVAU, Add

MAX_FACTOR = 255
"""Largest integer that a branch, or an input channel, is multiplied by to bring scales together."""


def identity(reader: Reader, node: onnx.NodeProto) -> None:
    if node.input[0] in reader.raw:
        reader.raw[node.output[0]] = reader.raw[node.input[0]]
    else:
        reader.put(node, reader.value(node, node.input[0]))


def batch_norm(reader: Reader, node: onnx.NodeProto) -> None:
    """gamma * (value - mean) / sqrt(variance + epsilon) + beta, square roots to over 60 decimal digits."""
    options = attributes(node)
    if options.get("training_mode", 0):
        raise UnsupportedModel(f"{describe(node)} is in training mode; export the network in evaluation mode")
    value = reader.value(node, node.input[0])
    found = [exact_values(reader.view, name) for name in node.input[1:5]]
    gamma, beta, mean, variance = (p or [] for p in found)
    if any(len(p) != value.shape[1] for p in (gamma, beta, mean, variance)):
        raise UnsupportedModel(f"{describe(node)}: its four parameters must be constants, one value per channel")
    epsilon = Fraction(float(options.get("epsilon", np.float32(1e-5))))
    if any(v + epsilon <= 0 for v in variance):
        raise UnsupportedModel(f"{describe(node)}: a variance is not positive")
    gain = [g / sqrt(v + epsilon) for g, v in zip(gamma, variance, strict=True)]
    shift = [b - m * g for b, m, g in zip(beta, mean, gain, strict=True)]
    _affine(reader, node, value, gain, shift)


def arithmetic(reader: Reader, node: onnx.NodeProto) -> None:
    """Add, Sub, Mul, Div of a value and a constant; Add and Sub of two values."""
    op, dynamic = node.op_type, [name in reader.values or name in reader.raw for name in node.input]
    if all(dynamic):
        if op not in ("Add", "Sub"):
            raise UnsupportedModel(f"{describe(node)} of two branches; supported: Add and Sub")
        add(reader, node)
        return
    index = 1 if dynamic[0] else 0
    value = reader.value(node, node.input[1 - index])
    constants = reader.constant(node, node.input[index], value)
    zero, one = [Fraction(0)], [Fraction(1)]
    if op == "Div" and (index == 0 or 0 in constants):
        raise UnsupportedModel(f"{describe(node)}: supported: division by constants other than 0")
    if op in ("Mul", "Div"):
        _affine(reader, node, value, [c if op == "Mul" else 1 / c for c in constants], zero)
    elif op == "Sub" and index == 0:
        _affine(reader, node, value, [Fraction(-1)], constants)
    else:
        _affine(reader, node, value, one, constants if op == "Add" else [-c for c in constants])


def negate(reader: Reader, node: onnx.NodeProto) -> None:
    _affine(reader, node, reader.value(node, node.input[0]), [Fraction(-1)], [Fraction(0)])


def _affine(reader: Reader, node: onnx.NodeProto, value: Value, gain: list[Fraction], shift: list[Fraction]) -> None:
    """gain * value + shift, each one number or one per channel of the file."""
    if any(move.kind == "max" for move in value.moves) and min(gain) < 0:
        value = reader.build.moved(value)  # the largest of values that now fall
    value, gains = reader.spread(value, gain)
    value, shifts = reader.spread(value, shift)
    gains = value.spread(gain)
    channels = [c.times(g).plus(s) for c, g, s in zip(value.channels, gains, shifts, strict=True)]
    reader.put(node, value.mapped(channels, describe(node)))


def clip(reader: Reader, node: onnx.NodeProto) -> None:
    """Relu and Clip."""
    low: Fraction | None = Fraction(0)
    high: Fraction | None = None
    if node.op_type == "Clip":
        low, high = (_limit(reader, node, index, name) for index, name in ((1, "min"), (2, "max")))
        if low is not None and high is not None and low > high:
            raise UnsupportedModel(f"{describe(node)}: its minimum is above its maximum")
    value = reader.value(node, node.input[0])
    if not _is_inside(reader, value, low, high):
        value = value.mapped([c.clipped(low, high) for c in value.channels], describe(node))
    reader.put(node, value)


def _is_inside(reader: Reader, value: Value, low: Fraction | None, high: Fraction | None) -> bool:
    """Whether the clip changes nothing, as behind an unsigned quantizer."""
    t = reader.build.tensors[value.tensor]
    ends = [c.scale * v + c.offset for c in value.channels for v in (t.lo, t.hi)]
    return (low is None or min(ends) >= low) and (high is None or max(ends) <= high)


def _limit(reader: Reader, node: onnx.NodeProto, index: int, name: str) -> Fraction | None:
    if len(node.input) > index and node.input[index]:
        found = exact_values(reader.view, node.input[index])
        if found is None or len(found) != 1:
            raise UnsupportedModel(f"{describe(node)}: its limits must be constants")
        return found[0]
    given = attributes(node).get(name)
    return None if given is None else Fraction(float(given))


def add(reader: Reader, node: onnx.NodeProto) -> None:
    """a + b with both as integers times one scale per channel; Add.factors, or weights of one, bring them there."""
    a, b = (reader.moved(node, name) for name in node.input)
    if a.shape != b.shape:
        raise UnsupportedModel(f"{describe(node)}: shapes {a.shape} and {b.shape}; supported: equal shapes")
    if node.op_type == "Sub":
        b = replace(b, channels=tuple(c.times(Fraction(-1)) for c in b.channels))
    build = reader.build
    if a.flat != b.flat or build.tensors[a.tensor].shape != build.tensors[b.tensor].shape:
        a, b = build.vector(a), build.vector(b)
    if not np.array_equal(a.order, b.order):
        a, b = (build.ordered(v, in_order(len(v.order))) for v in (a, b))
    if a.tensor != b.tensor:
        a, b = (_unsigned(reader, v) for v in (a, b))
    pairs = [_pair(reader, node, a, b, g) for g in range(len(a.channels))]
    scales, m, n = [list(column) for column in zip(*pairs, strict=True)]
    m, n = _filled(m, reader, a), _filled(n, reader, b)
    if len(set(zip(m, n, strict=True))) == 1:
        tensor = build.emit(Add, a.tensor, b.tensor, factors=(m[0], n[0]))
    else:
        lifted = [v.tensor if set(f) == {1} else build.scaled(v, f) for v, f in ((a, m), (b, n))]
        tensor = build.emit(Add, *lifted)
    channels = [
        Channel(Affine(scale, x.offset + y.offset)) for scale, x, y in zip(scales, a.channels, b.channels, strict=True)
    ]
    reader.put(node, replace(a.mapped(channels, describe(node)), tensor=tensor))


def _unsigned(reader: Reader, value: Value) -> Value:
    """With channels that rise, where their layer can simply be turned (and constant ones cleared)."""
    index = reader.build.own(value.tensor)
    layer = index is not None and isinstance(reader.build.ops[index], MVAU | VVAU)
    return reader.build.rising(value) if layer else value


def _pair(reader: Reader, node: onnx.NodeProto, a: Value, b: Value, g: int) -> tuple[Fraction, int, int]:
    """(scale, m, n) of graph channel g: a + b = scale * (m * integer + n * integer) + offsets."""
    x, y = a.channels[g].scale, b.channels[g].scale
    found = factors_of([x, y], MAX_FACTOR)
    if found is None:
        raise UnsupportedModel(
            f"{describe(node)}: adds values of the scales {float(x):g} ({a.where}) and {float(y):g} ({b.where}), which "
            f"have no ratio of integers up to {MAX_FACTOR}; let both pass the same quantizer"
        )
    return found[0], found[1][0], found[1][1]


def _filled(factors: list[int], reader: Reader, value: Value) -> list[int]:
    """Factors of channels whose integer is always 0 do not matter: they become what the other channels have."""
    used = [f for f in factors if f]
    index = reader.build.producer(value.tensor)
    op = None if index is None else reader.build.ops[index]
    if not used or not isinstance(op, MVAU | VVAU):
        return factors
    return [f if f or op.weights[:, g].any() else used[0] for g, f in enumerate(factors)]
