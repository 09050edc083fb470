"""The truth: an integer interpreter of `Graph`. Brevitas, FINN's graph, HLS and RTL are each compared with it."""

from __future__ import annotations

from collections.abc import Mapping

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
    LabelSelect,
    Op,
    Pool,
    Thresholding,
    UpsampleNearest,
)


def evaluate(graph: Graph, inputs: Mapping[str, IntArray]) -> dict[str, IntArray]:
    """Every tensor of `graph`, int64 (N, H, W, C), for `inputs` {graph input: int64 (N, H, W, C)}.

    Raises ValueError where an input is not of its tensor's shape or leaves its range.
    """
    values: dict[str, IntArray] = {}
    for name in graph.inputs:
        tensor, x = graph[name], np.asarray(inputs[name])
        if not np.issubdtype(x.dtype, np.integer) or x.shape[1:] != tensor.shape:
            raise ValueError(f"input {name}: {x.dtype} {x.shape}, expected integers (N, {tensor.shape})")
        if x.size and not (tensor.lo <= x.min() and x.max() <= tensor.hi):
            raise ValueError(f"input {name}: values {x.min()}…{x.max()} leave [{tensor.lo}, {tensor.hi}]")
        values[name] = x.astype(np.int64)
    for op in graph.ops:
        values[op.outputs[0]] = apply(op, *(values[t] for t in op.inputs))
    return values


def apply(op: Op, *inputs: IntArray) -> IntArray:
    """Output of one operator for its inputs, int64 (N, H, W, C) each."""
    x = inputs[0]
    n, h, w, c = x.shape
    match op:
        case FMPadding(pad=(top, left, bottom, right)):
            return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
        case ConvolutionInputGenerator():
            return windows(op, x)
        case MVAU():
            return product(x, op.weights)
        case VVAU():
            k, channels = op.weights.shape
            return np.asarray((x.reshape(n, h, w, k, channels) * op.weights).sum(axis=3), dtype=np.int64)
        case Thresholding():
            return threshold(op, x)
        case Pool():
            grouped = x.reshape(n, h, w, op.window, c // op.window)
            return np.asarray(grouped.max(axis=3) if op.function == "max" else grouped.sum(axis=3))
        case GlobalAccPool():
            return np.asarray(x.sum(axis=(1, 2), keepdims=True))
        case Add(factors=(a, b)):
            return a * x + b * inputs[1]
        case Concat():
            return np.concatenate(inputs, axis=3)
        case ChannelSlice():
            return x[..., op.start : op.stop]
        case UpsampleNearest(factors=(fh, fw)):
            return x.repeat(fh, axis=1).repeat(fw, axis=2)
        case DepthToSpace(block=r):
            pixels = x.reshape(n, h, w, r, r, c // r**2).transpose(0, 1, 3, 2, 4, 5)
            return pixels.reshape(n, h * r, w * r, c // r**2)
        case FMPaddingPixel(stride=(sh, sw)):
            spread = np.zeros((n, (h - 1) * sh + 1, (w - 1) * sw + 1, c), dtype=np.int64)
            spread[:, ::sh, ::sw] = x
            return spread
        case Flatten():
            return x.reshape(n, 1, 1, -1)
        case LabelSelect():
            # Stable: of equal values the lowest index stays in front.
            return np.asarray(np.argsort(-x, axis=3, kind="stable")[..., : op.k], dtype=np.int64)
    raise NotImplementedError(f"{op.name}: no golden model of {op.kind}")


def product(x: IntArray, weights: IntArray) -> IntArray:
    """`x` (..., MW) @ `weights` (MW, MH), exact.

    In float64 where every partial sum is an integer below 2**53, which float64 holds: numpy multiplies floats by BLAS,
    and integers by a plain loop.
    """
    largest = int(np.abs(x).max(initial=0)) * int(np.abs(weights).sum(axis=0).max(initial=0))
    if largest < 1 << 53:
        return np.asarray((x.astype(np.float64) @ weights.astype(np.float64)).astype(np.int64))
    return np.asarray(x @ weights, dtype=np.int64)


def windows(op: ConvolutionInputGenerator, x: IntArray) -> IntArray:
    """(N, H, W, C) to (N, OH, OW, KH*KW*C), element (kh*KW + kw)*C + c."""
    (kh, kw), (sh, sw), (dh, dw) = op.kernel, op.stride, op.dilation
    oh, ow = (x.shape[1] - (kh - 1) * dh - 1) // sh + 1, (x.shape[2] - (kw - 1) * dw - 1) // sw + 1
    taps = [
        x[:, i * dh : i * dh + (oh - 1) * sh + 1 : sh, j * dw : j * dw + (ow - 1) * sw + 1 : sw]
        for i in range(kh)
        for j in range(kw)
    ]
    return np.concatenate(taps, axis=3)


def threshold(op: Thresholding, x: IntArray) -> IntArray:
    """out_bias + number of thresholds not above x, per channel; one threshold at a time, to spare memory."""
    count = np.zeros_like(x)
    for i in range(op.thresholds.shape[1]):
        count += x >= op.thresholds[:, i]
    return count + op.out_bias
