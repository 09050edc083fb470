"""A graph with some of its channels, in another order perhaps: weights, thresholds and shapes follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from flows.compare import require_equal
from flows.graph import (
    MVAU,
    VVAU,
    ChannelSlice,
    Graph,
    IntArray,
    IntType,
    Op,
    Tensor,
    Thresholding,
    Weighted,
    by_name,
    output_shape,
)
from flows.ranges import propagate


@dataclass(frozen=True, eq=False)
class Rewritten:
    """`graph`, and what its tensors are of the one it was made of.

    `channels`: tensor to the channels, int64 (C',), of the old tensor, in their new order. `shifts`: tensor to what
    every one of these is lower by than it was, int64 (C',), where that is not 0 everywhere.
    """

    graph: Graph
    channels: Mapping[str, IntArray]
    shifts: Mapping[str, IntArray] = field(default_factory=dict)

    def of(self, name: str, values: IntArray) -> IntArray:
        """What the old tensor's `values` (N, H, W, C) are in the new one (N, H, W, C')."""
        kept = values[..., self.channels[name]]
        return kept - self.shifts[name] if name in self.shifts else kept


def unchanged(graph: Graph) -> Rewritten:
    """The same graph."""
    return Rewritten(graph, {t.name: np.arange(t.shape[2], dtype=np.int64) for t in graph.tensors.values()})


def rewrite(graph: Graph, channels: Mapping[str, IntArray], shifts: Mapping[str, IntArray] | None = None) -> Rewritten:
    """`graph` with the `channels` of every tensor that are named, and MVAUs' sums lower by `shifts`.

    `channels` must be what the operators make of each other's (`ties`); a ChannelSlice keeps the order of its input.
    """
    shifts = shifts or {}
    tensors: dict[str, Tensor] = {}
    for name in graph.inputs:
        h, w, _ = graph[name].shape
        tensors[name] = replace(graph[name], shape=(h, w, len(channels[name])))
    ops = []
    for op in graph.ops:
        made = _op(op, channels, shifts)
        given = [tensors[name] for name in op.inputs]
        tensors[op.outputs[0]] = _tensor(graph, made, given, op.outputs[0] in shifts)
        ops.append(made)
    small = replace(graph, ops=tuple(ops), tensors=by_name(tensors.values()))
    small.validate()
    return Rewritten(small, channels, shifts)


def _op(op: Op, channels: Mapping[str, IntArray], shifts: Mapping[str, IntArray]) -> Op:
    source, made = channels[op.inputs[0]], channels[op.outputs[0]]
    match op:
        case MVAU():
            return replace(op, weights=np.ascontiguousarray(op.weights[np.ix_(source, made)]))
        case VVAU():
            return replace(op, weights=np.ascontiguousarray(op.weights[:, made]))
        case Thresholding():
            rows = op.thresholds[made]
            shift = shifts.get(op.inputs[0])
            return replace(op, thresholds=rows if shift is None else rows - shift[:, None])
        case ChannelSlice():
            start, stop = (int((source < end).sum()) for end in (op.start, op.stop))
            return replace(op, start=start, stop=stop)
    return op


def _tensor(graph: Graph, op: Op, given: list[Tensor], shifted: bool) -> Tensor:
    """Of the output of the new `op`. Its range is within the old one: its values are some of the old ones."""
    old = graph[op.outputs[0]]
    lo, hi = propagate(op, *given)
    if not shifted:
        lo, hi = max(lo, old.lo), min(hi, old.hi)
    dtype = IntType.for_range(lo, hi, signed=True) if isinstance(op, Weighted) else old.dtype
    return Tensor(old.name, output_shape(op, *(t.shape for t in given)), dtype, lo, hi)


def require_equal_values(
    what: str, rewritten: Rewritten, before: Mapping[str, IntArray], after: Mapping[str, IntArray]
) -> None:
    """Raises VerificationFailed, naming `what` and the layer, unless every tensor `after` is that of `before`.

    Both hold the values of all tensors for the same frames, int64 (N, H, W, C).
    """
    for op in rewritten.graph.ops:
        name = op.outputs[0]
        require_equal(what, op.name, rewritten.of(name, before[name]), after[name])
