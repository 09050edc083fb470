"""The typed graph under construction: operators are appended, and the last ones adapted to what the file asks next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from flows.errors import UnsupportedModel
from flows.frontend.stairs import Channel, Stairs
from flows.frontend.value import Move, Value, in_order
from flows.graph import (
    MVAU,
    VVAU,
    Add,
    Concat,
    ConvolutionInputGenerator,
    DepthToSpace,
    Flatten,
    FMPadding,
    GlobalAccPool,
    IntArray,
    IntType,
    LabelSelect,
    Op,
    Pool,
    Tensor,
    Thresholding,
    UpsampleNearest,
    output_shape,
)
from flows.ranges import propagate

INPUT = "global_in"
"""The graph's input; tensors and operators are called as FINN calls them."""
OUTPUT = "global_out"


class Builder:
    """Operators and tensors so far. `shared`: tensors that more than one node of the file depends on.

    `orders`: per graph channel of a quantized tensor the file's channel. `steps`: what the thresholds that make a
    tensor follow from, the value before and the quantizer, per graph channel.
    """

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.tensors: dict[str, Tensor] = {}
        self.shared: set[str] = set()
        self.orders: dict[str, IntArray] = {}
        self.steps: dict[str, tuple[list[Channel], list[Stairs]]] = {}

    def emit(self, kind: type[Op], *inputs: str, dtype: IntType | None = None, **fields: Any) -> str:
        """Appends an operator; the name of its output. `dtype`: where the range does not say it (thresholds)."""
        name = f"{kind.__name__}_{sum(type(op) is kind for op in self.ops)}"
        op = kind(name, inputs, (f"{name}_out0",), **fields)
        self.ops.append(op)
        self.tensors[op.outputs[0]] = self._output(op, dtype)
        return op.outputs[0]

    def _output(self, op: Op, dtype: IntType | None) -> Tensor:
        sources = [self.tensors[name] for name in op.inputs]
        lo, hi = propagate(op, *sources)
        if isinstance(op, MVAU | VVAU):
            dtype = IntType.for_range(lo, hi, signed=True)
        elif isinstance(op, Concat):
            dtype = IntType.for_range(min(t.dtype.min for t in sources), max(t.dtype.max for t in sources))
        elif dtype is None:
            counts = isinstance(op, Add | LabelSelect | GlobalAccPool) or (
                isinstance(op, Pool) and op.function == "sum"
            )
            dtype = IntType.for_range(lo, hi) if counts else sources[0].dtype
        return Tensor(op.outputs[0], output_shape(op, *(t.shape for t in sources)), dtype, lo, hi)

    def producer(self, tensor: str) -> int | None:
        """Index of the operator that writes `tensor`, None for the input."""
        return next((i for i, op in enumerate(self.ops) if tensor in op.outputs), None)

    def own(self, tensor: str) -> int | None:
        """Index of the producer of `tensor` where nothing else depends on it and it may be changed."""
        readers = sum(tensor in op.inputs for op in self.ops)
        return self.producer(tensor) if tensor not in self.shared and not readers else None

    def replace(self, index: int, op: Op) -> None:
        """Puts `op` in the place of another operator with the same output tensor."""
        self.ops[index] = op
        dtype = self.tensors[op.outputs[0]].dtype if isinstance(op, Thresholding) else None
        self.tensors[op.outputs[0]] = self._output(op, dtype)

    def scaled(self, value: Value, factors: Sequence[int]) -> str:
        """A tensor with every channel of the value's tensor times an integer: a depthwise layer of one weight."""
        weights = np.array([factors], dtype=np.int64)
        kind = IntType.for_range(int(weights.min()), int(weights.max()), signed=True)
        return self.emit(VVAU, value.tensor, weights=weights, weight_type=kind)

    def rising(self, value: Value) -> Value:
        """The value as a function that falls in no channel: weights change their sign; unused ones are cleared."""
        signs = [(c.scale > 0) - (c.scale < 0) for c in value.channels]
        if min(signs, default=1) > 0:
            return value
        index = self.own(value.tensor)
        op = None if index is None else self.ops[index]
        tensor = value.tensor
        if index is not None and isinstance(op, MVAU | VVAU):
            self._reweigh(index, op, op.weights * np.array(signs, dtype=np.int64))
        elif min(signs) < 0:
            signs = [s or 1 for s in signs]
            tensor = self.scaled(value, signs)
        else:
            return value  # constant channels only, of a tensor that others read as it is
        channels = tuple(c.turned(s) for c, s in zip(value.channels, signs, strict=True))
        return replace(value, tensor=tensor, channels=channels)

    def _reweigh(self, index: int, op: MVAU | VVAU, weights: IntArray) -> None:
        lo, hi = int(weights.min()), int(weights.max())
        kind = op.weight_type if op.weight_type.holds(lo, hi) else IntType.for_range(lo, hi, signed=True)
        self.replace(index, replace(op, weights=weights, weight_type=kind))

    def ordered(self, value: Value, order: IntArray) -> Value:
        """The value with its channels in another `order`; the producers' rows are permuted, where nobody else reads."""
        place = {int(k): g for g, k in enumerate(value.order)}
        rows = np.array([place[int(k)] for k in order], dtype=np.int64)
        if np.array_equal(rows, in_order(len(rows))):
            return value
        tensor = value.tensor
        if not self._permute(tensor, rows):
            matrix = np.zeros((len(rows), len(rows)), dtype=np.int64)
            matrix[rows, in_order(len(rows))] = 1
            tensor = self.emit(MVAU, tensor, weights=matrix, weight_type=IntType(2, True))
        channels = tuple(value.channels[g] for g in rows)
        units = None if value.units is None else tuple(value.units[g] for g in rows)
        return replace(value, tensor=tensor, channels=channels, units=units, order=order)

    def _permute(self, tensor: str, rows: IntArray, reader: int = 0) -> bool:
        """Permutes the channels of `tensor` in its producer, if nothing but `reader` operators depends on it."""
        index = self.producer(tensor)
        readers = sum(tensor in op.inputs for op in self.ops)
        if index is None or tensor in self.shared or readers > reader:
            return False
        op = self.ops[index]
        if isinstance(op, MVAU):
            self.replace(index, replace(op, weights=np.ascontiguousarray(op.weights[:, rows])))
        elif isinstance(op, Thresholding) and self._permute(op.inputs[0], rows, reader=1):
            self.replace(index, replace(op, thresholds=np.ascontiguousarray(op.thresholds[rows])))
        else:
            return False
        if tensor in self.steps:
            channels, stairs = self.steps[tensor]
            self.steps[tensor] = [channels[g] for g in rows], [stairs[g] for g in rows]
        if tensor in self.orders:
            self.orders[tensor] = self.orders[tensor][rows]
        return True

    def rename(self, old: str, new: str) -> None:
        """Gives a tensor another name, in everything known here."""
        self.ops = [
            replace(
                op,
                inputs=tuple(new if name == old else name for name in op.inputs),
                outputs=tuple(new if name == old else name for name in op.outputs),
            )
            for op in self.ops
        ]
        self.tensors[new] = replace(self.tensors.pop(old), name=new)
        if old in self.orders:
            self.orders[new] = self.orders.pop(old)
        if old in self.steps:
            self.steps[new] = self.steps.pop(old)

    def moved(self, value: Value) -> Value:
        """The value with its moves made."""
        if any(move.kind == "max" for move in value.moves):
            value = self.rising(value)
        for move in value.moves:
            value = self._move(value, move)
        return replace(value, moves=())

    def _move(self, value: Value, move: Move) -> Value:
        if move.kind == "max":
            return replace(value, tensor=self._max_pool(value.tensor, move))
        if move.kind == "upsample":
            return replace(value, tensor=self.emit(UpsampleNearest, value.tensor, factors=move.factors))
        blocks = move.block**2
        count = len(value.channels) // blocks
        target = in_order(len(value.channels))
        if not move.columns_first:
            target = target.reshape(count, blocks).T.ravel()
        value = self.ordered(replace(value, order=move.order), target)
        first = value.channels[:count]
        units = None if value.units is None else value.units[:count]
        if value.channels != first * blocks or (value.units is not None and value.units != (units or ()) * blocks):
            raise UnsupportedModel(
                f"{move.node}: the pixels it brings together have different scales or offsets; put a Quant node before"
            )
        tensor = self.emit(DepthToSpace, value.tensor, block=move.block)
        return replace(value, tensor=tensor, channels=first, units=units, order=in_order(count))

    def _max_pool(self, tensor: str, move: Move) -> str:
        if any(move.pad):
            if self.tensors[tensor].lo < 0:
                raise UnsupportedModel(f"{move.node}: padding of signed values; supported: of unsigned ones, or none")
            tensor = self.emit(FMPadding, tensor, pad=move.pad)
        return self.pool(tensor, move, "max")

    def pool(self, tensor: str, move: Move, function: str) -> str:
        """A pooling of windows, without padding."""
        window = self.emit(
            ConvolutionInputGenerator, tensor, kernel=move.kernel, stride=move.stride, dilation=move.dilation,
            depthwise=True,
        )  # fmt: skip
        return self.emit(Pool, window, window=move.kernel[0] * move.kernel[1], function=function)

    def vector(self, value: Value) -> Value:
        """The value with its moves made, and a flattened map as a vector of (1, 1, features)."""
        value = self.moved(value)
        if not value.flat:
            return value
        h, w, _ = self.tensors[value.tensor].shape
        order = (value.order * (h * w) + in_order(h * w)[:, None]).ravel()
        channels: tuple[Channel, ...] = value.channels * (h * w)
        units = None if value.units is None else value.units * (h * w)
        tensor = self.emit(Flatten, value.tensor)
        return replace(value, tensor=tensor, channels=channels, units=units, order=order, flat=False)
