"""The exact range of every channel of every tensor: a channel whose range is one value is a constant.

Unlike `flows.ranges`, which gives what hardware must hold (all channels, every partial sum), these are the values that
a channel can have at the end.
"""

from __future__ import annotations

import math

import numpy as np

from flows.graph import (
    MVAU,
    VVAU,
    Add,
    ChannelSlice,
    Concat,
    ConvolutionInputGenerator,
    DepthToSpace,
    Flatten,
    FMPadding,
    FMPaddingPixel,
    GlobalAccPool,
    Graph,
    IntArray,
    Op,
    Pool,
    Shape,
    Thresholding,
)

Range = tuple[IntArray, IntArray]
"""(lowest, highest) value of every channel, int64 (C,) each."""


def channel_ranges(graph: Graph) -> dict[str, Range]:
    """Of every tensor, for inputs of the network anywhere in their tensors' ranges."""
    found = {name: _whole(graph, name) for name in graph.inputs}
    for op in graph.ops:
        made = _made(op, [found[name] for name in op.inputs], graph[op.inputs[0]].shape)
        found[op.outputs[0]] = _whole(graph, op.outputs[0]) if made is None else made
    return found


def _whole(graph: Graph, name: str) -> Range:
    t = graph[name]
    return np.full(t.shape[2], t.lo, dtype=np.int64), np.full(t.shape[2], t.hi, dtype=np.int64)


def _made(op: Op, given: list[Range], shape: Shape) -> Range | None:
    """None where nothing better than the tensor's range is known. `shape`: of the first input."""
    lo, hi = given[0]
    match op:
        case MVAU():
            up, down = np.maximum(op.weights, 0), np.minimum(op.weights, 0)
            return lo @ up + hi @ down, hi @ up + lo @ down
        case VVAU():
            low, high = (end.reshape(op.weights.shape) * op.weights for end in (lo, hi))
            return np.minimum(low, high).sum(axis=0), np.maximum(low, high).sum(axis=0)
        case Thresholding():
            low, high = (op.out_bias + (end[:, None] >= op.thresholds).sum(axis=1) for end in (lo, hi))
            return low, high
        case FMPadding() | FMPaddingPixel():
            zeros = any(op.pad) if isinstance(op, FMPadding) else op.stride != (1, 1)
            return (np.minimum(lo, 0), np.maximum(hi, 0)) if zeros else (lo, hi)
        case ConvolutionInputGenerator():
            return np.tile(lo, math.prod(op.kernel)), np.tile(hi, math.prod(op.kernel))
        case Flatten():
            return np.tile(lo, shape[0] * shape[1]), np.tile(hi, shape[0] * shape[1])
        case Pool():
            low, high = lo.reshape(op.window, -1), hi.reshape(op.window, -1)
            return (low.max(axis=0), high.max(axis=0)) if op.function == "max" else (low.sum(axis=0), high.sum(axis=0))
        case GlobalAccPool():
            return lo * (shape[0] * shape[1]), hi * (shape[0] * shape[1])
        case DepthToSpace():
            return lo.reshape(op.block**2, -1).min(axis=0), hi.reshape(op.block**2, -1).max(axis=0)
        case Add(factors=factors):
            ends = [(f * low, f * high) for f, (low, high) in zip(factors, given, strict=True)]
            return sum(np.minimum(*e) for e in ends), sum(np.maximum(*e) for e in ends)  # type: ignore[return-value]
        case Concat():
            return np.concatenate([r[0] for r in given]), np.concatenate([r[1] for r in given])
        case ChannelSlice():
            return lo[op.start : op.stop], hi[op.start : op.stop]
    return (lo, hi) if op.kind == "UpsampleNearest" else None
